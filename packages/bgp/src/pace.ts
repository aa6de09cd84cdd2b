import type { Instant } from "@herald/shared/core";

/**
 * MinRouteAdvertisementIntervalTimer (RFC 4271 §9.2.1.1), one for each prefix: what is new about one that was announced a
 * moment ago waits, and nothing else does. MinASOriginationIntervalTimer (§9.2.1.2) is the same thing here, where no other
 * routes are told than those that begin here. Why no jitter (§10): it would cut short what was asked for, and these timers do
 * not run out together anyway, as each begins when its prefix was told.
 */
export class Pace {
  /** ms; 0: nothing waits. */
  #intervalMs: number;
  /** When prefixes were announced last, the longest ago first. Bounded by what is announced within the interval. */
  readonly #announced = new Map<string, Instant>();
  /** Those of them that something is to be said of. */
  readonly #held = new Set<string>();
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Counts from when each prefix was announced, as before. */
  retime(intervalMs: number): void {
    this.#intervalMs = intervalMs;
  }

  announced(prefix: string, now: Instant): void {
    if (this.#intervalMs === 0) return;
    this.#announced.delete(prefix); // to be the last
    this.#announced.set(prefix, now);
  }

  /** Whether it was announced too short a time ago to be announced anew. */
  isTooSoon(prefix: string): boolean {
    return this.#announced.has(prefix);
  }

  /** Something about it has to wait, or nothing any more. */
  hold(prefix: string, isHeld: boolean): void {
    if (isHeld) this.#held.add(prefix);
    else this.#held.delete(prefix);
  }

  /** @returns the prefixes whose wait is over. */
  release(now: Instant): readonly string[] {
    const released: string[] = [];
    for (const [prefix, at] of this.#announced) {
      if (at + this.#intervalMs > now) break;
      this.#announced.delete(prefix);
      if (this.#held.delete(prefix)) released.push(prefix);
    }
    return released;
  }

  /** When to look whether a wait is over; `undefined` while nothing waits. */
  get due(): Instant | undefined {
    if (this.#held.size === 0) return undefined;
    const [oldest] = this.#announced.values();
    return oldest === undefined ? undefined : oldest + this.#intervalMs;
  }
}
