import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe } from "node:test";
import { systemClock } from "@herald/daemon/clock";
import { parseServer } from "@herald/k8s/access";
import { ApiError as RefusedError } from "@herald/k8s/api";
import { CONFIGURATION_STATES, writeConfigurationState } from "@herald/k8s/configuration-state";
import { HttpApiClient } from "@herald/k8s/http-client";
import { LackingFields } from "@herald/k8s/lacking-fields";
import { announcementName, SERVICE_STATUSES, writeServiceAnnouncement } from "@herald/k8s/service-status";
import {
  readStatusObject,
  removeStatusObject,
  type StatusKind,
  type StatusObjectPorts,
} from "@herald/k8s/status-object";
import { Transport } from "@herald/k8s/transport";
import { convert } from "@herald/shared/config/convert/convert";
import type { CrdKind, CrdVersion } from "@herald/shared/config/crd/crd-kind";
import { CRD_KINDS } from "@herald/shared/config/crd/kinds";
import { crdManifest, structural } from "@herald/shared/config/crd/manifest";
import { arbitraryOf } from "@herald/shared/config/crd/testdata/arbitrary-object";
import { yamlText } from "@herald/shared/config/yaml-text";
import { serviceKey } from "@herald/shared/service/view";
import fc from "fast-check";
import { ApiError, type ApiObject } from "../cluster/api.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import type { CommandError } from "../cluster/command.ts";
import { clusterName, stateFolder } from "../cluster/folders.ts";
import { Segment } from "../cluster/segment.ts";
import { clusterTests } from "./cluster-tests.ts";
import { untilServed } from "./metallb-objects.ts";
import { untilEqual } from "./until-equal.ts";

const { it, before } = clusterTests({ kubelets: false });
const ROOT = join(import.meta.dirname, "../..");
const NAMESPACE = "metallb-system";

let cluster: Cluster;
before(async () => {
  cluster = await startCluster({ name: `${clusterName()}-crds`, nodes: 1 });
  await cluster.kubectl(["create", "namespace", NAMESPACE]);
  await cluster.kubectl(["create", "-f", "-"], { input: yamlText([predecessor()]) });
  await cluster.apply(await definitions());
  await untilServed(cluster);
  // The predecessor's is served all the time, and takes anything.
  await new Segment(cluster).until(
    async () => (await refusal("bgppeers", "BGPPeer", { ...ROUTER, myASN: 0 }, "v1beta2")) !== "",
    "our definition of BGPPeers is in force",
  );
});
after(async () => {
  await cluster?.stop();
});

/** As the chart has them. */
function definitions(): Promise<string> {
  const chart = join(ROOT, "charts/herald");
  return cluster.helm(["template", "herald", chart, "--show-only=templates/crds.yaml"]);
}

interface Definition {
  readonly spec: { readonly versions: readonly object[] };
}

/** BGPPeers as somebody else has defined them who converts between versions by a webhook of his own. */
function predecessor(): object {
  const kind = CRD_KINDS.find((each) => each.kind === "BGPPeer") as CrdKind;
  const manifest = crdManifest(kind) as Definition;
  const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const clientConfig = {
    service: { name: "metallb-webhook-service", namespace: NAMESPACE, path: "/convert" },
  };
  return {
    ...manifest,
    spec: {
      ...manifest.spec,
      versions: manifest.spec.versions.map((version) => ({
        ...version,
        schema: { openAPIV3Schema: { type: "object", properties: { spec: anything, status: anything } } },
      })),
      conversion: {
        strategy: "Webhook",
        webhook: { clientConfig, conversionReviewVersions: ["v1beta1", "v1beta2"] },
      },
    },
  };
}

async function conversion(): Promise<object> {
  const { spec } = await cluster.get<{ spec: { conversion: object } }>("crd", "bgppeers.metallb.io");
  return spec.conversion;
}

function pathOf(plural: string, version = "v1beta1"): string {
  return `/apis/metallb.io/${version}/namespaces/${NAMESPACE}/${plural}`;
}

function written(kind: string, name: string, spec?: object, version = "v1beta1"): object {
  const metadata = { name, namespace: NAMESPACE };
  return { apiVersion: `metallb.io/${version}`, kind, metadata, ...(spec === undefined ? {} : { spec }) };
}

