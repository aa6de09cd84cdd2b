import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CRD_KINDS } from "@herald/shared/config/crd/kinds";
import { crdManifest } from "@herald/shared/config/crd/manifest";
import { yamlText } from "@herald/shared/config/yaml-text";
import { ApiError, type ApiObject } from "../cluster/api.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { clusterName } from "../cluster/folders.ts";
import { clusterTests } from "./cluster-tests.ts";
import { HTTP_PORT, Installation, NAMESPACE } from "./installation.ts";
import { installKinds, metallbObject } from "./metallb-objects.ts";

const { it, before } = clusterTests({ kubelets: false });
const CHART = join(import.meta.dirname, "../../charts/herald");
const REPLICAS = { "controller-1": 9443, "controller-2": 9444 } as const;
/**
 * Short, so that certificates and whoever signs them change while the tests run. A sixth, 5 s, is the API server's time to
 * hear of it, and when both change at once a replica's to show the new certificate before the old one is over.
 */
const CERTIFICATE_LIFE = "30s";
/** For an answer of the webhook: the chart's 5 s may be over on a busy machine, and then a bad object is let through. */
const PATIENCE_S = 30;
/** Only for failing. */
const WITHIN_MS = 60_000;
const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/herald-webhook-cert`;
const WRITE = 'admission webhook "write.herald.io" denied the request: ';
const DELETE = 'admission webhook "delete.herald.io" denied the request: ';

let cluster: Cluster;
let installation: Installation;

before(async () => {
  cluster = await startCluster({ name: `${clusterName()}-admission`, nodes: 1 });
  installation = await Installation.start(cluster, { speakers: [], controllers: 0 });
  await installKinds(cluster);
  await cluster.apply(await admission());
  await Promise.all(Object.keys(REPLICAS).map((name) => startReplica(name as keyof typeof REPLICAS)));
  await until("the API server asks the webhook", isAsked);
  // It looks for policies once a second.
  await until("the policies are in force", async () => (await refusal(ELSEWHERE)).includes("denied request"));
});
after(async () => {
  await cluster?.stop();
});

/** As the chart has it. */
function admission(): Promise<string> {
  const templates = ["webhook", "admission-policy"].map((name) => `--show-only=templates/${name}.yaml`);
  const patience = `--set=webhook.timeoutSeconds=${PATIENCE_S}`;
  return cluster.helm(["template", "herald", CHART, `--namespace=${NAMESPACE}`, patience, ...templates]);
}

/** A controller, and the pod that the webhook's Service finds it by. */
async function startReplica(name: keyof typeof REPLICAS): Promise<void> {
  const port = REPLICAS[name];
  const pods = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const labels = {
    "app.kubernetes.io/name": "herald",
    "app.kubernetes.io/instance": "herald",
    "app.kubernetes.io/component": "controller",
  };
  const containers = [
    { name: "controller", image: "none", ports: [{ name: "webhook", containerPort: port }] },
  ];
  await cluster.api.post(pods, {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name, labels } },
    spec: { nodeName: "node-1", containers },
  });
  await installation.startController(name, [
    `--webhook-port=${port}`,
    `--webhook-certificate-life=${CERTIFICATE_LIFE}`,
    `--webhook-timeout=${PATIENCE_S}s`,
  ]);
  const { ipv4 } = cluster.addressesOf("control-plane");
  const conditions = ["Ready", "ContainersReady"].map((type) => ({
    ...{ type, status: "True", lastTransitionTime: new Date().toISOString() },
  }));
  const status = { phase: "Running", podIP: ipv4, podIPs: [{ ip: ipv4 }], conditions };
  await cluster.api.patch(`${pods}/${name}/status`, { status }, "strategic-merge");
}

/** As a kubelet does. */
async function stopReplica(name: keyof typeof REPLICAS): Promise<void> {
  await installation.controller(name).stop(10_000);
  const path = `/api/v1/namespaces/${NAMESPACE}/pods/${name}`;
  await cluster.api.delete(path, { gracePeriodSeconds: 0 });
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const due = performance.now() + WITHIN_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < due, what);
    await pause(50); // nobody tells
  }
}

/** Only the webhook knows that this is wrong. */
const REVERSED = pool("reversed", "192.0.2.9-192.0.2.1");
/** And this only the policy. */
const ELSEWHERE = { ...pool("bad", "192.0.2.0/24"), metadata: { name: "bad", namespace: "default" } };

async function isAsked(): Promise<boolean> {
  return (await refusal(REVERSED)).startsWith(WRITE);
}

/** Whichever replica is asked. */
async function isAskedOften(): Promise<boolean> {
  const answers = await Promise.all(Array.from({ length: 8 }, isAsked));
  return answers.every(Boolean);
}

interface Written extends ApiObject {
  readonly spec?: unknown;
}

function object(kind: string, name: string, spec: object = {}, version = "v1beta1"): Written {
  return { ...metallbObject(kind, name, spec), apiVersion: `metallb.io/${version}` } as Written;
}

function pool(name: string, ...addresses: readonly string[]): Written {
  return object("IPAddressPool", name, { addresses });
}

const ROUTER = { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1" };
const peer = (name: string, spec: object = {}) => object("BGPPeer", name, { ...ROUTER, ...spec }, "v1beta2");

function collectionOf({ apiVersion = "", kind = "", metadata }: Written): string {
  const plural = CRD_KINDS.find((each) => each.kind === kind)?.plural;
  return `/apis/${apiVersion}/namespaces/${metadata.namespace}/${plural}`;
}

/** Why the API server refuses to create an object; "" when it does not. Nothing is stored. */
async function refusal(written: Written): Promise<string> {
  return saidBy(() => cluster.api.post(`${collectionOf(written)}?dryRun=All`, written));
}

async function saidBy(request: () => Promise<unknown>): Promise<string> {
  try {
    await request();
    return "";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.message.replace(/^\S+ \S+ \d+ /, "");
  }
}

/** One good object of each kind that people write; the others are Herald's own. */
const GOOD: readonly Written[] = [
  pool("gold", "198.51.100.0/24", "fd00::/64"),
  pool("narrow", "203.0.113.0/28"),
  object("L2Advertisement", "gold", { ipAddressPools: ["gold"] }),
  object("BGPAdvertisement", "gold", { ipAddressPools: ["gold"], localPref: 100, communities: ["vip"] }),
  object("Community", "names", { communities: [{ name: "vip", value: "64512:1" }] }),
  object("BFDProfile", "fast", { receiveInterval: 50 }),
  peer("new", { bfdProfile: "fast" }),
  object("BGPPeer", "old", { ...ROUTER, peerAddress: "10.0.0.2", holdTime: "30s" }),
  ...["ServiceL2Status l2-abcde", "ServiceBGPStatus bgp-abcde", "ConfigurationState probe"].map(ofOurs),
];

/** An object of a kind that has no spec. */
function ofOurs(subject: string): Written {
  const [kind = "", name = ""] = subject.split(" ");
  const { spec: _, ...rest } = object(kind, name);
  return rest;
}

const invalid = (kind: string, name: string, says: string) =>
  `${kind}.metallb.io "${name}" is invalid: ${says}`;
const policy = (plural: string, says: string) =>
  `${plural}.metallb.io "bad" is forbidden: ValidatingAdmissionPolicy 'herald-${plural}' with binding 'herald-${plural}' denied request: ${says}`;

const BAD: readonly { readonly by: string; readonly object: Written; readonly says: string }[] = [
  {
    by: "the schema",
    object: object("IPAddressPool", "bad"),
    says: invalid(
      "IPAddressPool",
      "bad",
      "[spec.addresses: Required value, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]",
    ),
  },
  {
    by: "the schema",
    object: object("BGPAdvertisement", "bad", { aggregationLength: 33 }),
    says: invalid(
      "BGPAdvertisement",
      "bad",
      "spec.aggregationLength: Invalid value: 33: spec.aggregationLength in body should be less than or equal to 32",
    ),
  },
  {
    by: "the schema",
    object: object("BFDProfile", "bad", { receiveInterval: 9 }),
    says: invalid(
      "BFDProfile",
      "bad",
      "spec.receiveInterval: Invalid value: 9: spec.receiveInterval in body should be greater than or equal to 10",
    ),
  },
  {
    by: "CEL",
    object: pool("bad", "192.0.2.7"),
    says: invalid(
      "IPAddressPool",
      "bad",
      'spec.addresses[0]: Invalid value: "192.0.2.7": want a CIDR such as 192.0.2.0/24, 192.0.2.7/32 for a single address, or a range such as 192.0.2.10-192.0.2.40',
    ),
  },
  {
    by: "CEL",
    object: peer("bad", { holdTime: "2s" }),
    says: invalid(
      "BGPPeer",
      "bad",
      'spec.holdTime: Invalid value: "2s": want a duration such as 90s or 1m30s, of at most 65535s: 0s, or at least 3s',
    ),
  },
  {
    by: "the policy",
    object: ELSEWHERE,
    says: policy("ipaddresspools", "metadata.namespace: want metallb-system, nobody reads objects elsewhere"),
  },
  {
    by: "the webhook",
    object: pool("bad", "192.0.2.0/24", "198.51.100.7/32"),
    says: `${WRITE}IPAddressPool gold: spec.addresses[0]: "198.51.100.0/24" overlaps "198.51.100.7/32" (IPAddressPool bad: spec.addresses[1])`,
  },
  {
    by: "the webhook",
    object: pool("bad", "192.0.2.1-fd00::1"),
    says: `${WRITE}IPAddressPool bad: spec.addresses[0]: "192.0.2.1-fd00::1" runs from IPv4 to IPv6, want both ends of one family`,
  },
  {
    by: "the webhook",
    object: object("L2Advertisement", "bad", { nodeSelectors: [{}, {}] }),
    says: `${WRITE}L2Advertisement bad: spec.nodeSelectors[1]: the selector stands twice`,
  },
  {
    by: "the webhook",
    object: object("BGPAdvertisement", "bad", { aggregationLength: 24, ipAddressPools: ["narrow"] }),
    says: `${WRITE}BGPAdvertisement bad: spec.aggregationLength: 24 is wider than "203.0.113.0/28" of pool "narrow", want at least 28`,
  },
  {
    by: "the webhook",
    object: object("BGPAdvertisement", "bad", { localPref: 200 }),
    says: `${WRITE}BGPAdvertisement gold: spec.localPref: 100 for pool "gold", where BGPAdvertisement bad: spec.localPref says 200 to the same routers`,
  },
  {
    by: "the webhook",
    object: object("BGPAdvertisement", "bad", { communities: ["1:70000"], ipAddressPools: ["narrow"] }),
    says: `${WRITE}BGPAdvertisement bad: spec.communities[0]: community "1:70000" has 70000, want numbers of 0 to 65535`,
  },
  {
    by: "the webhook",
    object: object("Community", "names-2", { communities: [{ name: "vip", value: "64512:2" }] }),
    says: `${WRITE}Community names-2: spec.communities[0].name: "vip" has a meaning already (Community names: spec.communities[0].name)`,
  },
];

describe("objects of metallb.io, where the chart has its policies and its webhook", () => {
  it("are taken when they are good, and differ from what was written in nothing", async () => {
    const input = yamlText([...GOOD].reverse()); // what is named comes later
    const words = await kubectlSays(["apply", "-f", "-"], input);
    assert.match(words, /Warning: BGPPeer new: spec\.bfdProfile: there is no BFDProfile "fast" yet/);
    assert.match(
      words,
      /Warning: L2Advertisement gold: spec\.ipAddressPools\[0\]: there is no IPAddressPool "gold"/,
    );
    const again = await kubectlSays(["apply", "-f", "-"], input);
    assert.doesNotMatch(again.replace(/Warning: v1beta1 is deprecated.*/g, ""), /Warning/);
    await untilCounted(); // a status written between two looks of kubectl would be a difference
    assert.equal(await cluster.kubectl(["diff", "-f", "-"], { input }), "");
    const byServer = ["--server-side", "--force-conflicts", "-f", "-"];
    await cluster.kubectl(["apply", ...byServer], { input });
    assert.equal(await cluster.kubectl(["diff", ...byServer], { input }), "");
  });

  for (const { by, object: written, says } of BAD) {
    it(`are refused by ${by}, with field and cause: ${written.kind} ${JSON.stringify(written.spec)}`, async () => {
      assert.equal(await refusal(written), says);
    });
  }

  it("are refused when Herald's own kinds say what they may not", async () => {
    const bad: readonly (readonly [string, object, RegExp])[] = [
      ["ConfigurationState probe", { result: "Maybe" }, /status\.result: Unsupported value: "Maybe"/],
      ["ServiceL2Status l2-abcde", { node: 7 }, /status\.node: Invalid value: "integer"/],
      ["ServiceBGPStatus bgp-abcde", { peers: "tor" }, /status\.peers: Invalid value: "string"/],
    ];
    for (const [subject, status, says] of bad) {
      const ours = ofOurs(subject);
      const path = `${collectionOf(ours)}/${ours.metadata.name}/status?dryRun=All`;
      assert.match(await saidBy(() => cluster.api.patch(path, { status })), says);
    }
  });

  it("are refused for what a change does to others", async () => {
    const path = `${collectionOf(pool("gold"))}/gold`;
    const change = { spec: { addresses: ["198.51.100.0/24", "203.0.113.0/24"] } };
    const text = `${WRITE}IPAddressPool narrow: spec.addresses[0]: "203.0.113.0/28" overlaps "203.0.113.0/24" (IPAddressPool gold: spec.addresses[1])`;
    assert.equal(await saidBy(() => cluster.api.patch(path, change)), text);
    const echo = saidBy(() =>
      cluster.api.patch(`${collectionOf(object("BFDProfile", "fast"))}/fast`, { spec: { echoMode: true } }),
    );
    assert.equal(
      await echo,
      `${WRITE}BFDProfile fast: spec.echoMode: BGPPeer "new" is told of pool "gold", which has IPv6 addresses: want false`,
    );
  });

  it("are kept while others name them, if they are BFDProfiles, and else are deleted with a warning", async () => {
    const profile = `${collectionOf(object("BFDProfile", "fast"))}/fast`;
    assert.equal(
      await saidBy(() => cluster.api.delete(profile)),
      `${DELETE}BFDProfile fast: cannot be deleted while it is named by BGPPeer new: spec.bfdProfile`,
    );
    const words = await kubectlSays([
      "delete",
      "--dry-run=server",
      `--namespace=${NAMESPACE}`,
      "ipaddresspool/gold",
    ]);
    assert.match(
      words,
      /Warning: L2Advertisement gold: spec\.ipAddressPools\[0\]: there is no IPAddressPool "gold"/,
    );
  });

  it("are judged one after another in one file", async () => {
    const input = yamlText([pool("one", "192.0.2.0/25"), pool("two", "192.0.2.0/24")]);
    const words = await kubectlSays(["apply", "-f", "-"], input);
    assert.match(words, /ipaddresspool.metallb.io\/one created/);
    assert.match(words, /"192\.0\.2\.0\/24" overlaps "192\.0\.2\.0\/25"/);
    await cluster.kubectl(["delete", "ipaddresspool", "one", `--namespace=${NAMESPACE}`]);
  });
});

/** Waits until the controller has said of each pool that is good how full it is. */
async function untilCounted(): Promise<void> {
  for (const name of ["gold", "narrow"]) {
    await cluster.waitFor<{ status?: { availableIPv4?: number } }>(
      `${collectionOf(pool(name))}/${name}`,
      (found) => found?.status?.availableIPv4 !== undefined,
      WITHIN_MS,
      `${name} is counted`,
    );
  }
}

/** All that kubectl says, whatever comes of it. */
async function kubectlSays(args: readonly string[], input = ""): Promise<string> {
  const words = [
    ...cluster.kubectlCommand.slice(cluster.kubectlCommand.findIndex((word) => word.endsWith("kubectl"))),
    ...args,
  ];
  return cluster.exec("control-plane", ["sh", "-c", '"$@" 2>&1 || true', "sh", ...words], { input });
}

interface Certificate {
  readonly authority: string;
  readonly serving: string;
}

async function certificate(): Promise<Certificate> {
  const { data = {} } = await cluster.api.get<{ data?: Record<string, string> }>(SECRET);
  const text = Buffer.from(data["ca.crt"] ?? "", "base64").toString();
  return { authority: text.split("-----END")[0] ?? "", serving: data["tls.crt"] ?? "" };
}

/** By when it expires. Why not by asking: the API server may ask one of them alone, over a connection that it has. */
async function areBothUpToDate(): Promise<boolean> {
  const { serving } = await certificate();
  if (serving === "") return false;
  const expiry = new X509Certificate(Buffer.from(serving, "base64")).validToDate.getTime() / 1000;
  const shown = await Promise.all(
    Object.keys(REPLICAS).map((_, index) => installation.metrics("control-plane", HTTP_PORT + index)),
  );
  const line = `herald_controller_webhook_certificate_expiry_timestamp_seconds ${expiry}\n`;
  return shown.every((text) => text.includes(line));
}

describe("the webhook's certificate", () => {
  it("is replaced, and whoever signs it, while no question is lost", async () => {
    let asked = 0;
    const askUntil = async (what: string, holds: (now: Certificate) => boolean): Promise<Certificate> => {
      const due = performance.now() + 180_000;
      for (;;) {
        const now = await certificate();
        if (holds(now)) return now;
        const said = await refusal(REVERSED);
        assert.ok(said.startsWith(WRITE), `question ${asked}: ${said}`);
        asked += 1;
        assert.ok(performance.now() < due, `${what} within three minutes`);
        await pause(100); // as somebody asks, only more often
      }
    };
    const first = await certificate();
    const two = await askUntil("two authorities", ({ authority }) => authority !== first.authority);
    const renewed = await askUntil("a certificate of the new one", ({ serving }) => serving !== two.serving);
    const last = asked + 20;
    await askUntil("some more questions", () => asked === last);
    assert.notEqual(renewed.serving, first.serving);
  });

  it("is made anew at once when somebody says so", async () => {
    const first = await certificate();
    const patch = ["--type=merge", "-p", '{"data":null}'];
    await cluster.kubectl(["-n", NAMESPACE, "patch", "secret", "herald-webhook-cert", ...patch]);
    await until("a new authority", async () => {
      const { authority } = await certificate();
      return authority !== "" && authority !== first.authority;
    });
    await until("both replicas show what is in the Secret", areBothUpToDate);
    await until("the API server believes both replicas", isAskedOften);
  });

  it("is no difference to what the chart applied, neither in the Secret nor in whom to believe", async () => {
    assert.equal(await cluster.kubectl(["diff", "-f", "-"], { input: await admission() }), "");
    await cluster.apply(await admission());
    assert.ok(await isAskedOften());
  });
});

describe("a controller that does not answer", () => {
  it("lets changes through, unless the chart says Fail, and deletions always", async () => {
    await stopReplica("controller-1");
    await until("the other answers alone", isAskedOften);
    await stopReplica("controller-2");
    assert.equal(await refusal(REVERSED), "");
    const path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/herald-webhook";
    const fail = { webhooks: [{ name: "write.herald.io", failurePolicy: "Fail" }] };
    await cluster.api.patch(path, fail, "strategic-merge");
    await until("Fail is in force", async () =>
      (await refusal(REVERSED)).startsWith(
        'Internal error occurred: failed calling webhook "write.herald.io"',
      ),
    );
    await cluster.api.delete(`${collectionOf(object("L2Advertisement", "gold"))}/gold`);
    await cluster.api.delete(path);
    await until("nobody is asked any more", async () => (await refusal(REVERSED)) === "");
  });
});

type Schema = Record<string, unknown>;

/** The shape alone of what a schema says: what anybody's definition of the kind has. */
function shapeOf(schema: Schema): Schema {
  const bounds = /^(x-kubernetes-.*|minimum|maximum|minLength|maxLength|minItems|maxItems|pattern|enum)$/;
  return Object.fromEntries(
    Object.entries(schema).flatMap(([name, value]): [string, unknown][] => {
      if (bounds.test(name)) return [];
      if (name === "properties") {
        return [
          [
            name,
            Object.fromEntries(
              Object.entries(value as Schema).map(([field, each]) => [field, shapeOf(each as Schema)]),
            ),
          ],
        ];
      }
      if (name === "items" || name === "additionalProperties") return [[name, shapeOf(value as Schema)]];
      return [[name, value]];
    }),
  );
}

/** Definitions by somebody else: those in the folder HERALD_OTHER_CRDS, MetalLB's own for example, or bare shapes. */
function otherDefinitions(): string {
  const folder = process.env["HERALD_OTHER_CRDS"] ?? "";
  if (folder !== "") {
    return readdirSync(folder)
      .filter((file) => file.endsWith(".yaml"))
      .map((file) => readFileSync(join(folder, file), "utf8"))
      .join("\n---\n");
  }
  return yamlText(
    CRD_KINDS.map((kind) => {
      const manifest = crdManifest(kind) as { spec: { versions: { schema: { openAPIV3Schema: Schema } }[] } };
      const versions = manifest.spec.versions.map((version) => ({
        ...version,
        schema: { openAPIV3Schema: shapeOf(version.schema.openAPIV3Schema) },
      }));
      return { ...manifest, spec: { ...manifest.spec, versions } };
    }),
  );
}

const BY_POLICY: readonly { readonly object: Written; readonly says: string }[] = [
  {
    object: pool("bad", "192.0.2.0/24", "192.0.2.7"),
    says: policy(
      "ipaddresspools",
      "spec.addresses[]: '192.0.2.7': want a CIDR such as 192.0.2.0/24, 192.0.2.7/32 for a single address, or a range such as 192.0.2.10-192.0.2.40",
    ),
  },
  {
    object: object("L2Advertisement", "bad", { ipAddressPools: ["gold", "gold"] }),
    says: policy("l2advertisements", "spec.ipAddressPools: an entry stands twice"),
  },
  {
    object: object("BGPAdvertisement", "bad", { aggregationLengthV6: 129 }),
    says: policy("bgpadvertisements", "spec.aggregationLengthV6: want a whole number from 0 to 128"),
  },
  {
    object: peer("bad", { holdTime: "2s" }),
    says: policy(
      "bgppeers",
      "spec.holdTime: '2s': want a duration such as 90s or 1m30s, of at most 65535s: 0s, or at least 3s",
    ),
  },
  {
    object: peer("bad", { password: "a", passwordSecret: { name: "b" } }),
    says: policy("bgppeers", "spec: want either password or passwordSecret"),
  },
  {
    object: object("Community", "bad", { communities: [{ name: "a", value: "1:70000" }] }),
    says: policy(
      "communities",
      "spec.communities[].value: want two numbers of 0 to 65535 as in 64512:100, or three as in large:64512:100:7",
    ),
  },
];

describe("kinds of metallb.io that somebody else has defined", () => {
  it("take the place of the chart's, and all objects with them", async () => {
    await cluster.kubectl(["replace", "-f", "-"], { input: otherDefinitions() });
    await until("the shapes are in force", async () => {
      const said = await Promise.all(BY_POLICY.map(({ object: written }) => refusal(written)));
      return said.every((text) => !text.includes("is invalid"));
    });
    await cluster.kubectl(["apply", "-f", "-"], { input: yamlText(GOOD) });
    assert.equal(await cluster.kubectl(["diff", "-f", "-"], { input: yamlText(GOOD) }), "");
  });

  for (const { object: written, says } of BY_POLICY) {
    it(`have bad objects refused by the policy: ${written.kind} ${JSON.stringify(written.spec)}`, async () => {
      assert.equal(await refusal(written), says);
    });
  }

  it("let what is bad already be labelled, and go", async () => {
    const bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
    const binding = await cluster.api.get<ApiObject>(`${bindings}/herald-ipaddresspools`);
    await cluster.api.delete(`${bindings}/herald-ipaddresspools`);
    const bad = pool("bad", "nonsense");
    await until("the policy is out of force", async () => (await refusal(bad)) === "");
    await cluster.apply(bad);
    const { resourceVersion: _, uid: __, ...metadata } = binding.metadata;
    await cluster.api.post(bindings, { ...binding, metadata });
    await until("the policy is in force", async () => (await refusal(pool("bad-2", "nonsense"))) !== "");
    const path = `${collectionOf(bad)}/bad`;
    await cluster.api.patch(path, { metadata: { labels: { team: "x" }, finalizers: ["example.com/x"] } });
    await cluster.api.delete(path);
    await cluster.api.patch(path, { metadata: { finalizers: null } });
  });

  it("are enough for Herald: a Service gets an address, and the pool tells", async () => {
    await startAgain();
    const [service] = await installation.createServices([{ name: "web", app: "web" }]);
    assert.match(JSON.stringify(service), /198\.51\.100\.0/);
    await cluster.waitFor<{ status?: { assignedIPv4?: number } }>(
      `${collectionOf(pool("gold"))}/gold`,
      (gold) => gold?.status?.assignedIPv4 === 1,
      WITHIN_MS,
      "the status of the pool is written",
    );
  });

  async function startAgain(): Promise<void> {
    await installation.startController("controller-3", ["--leader-elect=false"]);
  }
});
