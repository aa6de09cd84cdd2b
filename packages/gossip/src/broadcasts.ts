import type { Alive, Dead, Suspect } from "./message.ts";

export type News = Alive | Suspect | Dead;

/** Shortest piece of news: a suspicion with two empty names. */
export const SHORTEST_NEWS_OCTETS = 27;

interface Broadcast<Message> {
  readonly name: string;
  readonly message: Message;
  readonly octets: number;
  transmits: number;
}

/** News that may be too long for the room left before we stop looking for a shorter one. */
const MAX_MISFITS = 16;

/** What to tell everybody, one piece per name: a newer one takes the older's place. What was told least goes first. */
export class Broadcasts<Message> {
  readonly #shortestOctets: number;
  /** By how often they were told, then by name. Bounded by the caller's names; tiers by the retransmit limit. */
  readonly #tiers: Map<string, Broadcast<Message>>[] = [];
  /** The tier of each name. */
  readonly #tierOf = new Map<string, number>();

  /** @param shortestOctets no piece is shorter: with less room nothing is looked for. */
  constructor(shortestOctets: number) {
    this.#shortestOctets = shortestOctets;
  }

  get size(): number {
    return this.#tierOf.size;
  }

  has(name: string): boolean {
    return this.#tierOf.has(name);
  }

  /** @param octets the encoded size. */
  queue(name: string, message: Message, octets: number): void {
    this.remove(name);
    this.#put({ name, message, octets, transmits: 0 });
  }

  remove(name: string): void {
    const tier = this.#tierOf.get(name);
    if (tier === undefined) return;
    this.#tiers[tier]?.delete(name);
    this.#tierOf.delete(name);
  }

  /** Makes room: the oldest of those that were told most is given up. */
  removeMostTold(): void {
    for (const tier of this.#tiers.toReversed()) {
      for (const name of tier.keys()) {
        this.remove(name);
        return;
      }
    }
  }

  clear(): void {
    this.#tiers.length = 0;
    this.#tierOf.clear();
  }

  /**
   * Takes what fits into one datagram, and counts it as told.
   *
   * @param room octets; every piece costs its own and `overhead`.
   * @param limit what was told this often is dropped.
   * @param maxParts at most that many pieces.
   */
  take(room: number, overhead: number, limit: number, maxParts: number): readonly Message[] {
    const taken = this.#pick(room, overhead, maxParts);
    for (const broadcast of taken) {
      this.remove(broadcast.name);
      broadcast.transmits += 1;
      if (broadcast.transmits < limit) this.#put(broadcast);
    }
    return taken.map(({ message }) => message);
  }

  #pick(room: number, overhead: number, maxParts: number): readonly Broadcast<Message>[] {
    const picked: Broadcast<Message>[] = [];
    if (this.size === 0) return picked;
    let [left, misfits] = [room, 0];
    for (const tier of this.#tiers) {
      for (const broadcast of tier.values()) {
        const enough =
          left < this.#shortestOctets + overhead || misfits > MAX_MISFITS || picked.length >= maxParts;
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

  #put(broadcast: Broadcast<Message>): void {
    while (this.#tiers.length <= broadcast.transmits) this.#tiers.push(new Map());
    this.#tiers[broadcast.transmits]?.set(broadcast.name, broadcast);
    this.#tierOf.set(broadcast.name, broadcast.transmits);
  }
}