const ROUTER = { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1" };

/** Every kind that people write, with every field. */
const GOOD: readonly object[] = [
  written("IPAddressPool", "full", {
    addresses: ["192.0.2.0/24", "198.51.100.7-198.51.100.9", "198.51.100.20 - 198.51.100.30", "fd00::/64"],
    autoAssign: false,
    avoidBuggyIPs: true,
    serviceAllocation: {
      priority: 10,
      namespaces: ["shop"],
      namespaceSelectors: [{ matchLabels: { team: "a" } }],
      serviceSelectors: [{ matchExpressions: [{ key: "tier", operator: "In", values: ["gold"] }] }],
    },
  }),
  written("IPAddressPool", "plain", { addresses: ["203.0.113.7/32"] }),
  written("L2Advertisement", "everything"),
  written("L2Advertisement", "full", {
    ipAddressPools: ["full"],
    ipAddressPoolSelectors: [{}],
    nodeSelectors: [{ matchLabels: { rack: "1" } }],
    interfaces: ["eth0"],
    serviceSelectors: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }],
    preferredNodeSelectors: [{ weight: 100, preference: { matchLabels: { fast: "yes" } } }],
  }),
  written("BGPAdvertisement", "everything"),
  written("BGPAdvertisement", "full", {
    ipAddressPools: ["full"],
    aggregationLength: 24,
    aggregationLengthV6: 64,
    localPref: 4_294_967_295,
    communities: ["64512:1", "large:1:2:3", "no-export"],
    peers: ["tor"],
    nodeSelectors: [{}],
  }),
  written("BGPPeer", "plain", ROUTER, "v1beta2"),
  written("BGPPeer", "old", { ...ROUTER, holdTime: "90s" }),
  written("BGPPeer", "linked", { ...ROUTER, peerAddress: "FE80::1", interface: "eth0" }, "v1beta2"),
  written(
    "BGPPeer",
    "full",
    {
      myASN: 64512,
      dynamicASN: "external",
      localASN: 64999,
      interface: "eth0",
      sourceAddress: "fd00::2",
      peerPort: 1179,
      holdTime: "1m30s",
      keepaliveTime: "30s",
      connectTime: "5s",
      routerID: "10.20.30.40",
      nodeSelectors: [{ matchLabels: { rack: "1" } }],
      passwordSecret: { name: "tor" },
      bfdProfile: "fast",
      enableGracefulRestart: true,
      ebgpMultiHop: true,
      vrf: "red",
      dualStackAddressFamily: true,
    },
    "v1beta2",
  ),
  written("BFDProfile", "fast", {
    receiveInterval: 10,
    transmitInterval: 60_000,
    detectMultiplier: 255,
    echoInterval: 50,
    echoMode: false,
    passiveMode: true,
    minimumTtl: 254,
  }),
  written("Community", "names", { communities: [{ name: "no-export", value: "65535:65281" }] }),
  written("ServiceL2Status", "l2-abcde"),
  written("ServiceBGPStatus", "bgp-abcde"),
  written("BGPSessionState", "session-abcde"),
  written("ConfigurationState", "controller"),
];

const CONFIG_MAP = `
peers: [{my-asn: 64512, peer-asn: 64513, peer-address: 10.0.0.9, password: secret, node-selectors: [{match-labels: {rack: "1"}}]}]
address-pools:
- {name: Old_1, protocol: bgp, addresses: [10.20.0.0/16], bgp-advertisements: [{aggregation-length: 24}]}
- {name: old-2, protocol: layer2, addresses: [10.30.0.1-10.30.0.9]}
`;

