import { setTimeout as sleep } from "node:timers/promises";
import type { NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { whyNot } from "../cluster/requirements.ts";
import { Installation } from "../real/installation.ts";
import { AddressWatch, createMany } from "../real/many-services.ts";
import { memory, processorSeconds } from "./process-cost.ts";
import type { Row } from "./row.ts";

const COUNT = 1_000;
const WATCHED_MS = 10_000;
const ANNOUNCED_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 500;
const CONFIG = `address-pools:
- name: default
  protocol: layer2
  addresses: [198.18.0.0/20]
`;

/** What a quiet cluster of three costs: datagrams of the gossip, processor, memory; without Services and with 1,000. */
export async function benchNodes(say: (line: string) => void): Promise<Row[]> {
  const reason = whyNot({ kubelets: false });
  if (reason !== undefined)
    return [{ name: "nodes", value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  const cluster = await startCluster({ name: "bench-nodes", onProgress: say });
  try {
    const herald = await Installation.start(cluster, { speakers: [] });
    await herald.configure(CONFIG);
    const rows: Row[] = [];
    for (const profile of ["lan", "fast", "default"] as const) {
      await startSpeakers(cluster, herald, profile);
      const watched = await watch(cluster, herald);
      rows.push({
        name: `gossip, ${profile}: sent per node`,
        value: watched.datagrams,
        unit: "/s",
        note: "UDP datagrams, 3 nodes, nothing happening",
      });
      rows.push(...costRows(watched, `no Services, gossip-profile ${profile}`));
      if (profile !== "default") await stopSpeakers(cluster, herald);
    }
    await createServices(cluster, herald);
    rows.push(...costRows(await watch(cluster, herald), `${COUNT} Services, gossip-profile default`));
    return rows;
  } finally {
    await cluster.stop();
  }
}

interface Watched {
  /** Sent by a node in a second, the mean of all. */
  readonly datagrams: number;
  readonly speaker: Cost;
  readonly controller: Cost;
}

interface Cost {
  /** Of one processor. */
  readonly percent: number;
  readonly residentMib: number;
  readonly ownMib: number;
}

async function startSpeakers(cluster: Cluster, herald: Installation, profile: string): Promise<void> {
  await Promise.all(cluster.nodes.map((node) => herald.startSpeaker(node, [`--gossip-profile=${profile}`])));
  await herald.untilCandidates(cluster.nodes);
}

async function stopSpeakers(cluster: Cluster, herald: Installation): Promise<void> {
  await Promise.all(cluster.nodes.map((node) => herald.stopSpeaker(node)));
}

async function createServices(cluster: Cluster, herald: Installation): Promise<void> {
  const watch = await AddressWatch.start(cluster.api);
  await createMany(
    cluster.api,
    Array.from({ length: COUNT }, (_, index) => ({ name: `s${index}` })),
  );
  // Endpoints make them announced.
  await herald.startEcho("echo-1", "node-1", "echo");
  await watch.untilAddressed(COUNT, 120_000);
  watch.stop();
  const announced = 'herald_speaker_announced_addresses{protocol="layer2"}';
  // Why so long: each address is asked for on the wire before it is first announced, many in turn.
  const due = performance.now() + ANNOUNCED_WITHIN_MS;
  for (let count = 0; count < COUNT; ) {
    if (performance.now() > due) throw new Error(`${count} of ${COUNT} addresses are announced`);
    await sleep(LOOK_EVERY_MS);
    count = sum(await Promise.all(cluster.nodes.map((node) => herald.metric(node, announced))));
  }
  await sleep(WATCHED_MS); // what is said unasked after a takeover has been said
}

async function watch(cluster: Cluster, herald: Installation): Promise<Watched> {
  const { nodes } = cluster;
  const look = async () => ({
    atMs: performance.now(),
    datagrams: sum(await Promise.all(nodes.map((node) => datagramsSent(cluster, node)))),
    speakers: sum(nodes.map((node) => processorSeconds(herald.speaker(node)))),
    controller: processorSeconds(herald.controller()),
  });
  const from = await look();
  await sleep(WATCHED_MS);
  const to = await look();
  const seconds = (to.atMs - from.atMs) / 1_000;
  const rate = (what: "datagrams" | "speakers" | "controller"): number => (to[what] - from[what]) / seconds;
  const speakers = nodes.map((node) => memory(herald.speaker(node)));
  return {
    datagrams: rate("datagrams") / nodes.length,
    speaker: {
      percent: (100 * rate("speakers")) / nodes.length,
      residentMib: sum(speakers.map(({ residentMib }) => residentMib)) / nodes.length,
      ownMib: sum(speakers.map(({ ownMib }) => ownMib)) / nodes.length,
    },
    controller: { percent: 100 * rate("controller"), ...memory(herald.controller()) },
  };
}

function costRows({ speaker, controller }: Watched, note: string): readonly Row[] {
  return Object.entries({ speaker, controller }).flatMap(([program, { percent, residentMib, ownMib }]) => [
    { name: `${program}, processor`, value: percent, unit: "%", note: `of one; ${note}` },
    {
      name: `${program}, resident memory`,
      value: residentMib,
      unit: "MiB",
      note: `${ownMib.toFixed(0)} MiB its own; ${note}, from source`,
    },
  ]);
}

/** In the node's namespace nothing else speaks UDP of itself; what is forwarded does not count. */
async function datagramsSent(cluster: Cluster, node: NodeName): Promise<number> {
  const [names = "", values = ""] = (await cluster.exec(node, ["cat", "/proc/net/snmp"]))
    .split("\n")
    .filter((line) => line.startsWith("Udp:"));
  return Number(values.split(" ")[names.split(" ").indexOf("OutDatagrams")]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
