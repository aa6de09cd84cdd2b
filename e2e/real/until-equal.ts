import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

/** Only for failing. */
const WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;

/**
 * Looks until something is as wanted: for what no event tells, and for what is written by somebody else than the one
 * whose event was awaited. One that does not become so is compared, and so seen.
 */
export async function untilEqual<T>(
  look: () => T | Promise<T>,
  wanted: T,
  what: string,
  withinMs = WITHIN_MS,
): Promise<void> {
  const due = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (isDeepStrictEqual(seen, wanted)) return;
    if (performance.now() > due) assert.deepEqual(seen, wanted, `${what}, within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
