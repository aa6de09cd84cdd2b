import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import { type Digest, rank } from "@herald/layer2/election";
import type { IpAddress } from "@herald/shared/ip/address";
import type { NodeName } from "../cluster/addresses.ts";
import type { ApiObject } from "../cluster/api.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { command } from "../cluster/command.ts";
import { inNetwork } from "../cluster/launch.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation, PATIENT } from "./installation.ts";
import { addressesIn } from "./objects.ts";
import { untilEqual } from "./until-equal.ts";

const { it, before } = clusterTests({ kubelets: false });
const PROBE = fileURLToPath(new URL("../cluster/probe.ts", import.meta.url));
const CONFIG = `address-pools:
- name: dual
  protocol: layer2
  addresses:
  - 192.168.1.180/32
  - fd77::1:180/128
`;
const IPV4 = "192.168.1.180";
const IPV6 = "fd77::1:180";
const IPV6_OCTETS = "0xfd770000000000000000000000010180";
const sha256: Digest = (text) => hash("sha256", text, "buffer");
/** Nodes that may hold the addresses. What answers behind them is on the fourth node, and stays. */
const SPEAKERS: readonly NodeName[] = ["node-1", "node-2", "node-3"];
const ECHO_NODE: NodeName = "node-4";
const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";
/** The client forgets this often who has the addresses, and has to ask again. */
const FORGET_EVERY_S = 0.1;
/** What a client may have to wait, ms; one that asks and is not answered asks again after 1,000 ms. */
const GAP_MS = 900;
/** How long packets are held back, where they are. */
const LATE_MS = 1_500;