describe("objects of metallb.io on a real API server", () => {
  it("take the place of definitions that convert by a webhook, which then is asked no more", async () => {
    assert.deepEqual(await conversion(), { strategy: "None" });
  });

  it("leave nothing to tell the definitions apart from what was applied", async () => {
    assert.equal(await cluster.kubectl(["diff", "-f", "-"], { input: await definitions() }), "");
  });

  it("are taken with every field, and then differ from what was written in nothing", async () => {
    const input = yamlText(GOOD);
    await cluster.kubectl(["apply", "-f", "-"], { input });
    assert.equal(await cluster.kubectl(["diff", "-f", "-"], { input }), "");
    await cluster.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], { input });
    assert.equal(await cluster.kubectl(["diff", "--server-side", "-f", "-"], { input }), "");
  });

  it("are taken as the converter writes them", async () => {
    const input = yamlText(convert(CONFIG_MAP, NAMESPACE).objects);
    await cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], { input });
  });

  it("get their defaults from the server", async () => {
    const spec = async (plural: string, name: string, version?: string) =>
      (await cluster.api.get<{ spec: object }>(`${pathOf(plural, version)}/${name}`)).spec;
    assert.deepEqual(await spec("ipaddresspools", "plain"), {
      addresses: ["203.0.113.7/32"],
      autoAssign: true,
      avoidBuggyIPs: false,
    });
    const defaults = { peerPort: 179, dualStackAddressFamily: false, disableMP: false };
    assert.deepEqual(await spec("bgppeers", "plain", "v1beta2"), { ...ROUTER, ...defaults });
    assert.deepEqual(await spec("bgppeers", "old", "v1beta2"), { ...ROUTER, ...defaults, holdTime: "90s" });
    assert.deepEqual(await spec("bgppeers", "old", "v1beta1"), { ...ROUTER, ...defaults, holdTime: "90s" });
  });

  it("are shown in columns", async () => {
    const table = await cluster.kubectl(["get", "ipaddresspools,l2advertisements,bgppeers", "-n", NAMESPACE]);
    for (const row of [
      /NAME +AUTO ASSIGN +AVOID BUGGY IPS +ADDRESSES/,
      /plain +true +false +\["203\.0\.113\.7\/32"\]/,
      /NAME +IPADDRESSPOOLS +IPADDRESSPOOL SELECTORS +INTERFACES/,
      /NAME +ADDRESS +ASN +BFD PROFILE +MULTI HOPS +SESSIONS/,
    ]) {
      assert.match(table, row);
    }
  });

  it("are explained by kubectl", async () => {
    // The API server describes its kinds to others a little later than it serves them.
    await new Segment(cluster).until(async () => {
      const text = await cluster
        .kubectl(["explain", "ipaddresspool.spec.avoidBuggyIPs"])
        .catch((error: CommandError) => error.message);
      return /Never give out IPv4 addresses that end in \.0 or \.255/.test(text);
    }, "kubectl explains a field");
  });
});

describe("a BGPPeer of the new version, seen through the old one", () => {
  const old = pathOf("bgppeers", "v1beta1");
  const now = pathOf("bgppeers", "v1beta2");
  const specOf = async (path: string) => (await cluster.api.get<{ spec: object }>(`${path}/full`)).spec;

  it("loses nothing when it is read and written back", async () => {
    const before = await specOf(now);
    const seen = await cluster.api.get<ApiObject>(`${old}/full`);
    await cluster.kubectl(["replace", "-f", "-"], { input: JSON.stringify(seen) });
    assert.deepEqual(await specOf(now), before);
  });

  it("loses nothing when one field is patched", async () => {
    const before = await specOf(now);
    await cluster.api.patch(`${old}/full`, { spec: { peerPort: 1180 } });
    assert.deepEqual(await specOf(now), { ...before, peerPort: 1180 });
  });

  it("makes kubectl warn, in MetalLB's words", async () => {
    const shell = `${cluster.kubectlCommand.join(" ")} get bgppeers.v1beta1.metallb.io -n ${NAMESPACE} 2>&1`;
    const text = await cluster.exec("control-plane", ["sh", "-c", shell.replace(/^.*?(\S*kubectl )/, "$1")]);
    assert.match(text, /Warning: v1beta1 is deprecated, please use v1beta2/);
  });
});

describe("a kind whose versions differ in their fields", () => {
  const fields = (...names: readonly string[]) => ({
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: {
          type: "object",
          properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
        },
      },
    },
  });

  it("loses a field when it is changed through the version without it, which is why ours do not differ", async () => {
    const versions = [
      { name: "v1", served: true, storage: false, schema: fields("old") },
      { name: "v2", served: true, storage: true, schema: fields("old", "new") },
    ];
    const names = { kind: "Probe", listKind: "ProbeList", plural: "probes", singular: "probe" };
    await cluster.apply({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "probes.example.com" },
      spec: { group: "example.com", names, scope: "Cluster", versions, conversion: { strategy: "None" } },
    });
    await untilServed(cluster);
    const path = (version: string) => `/apis/example.com/${version}/probes/p`;
    const specIn = async (version: string) => (await cluster.api.get<{ spec: object }>(path(version))).spec;
    const spec = { old: "a", new: "b" };
    await cluster.apply({ apiVersion: "example.com/v2", kind: "Probe", metadata: { name: "p" }, spec });
    assert.deepEqual([await specIn("v2"), await specIn("v1")], [spec, { old: "a" }]);
    await cluster.api.patch(path("v1"), { metadata: { labels: { a: "b" } } });
    assert.deepEqual(await specIn("v2"), { old: "a" });
  });
});

