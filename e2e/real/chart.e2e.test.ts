import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import type { ApiObject } from "../cluster/api.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { buildImages, type Images } from "../cluster/images.ts";
import { mainProcesses } from "../cluster/main-processes.ts";
import { Segment } from "../cluster/segment.ts";
import { clusterTests } from "./cluster-tests.ts";
import { addressesIn, ISSUE_CONFIG, type ServiceObject, service } from "./objects.ts";

const { it, before } = clusterTests({ kubelets: true });
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NAMESPACE = "metallb-system";
const IMAGES = ["controller", "speaker"].flatMap((name) => [`--set=${name}.image.tag=dev`]);
/** Only for failing. */
const WITHIN_MS = 60_000;
const CAP_NET_RAW = 1n << 13n;

interface PodObject extends ApiObject {
  readonly status: {
    /** None before its kubelet has heard of it. */
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[];
  };
}

function isReady({ status }: PodObject): boolean {
  return status.containerStatuses?.every(({ ready }) => ready) === true;
}

interface SecretObject {
  readonly metadata: {
    readonly ownerReferences: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly data: Readonly<Record<string, string>>;
}

const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/herald-memberlist`;

describe("the chart, on a cluster with kubelets", () => {
  let cluster: Cluster;
  let images: Images;
  let segment: Segment;

  before(async () => {
    images = await buildImages({ onProgress: console.log });
    cluster = await startCluster({ name: "chart", nodes: 2, kubelets: true });
    segment = new Segment(cluster);
    await cluster.importImage(images.controller);
    await cluster.importImage(images.speaker);
  });
  after(() => cluster?.stop());

  it("installs by helm, configured from its values, and every pod becomes ready", async () => {
    await cluster.helm(
      [
        ...["install", "herald", `${ROOT}/charts/herald`, `--namespace=${NAMESPACE}`, "--create-namespace"],
        ...["--wait", "--timeout=240s", "--values=-", ...IMAGES],
      ],
      { input: `configInline:\n${indent(ISSUE_CONFIG)}` },
    );
    // Of a DaemonSet one pod fewer is enough for some versions of helm.
    const { items } = await cluster.waitFor<{ items: readonly PodObject[] }>(
      `/api/v1/namespaces/${NAMESPACE}/pods`,
      (list) => list?.items.length === 3 && list.items.every(isReady),
      WITHIN_MS,
      "three pods are ready",
    );
    assert.deepEqual(
      items.map(({ status }) => status.containerStatuses?.map(({ restartCount }) => restartCount)),
      [[0], [0], [0]],
    );
  });

  it("serves a Service", async () => {
    await cluster.api.post("/api/v1/namespaces/default/services", service({ name: "plain" }));
    const found = await cluster.waitFor<ServiceObject>(
      "/api/v1/namespaces/default/services/plain",
      (value) => value !== undefined && addressesIn(value).length === 1,
      WITHIN_MS,
      "plain has an address",
    );
    assert.deepEqual(addressesIn(found), ["192.168.1.100"]);
    // Why no answer: nothing runs behind it, and an address without an endpoint is not announced.
    assert.deepEqual(await segment.whoHas("192.168.1.100"), []);
  });

  it("has the API server ask the controller's pod whether an object is good", async () => {
    const addresses = ["192.0.2.9-192.0.2.1"]; // nobody else knows that this is wrong
    const metadata = { name: "reversed", namespace: NAMESPACE };
    const reversed = {
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata,
      spec: { addresses },
    };
    const path = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools?dryRun=All`;
    // Until it is told whom to believe and kube-proxy knows the pod, the API server lets everything through.
    await segment.until(async () => {
      const said = await cluster.api.post(path, reversed).then(() => "", String);
      return /"write\.herald\.io" denied the request: .*reversed/.test(said);
    }, "the API server asks the webhook, which refuses");
  });

  it("encrypts the gossip with a key that the controller has made", async () => {
    const { data, metadata } = await cluster.api.get<SecretObject>(SECRET);
    assert.match(Buffer.from(data["secretkey"] ?? "", "base64").toString(), /^[\w-]{43}$/);
    assert.deepEqual(
      metadata.ownerReferences.map(({ kind, name }) => `${kind} ${name}`),
      ["Deployment herald-controller"],
    );
    // They join when they are ready already.
    const logs = ["logs", `--namespace=${NAMESPACE}`, "--selector=app.kubernetes.io/component=speaker"];
    await segment.until(
      async () =>
        (await cluster.kubectl([...logs, "--tail=-1"])).match(/"encrypted":true.*"gossiping"/g)?.length === 2,
      "both speakers gossip, encrypted",
    );
  });

  it("runs the controller as nobody, without any capability, sealed", () => {
    const [found, ...more] = containersOf("controller");
    assert.deepEqual(more, []);
    assert.deepEqual(found, {
      uid: 65534,
      capabilities: 0n,
      noNewPrivileges: true,
      seccomp: "filter",
      rootReadOnly: true,
    });
  });

  it("runs each speaker with NET_RAW and no other capability, sealed", () => {
    const found = containersOf("speaker");
    const wanted = {
      uid: 0,
      capabilities: CAP_NET_RAW,
      noNewPrivileges: true,
      seccomp: "filter",
      rootReadOnly: true,
    };
    assert.deepEqual(found, [wanted, wanted]);
  });

  const rights: readonly { who: string; verb: string; what: string; where: string; may: boolean }[] = [
    { who: "controller", verb: "patch", what: "services/status", where: "default", may: true },
    { who: "controller", verb: "update", what: "services/status", where: "default", may: false },
    { who: "controller", verb: "update", what: "services", where: "default", may: false },
    { who: "controller", verb: "create", what: "secrets", where: NAMESPACE, may: true },
    { who: "controller", verb: "create", what: "secrets", where: "default", may: false },
    { who: "controller", verb: "get", what: "secrets", where: NAMESPACE, may: false },
    { who: "controller", verb: "get", what: "deployments/other", where: NAMESPACE, may: false },
    { who: "controller", verb: "get", what: "configmaps/other", where: NAMESPACE, may: false },
    { who: "controller", verb: "update", what: "leases/other", where: NAMESPACE, may: false },
    { who: "controller", verb: "patch", what: "leases/herald-controller", where: NAMESPACE, may: true },
    { who: "controller", verb: "update", what: "leases/herald-controller", where: NAMESPACE, may: false },
    { who: "controller", verb: "get", what: "ipaddresspools.metallb.io", where: NAMESPACE, may: false },
    { who: "controller", verb: "get", what: "nodes", where: "default", may: false },
    { who: "controller", verb: "create", what: "pods", where: NAMESPACE, may: false },
    { who: "controller", verb: "watch", what: "ipaddresspools.metallb.io", where: NAMESPACE, may: true },
    { who: "controller", verb: "watch", what: "ipaddresspools.metallb.io", where: "default", may: false },
    { who: "controller", verb: "patch", what: "ipaddresspools.metallb.io", where: NAMESPACE, may: false },
    {
      who: "controller",
      verb: "create",
      what: "configurationstates.metallb.io",
      where: NAMESPACE,
      may: true,
    },
    {
      who: "controller",
      verb: "delete",
      what: "configurationstates.metallb.io",
      where: NAMESPACE,
      may: false,
    },
    { who: "controller", verb: "watch", what: "namespaces", where: "default", may: true },
    { who: "controller", verb: "watch", what: "nodes", where: "default", may: true },
    { who: "controller", verb: "patch", what: "nodes", where: "default", may: false },
    { who: "controller", verb: "patch", what: "namespaces", where: "default", may: false },
    { who: "speaker", verb: "watch", what: "nodes", where: "default", may: true },
    { who: "speaker", verb: "patch", what: "nodes", where: "default", may: false },
    { who: "speaker", verb: "patch", what: "services/status", where: "default", may: true },
    { who: "speaker", verb: "update", what: "services/status", where: "default", may: false },
    { who: "speaker", verb: "patch", what: "services", where: "default", may: false },
    { who: "speaker", verb: "get", what: "secrets", where: NAMESPACE, may: false },
    { who: "speaker", verb: "list", what: "secrets", where: NAMESPACE, may: false },
    { who: "speaker", verb: "get", what: "nodes", where: "default", may: false },
    { who: "speaker", verb: "get", what: "bgppeers.metallb.io", where: NAMESPACE, may: false },
    { who: "speaker", verb: "list", what: "servicebgpstatuses.metallb.io", where: NAMESPACE, may: true },
    { who: "speaker", verb: "watch", what: "servicebgpstatuses.metallb.io", where: NAMESPACE, may: false },
    { who: "speaker", verb: "delete", what: "bgpsessionstates.metallb.io", where: NAMESPACE, may: true },
    { who: "speaker", verb: "watch", what: "bgpsessionstates.metallb.io", where: NAMESPACE, may: true },
    { who: "speaker", verb: "watch", what: "bgpsessionstates.metallb.io", where: "default", may: false },
    { who: "speaker", verb: "patch", what: "bgppeers.metallb.io/status", where: NAMESPACE, may: false },
    { who: "controller", verb: "patch", what: "bgppeers.metallb.io/status", where: NAMESPACE, may: true },
    { who: "controller", verb: "patch", what: "bgppeers.metallb.io", where: NAMESPACE, may: false },
    { who: "controller", verb: "delete", what: "bgpsessionstates.metallb.io", where: NAMESPACE, may: false },
    { who: "speaker", verb: "delete", what: "configurationstates.metallb.io", where: NAMESPACE, may: true },
    { who: "speaker", verb: "delete", what: "configurationstates.metallb.io", where: "default", may: false },
    { who: "speaker", verb: "patch", what: "ipaddresspools.metallb.io", where: "default", may: false },
    { who: "speaker", verb: "list", what: "pods", where: "default", may: false },
    { who: "speaker", verb: "list", what: "pods", where: NAMESPACE, may: true },
    { who: "speaker", verb: "watch", what: "l2advertisements.metallb.io", where: NAMESPACE, may: true },
    { who: "speaker", verb: "watch", what: "l2advertisements.metallb.io", where: "default", may: false },
    { who: "speaker", verb: "patch", what: "ipaddresspools.metallb.io", where: NAMESPACE, may: false },
    { who: "speaker", verb: "create", what: "servicel2statuses.metallb.io", where: NAMESPACE, may: true },
    {
      who: "speaker",
      verb: "patch",
      what: "servicel2statuses.metallb.io/status",
      where: NAMESPACE,
      may: true,
    },
  ];
  for (const { who, verb, what, where, may } of rights) {
    it(`${may ? "lets" : "does not let"} the ${who} ${verb} ${what} in ${where}`, async () => {
      const user = `--as=system:serviceaccount:${NAMESPACE}:herald-${who}`;
      const [resource = "", name] = what.split("/");
      const sub = name === "status" ? [resource, "--subresource=status"] : [what];
      const answer = await cluster
        .kubectl(["auth", "can-i", verb, ...sub, `--namespace=${where}`, user])
        .catch((error: { stdout?: string }) => error.stdout ?? "");
      assert.equal(answer.trim(), may ? "yes" : "no");
    });
  }

  it("starts a program again that was killed, and nothing changes", async () => {
    for (const pid of mainProcesses(cluster, "controller")) process.kill(pid, "SIGKILL");
    await cluster.waitFor<{ items: readonly PodObject[] }>(
      `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fcomponent%3Dcontroller`,
      (list) => {
        const [pod] = list?.items ?? [];
        const [container] = pod?.status.containerStatuses ?? [];
        return container?.ready === true && container.restartCount > 0;
      },
      WITHIN_MS,
      "the controller runs again",
    );
    const found = await cluster.api.get<ServiceObject>("/api/v1/namespaces/default/services/plain");
    assert.deepEqual(addressesIn(found), ["192.168.1.100"]);
  });

  it("upgrades to two controllers, of which one leads", async () => {
    await cluster.helm([
      ...["upgrade", "herald", `${ROOT}/charts/herald`, `--namespace=${NAMESPACE}`, "--reuse-values"],
      ...["--set=controller.replicas=2", "--wait", "--timeout=240s"],
    ]);
    assert.equal(mainProcesses(cluster, "controller").length, 2);
    const lease = await cluster.api.get<{ spec: { holderIdentity: string } }>(
      `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/herald-controller`,
    );
    assert.match(lease.spec.holderIdentity, /^herald-controller-/);
  });

  it("is the same as herald.yaml to the API server, which takes every object of it", async () => {
    const output = await cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], {
      input: readFileSync(`${ROOT}/herald.yaml`, "utf8"),
    });
    assert.match(output, /daemonset\.apps\/herald-speaker/);
    assert.doesNotMatch(output, /Warning/);
  });

  it("leaves nothing of its own behind when it is uninstalled", async () => {
    await cluster.helm(["uninstall", "herald", `--namespace=${NAMESPACE}`, "--wait", "--timeout=240s"]);
    const left = await cluster.kubectl([
      ...[
        "get",
        "clusterroles,clusterrolebindings,roles,rolebindings,deployments,daemonsets,serviceaccounts,configmaps",
      ],
      ...["--selector=app.kubernetes.io/name=herald", "--all-namespaces", "--output=name"],
    ]);
    assert.equal(left, "");
    await cluster.waitFor(
      SECRET,
      (secret) => secret === undefined,
      WITHIN_MS,
      "the key of the gossip is gone",
    );
    await cluster.waitFor<{ items: readonly PodObject[] }>(
      `/api/v1/namespaces/${NAMESPACE}/pods`,
      (list) => list?.items.length === 0,
      WITHIN_MS,
      "its pods are gone",
    );
    assert.deepEqual([...mainProcesses(cluster, "controller"), ...mainProcesses(cluster, "speaker")], []);
  });

  /** What the kernel says of our containers' main processes. */
  function containersOf(program: string) {
    return mainProcesses(cluster, program).map((pid) => {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(status)?.[1] ?? "";
      const root = readFileSync(`/proc/${pid}/mountinfo`, "utf8")
        .split("\n")
        .find((line) => line.split(" ")[4] === "/");
      return {
        uid: Number(field("Uid")),
        capabilities:
          BigInt(`0x${field("CapEff")}`) | BigInt(`0x${field("CapPrm")}`) | BigInt(`0x${field("CapBnd")}`),
        noNewPrivileges: field("NoNewPrivs") === "1",
        seccomp: field("Seccomp") === "2" ? "filter" : field("Seccomp"),
        rootReadOnly: root?.split(" ")[5]?.split(",").includes("ro"),
      };
    });
  }
});

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
