import type { Random } from "@herald/shared/core";

export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait after so many failures in a row: doubling, with jitter over the upper half of the step, so that
 * clients which failed together do not come back together. Always within the limits.
 *
 * @param failures at least 1.
 */
export function backoffMs({ minMs, maxMs }: BackoffLimits, failures: number, random: Random): number {
  const ceilingMs = Math.min(maxMs, minMs * 2 ** failures);
  return Math.max(minMs, ceilingMs * (0.5 + random.next() / 2));
}
