import type { Broadcasts, News } from "./broadcasts.ts";
import { retransmitLimit } from "./formulas.ts";
import type { DatagramMessage, Endpoint } from "./message.ts";
import type { SwimOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";

/** How large things are once encoded. Bytes are not this core's business, only how many fit. */
export interface Measure {
  /** Octets of one message, its type included. */
  octetsOf(message: DatagramMessage): number;
  /** What label and encryption add to every datagram. */
  readonly overheadOctets: number;
}

/** A compound's own two octets, and two more for the length of each part. */
const COMPOUND_OCTETS = 2;
const PART_OCTETS = 2;

/** Parts are counted in one octet; one is left for the message that carries the others. */
const MAX_NEWS_PER_DATAGRAM = 254;

/** Sends datagrams, with as much news on the back of them as fits. */
export class Post {
  readonly #options: SwimOptions;
  readonly #measure: Measure;
  readonly #broadcasts: Broadcasts;
  readonly #outbox: Outbox;
  /** Records known now. */
  readonly #members: () => number;
  constructor(
    options: SwimOptions,
    measure: Measure,
    broadcasts: Broadcasts,
    outbox: Outbox,
    members: () => number,
  ) {
    this.#options = options;
    this.#measure = measure;
    this.#broadcasts = broadcasts;
    this.#outbox = outbox;
    this.#members = members;
  }

  bare(to: Endpoint, messages: readonly DatagramMessage[]): void {
    this.#outbox.send(to, messages);
  }

  withNews(to: Endpoint, messages: readonly DatagramMessage[]): void {
    if (this.#broadcasts.size === 0) {
      this.bare(to, messages);
      return;
    }
    let used = 0;
    for (const message of messages) used += this.#measure.octetsOf(message) + PART_OCTETS;
    this.bare(to, [...messages, ...this.#takeNews(used)]);
  }

  /** @returns whether there was any. */
  newsOnly(to: Endpoint): boolean {
    const news = this.#takeNews(0);
    if (news.length > 0) this.bare(to, news);
    return news.length > 0;
  }

  #takeNews(usedOctets: number): readonly News[] {
    const { datagramOctets, retransmitMult } = this.#options;
    const room = datagramOctets - COMPOUND_OCTETS - this.#measure.overheadOctets - usedOctets;
    const limit = retransmitLimit(retransmitMult, this.#members());
    return this.#broadcasts.take(room, PART_OCTETS, limit, MAX_NEWS_PER_DATAGRAM);
  }
}
