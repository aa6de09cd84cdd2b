import type { Random } from "@herald/shared/core";
import type { BfdOptions } from "./options.ts";
import type { BfdState } from "./states.ts";

/** What we tell of our own timers; microseconds, as on the wire. */
export interface OurTimers {
  readonly desiredMinTxMicros: number;
  readonly requiredMinRxMicros: number;
}

/** A session that is not up sends no more often than this, for the peer may not know BFD at all (RFC 5880 §6.8.3). */
export const SLOW_MICROS = 1_000_000;

/**
 * How much longer than the detection time we wait, ms. An event loop that stood still runs its timers before it reads what
 * came in meanwhile; this gives it the time to read. Without it a pause of this process would be taken for one of the peer's.
 */
export const GRACE_MS = 2;

/** RFC 5880 §6.8.3: what we want in this state. */
export function ourTimers(options: BfdOptions, state: BfdState): OurTimers {
  const wanted = toMicros(options.transmitMs);
  return {
    desiredMinTxMicros: state === "up" ? wanted : Math.max(wanted, SLOW_MICROS),
    requiredMinRxMicros: toMicros(options.receiveMs),
  };
}

export function toMicros(ms: number): number {
  return Math.round(ms * 1_000);
}

/**
 * What counts while a Poll Sequence has not told the peer (RFC 5880 §6.8.3): it must know of a longer gap between our packets
 * before we make one, and must send more often before we expect it to.
 */
export function untilFinal(before: OurTimers, now: OurTimers): OurTimers {
  return {
    desiredMinTxMicros: Math.min(before.desiredMinTxMicros, now.desiredMinTxMicros),
    requiredMinRxMicros: Math.max(before.requiredMinRxMicros, now.requiredMinRxMicros),
  };
}

/**
 * The share of the interval after which the next packet goes: all of it less up to a quarter. Where one lost packet is too
 * much already, at most nine tenths (RFC 5880 §6.8.7).
 */
export function jitter(random: Random, detectMultiplier: number): number {
  return detectMultiplier === 1 ? 0.75 + 0.15 * random.next() : 1 - 0.25 * random.next();
}
