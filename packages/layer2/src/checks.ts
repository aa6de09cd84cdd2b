import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import { Deadlines } from "./deadlines.ts";

export interface ChecksOptions {
  /** Least time between two checks of an address, ms. */
  readonly checkIntervalMs: number;
  /** Least time between two checks of any addresses, ms. */
  readonly checkGapMs: number;
}

/**
 * When to ask whether somebody else has an address that is asked for here. What may not be asked at once is asked as
 * soon as it may: whoever came meanwhile is found at the next turn, though nobody should ask for the address again.
 */
export class Checks {
  readonly #options: ChecksOptions;
  /** Both bounded by the addresses held here. */
  readonly #lastAt = new Map<IpAddress, Instant>();
  readonly #waiting = new Deadlines<IpAddress>();
  /** Those of the waiting whose turn is theirs alone. */
  readonly #reserved = new Set<IpAddress>();
  #nextTurn: Instant = Number.NEGATIVE_INFINITY;

  constructor(options: ChecksOptions) {
    this.#options = options;
  }

  /** @returns whether to check it now; if not, it waits for its turn. */
  want(address: IpAddress, now: Instant): boolean {
    if (this.#waiting.has(address)) return false;
    const earliest = (this.#lastAt.get(address) ?? Number.NEGATIVE_INFINITY) + this.#options.checkIntervalMs;
    if (earliest <= now) return this.#turn(address, now);
    this.#waiting.set(address, earliest);
    return false;
  }

  /** @returns what to check now. */
  take(now: Instant): readonly IpAddress[] {
    const due = this.#waiting.take(now).map(({ key }) => key);
    return due.filter((address) =>
      this.#reserved.delete(address) ? this.#mark(address, now) : this.#turn(address, now),
    );
  }

  forget(address: IpAddress): void {
    this.#lastAt.delete(address);
    this.#waiting.delete(address);
    this.#reserved.delete(address);
  }

  nextWake(): Instant | undefined {
    return this.#waiting.earliest();
  }

  /** Now, or at a turn of its own later: many that wait do not look again and again whose turn it is. */
  #turn(address: IpAddress, now: Instant): boolean {
    const at = Math.max(now, this.#nextTurn);
    this.#nextTurn = at + this.#options.checkGapMs;
    if (at === now) return this.#mark(address, now);
    this.#reserved.add(address);
    this.#waiting.set(address, at);
    return false;
  }

  #mark(address: IpAddress, now: Instant): true {
    this.#lastAt.set(address, now);
    return true;
  }
}
