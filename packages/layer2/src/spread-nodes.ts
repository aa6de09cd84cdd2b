import { type Hash64, hashPair, hashText } from "./spread-hash.ts";

/** What several nodes announce together. */
export interface SpreadOver {
  /** Name of this node, one of `nodes`. */
  readonly self: string;
  /** Names of all that announce it, in any order. */
  readonly nodes: readonly string[];
}

/**
 * The nodes an address is spread over. For every client one of them is chosen, by the greatest weight of (client,
 * node): all who know the same nodes agree without a word, each node gets as many clients as any other, and one that
 * goes moves only its own (rendezvous hashing, Thaler and Ravishankar, 1998).
 */
export class SpreadNodes {
  /** In order. Bounded by the nodes of the cluster. */
  readonly names: readonly string[];
  readonly #hashes: readonly Hash64[];
  /** @param hashes of `names`, which are in order then. */
  constructor(names: readonly string[], hashes?: readonly Hash64[]) {
    this.names = hashes === undefined ? [...new Set(names)].sort() : names;
    this.#hashes = hashes ?? this.names.map(hashText);
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  /**
   * @param client hash of the spread address and the client's.
   * @returns `undefined` when there are no nodes.
   */
  chosenFor(client: Hash64): string | undefined {
    let chosen = -1;
    let greatest = -1;
    for (let index = 0; index < this.#hashes.length; index += 1) {
      const weight = hashPair(client, this.#hashes[index] as Hash64);
      if (weight <= greatest) continue; // of equals the first in order
      greatest = weight;
      chosen = index;
    }
    return this.names[chosen];
  }

  /** @returns those that are also in `others`; this very object when all are. */
  within(others: SpreadNodes): SpreadNodes {
    const stays = this.names.map((name) => others.has(name));
    if (!stays.includes(false)) return this;
    return new SpreadNodes(
      this.names.filter((_, index) => stays[index]),
      this.#hashes.filter((_, index) => stays[index]),
    );
  }

  /** @param names in order or not, without repetitions. */
  are(names: readonly string[]): boolean {
    return this.names.length === names.length && names.every((name) => this.has(name));
  }
}

/** Addresses that are spread over the same nodes have them from here: their hashes are made once. */
export class SpreadNodesCache {
  #last = new SpreadNodes([]);

  of(names: readonly string[]): SpreadNodes {
    if (!this.#last.are(names)) this.#last = new SpreadNodes(names);
    return this.#last;
  }
}
