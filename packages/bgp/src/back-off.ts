import type { Random } from "@herald/shared/core";
import type { SessionTimings } from "./options.ts";

/** RFC 4271 §10: a timer runs for three quarters to all of its time, so that many do not fire at once. */
export function jittered(ms: number, random: Random): number {
  return ms * (0.75 + 0.25 * random.next());
}

type Timings = Pick<SessionTimings, "retryMinMs" | "retryMaxMs">;

/** How long to wait before the next try: twice as long each time, up to a bound. */
export class BackOff {
  #timings: Timings;
  readonly #random: Random;
  /** RFC 4271 §8: ConnectRetryCounter. */
  #failures = 0;
  constructor(timings: Timings, random: Random) {
    this.#timings = timings;
    this.#random = random;
  }

  get failures(): number {
    return this.#failures;
  }

  /** One failure more. @returns ms to wait. */
  next(): number {
    const { retryMinMs, retryMaxMs } = this.#timings;
    const ms = Math.min(retryMinMs * 2 ** Math.min(this.#failures, 30), retryMaxMs);
    this.#failures += 1;
    return jittered(ms, this.#random);
  }

  /** Other bounds, from the next failure on. */
  retime(timings: Timings): void {
    this.#timings = timings;
  }

  reset(): void {
    this.#failures = 0;
  }
}
