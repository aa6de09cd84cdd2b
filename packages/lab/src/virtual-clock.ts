import type { Clock, Instant } from "@herald/shared/core";

/**
 * Time that passes only when a test says so. Callbacks run in the order of their instants, and in the order
 * they were asked for when those are equal; each sees its own instant as `now()`.
 */
export class VirtualClock implements Clock {
  #now: Instant;
  #count = 0;
  /** A binary heap, the earliest first. */
  readonly #heap: Timer[] = [];
  constructor(start: Instant = 0) {
    this.#now = start;
  }

  now(): Instant {
    return this.#now;
  }

  at(due: Instant, callback: () => void): () => void {
    const timer: Timer = { due: Math.max(due, this.#now), order: this.#count, callback };
    this.#count += 1;
    this.#rise(timer);
    return () => {
      timer.callback = undefined;
    };
  }

  /** Lets `durationMs` pass. */
  advance(durationMs: number): void {
    this.runUntil(this.#now + durationMs);
  }

  /** Runs everything that is due up to and including `end`, then stands there. */
  runUntil(end: Instant): void {
    for (let next = this.#heap[0]; next !== undefined && next.due <= end; next = this.#heap[0]) {
      this.#removeFirst();
      if (next.callback === undefined) continue;
      this.#now = next.due;
      const { callback } = next;
      next.callback = undefined;
      callback();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** When the next callback runs; `undefined` when none is waiting. */
  nextDue(): Instant | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].callback === undefined) this.#removeFirst();
    return this.#heap[0]?.due;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(last);
  }

  /** Puts a timer at the end to where it belongs. */
  #rise(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Timer;
      if (!isEarlier(timer, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = timer;
  }

  /** Puts a timer in the first one's place to where it belongs. */
  #sink(timer: Timer): void {
    const heap = this.#heap;
    const { length } = heap;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && isEarlier(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
      const below = heap[child] as Timer;
      if (!isEarlier(below, timer)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = timer;
  }
}

function isEarlier(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

interface Timer {
  readonly due: Instant;
  readonly order: number;
  /** `undefined` once it ran or was cancelled. */
  callback: (() => void) | undefined;
}
