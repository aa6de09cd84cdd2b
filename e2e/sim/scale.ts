import type { ProfileName } from "@herald/gossip/options";
import { Dice, nodeName, type Script } from "./script.ts";
import { World } from "./world.ts";

export interface ScaleRow {
  readonly nodes: number;
  /** Sent by a node in a second of a quiet cluster, in the mean and by the busiest. */
  readonly datagrams: number;
  readonly datagramsMost: number;
  /** From the power cut of a holder until another node answers, ms; the middle one, and the longest. */
  readonly takeoverMs: number;
  readonly takeoverMostMs: number;
  /** Nodes that were well and were taken for dead by somebody. */
  readonly mistakes: number;
}

const SERVICES = 10;
const JOINED_MS = 5_000;
const QUIET_MS = 1_000;
/** For the news of a crash to get around. */
const NEWS_MS = 300;
const STEP_MS = 5;
const GIVE_UP_MS = 10_000;

/** One cluster of that size: a quiet second, then holders lose power one after another. */
export async function measureScale(nodes: number, profile: ProfileName, crashes: number): Promise<ScaleRow> {
  const world = new World(scriptOf(nodes, profile), {
    tell: undefined,
    onOctets: undefined,
    create: undefined,
  });
  world.begin();
  await world.pass(JOINED_MS);
  const before = new Map(world.net.sent);
  await world.pass(QUIET_MS);
  const sent = world.nodes.map(({ place }) => (world.net.sent.get(place) ?? 0) - (before.get(place) ?? 0));
  const perSecond = sent.map((count) => (count * 1_000) / QUIET_MS);
  const takeovers: number[] = [];
  for (let crash = 0; crash < Math.min(crashes, nodes / 3); crash += 1)
    takeovers.push(...(await crashOne(world)));
  takeovers.sort((a, b) => a - b);
  return {
    nodes,
    datagrams: perSecond.reduce((sum, rate) => sum + rate, 0) / nodes,
    datagramsMost: Math.max(...perSecond),
    takeoverMs: takeovers[Math.floor(takeovers.length / 2)] ?? Number.NaN,
    takeoverMostMs: takeovers.at(-1) ?? Number.NaN,
    mistakes: mistaken(world),
  };
}

/** @returns how long each of the addresses it held was without a holder, ms. */
async function crashOne(world: World): Promise<readonly number[]> {
  world.holders.look();
  const victim = world.nodes.find(
    (node) =>
      node.running && [...world.holders.addresses].some((address) => world.holders.of(address).has(node)),
  );
  if (victim === undefined) return [];
  const orphans = [...world.holders.addresses].filter((address) => world.holders.of(address).has(victim));
  victim.crash("machine");
  const crashedAt = world.now;
  const gaps = new Map<string, number>();
  while (gaps.size < orphans.length && world.now < crashedAt + GIVE_UP_MS) {
    await world.pass(STEP_MS);
    world.holders.look();
    for (const address of orphans) {
      const held = [...world.holders.of(address).keys()].some((node) => node !== victim);
      if (held && !gaps.has(address)) gaps.set(address, world.now - crashedAt);
    }
  }
  await world.pass(NEWS_MS);
  return orphans.map((address) => gaps.get(address) ?? Number.POSITIVE_INFINITY);
}

/** How many that run are not known to somebody else that runs. */
function mistaken(world: World): number {
  const running = world.nodes.filter(({ running: is }) => is);
  return running.filter((node) =>
    running.some((other) => other !== node && other.knowsSince(node) === undefined),
  ).length;
}

function scriptOf(nodes: number, profile: ProfileName): Script {
  const dice = new Dice(nodes);
  const each = <T>(make: () => T): readonly T[] => Array.from({ length: nodes }, make);
  return {
    seed: nodes,
    profile,
    nodes,
    calm: false,
    loss: 0,
    lagMs: each(() => 1),
    skewMs: each(() => 0),
    failBackMs: Number.POSITIVE_INFINITY,
    bootAt: each(() => dice.between(0, 50)),
    services: Array.from({ length: SERVICES }, (_, index) => ({
      name: `web-${index}`,
      families: ["IPv4"],
      policy: "Cluster",
      endpoints: [nodeName(0)],
      pool: "one",
    })),
    faults: [],
  };
}
