import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import { Deadlines } from "./deadlines.ts";

export interface ChecksOptions {
  /** Least time between two checks of an address, ms. */
  readonly checkIntervalMs: number;
  /** Time between two checks of any addresses, ms. */
  readonly checkGapMs: number;
}

/** What a late timer missed of this time is made up for, ms: no more, lest a pause of ours end in a flood. */
const CATCH_UP_MS = 10;

/**
 * When to ask whether somebody else has an address that is asked for here. What may not be asked at once is asked as
 * soon as it may: whoever came meanwhile is found at the next turn, though nobody should ask for the address again.
 */
export class Checks {
  readonly #options: ChecksOptions;
  /** All three bounded by the addresses held here. */
  readonly #lastAt = new Map<IpAddress, Instant>();
  /** Checked a short while ago. */
  readonly #waiting = new Deadlines<IpAddress>();
  /** May be checked, in the order in which they came to that, while others are. */
  readonly #queue = new Set<IpAddress>();
  #nextTurn: Instant = Number.NEGATIVE_INFINITY;

  constructor(options: ChecksOptions) {
    this.#options = options;
  }

  /** @returns whether to check it now; if not, it waits for its turn. */
  want(address: IpAddress, now: Instant): boolean {
    if (this.#waiting.has(address) || this.#queue.has(address)) return false;
    const earliest = (this.#lastAt.get(address) ?? Number.NEGATIVE_INFINITY) + this.#options.checkIntervalMs;
    if (earliest > now) this.#waiting.set(address, earliest);
    else if (this.#queue.size > 0 || this.#nextTurn > now) this.#queue.add(address);
    else return this.#mark(address, now);
    return false;
  }

  /** @returns what to check now. */
  take(now: Instant): readonly IpAddress[] {
    for (const { key } of this.#waiting.take(now)) this.#queue.add(key);
    const turns: IpAddress[] = [];
    for (const address of this.#queue) {
      if (this.#nextTurn > now) break;
      this.#queue.delete(address);
      this.#mark(address, now);
      turns.push(address);
    }
    return turns;
  }

  forget(address: IpAddress): void {
    this.#lastAt.delete(address);
    this.#waiting.delete(address);
    this.#queue.delete(address);
  }

  nextWake(): Instant | undefined {
    return this.#queue.size > 0 ? this.#nextTurn : this.#waiting.earliest();
  }

  #mark(address: IpAddress, now: Instant): true {
    this.#lastAt.set(address, now);
    this.#nextTurn = Math.max(this.#nextTurn, now - CATCH_UP_MS) + this.#options.checkGapMs;
    return true;
  }
}
