import { command } from "../cluster/command.ts";
import { installRouters } from "../interop/bgp/packages.ts";
import { Segment } from "../interop/bgp/segment.ts";
import { whyNoPair } from "../real/veth-pair.ts";
import { Bgpd } from "./bgp-bgpd.ts";
import { HeraldBgp } from "./bgp-herald.ts";
import { CountingRouter, pause } from "./bgp-router.ts";
import { addressAt } from "./bgp-side.ts";
import { benchTurns } from "./bgp-turns.ts";
import { percentile } from "./histogram.ts";
import { memory, processorSeconds } from "./process-cost.ts";
import type { Row } from "./row.ts";

const COUNTS = [1_000, 10_000];
/** Of each announcer, in turn; the middle one is told. */
const ROUNDS = Number(process.env["HERALD_BGP_ROUNDS"] ?? 3);
/** Single prefixes that come and go. */
const SINGLES = 50;
/** After which nothing more is to come, ms. */
const QUIET_MS = 500;

/** What has a session with a router and tells it addresses. */
export interface Announcer {
  readonly name: string;
  readonly pid: number;
  /** All of them, of which it has announced none. Resolves when it has been asked to. */
  announce(count: number): Promise<void>;
  set(at: number, isAnnounced: boolean): Promise<void>;
  /** Messages sent so far; NaN where it does not say. */
  updates(): Promise<number>;
  stop(): Promise<void>;
}

interface Measured {
  /** From nothing to all with a session that is up, ms. */
  readonly allMs: number;
  /** The same from when a session is established. */
  readonly againMs: number;
  readonly updates: number;
  /** On the wire with all headers, its own side. */
  readonly kib: number;
  readonly processorMs: number;
  readonly residentMib: number;
  /** More than without the prefixes. */
  readonly moreMib: number;
  /** Until one is there, or gone, ms. */
  readonly comesMs: readonly number[];
  readonly goesMs: readonly number[];
}

/** What it takes to tell a router many addresses, beside what it takes FRR to tell the same router the same. */
export async function benchBgp(say: (line: string) => void): Promise<Row[]> {
  const rows = COUNTS.flatMap((count) => benchTurns(count));
  const reason = await whyNoPair();
  if (reason !== undefined) {
    return [
      ...rows,
      { name: "BGP with a router", value: Number.NaN, unit: "", note: `not measured: ${reason}` },
    ];
  }
  await installRouters();
  for (const count of COUNTS) {
    const [ours, theirs]: [Measured[], Measured[]] = [[], []];
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`${count} prefixes, round ${round} of ${ROUNDS}`);
      ours.push(await measure(count, async (node) => new HeraldBgp(node, count)));
      theirs.push(await measure(count, (node) => Bgpd.start(node)));
    }
    rows.push(...rowsOf(count, ours, theirs));
  }
  return rows;
}

async function measure(count: number, start: (namespace: string) => Promise<Announcer>): Promise<Measured> {
  const segment = await Segment.create("bench");
  const router = await CountingRouter.start(segment.router);
  const announcer = await start(segment.node);
  try {
    await router.isUp();
    await pause(QUIET_MS);
    const [empty, spent, octets] = [memory(announcer), processorSeconds(announcer), await sent(segment)];
    const allMs = await timed(announcer.announce(count), router.has(count));
    await pause(QUIET_MS);
    const [full, kib] = [memory(announcer), ((await sent(segment)) - octets) / 1_024];
    const processorMs = 1_000 * (processorSeconds(announcer) - spent);
    const updates = await announcer.updates();
    const [comesMs, goesMs] = await singles(count, announcer, router);
    await router.restart();
    await router.isUp();
    const againMs = await timed(router.has(count));
    const [residentMib, moreMib] = [full.residentMib, full.residentMib - empty.residentMib];
    return { allMs, againMs, updates, kib, processorMs, residentMib, moreMib, comesMs, goesMs };
  } finally {
    await announcer.stop();
    await router.delete();
    await segment.delete();
  }
}

async function singles(
  count: number,
  announcer: Announcer,
  router: CountingRouter,
): Promise<readonly [comesMs: number[], goesMs: number[]]> {
  const [comesMs, goesMs]: [number[], number[]] = [[], []];
  for (let round = 0; round < SINGLES; round += 1) {
    const at = (round * 37) % count;
    for (const [isAnnounced, times] of [
      [false, goesMs],
      [true, comesMs],
    ] as const) {
      times.push(await timed(announcer.set(at, isAnnounced), router.reaches(addressAt(at), isAnnounced)));
    }
  }
  return [comesMs, goesMs];
}

/** @param done what began just now. */
async function timed(...done: readonly Promise<void>[]): Promise<number> {
  const began = performance.now();
  await Promise.all(done);
  return performance.now() - began;
}

/** Octets that went out of the node. */
async function sent({ node }: Segment): Promise<number> {
  return Number(await command(["ip", "netns", "exec", node, "cat", "/sys/class/net/n0/statistics/tx_bytes"]));
}

function rowsOf(count: number, ours: readonly Measured[], theirs: readonly Measured[]): readonly Row[] {
  const middle = (all: readonly Measured[], read: (each: Measured) => number): number =>
    percentile(all.map(read), 50);
  const row = (name: string, unit: string, read: (each: Measured) => number, more = ""): Row => {
    const bgpd = middle(theirs, read);
    const beside = Number.isNaN(bgpd) ? "" : `FRR's bgpd: ${bgpd.toPrecision(3)}`;
    return { name: `${count} prefixes, ${name}`, value: middle(ours, read), unit, note: beside + more };
  };
  const single = (word: string, read: (each: Measured) => readonly number[]): readonly Row[] =>
    [50, 99].map((percent) => {
      const of = (all: readonly Measured[]): number => percentile(all.flatMap(read), percent);
      const note = `FRR's bgpd: ${of(theirs).toPrecision(3)}; of ${ours.length * SINGLES}`;
      return { name: `${count} prefixes, one ${word}, p${percent}`, value: of(ours), unit: "ms", note };
    });
  return [
    row("from none to all", "ms", ({ allMs }) => allMs, ", one command for each"),
    row("session up to all", "ms", ({ againMs }) => againMs),
    row("UPDATEs", "", ({ updates }) => updates),
    row("sent", "KiB", ({ kib }) => kib, ", with all headers and acknowledgements"),
    row("processor", "ms", ({ processorMs }) => processorMs),
    row("resident", "MiB", ({ residentMib }) => residentMib, ", with zebra beside it as a rule"),
    row("for the prefixes", "MiB", ({ moreMib }) => moreMib),
    ...single("comes: endpoint ready to route there", ({ comesMs }) => comesMs),
    ...single("goes", ({ goesMs }) => goesMs),
  ];
}
