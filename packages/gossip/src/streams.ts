import type { Instant } from "@herald/shared/core";
import type { Endpoint, Ping, PushPull } from "./message.ts";
import type { Outbox } from "./outbox.ts";

/** The TCP streams we opened, and until when we wait for what comes back. */
export class Streams {
  readonly #outbox: Outbox;
  /** By number; bounded by what the probes and exchanges under way open: one each. */
  readonly #due = new Map<number, Instant>();
  #last = 0;
  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  get size(): number {
    return this.#due.size;
  }

  /** @returns its number. */
  open(to: Endpoint, message: PushPull | Ping, due: Instant): number {
    this.#last += 1;
    const stream = this.#last;
    this.#due.set(stream, due);
    this.#outbox.push({ type: "open", stream, to, message });
    return stream;
  }

  /** @returns whether we still waited for it. */
  close(stream: number): boolean {
    return this.#due.delete(stream);
  }

  /** Gives up those that had their time. */
  takeExpired(now: Instant): readonly number[] {
    const expired: number[] = [];
    for (const [stream, due] of this.#due) if (due <= now) expired.push(stream);
    for (const stream of expired) {
      this.#due.delete(stream);
      this.#outbox.push({ type: "abandon", stream });
    }
    return expired;
  }

  nextWake(): Instant | undefined {
    let earliest: Instant | undefined;
    for (const due of this.#due.values()) if (earliest === undefined || due < earliest) earliest = due;
    return earliest;
  }
}
