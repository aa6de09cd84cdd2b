import type { Clock } from "@herald/shared/core";
import { BATCH_CHANGES, type Change } from "./kubernetes-protocol.ts";

/** How long changes are gathered before they go, ms: a rollout touches the same Service again and again. */
const GATHER_MS = 2;

const REFUSAL = "config-refused";

/**
 * Changes on their way to the main thread: the newest of each object only, in batches, and never more than one
 * batch that has not been taken. However busy either side is, what waits is bounded by the objects there are.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #post: (changes: readonly Change[]) => void;
  readonly #waiting = new Map<string, Change>(); // by object
  #taken = true;
  #scheduled = false;

  constructor(clock: Clock, post: (changes: readonly Change[]) => void) {
    this.#clock = clock;
    this.#post = post;
  }

  /** A later change of the same object takes the place of an earlier one, so that `synced` overtakes nothing. */
  put(change: Change): void {
    if (change.type === "config") this.#waiting.delete(REFUSAL); // what is still wrong beside it is told after it
    this.#waiting.set(objectOf(change), change);
    this.#schedule();
  }

  /** The other side has room for the next batch. */
  taken(): void {
    this.#taken = true;
    if (this.#waiting.size > 0) this.#send();
  }

  #schedule(): void {
    if (this.#scheduled || !this.#taken) return;
    this.#scheduled = true;
    this.#clock.at(this.#clock.now() + GATHER_MS, () => {
      this.#scheduled = false;
      if (this.#taken && this.#waiting.size > 0) this.#send();
    });
  }

  #send(): void {
    const batch: Change[] = [];
    for (const [object, change] of this.#waiting) {
      if (batch.length === BATCH_CHANGES) break;
      batch.push(change);
      this.#waiting.delete(object);
    }
    this.#taken = false;
    this.#post(batch);
  }
}

function objectOf(change: Change): string {
  switch (change.type) {
    case "service":
      return `service ${change.service.key}`;
    case "service-gone":
      return `service ${change.key}`;
    case "endpoints":
      return `endpoints ${change.key}`;
    case "node":
    case "node-gone":
      return `node ${change.name}`;
    case "config":
      return "config";
    case "config-refused":
      return REFUSAL;
    case "speakers":
      return "speakers";
    case "synced":
      return "synced";
    case "sessions":
      return "sessions";
  }
}
