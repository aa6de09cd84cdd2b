import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { command } from "../cluster/command.ts";
import { until } from "../cluster/until.ts";
import { Bird } from "../interop/bgp/bird.ts";
import { Frr } from "../interop/bgp/frr.ts";
import type { OurBgpReport } from "../interop/bgp/our-bgp.ts";
import { OurSpeaker } from "../interop/bgp/our-speaker.ts";
import { installRouters } from "../interop/bgp/packages.ts";
import type { Router } from "../interop/bgp/router.ts";
import { NODE, ROUTER, Segment } from "../interop/bgp/segment.ts";
import { whyNoPair } from "../real/veth-pair.ts";
import { percentile } from "./histogram.ts";
import type { Row } from "./row.ts";
import { stolenMs, Witness } from "./witness.ts";

const [OURS, THEIRS] = [64_500, 64_512];
const BUSY_MS = 1_000;
/** How long each of the short runs takes. */
const SHORT_S = 60;

/** For one long run with all routers at once, in place of the short ones: so long, with so much between packets. */
const { HERALD_BFD_SOAK_S, HERALD_BFD_SOAK_MS = "50" } = process.env;

type RouterName = keyof typeof CABLES;

interface Soak {
  readonly routers: readonly RouterName[];
  readonly intervalMs: number;
  /** Whether the thread may go before others. */
  readonly isAhead: boolean;
  readonly seconds: number;
}

/** Where each router is. They cannot be in one namespace: both want the port of BFD. */
const CABLES = {
  BIRD: { device: "n0", local: ROUTER.ipv4, neighbour: NODE.ipv4 },
  FRR: { device: "n1", local: "198.51.100.1", neighbour: "198.51.100.2" },
} as const;

const LONG: Soak = {
  routers: ["BIRD", "FRR"],
  intervalMs: Number(HERALD_BFD_SOAK_MS),
  isAhead: true,
  seconds: Number(HERALD_BFD_SOAK_S),
};

const SHORT: readonly Soak[] = [50, 10].flatMap((intervalMs) =>
  (["BIRD", "FRR"] as const).flatMap((router) =>
    [true, false].map((isAhead): Soak => ({ routers: [router], intervalMs, isAhead, seconds: SHORT_S })),
  ),
);

