import type { Clock } from "@herald/shared/core";

/** The longest delay a Node timer keeps: beyond it fires at once (setTimeout, TIMEOUT_MAX). */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A timer as late as this, ms, waited for a busy thread, and so does what arrived meanwhile. */
const LATE_MS = 5;

/** The system's monotonic clock. Suspending the machine or setting its date does not move it. */
export const systemClock: Clock = {
  now: () => performance.now(),
  at: (due, callback) => {
    let timer: NodeJS.Timeout;
    let turn: NodeJS.Immediate | undefined;
    const arm = (): void => {
      const waitMs = Math.min(Math.max(0, Math.ceil(due - performance.now())), MAX_TIMER_MS);
      timer = setTimeout(ring, waitMs);
    };
    const ring = (): void => {
      const lateMs = performance.now() - due;
      // Why: a timer may fire a fraction of a millisecond early, and a core woken early has nothing to do.
      if (lateMs < 0) arm();
      // Why: an answer that lies in a socket is in time; timers that are late ring before sockets are read again.
      else if (lateMs >= LATE_MS) turn = setImmediate(callback);
      else callback();
    };
    arm();
    return () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
  },
};
