import type { Instant } from "@herald/shared/core";

interface Entry<Key> {
  readonly key: Key;
  readonly due: Instant;
}

/** One instant for each key, the earliest first: setting, removing and looking cost no more for many than for few. */
export class Deadlines<Key> {
  /** Those that count; bounded by the keys. */
  readonly #current = new Map<Key, Entry<Key>>();
  /** A binary heap, the earliest first; entries that were replaced or removed go when they come to the top. */
  #heap: Entry<Key>[] = [];

  set(key: Key, due: Instant): void {
    const entry = { key, due };
    this.#current.set(key, entry);
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    if (this.#heap.length > 2 * this.#current.size + 16) this.#rebuild();
  }

  delete(key: Key): void {
    this.#current.delete(key);
  }

  has(key: Key): boolean {
    return this.#current.has(key);
  }

  earliest(): Instant | undefined {
    return this.#top()?.due;
  }

  /** Removes and returns what is due, in order of time; a key that is set meanwhile is not among it. */
  take(now: Instant): readonly Entry<Key>[] {
    const taken: Entry<Key>[] = [];
    for (let top = this.#top(); top !== undefined && top.due <= now; top = this.#top()) {
      this.#current.delete(top.key);
      taken.push(top);
    }
    return taken;
  }

  #top(): Entry<Key> | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#current.get(top.key) === top) return top;
      this.#removeFirst();
    }
    return undefined;
  }

  /** What was replaced long before it was due would otherwise pile up. */
  #rebuild(): void {
    this.#heap = [...this.#current.values()].sort((a, b) => a.due - b.due);
  }

  #rise(start: number): void {
    const heap = this.#heap;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#dueAt(parent) <= this.#dueAt(index)) return;
      [heap[index], heap[parent]] = [heap[parent] as Entry<Key>, heap[index] as Entry<Key>];
      index = parent;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const child = this.#dueAt(left + 1) < this.#dueAt(left) ? left + 1 : left;
      if (this.#dueAt(child) >= this.#dueAt(index)) return;
      [heap[index], heap[child]] = [heap[child] as Entry<Key>, heap[index] as Entry<Key>];
      index = child;
    }
  }

  #dueAt(index: number): Instant {
    return this.#heap[index]?.due ?? Number.POSITIVE_INFINITY;
  }
}
