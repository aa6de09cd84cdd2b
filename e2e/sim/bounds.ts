import { PROFILES, type ProfileName } from "@herald/gossip/options";
import type { Fault, Script } from "./script.ts";

/** From a crash until another node answers, at up to 2 % loss, all other things well (docs/gossip.md). */
export const DETECTION_MS: Readonly<Record<ProfileName, number>> = { fast: 300, default: 500, lan: 20_000 };

/** A node may stand still for so long without anybody taking it for dead (docs/gossip.md). */
export const PAUSE_TOLERANCE_MS: Readonly<Record<ProfileName, number>> = {
  fast: 80,
  default: 200,
  lan: 3_000,
};

/** What a frame or datagram needs to arrive, answered and repeated, and what a decision needs to be taken, ms. */
const DELIVERY_MS = 100;

/** A repeat of what was announced and lost, ms (DEFAULT_ANNOUNCER_OPTIONS). */
const REPEAT_MS = 1_100;

/** Whoever begins to answer for an address says so for as long, ms (DEFAULT_ANNOUNCER_OPTIONS). */
export const ANNOUNCED_MS = 4 * REPEAT_MS;

/** Whether an address is free is found out first where it is not taken over, ms (DEFAULT_CONFLICT_OPTIONS). */
const PROBE_MS = 600;

/** A process from its start to its first announcement, its view of the API apart: join wait, probes, ms. */
const BOOT_MS = 2_500;

/** When an address that seemed to be a stranger's is asked for again, ms: a minute would make long stories. */
export const QUARANTINE_MS = 3_000;

/** How long who stops in order waits for a successor, ms: what --drain-timeout says by default. */
export const YIELD_MS = 5_000;

/** How long things may take in one story, all of them from the moment nothing is in their way any more. */
export interface Bounds {
  /** Two nodes that know each other alive answer for one address at most for so long. */
  readonly overlapMs: number;
  /** The same where something was between them: who leaves an address may have missed that another announced it. */
  readonly healedMs: number;
  /** The same where nothing is between them any more, but they still take each other for dead. */
  readonly reunionMs: number;
  /** After the last fault every address is held by one node. */
  readonly settleMs: number;
  /** After that every neighbour cache points to it. */
  readonly cachesMs: number;
}

/** What the script makes necessary, and nothing on top. */
export function boundsOf(script: Script): Bounds {
  const { profile, faults } = script;
  const { rejoinIntervalMs, streamTimeoutMs } = PROFILES[profile];
  const viewMs = slowestView(script);
  const parted = faults.some(({ kind, forMs }) => PARTING.has(kind) && forMs > PAUSE_TOLERANCE_MS[profile]);
  const overlapMs = DETECTION_MS[profile] + DELIVERY_MS;
  // Who is dead to memberlist's own profile is knocked at as seldom as memberlist does.
  const knockMs = profile === "lan" ? rejoinIntervalMs + streamTimeoutMs : 0;
  const reunionMs = 2 * DETECTION_MS[profile] + knockMs + DELIVERY_MS;
  const booted = faults.some((fault) => BOOTING.has(fault.kind)) ? BOOT_MS + viewMs : 0;
  // Of whoever is gone before it is met again, nobody tells that it was no stranger.
  const mistaken = faults.some(({ kind }) => kind === "boots-deaf") ? QUARANTINE_MS + PROBE_MS : 0;
  const stopped = faults.some(({ kind }) => kind === "stop") ? YIELD_MS : 0;
  const settleMs =
    PROBE_MS +
    viewMs +
    (parted ? reunionMs : 2 * DETECTION_MS[profile]) +
    booted +
    stopped +
    mistaken +
    apiRecoveryMs(faults);
  const healedMs = overlapMs + REPEAT_MS;
  return { overlapMs, healedMs, reunionMs, settleMs, cachesMs: 3 * REPEAT_MS + DELIVERY_MS };
}

const PARTING = new Set<Fault["kind"]>([
  "loss",
  "pause",
  "cable-cut",
  "carrier-loss",
  "one-way",
  "partition",
  "boots-deaf",
]);
const BOOTING = new Set<Fault["kind"]>([
  "power-cut",
  "process-crash",
  "boots-deaf",
  "stop",
  "controller-crash",
]);

/** A question and its answer at the slowest node, and what is still on its way from when it was slower, ms. */
function slowestView({ lagMs, faults }: Script): number {
  const slow = faults.filter(({ kind }) => kind === "api-slow-at-node").map(({ amount }) => 2_000 * amount);
  return 2 * Math.max(...lagMs) + 2 * Math.max(0, ...slow);
}

/** Reflectors try again after ever longer waits, each at most as long as all before it and a second (k8s/backoff.ts). */
function apiRecoveryMs(faults: readonly Fault[]): number {
  const outages = faults.filter(({ kind }) => kind === "api-outage" || kind === "api-outage-at-node");
  return outages.length === 0 ? 0 : 1_500 + 2 * outages.reduce((sum, { forMs }) => sum + forMs, 0);
}