/** Why the API server refuses an object; "" when it does not. */
async function refusal(plural: string, kind: string, spec: unknown, version = "v1beta1"): Promise<string> {
  const object = { ...written(kind, "probe", undefined, version), spec };
  try {
    await cluster.api.post(`${pathOf(plural, version)}?dryRun=All`, object);
    return "";
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 422) throw error;
    return error.message;
  }
}

const BAD: readonly { kind: string; plural: string; version?: string; spec: object; says: RegExp }[] = [
  { kind: "IPAddressPool", plural: "ipaddresspools", spec: {}, says: /spec\.addresses: Required value/ },
  {
    kind: "IPAddressPool",
    plural: "ipaddresspools",
    spec: { addresses: [] },
    says: /spec\.addresses.*at least 1/,
  },
  {
    kind: "IPAddressPool",
    plural: "ipaddresspools",
    spec: { addresses: ["192.0.2.7"] },
    says: /spec\.addresses\[0\]: .*192\.0\.2\.7\/32 for a single address/,
  },
  {
    kind: "IPAddressPool",
    plural: "ipaddresspools",
    spec: { addresses: ["192.0.2.0/33"] },
    says: /spec\.addresses\[0\]: .*want a CIDR/,
  },
  {
    kind: "IPAddressPool",
    plural: "ipaddresspools",
    spec: { addresses: ["192.0.2.0/24"], serviceAllocation: { namespaces: ["a", "a"] } },
    says: /spec\.serviceAllocation\.namespaces\[1\]: Duplicate value: "a"/,
  },
  {
    kind: "L2Advertisement",
    plural: "l2advertisements",
    spec: { nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "In" }] }] },
    says: /spec\.nodeSelectors\[0\]\.matchExpressions\[0\]: .*In and NotIn need at least one value/,
  },
  {
    kind: "L2Advertisement",
    plural: "l2advertisements",
    spec: { preferredNodeSelectors: [{ weight: 101, preference: {} }] },
    says: /spec\.preferredNodeSelectors\[0\]\.weight: .*less than or equal to 100/,
  },
  {
    kind: "BGPAdvertisement",
    plural: "bgpadvertisements",
    spec: { aggregationLength: 33 },
    says: /spec\.aggregationLength: .*less than or equal to 32/,
  },
  {
    kind: "BGPAdvertisement",
    plural: "bgpadvertisements",
    spec: { aggregationLength: 24, serviceSelectors: [{}] },
    says: /spec: .*aggregationLength must be 32/,
  },
  ...[
    { spec: { ...ROUTER, dynamicASN: "internal" }, says: /spec: .*want either peerASN or dynamicASN/ },
    { spec: { ...ROUTER, interface: "eth0" }, says: /spec: .*want either peerAddress or interface/ },
    {
      spec: { ...ROUTER, peerAddress: "fec0::1", interface: "eth0" },
      says: /spec: .*want either peerAddress or interface/,
    },
    { spec: { myASN: 1, peerASN: 2 }, says: /spec: .*want either peerAddress or interface/ },
    {
      spec: { ...ROUTER, peerAddress: "10.0.0.256" },
      says: /spec\.peerAddress: .*want an IPv4 or IPv6 address/,
    },
    { spec: { ...ROUTER, holdTime: "2s" }, says: /spec\.holdTime: .*0s, or at least 3s/ },
    { spec: { ...ROUTER, holdTime: "120" }, says: /spec\.holdTime: .*want a duration such as 90s/ },
    {
      spec: { ...ROUTER, holdTime: "9s", keepaliveTime: "10s" },
      says: /spec: .*keepaliveTime is longer than holdTime/,
    },
    { spec: { ...ROUTER, connectTime: "1500ms" }, says: /spec\.connectTime: .*whole seconds/ },
    { spec: { ...ROUTER, peerPort: 16_385 }, says: /spec\.peerPort: .*less than or equal to 16384/ },
    { spec: { ...ROUTER, myASN: 0 }, says: /spec\.myASN: .*greater than or equal to 1/ },
    {
      spec: { ...ROUTER, password: "a", passwordSecret: { name: "b" } },
      says: /spec: .*want either password or passwordSecret/,
    },
    { spec: { ...ROUTER, peerASN: 64512, ebgpMultiHop: true }, says: /spec: .*need no ebgpMultiHop/ },
  ].flatMap((each) =>
    ["v1beta1", "v1beta2"].map((version) => ({ kind: "BGPPeer", plural: "bgppeers", version, ...each })),
  ),
  {
    kind: "BFDProfile",
    plural: "bfdprofiles",
    spec: { receiveInterval: 9 },
    says: /spec\.receiveInterval: .*greater than or equal to 10/,
  },
  {
    kind: "Community",
    plural: "communities",
    spec: { communities: [{ name: "a", value: "1:70000" }] },
    says: /spec\.communities\[0\]\.value: .*two numbers of 0 to 65535/,
  },
];

