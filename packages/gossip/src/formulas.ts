/**
 * How often news is repeated: `mult × ⌈log10(members + 1)⌉` packets per broadcast.
 *
 * @param members records known, oneself and the dead included.
 */
export function retransmitLimit(mult: number, members: number): number {
  return mult * Math.ceil(Math.log10(members + 1));
}

/**
 * The shortest suspicion: `mult × max(1, log10(members)) × interval`, the logarithm cut to three decimals.
 *
 * @param members records known, oneself and the dead included.
 */
export function suspicionTimeoutMs(mult: number, members: number, probeIntervalMs: number): number {
  const scale = Math.max(1, Math.log10(Math.max(1, members)));
  return (mult * Math.trunc(scale * 1_000) * probeIntervalMs) / 1_000;
}

/** Lifeguard's suspicion: how long it lasts, and how many others must agree to make it short. */
export interface SuspicionSpan {
  readonly minMs: number;
  readonly maxMs: number;
  /** Confirmations that shorten it from `maxMs` to `minMs`; below 1: it is `minMs` at once. */
  readonly wanted: number;
}

/**
 * How long a suspicion still has to run: each confirmation takes away its logarithmic share of the way from
 * `maxMs` to `minMs` (Lifeguard, LHA-Suspicion). Overdue is negative.
 */
export function remainingSuspicionMs(span: SuspicionSpan, confirmations: number, elapsedMs: number): number {
  const { minMs, maxMs, wanted } = span;
  if (wanted < 1) return minMs - elapsedMs;
  const share = Math.log(confirmations + 1) / Math.log(wanted + 1);
  return Math.max(minMs, Math.floor(maxMs - share * (maxMs - minMs))) - elapsedMs;
}

/** Members up to which everybody exchanges tables at the full pace. */
const PUSH_PULL_THRESHOLD = 32;

/** By how much the gap between two exchanges of whole tables grows: 1 up to 32 members, then with log2. */
export function pushPullScale(members: number): number {
  if (members <= PUSH_PULL_THRESHOLD) return 1;
  return Math.ceil(Math.log2(members) - Math.log2(PUSH_PULL_THRESHOLD)) + 1;
}
