import type { BfdPath } from "@herald/bfd/options";
import {
  BFD_DOWN_REASONS,
  BFD_DROP_REASONS,
  type BfdDownReason,
  type BfdDropReason,
} from "@herald/bfd/reasons";
import type { SessionStatus } from "@herald/bfd/status";
import { isLinkLocal } from "@herald/shared/ip/address";
import { Counter, Gauge, type Registry } from "prom-client";
import type { BfdReport } from "./bfd-protocol.ts";

export interface BfdMetrics {
  /** The sessions that have series from now on. */
  want(sessions: readonly { readonly key: string; readonly path: BfdPath }[]): void;
  take(report: BfdReport): void;
  down(session: string, reason: BfdDownReason): void;
}

type Read = (status: SessionStatus) => number;
type Named = Readonly<Record<string, readonly [help: string, read: Read, ofSeveral?: typeof Math.max]>>;

const GAUGES: Named = {
  metallb_bfd_session_up: [
    "1 while the session with the peer is up, else 0.",
    ({ state }) => (state === "up" ? 1 : 0),
    Math.min, // not up as long as one is not
  ],
  herald_speaker_bfd_detection_time_seconds: [
    "How long the peer may be silent until it is given up; 0 while it is not heard.",
    ({ detectionTimeMs }) => (detectionTimeMs ?? 0) / 1_000,
  ],
  herald_speaker_bfd_transmit_interval_seconds: [
    "Longest gap between two packets to the peer as agreed on; 0 while there are none.",
    ({ transmitIntervalMs }) => (transmitIntervalMs ?? 0) / 1_000,
  ],
};

const COUNTERS: Named = {
  metallb_bfd_control_packet_input: [
    "Control packets received of the peer.",
    ({ counters }) => counters.received,
  ],
  metallb_bfd_control_packet_output: ["Control packets sent to the peer.", ({ counters }) => counters.sent],
  metallb_bfd_echo_packet_input: ["Echo packets received; none are ever sent from here.", () => 0],
  metallb_bfd_echo_packet_output: [
    "Echo packets sent: none. The peer's are sent back by the kernel.",
    () => 0,
  ],
  metallb_bfd_session_up_events: ["Times the session with the peer came up.", ({ counters }) => counters.up],
  metallb_bfd_session_down_events: [
    "Times the session with the peer was up and then was not.",
    ({ counters }) => counters.down,
  ],
  metallb_bfd_zebra_notifications: ["There is no zebra here: 0.", () => 0],
};

const LABELS = ["peer", "vrf"] as const;
type Labels = Record<(typeof LABELS)[number], string>;

/**
 * How sessions stand is what the thread said last: a second ago at most. Peers of one address that are watched over
 * different ways (from different addresses of ours) share a series, as MetalLB's labels have no room for that: it counts
 * for all of them, and is as good as the worst of them.
 */
export function createBfdMetrics(registry: Registry): BfdMetrics {
  const registers = [registry];
  /** By session; bounded by the configuration. */
  let wanted: ReadonlyMap<string, Labels> = new Map();
  let statuses: ReadonlyMap<string, SessionStatus> = new Map();
  const known = (): readonly (readonly [Labels, SessionStatus])[] =>
    [...wanted].flatMap(([key, labels]) => {
      const status = statuses.get(key);
      return status === undefined ? [] : [[labels, status] as const];
    });
  for (const [name, [help, read, ofSeveral = Math.max]] of Object.entries(GAUGES)) {
    const gauge: Gauge<keyof Labels> = new Gauge({
      name,
      help,
      labelNames: LABELS,
      registers,
      collect: () => {
        gauge.reset();
        for (const shared of Map.groupBy(known(), ([labels]) => textOf(labels)).values()) {
          const [[labels]] = shared as [(typeof shared)[number]];
          gauge.set(labels, ofSeveral(...shared.map(([, status]) => read(status))));
        }
      },
    });
  }
  for (const [name, [help, read]] of Object.entries(COUNTERS)) {
    const counter: Counter<keyof Labels> = new Counter({
      name,
      help,
      labelNames: LABELS,
      registers,
      collect: () => {
        counter.reset();
        for (const [labels, status] of known()) counter.inc(labels, read(status));
      },
    });
  }
  const downs = new Counter({
    name: "herald_speaker_bfd_downs_total",
    help: "Times a session was up and then was not, by reason (docs/reference/reasons.md).",
    labelNames: [...LABELS, "reason"] as const,
    registers,
  });
  const takeThread = threadMetrics(registry);
  return {
    want: (sessions) => {
      const before = wanted;
      wanted = new Map(sessions.map(({ key, path }) => [key, labelsOf(path)]));
      const kept = new Set([...wanted.values()].map(textOf));
      for (const labels of before.values()) {
        if (kept.has(textOf(labels))) continue;
        for (const reason of Object.keys(BFD_DOWN_REASONS)) downs.remove({ ...labels, reason });
      }
    },
    take: (report) => {
      statuses = report.statuses;
      takeThread(report);
    },
    down: (session, reason) => {
      const labels = wanted.get(session);
      if (labels !== undefined) downs.inc({ ...labels, reason });
    },
  };
}

/** What is of no session. */
function threadMetrics(registry: Registry): (report: BfdReport) => void {
  const registers = [registry];
  let drops: Readonly<Partial<Record<BfdDropReason, number>>> = {};
  const dropped = new Counter({
    name: "herald_speaker_bfd_dropped_total",
    help: "BFD packets read and counted for nothing, by reason (docs/reference/reasons.md).",
    labelNames: ["reason"],
    registers,
    collect: () => {
      dropped.reset();
      for (const reason of Object.keys(BFD_DROP_REASONS)) {
        dropped.inc({ reason }, drops[reason as BfdDropReason] ?? 0);
      }
    },
  });
  let latestMs = 0;
  const late: Gauge = new Gauge({
    name: "herald_speaker_bfd_lateness_seconds",
    help: "How late the BFD thread ran at worst since the last scrape; near an interval of a session, that session is at risk.",
    registers,
    collect: () => {
      late.set(latestMs / 1_000);
      latestMs = 0;
    },
  });
  return (report) => {
    drops = report.drops;
    latestMs = Math.max(latestMs, report.latestMs);
  };
}

/** As FRR calls a session in MetalLB's metrics; but a link-local address is none without its interface. */
function labelsOf({ remote, interface: name }: BfdPath): Labels {
  if (isLinkLocal(remote) && name !== undefined) return { peer: `${remote}%${name}`, vrf: "default" };
  return { peer: remote, vrf: name ?? "default" };
}

function textOf({ peer, vrf }: Labels): string {
  return `${peer} ${vrf}`;
}