describe("bad objects", () => {
  for (const { kind, plural, version, spec, says } of BAD) {
    it(`are refused, with field and cause: ${kind} ${version ?? ""} ${JSON.stringify(spec)}`, async () => {
      assert.match(await refusal(plural, kind, spec, version), says);
    });
  }

  it("are those that change what may not be changed", async () => {
    const path = `${pathOf("bgppeers", "v1beta2")}/full`;
    const change = cluster.api.patch(path, { spec: { enableGracefulRestart: false } });
    await assert.rejects(change, /spec\.enableGracefulRestart: .*cannot be changed/);
    const status = `${pathOf("servicel2statuses")}/l2-abcde/status`;
    await cluster.api.patch(status, { status: { node: "a", serviceName: "web", serviceNamespace: "shop" } });
    await assert.rejects(
      cluster.api.patch(status, { status: { node: "b" } }),
      /status\.node: .*cannot be changed/,
    );
  });
});

/** What only we refuse: it takes comparing whole selectors. */
const OURS_ALONE = /the selector stands twice/;

const SAMPLES = 300;

/** @returns whether both take it. */
async function bothTake(
  sample: unknown,
  { kind, plural }: CrdKind,
  { name, spec }: CrdVersion,
): Promise<boolean> {
  const said = await refusal(plural, kind, sample, name);
  const ours = spec?.safeParse(sample).error?.issues ?? [];
  if (ours.some(({ message }) => OURS_ALONE.test(message))) return false;
  const story = `${JSON.stringify(sample)}\n${said}\n${JSON.stringify(ours)}`;
  assert.equal(said === "", ours.length === 0, story);
  return said === "";
}

describe("the API server and our parser", () => {
  for (const kind of CRD_KINDS) {
    for (const version of kind.versions) {
      const { spec } = version;
      if (spec === undefined) continue;
      it(`agree on any ${kind.kind} ${version.name}`, async () => {
        const samples = fc.sample(arbitraryOf(structural(spec)), { numRuns: SAMPLES, seed: 20_261_122 });
        let good = 0;
        for (const sample of samples) if (await bothTake(sample, kind, version)) good += 1;
        assert.ok(good > SAMPLES / 20, `${good} of ${SAMPLES} were good`);
      });
    }
  }
});

const texts = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { type: "string" }]));
const interfacesOf = (...names: readonly string[]) => ({
  interfaces: { type: "array", items: { type: "object", properties: texts(...names) } },
});
const PLACE = {
  protocol: "layer2",
  service: serviceKey("shop", "web"),
  node: "node-1",
  isShared: false,
} as const;
const WEB = { kind: SERVICE_STATUSES.layer2, name: announcementName(PLACE) };
const writeWeb = (ports: StatusObjectPorts) => writeServiceAnnouncement(ports, PLACE, ["eth0"], undefined);

