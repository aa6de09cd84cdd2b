import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";

/** "A host MUST NOT … defend more than once within DEFEND_INTERVAL" (RFC 5227 §2.4): two that insist would never stop. */
export class Defences {
  readonly #intervalMs: number;
  /** Oldest first; bounded by what was defended within the interval. */
  readonly #lastAt = new Map<IpAddress, Instant>();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** @returns whether the address may be defended now; it counts as done then. */
  take(address: IpAddress, now: Instant): boolean {
    for (const [known, at] of this.#lastAt) {
      if (at + this.#intervalMs > now) break;
      this.#lastAt.delete(known);
    }
    if (this.#lastAt.has(address)) return false;
    this.#lastAt.set(address, now);
    return true;
  }
}
