import type { Instant } from "@herald/shared/core";

/** Whether something keeps what one station sends from another, by their names. */
type Blocks = (from: string, to: string) => boolean;

/** Which stations hear each other. Frames of the segment and datagrams of the gossip are the same wire. */
export class Topology {
  readonly #now: () => Instant;
  readonly #obstacles = new Set<Blocks>(); // bounded by the script
  readonly #removed: { readonly blocks: Blocks; readonly at: Instant }[] = []; // bounded by the script

  constructor(now: () => Instant) {
    this.#now = now;
  }

  /** @returns its end. */
  put(blocks: Blocks): () => void {
    this.#obstacles.add(blocks);
    return () => {
      if (this.#obstacles.delete(blocks)) this.#removed.push({ blocks, at: this.#now() });
    };
  }

  connects(from: string, to: string): boolean {
    for (const blocks of this.#obstacles) if (blocks(from, to)) return false;
    return true;
  }

  /** Both ways. */
  reaches(a: string, b: string): boolean {
    return this.connects(a, b) && this.connects(b, a);
  }

  /** Since when nothing has been between the two. */
  clearSince(a: string, b: string): Instant {
    let last = 0;
    for (const { blocks, at } of this.#removed) {
      if (blocks(a, b) || blocks(b, a)) last = Math.max(last, at);
    }
    return last;
  }
}
