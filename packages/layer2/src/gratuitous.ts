import type { Instant } from "@herald/shared/core";
import { familyOf, type IpAddress } from "@herald/shared/ip/address";
import type { AnnouncerOptions } from "./options.ts";

/** One address to be announced on one interface. */
export interface Turn {
  readonly address: IpAddress;
  readonly interface: string;
  /** Key of the one client to tell; without it everybody is told. */
  readonly client?: number;
  /** Name of a node: tell that one of the client, and not the client. */
  readonly node?: string;
}

/** ARP takes a request and a reply, IPv6 one advertisement; a client alone is told once. */
export function framesOf({ address, client }: Turn): number {
  return familyOf(address) === 4 && client === undefined ? 2 : 1;
}

/** Whom a turn is for; last what is only said again, to whomever. The most urgent first. */
const QUEUES = ["all", "client", "node", "again"] as const;
type Queue = (typeof QUEUES)[number];
type Audience = Exclude<Queue, "again">;

/** A node that is new may hear a little later than we do that it is: what it is told at once it may not heed yet. */
const NODE_ROUNDS = 2;

/** Length of the slot that the pace is given for. */
export const SLOT_MS = 10;

/**
 * When to announce what nobody asked for after a takeover (RFC 5227 §2.3, RFC 4861 §7.2.6): once at once, then again some
 * times, and never more frames in any 10 ms than a segment takes well. First turns go before repeats, so
 * that a takeover of many addresses reaches every client once before it reaches the first of them twice; and what is
 * for everybody before what is for one client, and that before what only nodes need to know. What is said again to be
 * on the safe side comes after all first turns: no takeover waits behind it.
 */
export class GratuitousSchedule {
  readonly #options: AnnouncerOptions;
  /** To be announced at once, in the order of arrival. Bounded by our addresses times interfaces, as is `#repeats`. */
  readonly #first: Readonly<Record<Queue, Map<string, { turn: Turn; left: number }>>> = {
    all: new Map(),
    client: new Map(),
    node: new Map(),
    again: new Map(),
  };
  /** Announced and to be repeated. The interval is the same for all, so the order of entry is that of `due`. */
  readonly #repeats = new Map<string, { turn: Turn; due: Instant; left: number }>();
  /** Turns taken in the last slot, oldest first. Bounded by the pace. */
  readonly #taken: { at: Instant; frames: number }[] = [];
  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** Begins the rounds of a turn, or begins them again. */
  start(turn: Turn): void {
    this.stop(turn);
    const audience = audienceOf(turn);
    const { gratuitousRounds } = this.#options;
    const left = audience === "node" ? Math.min(NODE_ROUNDS, gratuitousRounds) : gratuitousRounds;
    this.#first[audience].set(keyOf(turn), { turn, left });
  }

  /** Takes a turn once, as soon as the pace allows. Rounds that are under way go on from there. */
  once(turn: Turn): void {
    this.#takeOnce(turn, audienceOf(turn));
  }

  /** The same, after all that is announced for the first time. */
  again(turn: Turn): void {
    this.#takeOnce(turn, "again");
  }

  #takeOnce(turn: Turn, queue: Queue): void {
    const key = keyOf(turn);
    if (this.#first[audienceOf(turn)].has(key) || this.#first[queue].has(key)) return;
    const left = (this.#first.again.get(key) ?? this.#repeats.get(key))?.left ?? 1;
    this.stop(turn);
    this.#first[queue].set(key, { turn, left });
  }

  stop(turn: Turn): void {
    const key = keyOf(turn);
    this.#first[audienceOf(turn)].delete(key);
    this.#first.again.delete(key);
    this.#repeats.delete(key);
  }

  /** @returns the turns to take now, as many as are due and the pace allows. */
  wake(now: Instant): readonly Turn[] {
    const turns: Turn[] = [];
    let room = this.#room(now);
    const before = room;
    for (const { turn, left } of this.#inOrder(now)) {
      if (room < framesOf(turn)) break; // nor anything after it: what is shorter would take the room for ever
      room -= framesOf(turn);
      this.stop(turn);
      turns.push(turn);
      this.#repeatLater(turn, now, left - 1);
    }
    if (room < before) this.#taken.push({ at: now, frames: before - room });
    return turns;
  }

  nextWake(): Instant | undefined {
    const next = this.#next();
    const oldest = this.#taken[0];
    if (next === undefined || oldest === undefined) return next?.due;
    const full = this.#framesTaken() + framesOf(next.turn) > this.#options.gratuitousFramesPerSlot;
    return full ? Math.max(next.due, oldest.at + SLOT_MS) : next.due;
  }

  *#inOrder(now: Instant): Generator<{ readonly turn: Turn; readonly left: number }, void> {
    for (const queue of QUEUES) yield* this.#first[queue].values();
    for (const repeat of this.#repeats.values()) {
      if (repeat.due > now) return;
      yield repeat;
    }
  }

  #next(): { readonly turn: Turn; readonly due: Instant } | undefined {
    for (const queue of QUEUES) {
      for (const { turn } of this.#first[queue].values()) return { turn, due: 0 };
    }
    for (const { turn, due } of this.#repeats.values()) return { turn, due };
    return undefined;
  }

  #repeatLater(turn: Turn, now: Instant, left: number): void {
    if (left <= 0) return;
    this.#repeats.set(keyOf(turn), { turn, due: now + this.#options.gratuitousIntervalMs, left });
  }

  #room(now: Instant): number {
    while (this.#taken[0] !== undefined && this.#taken[0].at + SLOT_MS <= now) this.#taken.shift();
    return this.#options.gratuitousFramesPerSlot - this.#framesTaken();
  }

  #framesTaken(): number {
    return this.#taken.reduce((sum, { frames }) => sum + frames, 0);
  }
}

function audienceOf({ client, node }: Turn): Audience {
  if (client === undefined) return "all";
  return node === undefined ? "client" : "node";
}

function keyOf({ address, interface: name, client, node = "" }: Turn): string {
  return client === undefined ? `${address} ${name}` : `${address} ${name} ${client} ${node}`;
}
