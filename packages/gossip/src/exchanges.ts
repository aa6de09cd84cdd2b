import type { Instant, Random } from "@herald/shared/core";
import type { Application } from "./application.ts";
import { placeOf } from "./endpoint.ts";
import { pushPullScale } from "./formulas.ts";
import type { Membership } from "./membership.ts";
import type { Endpoint, PushPull, StreamMessage } from "./message.ts";
import type { SwimOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import type { Post } from "./post.ts";
import type { Streams } from "./streams.ts";
import { areCompatible, newsOf, tableOf } from "./table-exchange.ts";

/** Joins under way at once: each brings everybody's address, the next is chosen among those still missing. */
const JOINS_AT_ONCE = 3;

/** Least time between two joins of a place where a knock was answered, ms: it may answer datagrams and no streams. */
const KNOCKED_JOIN_GAP_MS = 1_000;

/** Knocks remembered until they are answered or others need the room. */
const MAX_KNOCKS = 256;

/** `knock`: a join of a place where somebody answered a knock. */
type Why = "join" | "knock" | "exchange";

export interface ExchangeParts {
  readonly options: SwimOptions;
  readonly self: { readonly name: string; readonly endpoint: Endpoint };
  readonly membership: Membership;
  readonly application: Application;
  readonly outbox: Outbox;
  readonly post: Post;
  readonly streams: Streams;
  readonly random: Random;
  readonly nextSequence: () => number;
}

/**
 * Exchanges whole tables: to get in, now and then to repair what gossip lost, and again and again with places
 * where nobody is alive, the only way back together after a long partition.
 */
export class Exchanges {
  readonly #parts: ExchangeParts;
  /** Where members may be, by place; bounded by `maxMembers`. */
  #places = new Map<string, Endpoint>();
  /** Those to try before the next round, by place. */
  readonly #waiting = new Map<string, Endpoint>();
  /** Ours under way, by stream; bounded by twice `JOINS_AT_ONCE` and one more. */
  readonly #underWay = new Map<number, { readonly to: Endpoint; readonly why: Why }>();
  /** When a place was joined last because a knock was answered; the last `MAX_KNOCKS`. */
  readonly #knockedAt = new Map<string, Instant>();
  /** Where we knocked, by sequence; the last `MAX_KNOCKS`. */
  readonly #knocks = new Map<number, Endpoint>();
  /** Where nobody was when we last looked, to be knocked at in turn. */
  #empty: Endpoint[] = [];
  /** As of which of `Members.version` nobody was missing; `undefined`: somebody was, or there are other places now. */
  #allInhabitedAt: number | undefined;
  #joined = false;
  /** When more may be joined. */
  #nextJoins: Instant = 0;
  #nextKnock: Instant | undefined;
  #nextExchange: Instant | undefined;
  #nextRejoin: Instant | undefined;
  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  start(now: Instant): void {
    const { options, random } = this.#parts;
    this.#joined = false;
    this.#nextExchange = now + random.next() * options.pushPullIntervalMs;
    this.#nextRejoin = now + options.rejoinIntervalMs;
    this.#nextKnock = now + options.probeIntervalMs;
    this.#missing();
    this.#joinSome(now);
  }

  stop(): void {
    this.#nextKnock = undefined;
    this.#nextExchange = undefined;
    this.#nextRejoin = undefined;
    this.#waiting.clear();
  }

  discovered(endpoints: readonly Endpoint[], now: Instant): void {
    const { maxMembers } = this.#parts.options;
    const places = endpoints.slice(0, maxMembers).map((endpoint) => [placeOf(endpoint), endpoint] as const);
    const before = this.#places;
    this.#places = new Map(places);
    this.#allInhabitedAt = undefined;
    for (const place of this.#waiting.keys()) if (!this.#places.has(place)) this.#waiting.delete(place);
    if (this.#nextRejoin === undefined) return;
    const { members } = this.#parts.membership;
    for (const [place, endpoint] of this.#places) {
      if (!before.has(place) && !members.inhabits(place)) this.#waiting.set(place, endpoint);
    }
    this.#joinSome(now);
  }

  /** Merges before it answers: whoever takes us for dead hears the refutation in the answer. */
  request(stream: number, message: PushPull, now: Instant): void {
    const merged = this.#merge(message, undefined, now);
    this.#parts.outbox.push({ type: "reply", stream, message: this.#table(message.join) });
    if (merged && message.join) this.#hasJoined(undefined);
  }

  reply(stream: number, message: StreamMessage, now: Instant): void {
    const exchange = this.#underWay.get(stream);
    if (exchange === undefined) return;
    this.#underWay.delete(stream);
    if (message.type !== "push-pull") {
      const said = message.type === "error" ? message.text : message.type;
      this.#parts.outbox.notice("exchange-failed", "", `${placeOf(exchange.to)}: ${said}`);
    } else if (this.#merge(message, exchange.to, now)) {
      this.#hasJoined(exchange.to);
      // Why: where all start at once everybody's table is longer a moment later; one exchange then is worth several now.
      this.#nextJoins = now + this.#parts.options.probeIntervalMs;
    }
    this.#joinSome(now);
  }

  failed(stream: number, why: string, now: Instant): void {
    const exchange = this.#underWay.get(stream);
    if (exchange === undefined) return;
    this.#underWay.delete(stream);
    this.#parts.outbox.notice("exchange-failed", "", `${placeOf(exchange.to)}: ${why}`);
    this.#joinSome(now);
  }

  /** Somebody is there again: what he and we missed is in the tables. */
  ack(sequence: number, now: Instant): void {
    const endpoint = this.#knocks.get(sequence);
    if (endpoint === undefined) return;
    this.#knocks.delete(sequence);
    const { members } = this.#parts.membership;
    const place = placeOf(endpoint);
    if (this.#nextRejoin === undefined || members.inhabits(place)) return;
    // Why beside the other joins: those may be dialling the dead, which takes as long as a dial may.
    if (this.#count("knock") >= JOINS_AT_ONCE) return;
    if (now - (this.#knockedAt.get(place) ?? Number.NEGATIVE_INFINITY) < KNOCKED_JOIN_GAP_MS) return;
    this.#knockedAt.delete(place);
    for (const oldest of this.#knockedAt.keys()) {
      if (this.#knockedAt.size < MAX_KNOCKS) break;
      this.#knockedAt.delete(oldest);
    }
    this.#knockedAt.set(place, now);
    this.#open(endpoint, "knock", now);
  }

  wake(now: Instant): void {
    const { options, membership } = this.#parts;
    if (this.#nextKnock !== undefined && this.#nextKnock <= now) {
      this.#nextKnock = now + options.probeIntervalMs;
      this.#knock();
    }
    if (this.#nextRejoin !== undefined && this.#nextRejoin <= now) {
      this.#nextRejoin = now + options.rejoinIntervalMs;
      this.#missing();
      this.#joinSome(now);
    }
    if (this.#wantsJoins() && this.#nextJoins <= now) this.#joinSome(now);
    if (this.#nextExchange === undefined || this.#nextExchange > now) return;
    this.#nextExchange = now + options.pushPullIntervalMs * pushPullScale(membership.members.size);
    const { name: self } = this.#parts.self;
    const [partner] = membership.members.sample(1, ({ name, state }) => state === "alive" && name !== self);
    if (partner !== undefined && this.#count("exchange") === 0) this.#open(partner.endpoint, "exchange", now);
  }

  nextWake(): Instant | undefined {
    if (this.#nextExchange === undefined || this.#nextRejoin === undefined) return undefined;
    const joins = this.#wantsJoins() ? this.#nextJoins : Number.POSITIVE_INFINITY;
    return Math.min(this.#nextExchange, this.#nextRejoin, this.#nextKnock ?? Number.POSITIVE_INFINITY, joins);
  }

  #wantsJoins(): boolean {
    return this.#waiting.size > 0 && this.#count("join") < JOINS_AT_ONCE;
  }

  /** Asks at one empty place whether somebody is there: a datagram is lost at no cost, a dial waits for seconds. */
  #knock(): void {
    if (this.#empty.length === 0) this.#lookForEmpty();
    const to = this.#empty.pop();
    if (to === undefined) return;
    const { self, post, nextSequence } = this.#parts;
    for (const oldest of this.#knocks.keys()) {
      if (this.#knocks.size < MAX_KNOCKS) break;
      this.#knocks.delete(oldest);
    }
    const sequence = nextSequence();
    this.#knocks.set(sequence, to);
    post.bare(to, [{ type: "ping", sequence, node: "", source: self.endpoint, sourceNode: self.name }]);
  }

  /** All places we know of where nobody seems to live; the dead may have come back. */
  #missing(): void {
    for (const [place, endpoint] of this.#emptyPlaces()) this.#waiting.set(place, endpoint);
  }

  /** Every place of every member: not again while nothing was said of any, and nobody was missing. */
  #lookForEmpty(): void {
    const { version } = this.#parts.membership.members;
    if (version === this.#allInhabitedAt) return;
    this.#empty = [...this.#emptyPlaces().values()];
    this.#allInhabitedAt = this.#empty.length === 0 ? version : undefined;
  }

  #emptyPlaces(): ReadonlyMap<string, Endpoint> {
    const { members } = this.#parts.membership;
    const empty = new Map<string, Endpoint>();
    for (const [place, endpoint] of this.#places) if (!members.inhabits(place)) empty.set(place, endpoint);
    for (const { state, endpoint } of members.values()) {
      const place = placeOf(endpoint);
      if (state === "dead" && !members.inhabits(place)) empty.set(place, endpoint);
    }
    return empty;
  }

  #joinSome(now: Instant): void {
    if (this.#waiting.size === 0 || this.#parts.membership.leaving || now < this.#nextJoins) return;
    const { members } = this.#parts.membership;
    for (const [place, endpoint] of this.#waiting) {
      if (this.#count("join") >= JOINS_AT_ONCE) return;
      this.#waiting.delete(place);
      if (!members.inhabits(place)) this.#open(endpoint, "join", now);
    }
  }

  #count(why: Why): number {
    return [...this.#underWay.values()].filter((each) => each.why === why).length;
  }

  #open(to: Endpoint, why: Why, now: Instant): void {
    const { options, streams } = this.#parts;
    const table = this.#table(why !== "exchange");
    this.#underWay.set(streams.open(to, table, now + options.streamTimeoutMs), { to, why });
  }

  #table(join: boolean): PushPull {
    const { membership, application } = this.#parts;
    return tableOf(membership.members.values(), join, application.userState());
  }

  /** @param from where to contradict what is said of us. */
  #merge(message: PushPull, from: Endpoint | undefined, now: Instant): boolean {
    const { membership, outbox, self } = this.#parts;
    if (!areCompatible(message.nodes, membership.members.values())) {
      outbox.notice("incompatible-versions", "");
      return false;
    }
    for (const record of message.nodes) membership.hear(newsOf(record, self.name), from, now);
    const { userState } = message;
    if (userState.length > 0) outbox.push({ type: "state", userState, node: this.#livingAt(from) });
    return true;
  }

  #livingAt(endpoint: Endpoint | undefined): string | undefined {
    if (endpoint === undefined) return undefined;
    const place = placeOf(endpoint);
    for (const { name, state, endpoint: theirs } of this.#parts.membership.members.values()) {
      if ((state === "alive" || state === "suspect") && placeOf(theirs) === place) return name;
    }
    return undefined;
  }

  #hasJoined(via: Endpoint | undefined): void {
    if (this.#joined) return;
    this.#joined = true;
    this.#parts.outbox.push({ type: "joined", via });
  }
}
