import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe } from "node:test";
import type { NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation, NAMESPACE, PATIENT } from "./installation.ts";
import { installKinds } from "./metallb-objects.ts";
import { service } from "./objects.ts";
import { SecondSegment } from "./second-segment.ts";
import { untilEqual } from "./until-equal.ts";

const { it, before } = clusterTests({ kubelets: false });
const ADDRESS = "192.168.2.180";
const STATUSES = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/servicel2statuses`;

interface L2Status {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly ownerReferences: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly status: object;
}

// Speakers gossip on eth0; what is advertised is on eth1, a segment of its own.
describe("layer 2 advertisements of metallb.io, on nodes with a second interface", () => {
  let cluster: Cluster;
  let herald: Installation;
  let second: SecondSegment;

  before(async () => {
    cluster = await startCluster({ name: "advertisements" });
    second = await SecondSegment.plugIn(cluster);
    await installKinds(cluster);
    herald = await Installation.start(cluster, {
      controllers: 0,
      speakerFlags: [...PATIENT, "--log-level=debug"],
    }); // it is all about who announces
    await Promise.all(cluster.nodes.map((node) => herald.startEcho(`echo-${node}`, node, "echo")));
    await apply("IPAddressPool", "second", { addresses: [`${ADDRESS}/32`] });
    await advertise({ interfaces: ["eth1"] });
    await cluster.api.post("/api/v1/namespaces/default/services", service({ name: "web" }));
    const status = { loadBalancer: { ingress: [{ ip: ADDRESS }] } };
    await cluster.api.patch("/api/v1/namespaces/default/services/web/status", { status }, "strategic-merge");
  });
  after(() => cluster?.stop());

  it("announces on the interfaces of the advertisement and on no other, and says who and where", async () => {
    const said = await saidOfHolder();
    const holder = nodeOf(said);
    assert.deepEqual(await second.whoHas(ADDRESS, "eth0"), []);
    assert.deepEqual(said.status, {
      node: holder,
      serviceName: "web",
      serviceNamespace: "default",
      interfaces: [{ name: "eth1" }],
    });
    assert.deepEqual(said.metadata.labels, {
      "metallb.io/node": holder,
      "metallb.io/service-name": "web",
      "metallb.io/service-namespace": "default",
    });
    assert.deepEqual(
      said.metadata.ownerReferences.map(({ kind, name }) => `${kind} ${name}`),
      [`Pod speaker-${holder}`],
    );
  });

  it("moves an address from a node whose cable is pulled, though its gossip lives", async () => {
    for (let round = 1; round <= 3; round += 1) {
      const holder = nodeOf(await saidOfHolder()) as NodeName;
      await second.setLink(holder, "down");
      const next = nodeOf(await saidOfHolder());
      assert.notEqual(next, holder);
      await second.setLink(holder, "up");
      assert.equal(await second.untilHeld(ADDRESS), next, "it stays where it is");
    }
  });

  it("leaves an address to the nodes that are selected", async () => {
    const holder = await second.untilHeld(ADDRESS);
    const other = cluster.nodes.find((node) => node !== holder) as NodeName;
    await cluster.kubectl(["label", "node", other, "edge=true"]);
    await advertise({ interfaces: ["eth1"], nodeSelectors: [{ matchLabels: { edge: "true" } }] });
    await second.untilHeld(ADDRESS, other);
    await cluster.kubectl(["label", "node", other, "edge-"]);
    await second.untilHeld(ADDRESS, "");
    await statuses((found) => found.length === 0);
    await advertise({ interfaces: ["eth1"], nodeSelectors: [] });
    await second.untilHeld(ADDRESS);
  });

  it("prefers a node for an address that nobody holds", async () => {
    for (const hostname of cluster.nodes) {
      const preference = { matchLabels: { "kubernetes.io/hostname": hostname } };
      await cluster.kubectl(["label", "node", hostname, `kubernetes.io/hostname=${hostname}`, "--overwrite"]);
      // Why more than once: whoever is a second late to hear of it leaves it to the next node.
      await herald.segment.until(async () => {
        await advertise({ interfaces: ["eth9"], nodeSelectors: [] });
        await second.untilHeld(ADDRESS, "");
        await statuses((found) => found.length === 0); // silent, not only slow
        await advertise({ interfaces: ["eth1"], preferredNodeSelectors: [{ weight: 10, preference }] });
        return nodeOf(await saidOfHolder()) === hostname;
      }, `${hostname} has the address`);
    }
  });

  it("says that nobody can be heard where no node has the interface", async () => {
    await advertise({ interfaces: ["eth9"] });
    await second.untilHeld(ADDRESS, "");
    await statuses((found) => found.length === 0);
    await herald.segment.until(
      () => cluster.nodes.some((node) => logOf(node).includes('"reason":"noInterface"')),
      "a node logs the reason",
    );
    const message =
      'no node can announce it on layer 2: every node: no interface eth9 that is there and up (name others in L2Advertisement "second", or bring it up)';
    await untilEqual(condition, { status: "False", reason: "NoInterface", message }, "the Service says why");
    await advertise({});
    await untilAnnounced();
  });

  it("says of each node whom it tells by BGP, whether they listen or not, and takes that back", async () => {
    const path = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/servicebgpstatuses`;
    const told = async (accept: (found: readonly L2Status[]) => boolean) =>
      (await statuses(accept, path)).map(({ status }) => JSON.stringify(status)).sort();
    const peers = ["west", "east"];
    for (const name of peers) {
      const spec = {
        myASN: 64512,
        peerASN: 64513,
        peerAddress: `192.0.2.${name.length}`,
        ebgpMultiHop: true,
      };
      await apply("BGPPeer", name, { ...spec, peerPort: name === "west" ? 1179 : 179 }, "v1beta2");
    }
    await apply("BGPAdvertisement", "routed", { ipAddressPools: ["second"], peers: [...peers, "dummy"] });
    const said = await told((found) => found.length === cluster.nodes.length && found.every(hasBoth));
    const body = { peers: ["east", "west"], serviceName: "web", serviceNamespace: "default" };
    assert.deepEqual(
      said.map((text) => JSON.parse(text) as object),
      cluster.nodes.map((node) => ({ node, ...body })).sort((a, b) => (a.node < b.node ? -1 : 1)),
    );
    await cluster.kubectl(["delete", "bgpadvertisement", "routed", `--namespace=${NAMESPACE}`]);
    await told((found) => found.length === 0);
  });

  it("says of each speaker what is wrong with the configuration, and that it is right again", async () => {
    const path = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/configurationstates`;
    const states = (result: string, errorSummary = ""): Promise<void> =>
      untilEqual(
        async () => (await list(path)).map(verdictOf),
        cluster.nodes.map(() => ({ result, errorSummary })),
        "each speaker says so",
      );
    await states("Valid");
    const spec = { myASN: 64512, peerASN: 64513, peerAddress: "192.0.2.9", bfdProfile: "none" };
    await apply("BGPPeer", "broken", spec, "v1beta2");
    await states("Invalid", 'BGPPeer broken: spec.bfdProfile: there is no BFDProfile "none" yet');
    await cluster.kubectl(["delete", "bgppeer", "broken", `--namespace=${NAMESPACE}`]);
    await states("Valid");
  });

  it("goes on announcing an address of a pool that is refused by the time the speakers start anew", async () => {
    await cluster.kubectl(["annotate", "service", "web", "metallb.io/ip-allocated-from-pool=second"]);
    await apply("IPAddressPool", "clash", { addresses: [`${ADDRESS}/32`] });
    await Promise.all(cluster.nodes.map((node) => herald.stopSpeaker(node)));
    await second.untilHeld(ADDRESS, "");
    await Promise.all(cluster.nodes.map((node) => herald.startSpeaker(node)));
    await untilAnnounced();
    await cluster.kubectl(["delete", "ipaddresspool", "clash", `--namespace=${NAMESPACE}`]);
    await second.untilHeld(ADDRESS);
  });

  it("has written all of that by the rights it has", () => {
    for (const node of cluster.nodes) {
      const lines = logOf(node).split("\n");
      assert.deepEqual(
        lines.filter((line) => line.includes("status not written yet") && line.includes("orbidden")),
        [],
      );
    }
  });

  /** What the one status says, once there is one, of the node that answers for the address. */
  async function saidOfHolder(): Promise<L2Status> {
    let said: L2Status | undefined;
    await herald.segment.until(async () => {
      const holder = await second.untilHeld(ADDRESS);
      const found = await list(STATUSES);
      said = found[0];
      return found.length === 1 && nodeOf(said) === holder;
    }, "the node that has the address says so, and no other does");
    return said as L2Status;
  }

  /** Waits until somebody has the address, and the Service names that node. */
  async function untilAnnounced(): Promise<void> {
    const seen = async (): Promise<Condition | undefined> => {
      const holder = await second.untilHeld(ADDRESS);
      const said = await condition();
      return said && { ...said, message: said.message.replace(holder, "HOLDER") };
    };
    const message = `announced from node "HOLDER": ${ADDRESS}`;
    await untilEqual(
      seen,
      { status: "True", reason: "Announced", message },
      "the condition names the holder",
    );
  }

  async function condition(): Promise<Condition | undefined> {
    const { status } = await cluster.api.get<ServiceObject>("/api/v1/namespaces/default/services/web");
    const found = status?.conditions?.find(({ type }) => type === "herald.io/Announced");
    return found && { status: found.status, reason: found.reason, message: found.message };
  }

  function logOf(node: NodeName): string {
    return readFileSync(herald.speaker(node).logPath, "utf8");
  }

  async function apply(kind: string, name: string, spec: object, version = "v1beta1"): Promise<void> {
    await cluster.apply({
      apiVersion: `metallb.io/${version}`,
      kind,
      metadata: { namespace: NAMESPACE, name },
      spec,
    });
  }

  function advertise(spec: object): Promise<void> {
    return apply("L2Advertisement", "second", spec);
  }

  async function list(path: string): Promise<readonly L2Status[]> {
    return (await cluster.api.get<{ items: readonly L2Status[] }>(path)).items;
  }

  /** Once they are as wanted. */
  async function statuses(
    accept: (found: readonly L2Status[]) => boolean,
    path = STATUSES,
  ): Promise<readonly L2Status[]> {
    let found: readonly L2Status[] = [];
    await herald.segment.until(async () => {
      found = await list(path);
      return accept(found);
    }, "the statuses are as wanted");
    return found;
  }
});

interface Condition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

interface ServiceObject {
  readonly status?: { readonly conditions?: readonly (Condition & { readonly type: string })[] };
}

function hasBoth({ status }: L2Status): boolean {
  return (status as { peers?: readonly string[] } | undefined)?.peers?.length === 2;
}

function verdictOf({ status }: L2Status): object {
  const { result, errorSummary } = (status ?? {}) as { result?: string; errorSummary?: string };
  return { result, errorSummary };
}

function nodeOf(said: L2Status | undefined): string {
  return (said?.status as { node?: string } | undefined)?.node ?? "";
}
