import type { Clock } from "@herald/shared/core";

/** The longest delay a Node timer keeps: beyond it fires at once (setTimeout, TIMEOUT_MAX). */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The system's monotonic clock. Suspending the machine or setting its date does not move it. */
export const systemClock: Clock = {
  now: () => performance.now(),
  at: (due, callback) => {
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const waitMs = Math.min(Math.max(0, Math.ceil(due - performance.now())), MAX_TIMER_MS);
      timer = setTimeout(ring, waitMs);
    };
    // Why: a timer may fire a fraction of a millisecond early, and a core woken early has nothing to do.
    const ring = (): void => (performance.now() < due ? arm() : callback());
    arm();
    return () => clearTimeout(timer);
  },
};
