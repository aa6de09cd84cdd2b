import type { Clock } from "@herald/shared/core";

/** How long work may keep frames waiting, ms; answers in between stay far below a millisecond late in the mean. */
const SLICE_MS = 4;

/**
 * Work in pieces, done a slice at a time with the event loop running in between. Each `yield` is a place to stop.
 * What was added is done in order; after it, and whenever it is done, `settle` runs to its end.
 */
export class SlicedWork {
  readonly #clock: Clock;
  readonly #settle: () => Iterator<void>;
  readonly #queue: Iterator<void>[] = []; // bounded by the sender, who waits for each batch to be taken
  #settling: Iterator<void> | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(clock: Clock, settle: () => Iterator<void>) {
    this.#clock = clock;
    this.#settle = settle;
  }

  add(work: Iterator<void>): void {
    this.#queue.push(work);
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #schedule(): void {
    if (this.#cancel !== undefined || this.#stopped) return;
    this.#cancel = this.#clock.at(this.#clock.now(), () => {
      this.#cancel = undefined;
      if (this.#slice() === "more") this.#schedule();
    });
  }

  #slice(): "more" | "done" {
    const end = this.#clock.now() + SLICE_MS;
    do {
      if (!this.#step()) return "done";
    } while (this.#clock.now() < end);
    return "more";
  }

  /** @returns whether there was something to do. */
  #step(): boolean {
    const next = this.#queue[0];
    if (next !== undefined) {
      if (next.next().done) {
        this.#queue.shift();
        this.#settling ??= this.#settle();
      }
      return true;
    }
    if (this.#settling === undefined) return false;
    if (this.#settling.next().done) this.#settling = undefined;
    return true;
  }
}
