import type { Broadcasts, News } from "./broadcasts.ts";
import { retransmitLimit } from "./formulas.ts";
import type { DatagramMessage, Endpoint, User } from "./message.ts";
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
export const PART_OCTETS = 2;

/** Parts are counted in one octet; one is left for the message that carries the others. */
const MAX_NEWS_PER_DATAGRAM = 254;

/** Room for parts, `PART_OCTETS` each included, in a datagram that carries nothing but broadcasts; octets. */
export function broadcastRoom(
  { datagramOctets }: Pick<SwimOptions, "datagramOctets">,
  overheadOctets: number,
): number {
  return datagramOctets - COMPOUND_OCTETS - overheadOctets;
}

export interface PostParts {
  readonly options: SwimOptions;
  readonly measure: Measure;
  readonly news: Broadcasts<News>;
  readonly userBroadcasts: Broadcasts<User>;
  readonly outbox: Outbox;
  /** Records known now. */
  readonly members: () => number;
}

/** Sends datagrams, with as much on the back of them as fits: news of members first, then what the application tells. */
export class Post {
  readonly #parts: PostParts;
  constructor(parts: PostParts) {
    this.#parts = parts;
  }

  /** Whether there is anything to tell to all. */
  get hasNews(): boolean {
    return this.#parts.news.size > 0 || this.#parts.userBroadcasts.size > 0;
  }

  bare(to: Endpoint, messages: readonly DatagramMessage[]): void {
    this.#parts.outbox.send(to, messages);
  }

  withNews(to: Endpoint, messages: readonly DatagramMessage[]): void {
    if (!this.hasNews) {
      this.bare(to, messages);
      return;
    }
    let used = 0;
    for (const message of messages) used += this.#octetsOf(message);
    this.bare(to, [...messages, ...this.#takeNews(used)]);
  }

  /** @returns whether there was any. */
  newsOnly(to: Endpoint): boolean {
    const news = this.#takeNews(0);
    if (news.length > 0) this.bare(to, news);
    return news.length > 0;
  }

  #takeNews(usedOctets: number): readonly DatagramMessage[] {
    const { options, measure, news, userBroadcasts, members } = this.#parts;
    const room = broadcastRoom(options, measure.overheadOctets) - usedOctets;
    const limit = retransmitLimit(options.retransmitMult, members());
    const told = news.take(room, PART_OCTETS, limit, MAX_NEWS_PER_DATAGRAM);
    if (userBroadcasts.size === 0) return told;
    let left = room;
    for (const message of told) left -= this.#octetsOf(message);
    const parts = MAX_NEWS_PER_DATAGRAM - told.length;
    return [...told, ...userBroadcasts.take(left, PART_OCTETS, limit, parts)];
  }

  /** With its length in front, as part of a compound. */
  #octetsOf(message: DatagramMessage): number {
    return this.#parts.measure.octetsOf(message) + PART_OCTETS;
  }
}
