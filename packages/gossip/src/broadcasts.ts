import type { Alive, Dead, Suspect } from "./message.ts";

export type News = Alive | Suspect | Dead;

interface Broadcast {
  readonly news: News;
  readonly octets: number;
  transmits: number;
}

/** Shortest piece of news: a suspicion with two empty names. With less room than that nothing is looked for. */
const SHORTEST_OCTETS = 27;

/** News that may be too long for the room left before we stop looking for a shorter one. */
const MAX_MISFITS = 16;

/**
 * News to tell, one piece per member: newer about the same one takes the older's place. What was told least
 * goes first.
 */
export class Broadcasts {
  /** By how often they were told, then by name. Bounded by the members we know; tiers by the retransmit limit. */
  readonly #tiers: Map<string, Broadcast>[] = [];
  /** The tier of each name. */
  readonly #tierOf = new Map<string, number>();

  get size(): number {
    return this.#tierOf.size;
  }

  has(node: string): boolean {
    return this.#tierOf.has(node);
  }

  /** @param octets the encoded size. */
  queue(news: News, octets: number): void {
    this.remove(news.node);
    this.#put({ news, octets, transmits: 0 });
  }

  remove(node: string): void {
    const tier = this.#tierOf.get(node);
    if (tier === undefined) return;
    this.#tiers[tier]?.delete(node);
    this.#tierOf.delete(node);
  }

  /**
   * Takes what fits into one datagram, and counts it as told.
   *
   * @param room octets; every piece costs its own and `overhead`.
   * @param limit news told this often is dropped.
   * @param maxParts at most that many pieces.
   */
  take(room: number, overhead: number, limit: number, maxParts: number): readonly News[] {
    const taken = this.#pick(room, overhead, maxParts);
    for (const broadcast of taken) {
      this.remove(broadcast.news.node);
      broadcast.transmits += 1;
      if (broadcast.transmits < limit) this.#put(broadcast);
    }
    return taken.map(({ news }) => news);
  }

  #pick(room: number, overhead: number, maxParts: number): readonly Broadcast[] {
    const picked: Broadcast[] = [];
    if (this.size === 0) return picked;
    let [left, misfits] = [room, 0];
    for (const tier of this.#tiers) {
      for (const broadcast of tier.values()) {
        const enough =
          left < SHORTEST_OCTETS + overhead || misfits > MAX_MISFITS || picked.length >= maxParts;
        if (enough) return picked;
        const cost = broadcast.octets + overhead;
        if (cost > left) {
          misfits += 1;
          continue;
        }
        picked.push(broadcast);
        left -= cost;
      }
    }
    return picked;
  }

  #put(broadcast: Broadcast): void {
    while (this.#tiers.length <= broadcast.transmits) this.#tiers.push(new Map());
    this.#tiers[broadcast.transmits]?.set(broadcast.news.node, broadcast);
    this.#tierOf.set(broadcast.news.node, broadcast.transmits);
  }
}