/** BFD with real routers while the main thread does nothing but parse JSON: how often a session is lost. */
export async function benchBfd(say: (line: string) => void): Promise<Row[]> {
  const reason = await whyNoPair();
  if (reason !== undefined) {
    return [{ name: "BFD", value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  }
  await installRouters();
  const rows: Row[] = [];
  for (const soak of HERALD_BFD_SOAK_S === undefined ? SHORT : [LONG]) {
    say(`${nameOf(soak)}, ${soak.seconds} s`);
    const measured = await measure(soak, say);
    for (const { value, unit, note } of measured) say(`  ${value.toFixed(1)} ${unit} ${note}`);
    rows.push(...measured);
  }
  return rows;
}

function nameOf({ routers, intervalMs, isAhead }: Soak): string {
  return `BFD with ${routers.join(" and ")}, 3 × ${intervalMs} ms${isAhead ? "" : ", without SYS_NICE"}`;
}

async function measure(soak: Soak, say: (line: string) => void): Promise<readonly Row[]> {
  const segment = await Segment.create("soak");
  const second = `${segment.router}2`;
  await cable(segment.node, second);
  const started: Router[] = [];
  const speaker = new OurSpeaker(segment.node, { mayRaise: soak.isAhead });
  try {
    for (const name of soak.routers) {
      const router = name === "FRR" ? new Frr(second) : new Bird(segment.router);
      started.push(router);
      const { local, neighbour } = CABLES[name];
      const autonomous = { asn: THEIRS, peerAsn: OURS, families: [4] as const, bfdMs: soak.intervalMs };
      await router.start({ local, neighbour, ...autonomous });
    }
    await speaker.begin(configMap(soak));
    for (const router of started) {
      await until(
        `BFD with ${router.name} is up`,
        () => router.bfd(),
        (bfd) => bfd?.isUp === true,
      );
    }
    const witness = await Witness.start();
    try {
      return await watch(soak, { speaker, witness, thread: await bfdThread(segment.node) }, say);
    } finally {
      await witness.stop();
    }
  } finally {
    await speaker.stop();
    for (const router of started) await router.delete();
    await segment.delete();
    await command(["ip", "netns", "delete", second]);
  }
}

/** A second cable, to another router. Its namespace is swept as those of segments are. */
async function cable(node: string, namespace: string): Promise<void> {
  const { device, local, neighbour } = CABLES.FRR;
  await command(["ip", "netns", "add", namespace]);
  const ends = [device, "netns", node, "type", "veth", "peer", "name", "r0", "netns", namespace];
  await command(["ip", "link", "add", ...ends]);
  await command(["ip", "-netns", node, "address", "add", `${neighbour}/24`, "dev", device]);
  await command(["ip", "-netns", node, "link", "set", device, "up"]);
  await command(["ip", "-netns", namespace, "link", "set", "lo", "up"]);
  await command(["ip", "-netns", namespace, "address", "add", `${local}/24`, "dev", "r0"]);
  await command(["ip", "-netns", namespace, "link", "set", "r0", "up"]);
}

interface Watched {
  readonly speaker: OurSpeaker;
  readonly witness: Witness;
  /** See `bfdThread`. */
  readonly thread: string | undefined;
}

/** What a second was like. */
interface Second {
  /** How late the thread was at worst. */
  readonly lateMs: number;
  /** How long the thread was ready and another had the processor. */
  readonly waitedMs: number;
  /** How late the machine itself was at worst. */
  readonly machineMs: number;
  readonly load: number;
}

async function watch(soak: Soak, watched: Watched, say: (line: string) => void): Promise<readonly Row[]> {
  const { speaker, thread, witness } = watched;
  const [start, stolen] = [performance.now(), stolenMs()];
  const seconds: Second[] = [];
  let report = await speaker.ask({ type: "report" });
  const before = downs(report);
  let lost = 0;
  while (performance.now() < start + 1_000 * soak.seconds) {
    const waited = waitedMs(thread);
    report = await speaker.ask({ type: "busy", ms: BUSY_MS });
    const lateMs = 1_000 * (report.metrics["herald_speaker_bfd_lateness_seconds"] ?? 0);
    const [load = 0] = loadavg();
    seconds.push({ lateMs, waitedMs: waitedMs(thread) - waited, machineMs: witness.takeWorstMs(), load });
    const isLost = downs(report) - before > lost;
    lost = downs(report) - before;
    if (seconds.length % 60 === 0 || lateMs > soak.intervalMs || isLost) {
      say(`  ${wordsOf(seconds)}, ${lost} lost so far${lost === 0 ? "" : ` (${reasons(report)})`}`);
    }
  }
  return rowsOf(nameOf(soak), seconds, lost, stolenMs() - stolen);
}

/** Of the minute until now. */
function wordsOf(seconds: readonly Second[]): string {
  const minute = seconds.slice(-60);
  const late = Math.max(...minute.map(({ lateMs }) => lateMs)).toFixed(1);
  const waited = minute.reduce((sum, each) => sum + each.waitedMs, 0).toFixed(0);
  return [
    `${new Date().toISOString().slice(11, 19)}, the minute before second ${seconds.length}: load ${minute.at(-1)?.load.toFixed(1)}`,
    `late by ${late} ms at worst`,
    `${waited} ms of waiting for a processor`,
    `the machine late by ${worstOf(minute).toFixed(1)} ms at worst`,
  ].join(", ");
}

/** How late the machine itself was at worst; NaN where that is not known. */
function worstOf(seconds: readonly Second[]): number {
  const known = seconds.map(({ machineMs }) => machineMs).filter((ms) => !Number.isNaN(ms));
  return known.length === 0 ? Number.NaN : Math.max(...known);
}

function rowsOf(name: string, seconds: readonly Second[], lost: number, stolen: number): readonly Row[] {
  const loads = seconds.map(({ load }) => load);
  const late = seconds.map(({ lateMs }) => lateMs);
  const waits = seconds.map(({ waitedMs }) => waitedMs);
  const load = `${Math.min(...loads).toFixed(0)} to ${Math.max(...loads).toFixed(0)}`;
  const row = (what: string, value: number, unit: string, note: string): Row => {
    return { name: `${name}: ${what}`, value, unit, note };
  };
  return [
    row("sessions lost", lost, "", `in ${seconds.length} s, main thread busy all the time, load ${load}`),
    ...[50, 99, 99.9].map((percent) =>
      row(`thread late, p${percent}`, percentile(late, percent), "ms", "the worst timer of each second"),
    ),
    row("thread late, at worst", Math.max(...late), "ms", "of a timer that was due"),
    row(
      "thread waited, p99",
      percentile(waits, 99),
      "ms",
      "of each second, for a processor, as the kernel counts it",
    ),
    row("thread waited, at worst", Math.max(...waits), "ms", "the same"),
    row(
      "machine late, at worst",
      worstOf(seconds),
      "ms",
      "a program that goes before all others, on each processor",
    ),
    row("machine stolen from", stolen, "ms", "of its processors' time, by the machine that it runs on"),
  ];
}

/** `/proc/PID/task/TID` of the one that keeps BFD. */
async function bfdThread(namespace: string): Promise<string | undefined> {
  const pids = (await command(["ip", "netns", "pids", namespace])).split("\n").filter(Boolean);
  const tasks = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}`),
  );
  return tasks.find((task) => readFileSync(`${task}/comm`, "utf8").trim() === "bfd");
}

/** How long a thread was ready and another had the processor. */
function waitedMs(thread: string | undefined): number {
  if (thread === undefined) return Number.NaN;
  const [, waitNanos = ""] = readFileSync(`${thread}/schedstat`, "utf8").split(" ");
  return Number(waitNanos) / 1e6;
}

function downs(report: OurBgpReport): number {
  const counts = Object.entries(report.metrics).filter(([name]) =>
    name.startsWith("metallb_bfd_session_down_events{"),
  );
  return counts.reduce((sum, [, count]) => sum + count, 0);
}

/** Who found out, and how. */
function reasons(report: OurBgpReport): string {
  const counts = Object.entries(report.metrics).filter(
    ([name, count]) => name.startsWith("herald_speaker_bfd_downs_total{") && count > 0,
  );
  return counts.map(([name, count]) => `${/reason="([^"]*)"/.exec(name)?.[1]}: ${count}`).join(", ");
}

function configMap({ routers, intervalMs }: Soak): string {
  const peers = routers.map(
    (name) =>
      `- {peer-address: "${CABLES[name].local}", peer-asn: ${THEIRS}, my-asn: ${OURS}, bfd-profile: fast}`,
  );
  return `peers:
${peers.join("\n")}
bfd-profiles:
- {name: fast, receive-interval: ${intervalMs}, transmit-interval: ${intervalMs}}
`;
}
