/** The part of lab's virtual clock that is needed here. */
export interface SteppedClock {
  now(): number;
  nextDue(): number | undefined;
  runUntil(end: number): void;
}

/**
 * Lets virtual time pass for code that awaits: after every instant at which something was due, promises settle before the
 * next one. For tests and simulations.
 */
export async function elapse(clock: SteppedClock, durationMs: number): Promise<void> {
  const end = clock.now() + durationMs;
  await settle();
  for (let due = clock.nextDue(); due !== undefined && due <= end; due = clock.nextDue()) {
    clock.runUntil(due);
    await settle();
  }
  clock.runUntil(end);
}

/** Promises that wait for nothing but each other are settled when this resolves. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
