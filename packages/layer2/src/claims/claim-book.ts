import type { Core, Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { Epoch } from "../conflict-messages.ts";
import { Deadlines } from "../deadlines.ts";
import { encodeBook, encodeClaimMessage, encodeDigest, encodePage } from "./claim-codec.ts";
import {
  type Change,
  type ClaimMessage,
  isLater,
  type News,
  type Page,
  type Standing,
  type Want,
  WEAKEST,
} from "./claim-messages.ts";
import { Claimants } from "./claimants.ts";
import { HeardClaims } from "./heard-claims.ts";
import { OwnClaims } from "./own-claims.ts";

export type ClaimInput =
  /** This node begins to answer. Its epoch stands in the book afterwards; one that is the newest is kept. */
  | { readonly type: "claim"; readonly address: IpAddress; readonly wallMs: number }
  /** This node has stopped answering, and would answer again: a claim that it has is older than all others from now on. */
  | { readonly type: "weaken"; readonly address: IpAddress }
  /** This node has stopped answering. */
  | { readonly type: "unclaim"; readonly address: IpAddress }
  /** Whether another speaker of ours is alive. */
  | { readonly type: "member"; readonly name: string; readonly isAlive: boolean }
  /** A user message of the gossip. */
  | { readonly type: "told"; readonly message: ClaimMessage }
  /** What came with an ack: where the one that answered stands. */
  | { readonly type: "acked"; readonly node: string; readonly standing: Standing }
  /** The user state of an exchange of tables. */
  | { readonly type: "state"; readonly pages: readonly Page[] };

export type ClaimEffect =
  /** To everybody, by gossip. */
  | { readonly type: "broadcast"; readonly name: string; readonly payload: Uint8Array }
  | { readonly type: "tell"; readonly node: string; readonly payload: Uint8Array }
  /** What our acks are to carry from now on. */
  | { readonly type: "digest"; readonly payload: Uint8Array }
  /** What another speaker that is alive claims; no epoch: nothing any more. */
  | {
      readonly type: "changed";
      readonly address: IpAddress;
      readonly speaker: string;
      readonly epoch: Epoch | undefined;
    };

export interface ClaimBookOptions {
  /** Name of this speaker in the cluster. */
  readonly self: string;
  /** When it started, ms since 1970. */
  readonly life: number;
  /** Largest payload of one message. */
  readonly payloadOctets: number;
  /** Longest book. */
  readonly bookOctets: number;
  /** How long what is missing is waited for before it is asked for, ms: gossip may still bring it. */
  readonly askAfterMs: number;
  /** How long an answer is waited for, ms. */
  readonly askAgainMs: number;
}

/** Of a book without its pages. */
const BOOK_HEAD_OCTETS = 5;

/**
 * Who claims which address. Every speaker tells of its own claims and passes on what it hears for the first time;
 * with each ack it says how much there is to know of it, so that what was lost is asked for. A book may be late,
 * never for long: whoever is alive is asked until all is known, and the claims of the dead go.
 */
export class ClaimBook implements Core<ClaimInput, ClaimEffect> {
  readonly #options: ClaimBookOptions;
  readonly #own: OwnClaims;
  readonly #claimants: Claimants;
  /** By speaker; bounded by the members. */
  readonly #heard = new Map<string, HeardClaims>();
  readonly #members = new Set<string>();
  /** Encoded, of those that claim anything; bounded by the members. */
  readonly #pages = new Map<string, { readonly standing: Standing; readonly page: Uint8Array }>();
  /** When to ask those of whom something is missing; bounded by the members. */
  readonly #asking = new Deadlines<string>();
  /** Up to where our own changes have been told. */
  #told: Standing;
  #tellAt: Instant | undefined;

  constructor(options: ClaimBookOptions) {
    this.#options = options;
    this.#own = new OwnClaims(options.self, options.life);
    this.#claimants = new Claimants(options.self);
    this.#told = this.#own.standing();
  }

  handle(input: ClaimInput, now: Instant): readonly ClaimEffect[] {
    switch (input.type) {
      case "claim":
        return this.#claim(input.address, input.wallMs, now);
      case "weaken":
        return this.#own.epochOf(input.address) === undefined ? [] : this.#set(input.address, WEAKEST, now);
      case "unclaim":
        return this.#set(input.address, undefined, now);
      case "member":
        return input.isAlive ? this.#meet(input.name, now) : this.#bury(input.name);
      case "told":
        return input.message.type === "news"
          ? this.#takeNews(input.message, now)
          : this.#answer(input.message, now);
      case "acked":
        return this.#compare(input.node, input.standing, now);
      case "state":
        return input.pages.flatMap((page) => this.#takePage(page, now));
    }
  }

  wake(now: Instant): readonly ClaimEffect[] {
    return [...(this.#tellAt !== undefined && this.#tellAt <= now ? this.#tellOwn() : []), ...this.#ask(now)];
  }

  nextWake(): Instant | undefined {
    const [tellAt, askAt] = [this.#tellAt, this.#asking.earliest()];
    return tellAt === undefined || askAt === undefined ? (tellAt ?? askAt) : Math.min(tellAt, askAt);
  }

  /** Who claims an address, this speaker and those alive. */
  claimantsOf(address: IpAddress): ReadonlyMap<string, Epoch> {
    return this.#claimants.of(address);
  }

  /** Of our own claim. */
  epochOf(address: IpAddress): Epoch | undefined {
    return this.#own.epochOf(address);
  }

  /** Whether another speaker was ever seen to claim an address that has been in use since, and not left to a stranger. */
  wereOthers(address: IpAddress): boolean {
    return this.#claimants.wereOthers(address);
  }

  /** Whether a Service has the address: what is remembered of its epochs is kept as long. */
  setUse(address: IpAddress, used: boolean): void {
    this.#claimants.setUse(address, used);
  }

  /** Whether all is known that there is to know of these speakers, as far as they have said. */
  knows(names: Iterable<string>): boolean {
    for (const name of names) {
      const heard = this.#heard.get(name);
      if (heard === undefined || !isWhole(heard)) return false;
    }
    return true;
  }

  /** Whether all is known of a speaker that stands there. */
  isUpTo(name: string, standing: Standing): boolean {
    const heard = this.#heard.get(name);
    return heard?.complete === true && isSame(heard.standing(), standing);
  }

  /**
   * For the user state of an exchange of tables: everything that is known without a gap. What would make it longer
   * than `bookOctets` is left out, and asked for by whoever misses it.
   */
  book(): Uint8Array {
    const { self, bookOctets } = this.#options;
    const pages = [this.#pageOf(self, this.#own)];
    let octets = BOOK_HEAD_OCTETS + (pages[0]?.length ?? 0);
    for (const name of this.#members) {
      const heard = this.#heard.get(name);
      if (heard === undefined || !isWhole(heard)) continue;
      const page = this.#pageOf(name, heard);
      octets += page.length;
      if (octets > bookOctets) break;
      pages.push(page);
    }
    return encodeBook(pages);
  }

  /** Made anew when the speaker claims something else: tables are exchanged far more often than that. */
  #pageOf(speaker: string, list: OwnClaims | HeardClaims): Uint8Array {
    const standing = list.standing();
    const before = this.#pages.get(speaker);
    if (before !== undefined && isSame(before.standing, standing)) return before.page;
    const claims = list.claims();
    const page = encodePage({ ...standing, speaker, claims });
    if (claims.length > 0) this.#pages.set(speaker, { standing, page });
    else this.#pages.delete(speaker);
    return page;
  }

  #claim(address: IpAddress, wallMs: number, now: Instant): readonly ClaimEffect[] {
    if (this.#claimants.isOwnNewest(address)) return [];
    return this.#set(address, this.#claimants.nextEpoch(address, wallMs), now);
  }

  #set(address: IpAddress, epoch: Epoch | undefined, now: Instant): readonly ClaimEffect[] {
    this.#own.set(address, epoch);
    this.#claimants.set(address, this.#options.self, epoch);
    // Why not at once: what is decided in one go is told in one go.
    if (!isSame(this.#own.standing(), this.#told)) this.#tellAt ??= now;
    return [];
  }

  #tellOwn(): readonly ClaimEffect[] {
    const standing = this.#own.standing();
    const from = standing.life === this.#told.life ? this.#told.version : 0;
    this.#told = standing;
    this.#tellAt = undefined;
    const news = this.#own.since(from, this.#options.payloadOctets);
    return [...news.map(broadcast), { type: "digest", payload: encodeDigest(standing) }];
  }

  #meet(name: string, now: Instant): readonly ClaimEffect[] {
    if (this.#members.has(name)) return [];
    // Whoever was alone tells all who it is.
    if (this.#members.size === 0) this.#tellAll(now);
    this.#members.add(name);
    // Why not at once: an exchange of tables may bring it all.
    this.#asking.set(name, now + this.#options.askAgainMs);
    return [];
  }

  #tellAll(now: Instant): void {
    this.#told = { life: 0, version: 0 };
    this.#tellAt ??= now;
  }

  #bury(name: string): readonly ClaimEffect[] {
    const claims = this.#heard.get(name)?.claims() ?? [];
    this.#members.delete(name);
    this.#heard.delete(name);
    this.#pages.delete(name);
    this.#asking.delete(name);
    return claims.map(({ address }) => this.#change(name, address, undefined));
  }

  #takeNews(news: News, now: Instant): readonly ClaimEffect[] {
    const { speaker } = news;
    if (speaker === this.#options.self) return this.#correct(news, now);
    const heard = this.#heardOf(speaker);
    const changes = heard?.takeNews(news);
    if (heard === undefined || changes === undefined) return [];
    this.#review(speaker, heard, now);
    return [...this.#show(speaker, changes), ...this.#relay(news)];
  }

  /** What fits no message is passed on to nobody. */
  #relay(news: News): readonly ClaimEffect[] {
    const relayed = broadcast(news);
    return relayed.payload.length <= this.#options.payloadOctets ? [relayed] : [];
  }

  #takePage(page: Page, now: Instant): readonly ClaimEffect[] {
    const { speaker } = page;
    if (speaker === this.#options.self) return this.#correct(page, now);
    const heard = this.#heardOf(speaker);
    const changes = heard?.takePage(page);
    if (heard === undefined || changes === undefined) return [];
    this.#review(speaker, heard, now);
    return this.#show(speaker, changes);
  }

  /** An ack says where its sender stands now. */
  #compare(node: string, standing: Standing, now: Instant): readonly ClaimEffect[] {
    if (node === this.#options.self) return [];
    const heard = this.#heardOf(node);
    if (heard === undefined) return [];
    const known = heard.standing();
    // It began anew with a clock that was set back; told what is believed of it, it will correct that.
    if (isLater(known, standing)) return [this.#want(node, known)];
    const changes = heard.learn(standing);
    this.#review(node, heard, now);
    return this.#show(node, changes);
  }

  #answer(want: Want, now: Instant): readonly ClaimEffect[] {
    const { asker, life, version } = want;
    if (!this.#members.has(asker)) return [];
    const effects = this.#correct(want, now);
    const from = life === this.#own.standing().life ? version : 0;
    const news = this.#own.since(from, this.#options.payloadOctets);
    return [
      ...effects,
      ...news.map((part): ClaimEffect => ({ type: "tell", node: asker, payload: encodeClaimMessage(part) })),
    ];
  }

  /** Somebody believes later things of us than we ever said: an earlier life did, by a clock that was ahead. */
  #correct(believed: Standing, now: Instant): readonly ClaimEffect[] {
    if (!isLater(believed, this.#own.standing())) return [];
    this.#own.beginLife(believed.life + 1);
    this.#tellAt ??= now;
    return [];
  }

  /** Whether something is missing of a speaker, and so to be asked for. */
  #review(name: string, heard: HeardClaims, now: Instant): void {
    if (isWhole(heard)) this.#asking.delete(name);
    else if (!this.#asking.has(name)) this.#asking.set(name, now + this.#options.askAfterMs);
  }

  #ask(now: Instant): readonly ClaimEffect[] {
    return this.#asking.take(now).map(({ key: name }) => {
      this.#asking.set(name, now + this.#options.askAgainMs);
      return this.#want(name, this.#heard.get(name)?.standing() ?? { life: 0, version: 0 });
    });
  }

  #want(node: string, { life, version }: Standing): ClaimEffect {
    const want: Want = { type: "want", life, version, asker: this.#options.self };
    return { type: "tell", node, payload: encodeClaimMessage(want) };
  }

  /** Why none of one that is no member: whoever becomes one is asked for all, and names can be made up. */
  #heardOf(speaker: string): HeardClaims | undefined {
    if (!this.#members.has(speaker)) return undefined;
    const known = this.#heard.get(speaker);
    if (known !== undefined) return known;
    const heard = new HeardClaims(0);
    this.#heard.set(speaker, heard);
    return heard;
  }

  #show(speaker: string, changes: readonly Change[]): readonly ClaimEffect[] {
    return changes.map(({ address, epoch }) => this.#change(speaker, address, epoch));
  }

  #change(speaker: string, address: IpAddress, epoch: Epoch | undefined): ClaimEffect {
    this.#claimants.set(address, speaker, epoch);
    return { type: "changed", address, speaker, epoch };
  }
}

function broadcast(news: News): Extract<ClaimEffect, { type: "broadcast" }> {
  const { speaker, life, from, to } = news;
  return { type: "broadcast", name: `${speaker} ${life} ${from} ${to}`, payload: encodeClaimMessage(news) };
}

function isWhole(heard: HeardClaims): boolean {
  return heard.standing().life > 0 && heard.complete;
}

function isSame(a: Standing, b: Standing): boolean {
  return a.life === b.life && a.version === b.version;
}
