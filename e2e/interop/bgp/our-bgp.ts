// node our-bgp.ts LISTEN_PORT|"" BMP_STATION|"": the BGP side of a speaker alone, on real sockets and without a cluster. Every line on standard input is
// a command (OurBgpCommand as JSON); each is answered with how it stands, as a line of JSON. Ends with its input.
import { createInterface } from "node:readline";
import { systemClock } from "@herald/daemon/clock";
import { createLog } from "@herald/daemon/log";
import { createRegistry } from "@herald/daemon/metrics";
import { systemRandom } from "@herald/daemon/random";
import type { RouteRules } from "@herald/shared/config/config";
import { configFromConfigMap } from "@herald/shared/config/load";
import { configFromObjects } from "@herald/shared/config/objects/config-from-objects";
import type { Clock } from "@herald/shared/core";
import { startBfd } from "@herald/speaker/bfd-link";
import { BgpSpeaker } from "@herald/speaker/bgp-speaker";
import { parseStation } from "@herald/speaker/bmp-station";
import { bgpListeners } from "@herald/speaker/io/bgp-listeners";
import { isNear, linkLocalOf } from "@herald/speaker/io/bgp-local-addresses";
import { sourceTowards } from "@herald/speaker/io/bgp-socket-options";
import { bgpSockets } from "@herald/speaker/io/bgp-sockets";
import { dialStation } from "@herald/speaker/io/bmp-socket";
import { watchInterfaces } from "@herald/speaker/io/interfaces";
import { pcap } from "@herald/speaker/io/pcap";
import type { Change } from "@herald/speaker/kubernetes-protocol";
import { createSpeakerMetrics } from "@herald/speaker/metrics";
import { BmpMonitor } from "@herald/speaker/run-bmp";
import { objectsIn } from "./objects-in.ts";

export type OurBgpCommand =
  | { readonly type: "report" }
  /** What the ConfigMap holds; the others are laid over each of its peers and advertisements, for what it cannot say. */
  | {
      readonly type: "config";
      readonly text: string;
      readonly peers?: Readonly<Record<string, unknown>>;
      readonly rules?: RouteRules;
    }
  /** The same as YAML of objects, and nothing else. */
  | { readonly type: "objects"; readonly yaml: string }
  | { readonly type: "change"; readonly change: Change }
  /** Begins to leave: routers are asked to prefer other ways. */
  | { readonly type: "drain" }
  /** Routers have found other ways, if they were to. Answered when all is said. */
  | { readonly type: "part" }
  /** Keeps the main thread from doing anything else for so long. */
  | { readonly type: "busy"; readonly ms: number };

/** What every line is answered with. */
export interface OurBgpReport {
  /** Series and their values, as /metrics shows them. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Lines of the log so far. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
}

const [, , listenPort = "", bmpStation = ""] = process.argv;
const station = parseStation(bmpStation);
const lines: Record<string, unknown>[] = [];
const registry = createRegistry();
const metrics = createSpeakerMetrics(registry);
const log = createLog({
  level: "debug",
  program: "our-bgp",
  write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
});
/** Longer than anything else that is waited for: how long routers may look for other ways the test says. */
const PART_MS = 7 * 24 * 3_600_000;
let endParting = (): void => {};
let left: Promise<void> | undefined;
const clock: Clock = {
  now: systemClock.now,
  at: (due, callback) => {
    if (due - systemClock.now() < PART_MS / 2) return systemClock.at(due, callback);
    endParting = callback;
    return () => {};
  },
};

const speaker = new BgpSpeaker(
  {
    node: "this",
    address: undefined,
    plan: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
    partMs: PART_MS,
  },
  {
    clock,
    random: systemRandom,
    sockets: bgpSockets,
    ...(listenPort !== "" && { incoming: { port: Number(listenPort), sockets: bgpListeners } }),
    log,
    metrics,
    ...(station !== undefined && {
      monitor: (sources) =>
        new BmpMonitor(
          { station, node: "this", version: "test" },
          {
            ...{ clock: systemClock, random: systemRandom, epochMs: () => Date.now() },
            ...{ dial: dialStation, log, metrics: metrics.bmp },
          },
          sources,
        ),
    }),
    recordEvent: () => {},
    sayHolding: () => {},
    saySession: () => {},
    epochMs: () => Date.now(),
    startBfd,
    isNear,
    sourceTowards,
    packets: pcap,
    linkLocalOf,
    sharedMs: () => Number(process.hrtime.bigint()) / 1e6,
    onBfdCrash: (error) => {
      throw error;
    },
  },
);

watchInterfaces({
  clock: systemClock,
  onLinks: (links) => speaker.setLinks(links),
  onTrouble: (message) => {
    throw new Error(message);
  },
});

async function obey(command: OurBgpCommand): Promise<void> {
  switch (command.type) {
    case "report":
      return;
    case "config": {
      const config = configFromConfigMap({ config: command.text });
      const peers = config.peers.map((peer) => ({ ...peer, ...command.peers }));
      const { rules } = command;
      const bgpAdvertisements = config.bgpAdvertisements.map((each) => ({
        ...each,
        ...(rules && { rules }),
      }));
      speaker.take({ type: "config", config: { ...config, peers, bgpAdvertisements } });
      return;
    }
    case "objects":
      speaker.take({ type: "config", config: configFromObjects(objectsIn(command.yaml)) });
      return;
    case "change":
      speaker.take(command.change);
      return;
    case "drain":
      left = speaker.drain();
      return;
    case "part":
      endParting();
      await left;
      return;
    case "busy":
      for (const until = performance.now() + command.ms; performance.now() < until; )
        JSON.parse(JSON.stringify(lines));
  }
}

async function report(): Promise<OurBgpReport> {
  const text = await registry.metrics();
  const series = text.split("\n").filter((line) => /^(herald|metallb)_/.test(line));
  return {
    metrics: Object.fromEntries(
      series.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
    ),
    log: lines,
  };
}

const input = createInterface({ input: process.stdin });
for await (const line of input) {
  await obey(JSON.parse(line) as OurBgpCommand);
  process.stdout.write(`${JSON.stringify(await report())}\n`);
}
process.exit(0);
