import assert from "node:assert/strict";

/**
 * How long anything is waited for, ms. It only ends a test that fails. The longest that is due is a router that lets
 * nobody in for 5 s, and ours that tries again only 10 s after that.
 */
export const LIMIT_MS = 60_000;

/** Asks until the answer is what is wanted. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  withinMs = LIMIT_MS,
): Promise<T> {
  const due = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    assert.ok(
      performance.now() < due,
      `${what} within ${withinMs} ms; the answer is ${JSON.stringify(answer)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
