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
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
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
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfEarlier(at, parent)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const left = 2 * at + 1;
      const earlier = this.#isEarlier(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfEarlier(earlier, at)) return;
      at = earlier;
    }
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    const [lower, upper] = [this.#heap[child], this.#heap[parent]];
    if (lower === undefined || upper === undefined || !this.#isEarlier(child, parent)) return false;
    this.#heap[child] = upper;
    this.#heap[parent] = lower;
    return true;
  }

  #isEarlier(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return false;
    return first.due < second.due || (first.due === second.due && first.order < second.order);
  }
}

interface Timer {
  readonly due: Instant;
  readonly order: number;
  /** `undefined` once it ran or was cancelled. */
  callback: (() => void) | undefined;
}