/** What a definition knows of a status, and what is there once we have written it. */
const OLDER: readonly {
  readonly knows: object;
  readonly of: { readonly kind: StatusKind; readonly name: string };
  readonly write: (ports: StatusObjectPorts) => Promise<"written" | "unchanged">;
  readonly holds: object;
}[] = [
  {
    knows: { ...texts("node"), ...interfacesOf("name") }, // as MetalLB 0.14.4 and 0.14.5
    of: WEB,
    write: writeWeb,
    holds: { node: "node-1", interfaces: [{ name: "eth0" }] },
  },
  {
    knows: { ...texts("node", "serviceName", "serviceNamespace"), ...interfacesOf("index") },
    of: WEB,
    write: writeWeb,
    holds: { node: "node-1", serviceName: "web", serviceNamespace: "shop" },
  },
  {
    knows: texts("result"),
    of: { kind: CONFIGURATION_STATES, name: "controller" },
    write: (ports) => writeConfigurationState(ports, { program: "controller" }, ["a mistake"], undefined, 0),
    holds: { result: "Invalid" },
  },
];

describe("a status over a definition that knows less of it", () => {
  let client: HttpApiClient;
  before(() => {
    const server = parseServer(`unix:${join(stateFolder(cluster.name), "api.sock")}`);
    const access = { server, credentials: async () => ({ headers: {}, tls: {} }) };
    client = new HttpApiClient(new Transport(access, "herald-e2e"));
  });
  after(() => client?.close());

  const defined = (kind: string, knows: object): string => {
    const manifest = crdManifest(CRD_KINDS.find((each) => each.kind === kind) as CrdKind) as Definition;
    const properties = { status: { type: "object", properties: knows } };
    const schema = { openAPIV3Schema: { type: "object", properties } };
    const versions = manifest.spec.versions.map((version) => ({ ...version, schema }));
    return yamlText([{ ...manifest, spec: { ...manifest.spec, versions } }]);
  };

  /** As a program does that has just started, with nothing there yet. */
  async function writtenAnew(
    ports: StatusObjectPorts,
    { of, write }: (typeof OLDER)[number],
  ): Promise<object | undefined> {
    try {
      const found = await readStatusObject(ports, of);
      if (found !== undefined) await removeStatusObject(ports, of, found);
      await write(ports);
      return (await readStatusObject(ports, of))?.status;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return undefined; // a kind that is being replaced is away for a moment
    }
  }

  for (const older of OLDER) {
    const { knows, of, write, holds } = older;
    it(`has what it knows, and is not written again: ${of.kind.kind} with ${JSON.stringify(holds)}`, async () => {
      const portsOf = (): StatusObjectPorts => ({
        client,
        namespace: NAMESPACE,
        fieldManager: "herald-e2e",
        lacking: new LackingFields({ clock: systemClock }),
      });
      let ports = portsOf();
      const look = () => {
        ports = portsOf();
        return writtenAnew(ports, older);
      };
      await cluster.kubectl(["replace", "-f", "-"], { input: defined(of.kind.kind, knows) });
      await untilEqual(look, holds, "the definition is in force");
      assert.equal(await write(ports), "unchanged");
    });
  }
});

describe("the chart", () => {
  const chart = join(ROOT, "charts/herald");
  const only = ["--set=controller.enabled=false,speaker.enabled=false,rbac.create=false"];
  const install = (...flags: readonly string[]) =>
    cluster.helm(["install", "herald", chart, `--namespace=${NAMESPACE}`, ...only, ...flags]);

  it("takes no definitions from whoever installed them, unless it is told to or does without", async () => {
    await assert.rejects(install(), /invalid ownership metadata/);
    await install("--set=crds.enabled=false");
    await cluster.helm(["uninstall", "herald", `--namespace=${NAMESPACE}`]);
    await cluster.kubectl(["replace", "-f", "-"], { input: yamlText([predecessor()]) });
    const patch = '{"spec":{"conversion":{"strategy":"None","webhook":null}}}'; // Helm's way of applying removes nothing
    await cluster.kubectl(["patch", "crd", "bgppeers.metallb.io", "--type=merge", `--patch=${patch}`]);
    await install("--take-ownership", "--force-conflicts");
    assert.deepEqual(await conversion(), { strategy: "None" });
  });

  it("leaves definitions and objects behind when it goes", async () => {
    await cluster.helm(["uninstall", "herald", `--namespace=${NAMESPACE}`]);
    const names = await cluster.kubectl(["get", "ipaddresspools", `--namespace=${NAMESPACE}`, "-o", "name"]);
    assert.deepEqual(names.trim().split("\n"), [
      "ipaddresspool.metallb.io/full",
      "ipaddresspool.metallb.io/plain",
    ]);
  });
});
