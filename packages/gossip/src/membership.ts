import type { Instant, Random } from "@herald/shared/core";
import type { Awareness } from "./awareness.ts";
import type { Broadcasts, News } from "./broadcasts.ts";
import type { MemberChange } from "./effect.ts";
import { sameEndpoint, sameOctets } from "./endpoint.ts";
import { suspicionTimeoutMs } from "./formulas.ts";
import { aliveFrom, type Judge, judgeAlive, judgeDead, judgeSuspect, type Member } from "./member.ts";
import { Members } from "./members.ts";
import type { Alive, Dead, Endpoint, NodeState, Suspect, Versions } from "./message.ts";
import type { SwimOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import { Suspicions } from "./suspicion.ts";

/** memberlist's limit; whoever says more is not understood. */
export const MAX_META_OCTETS = 512;

/** Who we are. */
export interface Identity {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly meta: Uint8Array;
  readonly versions: Versions;
  /** The first incarnation; seconds since 1970 outrank whatever an earlier life of ours left behind. At least 1. */
  readonly incarnation: number;
}

export interface MembershipParts {
  readonly options: SwimOptions;
  readonly self: Identity;
  readonly random: Random;
  readonly awareness: Awareness;
  readonly broadcasts: Broadcasts<News>;
  readonly outbox: Outbox;
  /** Encoded size of a message, octets. */
  readonly sizeOf: (news: News) => number;
}

/** The table, and which news may change it (memberlist's rules; the comments number them as its state machine does). */
export class Membership {
  readonly members: Members;
  readonly suspicions: Suspicions;
  readonly #parts: MembershipParts;
  readonly #self: Identity;
  #incarnation: number;
  #meta: Uint8Array;
  #leaving = true;
  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#self = parts.self;
    this.#incarnation = parts.self.incarnation - 1;
    this.#meta = parts.self.meta;
    this.members = new Members(parts.random);
    this.suspicions = new Suspicions({
      span: () => this.#span(),
      isAlive: (name) => this.members.get(name)?.state === "alive",
      callGapMs: parts.options.probeTimeoutMs,
    });
  }

  /** Not started yet, on the way out, or gone. */
  get leaving(): boolean {
    return this.#leaving;
  }

  start(now: Instant): void {
    this.#leaving = false;
    this.#proclaim(now);
  }

  /** @throws {RangeError} past `MAX_META_OCTETS`. */
  updateMeta(meta: Uint8Array, now: Instant): void {
    if (meta.length > MAX_META_OCTETS) {
      throw new RangeError(`meta has ${meta.length} octets, at most ${MAX_META_OCTETS} are read`);
    }
    if (sameOctets(meta, this.#meta)) return;
    this.#meta = meta;
    if (!this.#leaving) this.#proclaim(now);
  }

  leave(now: Instant): void {
    this.#leaving = true;
    const { name } = this.#self;
    this.#dead({ type: "dead", incarnation: this.#incarnation, node: name, from: name }, now);
  }

  /** @param from where it came from, to be told at once when it is about us and wrong. */
  hear(news: News, from: Endpoint | undefined, now: Instant): void {
    switch (news.type) {
      case "alive":
        this.#alive(news, now);
        return;
      case "suspect":
        this.#suspect(news, from, now);
        return;
      case "dead":
        this.#dead(news, now, from);
        return;
    }
  }

  /** Our own probe found nobody. */
  accuse(name: string, incarnation: number, now: Instant): void {
    this.#suspect({ type: "suspect", incarnation, node: name, from: this.#self.name }, undefined, now);
  }

  /** Gives up the suspects whose time is over. */
  buryExpired(now: Instant): void {
    for (;;) {
      const name = this.suspicions.takeExpired(now);
      const member = name === undefined ? undefined : this.members.get(name);
      if (member === undefined) return;
      const { incarnation } = member;
      this.#dead({ type: "dead", incarnation, node: member.name, from: this.#self.name }, now);
    }
  }

  /** What we say of somebody to himself: reason to refute, when it is wrong. */
  accusationOf(name: string): Suspect | Dead | undefined {
    const member = this.members.get(name);
    if (member === undefined || (member.state !== "suspect" && member.state !== "dead")) return undefined;
    const type = member.state;
    return { type, incarnation: member.incarnation, node: name, from: this.#self.name };
  }

  #alive(heard: Alive, now: Instant): void {
    const news = heard.endpoint.port === 0 ? withPort(heard, this.#self.endpoint.port) : heard;
    const known = this.members.get(news.node);
    const verdict = judgeAlive(known, news, this.#judge(), now);
    switch (verdict) {
      case "ignore":
        return;
      case "conflict":
        this.#parts.outbox.notice("name-conflict", news.node, placeText(news.endpoint));
        return;
      case "unusable":
        this.#parts.outbox.notice("unusable-alive", news.node);
        return;
      case "implausible":
        this.#parts.outbox.notice("implausible-incarnation", news.node);
        return;
      case "refute":
        this.#refute(news.incarnation, undefined, now);
        return;
      case "accept":
        this.#accept(news, known, now);
        return;
    }
  }

  #accept(news: Alive, known: Member | undefined, now: Instant): void {
    if (known === undefined && this.members.size >= this.#parts.options.maxMembers) {
      this.#parts.outbox.notice("table-full", news.node);
      return;
    }
    this.suspicions.drop(news.node);
    this.#queue(news);
    const { incarnation, endpoint, meta, versions } = news;
    const since = known?.state === "alive" ? known.since : now;
    const member: Member = {
      name: news.node,
      endpoint,
      meta,
      versions,
      incarnation,
      state: "alive",
      since,
    };
    this.#set(member, aliveChange(known, member));
  }

  #suspect(news: Suspect, from: Endpoint | undefined, now: Instant): void {
    const known = this.members.get(news.node);
    const verdict = judgeSuspect(known, news, this.#judge(), this.suspicions.has(news.node));
    if (known === undefined || verdict === "ignore") return;
    switch (verdict) {
      case "implausible":
        this.#parts.outbox.notice("implausible-incarnation", news.node);
        return;
      case "refute":
        this.#refute(news.incarnation, from, now);
        return;
      case "answer":
        this.#answer(known, from);
        return;
      case "confirm":
        if (this.suspicions.confirm(news.node, news.from)) this.#queue(news);
        return;
      case "accept":
        this.#queue(news);
        this.#set({ ...known, incarnation: news.incarnation, state: "suspect", since: now }, "suspect");
        this.suspicions.start(news.node, news.from, now);
        return;
    }
  }

  #dead(news: Dead, now: Instant, from?: Endpoint): void {
    const known = this.members.get(news.node);
    const verdict = judgeDead(known, news, this.#judge());
    if (known === undefined || verdict === "ignore") return;
    switch (verdict) {
      case "implausible":
        this.#parts.outbox.notice("implausible-incarnation", news.node);
        return;
      case "refute":
        this.#refute(news.incarnation, from, now);
        return;
      case "answer":
        this.#answer(known, from);
        return;
      case "accept": {
        const state = news.from === news.node ? "left" : "dead";
        this.suspicions.drop(news.node);
        this.#queue(news);
        this.#set({ ...known, incarnation: news.incarnation, state, since: now }, state);
        return;
      }
    }
  }

  #refute(accused: number, from: Endpoint | undefined, now: Instant): void {
    this.#incarnation = Math.max(this.#incarnation, accused);
    this.#parts.awareness.change(1);
    this.#parts.outbox.notice("refuted", this.#self.name);
    this.#proclaim(now);
    const ourselves = this.members.get(this.#self.name);
    if (ourselves !== undefined) this.#answer(ourselves, from);
  }

  /** Whoever says something wrong of us hears the truth at once, besides what is told to all. */
  #answer(ourselves: Member, from: Endpoint | undefined): void {
    if (from !== undefined) this.#parts.outbox.send(from, [aliveFrom(ourselves)]);
  }

  /** Says that we live, with the next incarnation. */
  #proclaim(now: Instant): void {
    this.#incarnation += 1;
    const { name, endpoint, versions } = this.#self;
    const known = this.members.get(name);
    const meta = this.#meta;
    const since = known?.state === "alive" ? known.since : now;
    const member: Member = {
      name,
      endpoint,
      meta,
      versions,
      incarnation: this.#incarnation,
      state: "alive",
      since,
    };
    this.#queue(aliveFrom(member));
    this.#set(member, aliveChange(known, member));
  }

  #set(member: Member, change: MemberChange | undefined): void {
    this.members.set(member);
    this.suspicions.invalidate();
    if (change !== undefined) this.#parts.outbox.push({ type: "member", change, member });
  }

  #queue(news: News): void {
    this.#parts.broadcasts.queue(news.node, news, this.#parts.sizeOf(news));
  }

  #judge(): Judge {
    const { deadReclaimMs } = this.#parts.options;
    return { name: this.#self.name, leaving: this.#leaving, deadReclaimMs };
  }

  /**
   * How many must agree: `suspicionMult - 2`, and nobody when fewer than that are left to ask. Those are the living,
   * not all we know as memberlist has it: half of a cluster that crashes must not wait for the other half's word.
   */
  #span(): { minMs: number; maxMs: number; wanted: number } {
    const { suspicionMult, suspicionMaxMult, suspicionGrows, probeIntervalMs } = this.#parts.options;
    const minMs = suspicionTimeoutMs(suspicionMult, suspicionGrows ? this.members.size : 1, probeIntervalMs);
    const wanted = Math.max(0, suspicionMult - 2);
    const others = this.members.alive - 1;
    return { minMs, maxMs: suspicionMaxMult * minMs, wanted: others < wanted ? 0 : wanted };
  }
}

function aliveChange(known: Member | undefined, member: Member): MemberChange | undefined {
  const before: NodeState | undefined = known?.state;
  if (known === undefined || before !== "alive") return "alive";
  const same = sameOctets(known.meta, member.meta) && sameEndpoint(known.endpoint, member.endpoint);
  return same ? undefined : "updated";
}

function withPort(news: Alive, port: number): Alive {
  return { ...news, endpoint: { address: news.endpoint.address, port } };
}

function placeText({ address, port }: Endpoint): string {
  return `${address.join(".")} port ${port}`;
}
