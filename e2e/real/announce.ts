// node announce.ts ADDRESS...: the announcer alone on real interfaces, without a cluster. Answers every line on
// standard input with its counters and what it holds, as JSON; ends with its input.
import { readdirSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { systemClock } from "@herald/daemon/clock";
import { createLog } from "@herald/daemon/log";
import { createRegistry } from "@herald/daemon/metrics";
import { systemRandom } from "@herald/daemon/random";
import { DEFAULT_CONFLICT_OPTIONS } from "@herald/layer2/conflict-options";
import { DEFAULT_ANNOUNCER_OPTIONS } from "@herald/layer2/options";
import { parseAddress } from "@herald/shared/ip/address";
import { watchInterfaces } from "@herald/speaker/io/interfaces";
import { multicastGroups } from "@herald/speaker/io/multicast-groups";
import { pcap } from "@herald/speaker/io/pcap";
import { createSpeakerMetrics } from "@herald/speaker/metrics";
import type { PacketPort } from "@herald/speaker/packet-port";
import { runLayer2 } from "@herald/speaker/run-layer2";

/** What a line is answered with. */
export interface AnnounceReport {
  /** Series and their values, as /metrics shows them. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly openFiles: number;
  readonly rssOctets: number;
  /** The longest the event loop was late since the last line, ms; the machine's own tardiness included. */
  readonly worstDelayMs: number;
  /** How long each call that opened or closed a capture kept the thread, ms. */
  readonly captureCallsMs: readonly number[];
  /** How often each of those calls waited for something; whatever else the machine did meanwhile does not count. */
  readonly captureCallWaits: readonly number[];
}

const registry = createRegistry();
const metrics = createSpeakerMetrics(registry);
const log = createLog({ level: "info", program: "announce", write: (line) => process.stderr.write(line) });

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const captureCallsMs: number[] = [];
const captureCallWaits: number[] = [];
function timed<T>(call: () => T): T {
  const waitsBefore = waits();
  const from = performance.now();
  const result = call();
  captureCallsMs.push(performance.now() - from);
  captureCallWaits.push(waits() - waitsBefore);
  return result;
}
/** How often this thread has left its processor of its own accord. */
function waits(): number {
  const status = readFileSync("/proc/thread-self/status", "utf8");
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
}
const packets: PacketPort = {
  open: (options) => {
    const { send, close } = timed(() => pcap.open(options));
    return { send, close: () => timed(close) };
  },
};

const layer2 = runLayer2(
  {
    node: "this",
    announcer: DEFAULT_ANNOUNCER_OPTIONS,
    conflicts: DEFAULT_CONFLICT_OPTIONS,
    captures: { retryMinMs: 100, retryMaxMs: 10_000 },
    excludedInterfaces: [/^lo$/],
  },
  {
    clock: systemClock,
    random: systemRandom,
    packets,
    groups: multicastGroups(),
    log,
    metrics: metrics.layer2,
    onYielded: () => {},
    onNews: () => {},
    onStations: () => {},
    isStill: (station) => interfaces.isStill(station),
    onCaptureLost: () => interfaces.refresh(),
  },
);
const interfaces = watchInterfaces({
  clock: systemClock,
  onLinks: layer2.setLinks,
  onTrouble: (reason) => {
    metrics.layer2.interfaceTroubles.inc();
    log.warn("trouble", { reason });
  },
});
for (const text of process.argv.slice(2)) {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  layer2.feed({ type: "announce", address, interfaces: "all", epoch: 0, probe: "skip" });
}

const lines = createInterface({ input: process.stdin });
lines.on("line", () => {
  void registry.metrics().then((text) => {
    const series = text.split("\n").filter((line) => /^(herald|metallb)_/.test(line));
    const report: AnnounceReport = {
      metrics: Object.fromEntries(
        series.map((line) => [
          line.slice(0, line.lastIndexOf(" ")),
          Number(line.slice(line.lastIndexOf(" "))),
        ]),
      ),
      openFiles: readdirSync("/proc/self/fd").length,
      rssOctets: process.memoryUsage.rss(),
      worstDelayMs: delay.max / 1e6,
      captureCallsMs,
      captureCallWaits,
    };
    delay.reset();
    process.stdout.write(`${JSON.stringify(report)}\n`);
  });
});
lines.on("close", () => {
  interfaces.stop();
  layer2.stop();
  process.exit(0);
});