describe("draining a node, as a client sees it that keeps asking who has the address", () => {
  let cluster: Cluster;
  let herald: Installation;

  before(async () => {
    cluster = await startCluster({ name: "drain", nodes: 4 });
    herald = await Installation.start(cluster, { speakers: [] });
    await Promise.all(SPEAKERS.map((node) => startSpeaker(node)));
    await herald.configure(CONFIG);
    await herald.startEcho("echo", ECHO_NODE, "echo");
    const [dual] = await herald.createServices([
      { name: "echo", spec: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] } },
    ]);
    assert.deepEqual(dual && addressesIn(dual), [IPV4, IPV6]);
    await herald.ask("client", IPV4);
    await herald.ask("client", IPV6);
  });
  after(() => cluster?.stop());

  it("loses nothing when a speaker is stopped by SIGTERM", async () => {
    const holder = await steady();
    await losesNothing("SIGTERM", holder, {
      drain: () => herald.stopSpeaker(holder),
      undo: () => startSpeaker(holder),
    });
  });

  it("loses nothing when a speaker is stopped by SIGTERM, and the one that takes over is not heard for long", async () => {
    const holder = await steady();
    await losesNothing("SIGTERM, others unheard", holder, {
      drain: () => unheard(othersThan(holder), () => herald.stopSpeaker(holder)),
      undo: () => startSpeaker(holder),
    });
  });

  const ways: readonly {
    readonly way: string;
    readonly drain: (node: NodeName) => Promise<unknown>;
    /** Makes the node a candidate again, given what it was. */
    readonly undo: (node: NodeName, before: ApiObject) => Promise<unknown>;
  }[] = [
    {
      way: "annotated",
      drain: (node) => annotate(node, "herald.io/drain=new disk"),
      undo: (node) => annotate(node, "herald.io/drain-"),
    },
    {
      way: "cordoned",
      drain: (node) => kubectl("cordon", node),
      undo: (node) => kubectl("uncordon", node),
    },
    {
      way: "tainted as out of service",
      drain: (node) => kubectl("taint", "nodes", node, `${OUT_OF_SERVICE}=nodeshutdown:NoExecute`),
      undo: (node) => kubectl("taint", "nodes", node, `${OUT_OF_SERVICE}-`),
    },
    { way: "deleted", drain: (node) => kubectl("delete", "node", node), undo: createNode },
  ];
  for (const { way, drain, undo } of ways) {
    it(`loses nothing when a node is ${way}`, async () => {
      const holder = await steady();
      const before = await cluster.api.get<ApiObject>(`/api/v1/nodes/${holder}`);
      await losesNothing(way, holder, { drain: () => drain(holder), undo: () => undo(holder, before) });
    });

    it(`loses nothing when a node is ${way}, and the others hear of it much later`, async () => {
      const holder = await steady();
      const before = await cluster.api.get<ApiObject>(`/api/v1/nodes/${holder}`);
      await losesNothing(`${way}, others late`, holder, {
        drain: () => withoutNews(othersThan(holder), () => drain(holder)),
        undo: () => undo(holder, before),
      });
    });
  }

  it("loses nothing when a node is annotated, and itself hears of it much later", async () => {
    const holder = await steady();
    await losesNothing("annotated, itself late", holder, {
      drain: () => withoutNews([holder], () => annotate(holder, "herald.io/drain=true")),
      undo: () => annotate(holder, "herald.io/drain-"),
    });
  });

  it("has the node say why it is silent, in the operator's words", async () => {
    const holder = await steady();
    await annotate(holder, "herald.io/drain=kernel 6.12");
    const why = (): readonly unknown[] => {
      const line = logOf(holder).findLast(({ msg }) => msg === "withdrawn");
      return [line?.["reason"], line?.["note"]];
    };
    await untilEqual(why, ["nodeDrained", "kernel 6.12"], `${holder} says why`);
    await bothHeld((node) => node !== holder);
    await annotate(holder, "herald.io/drain-");
  });

  it("leaves the addresses where they are when the node may have them again, until it is told to take them", async () => {
    const winner = rank(IPV4 as IpAddress, SPEAKERS, sha256)[0] as NodeName;
    await steady();
    await annotate(winner, "herald.io/drain=true");
    await candidates(SPEAKERS.length - 1);
    const holder = await bothHeld((node) => node !== winner);
    await annotate(winner, "herald.io/drain-");
    assert.equal(await steady(), holder);
    await losesNothing("fail-back on request", holder, {
      drain: () => annotate(winner, `herald.io/fail-back=${Date.now()}`),
      undo: () => annotate(winner, "herald.io/fail-back-"),
    });
    assert.equal(await steady(), winner);
  });

  it("loses nothing when a node is drained whole: cordon, annotation, eviction, end of the speaker", async () => {
    const holder = await steady();
    const bystander = await herald.startEcho("bystander", holder, "bystander");
    await losesNothing("whole node", holder, {
      drain: async () => {
        await kubectl("cordon", holder);
        await annotate(holder, "herald.io/drain=reboot");
        await cluster.api.post("/api/v1/namespaces/default/pods/bystander/eviction", {
          apiVersion: "policy/v1",
          kind: "Eviction",
          metadata: { namespace: "default", name: "bystander" },
        });
        await bystander.delete();
        await herald.stopSpeaker(holder);
      },
      undo: async () => {
        await startSpeaker(holder);
        await annotate(holder, "herald.io/drain-");
        await kubectl("uncordon", holder);
      },
    });
  });

  it("leaves the addresses with the last node when all are drained, one after the other", async () => {
    const first = await steady();
    const reports = await probing("all drained", async () => {
      for (const node of [first, ...othersThan(first)]) {
        await annotate(node, "herald.io/drain=true");
        await herald.segment.untilHeld(IPV4);
      }
      await candidates(0);
      await untilEqual(
        async () => [await holds(await bothHeld()), await Promise.all(SPEAKERS.map(holds))].flat().sort(),
        [0, 0, 2, 2],
        "the one that answers announces both addresses, and no other any",
      );
    });
    assert.deepEqual(
      reports.map(({ lost }) => lost),
      [0, 0],
    );
    for (const node of SPEAKERS) await annotate(node, "herald.io/drain-");
  });

  function startSpeaker(node: NodeName): Promise<unknown> {
    return herald.startSpeaker(node, ["--drain-on-cordon", ...PATIENT]);
  }

  /** How many addresses a node announces. */
  function holds(node: NodeName): Promise<number> {
    return herald.metric(node, 'herald_speaker_announced_addresses{protocol="layer2"}');
  }

  async function kubectl(...args: readonly string[]): Promise<void> {
    await cluster.kubectl(args);
  }

  function annotate(node: NodeName, annotation: string): Promise<void> {
    return kubectl("annotate", "node", node, "--overwrite", annotation);
  }

  function candidates(wanted: number): Promise<void> {
    return herald.untilCandidates(SPEAKERS, wanted);
  }

  /** @returns who holds both addresses, once every speaker may. */
  async function steady(): Promise<NodeName> {
    await candidates(SPEAKERS.length);
    return bothHeld();
  }

  /** @returns who holds both addresses. One that moves on between two looks is looked at again. */
  async function bothHeld(accept: (node: NodeName) => boolean = () => true): Promise<NodeName> {
    let holder: NodeName | undefined;
    await herald.segment.until(async () => {
      holder = await herald.segment.untilHeld(IPV4, accept);
      const [mac, ...others] = await herald.segment.whoHas(IPV6);
      return mac !== undefined && others.length === 0 && (await herald.segment.nodeWith(mac)) === holder;
    }, "one node, as wanted, holds both addresses");
    return holder as NodeName;
  }

  /** Both addresses go to another node, and every datagram sent meanwhile is answered soon. */
  async function losesNothing(
    what: string,
    holder: NodeName,
    { drain, undo }: { drain: () => Promise<unknown>; undo: () => Promise<unknown> },
  ): Promise<void> {
    try {
      const reports = await probing(what, async () => {
        await drain();
        await bothHeld((node) => node !== holder);
      });
      for (const report of reports) {
        assert.equal(report.lost, 0, JSON.stringify(report));
        assert.ok(report.longestGapMs < GAP_MS, JSON.stringify(report));
      }
    } finally {
      await undo(); // the next test is about something else
    }
  }

  /** Sends a datagram every 5 ms to either address while something happens. */
  async function probing(what: string, happening: () => Promise<void>): Promise<readonly ProbeReport[]> {
    const forgetting = cluster.spawn("client", ["sh", "-c", FORGET]);
    const probes = [IPV4, IPV6].map((address) =>
      cluster.spawn("client", [process.execPath, PROBE, "--to", address, "--port", "82"], {
        log: `probe-${what.replaceAll(/\W+/g, "-")}-${address}`,
      }),
    );
    const said = probes.map(
      ({ logPath }) =>
        () =>
          readFileSync(logPath, "utf8"),
    );
    await herald.segment.until(
      () => said.every((text) => text().includes("answered")),
      "probes are answered",
    );
    await happening().finally(async () => {
      await Promise.all(probes.map((probe) => probe.stop()));
      forgetting.kill();
    });
    const reports = said.map((text) => JSON.parse(text().trim().split("\n").at(-1) ?? "{}") as ProbeReport);
    for (const [index, { sent, lost, longestGapMs }] of reports.entries()) {
      const family = index === 0 ? "IPv4" : "IPv6";
      console.log(`  ${what}, ${family}: sent ${sent}, lost ${lost}, longest gap ${longestGapMs} ms`);
    }
    return reports;
  }

  /** Something happens, and for a while these nodes hear nothing from the API server. */
  async function withoutNews(nodes: readonly NodeName[], happening: () => Promise<unknown>): Promise<void> {
    const { ipv4 } = cluster.addressesOf("control-plane");
    const networks = nodes.map((node) => cluster.namespaceOf(node));
    await dropping(networks, "inet", "input", [`ip saddr ${ipv4} tcp sport 6443 drop`], happening);
  }

  /** Something happens, and for a while nobody on the segment hears these nodes speak for the addresses. */
  async function unheard(nodes: readonly NodeName[], happening: () => Promise<unknown>): Promise<void> {
    const rules = nodes.flatMap((port) => [
      `iifname ${port} arp saddr ip ${IPV4} drop`,
      `iifname ${port} icmpv6 type nd-neighbor-advert @th,64,128 ${IPV6_OCTETS} drop`,
    ]);
    await dropping([`${cluster.name}-lan`], "bridge", "forward", rules, happening);
  }

  async function dropping(
    networks: readonly string[],
    family: "inet" | "bridge",
    hook: "input" | "forward",
    rules: readonly string[],
    happening: () => Promise<unknown>,
  ): Promise<void> {
    const table = `${family} for-a-while`;
    const lines = [
      `add table ${table}`,
      `add chain ${table} drops { type filter hook ${hook} priority 0 ; }`,
      ...rules.map((rule) => `add rule ${table} drops ${rule}`),
    ];
    const nft = (text: string): Promise<unknown> =>
      Promise.all(networks.map((network) => command([...inNetwork(network), "nft", text])));
    await nft(lines.join("; "));
    const over = new Promise((resolve) => setTimeout(resolve, LATE_MS)); // that it takes a while is the point
    await Promise.all([happening(), over.then(() => nft(`delete table ${table}`))]);
  }

  function othersThan(holder: NodeName): readonly NodeName[] {
    return SPEAKERS.filter((node) => node !== holder);
  }

  async function createNode(node: NodeName, before: ApiObject): Promise<void> {
    const { labels } = before.metadata as { labels?: object };
    await cluster.api.post("/api/v1/nodes", { ...before, metadata: { name: node, labels } });
    await cluster.setNodeReady(node, true);
  }

  function logOf(node: NodeName): readonly Record<string, unknown>[] {
    const text = readFileSync(herald.speaker(node).logPath, "utf8");
    return text.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  }
});

/** What is being asked for is left alone: a datagram waits for it. */
const FORGET = `while :; do
  for address in ${IPV4} ${IPV6}; do
    ip neighbour flush dev eth0 to $address nud reachable nud stale nud delay nud probe
  done
  sleep ${FORGET_EVERY_S}
done`;
