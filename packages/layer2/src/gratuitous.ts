import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { AnnouncerOptions } from "./options.ts";

/** One address to be announced on one interface: a request and a reply, two frames. */
export interface Turn {
  readonly address: IpAddress;
  readonly interface: string;
}

export const FRAMES_PER_TURN = 2;

/** Length of the slot that the pace is given for. */
export const SLOT_MS = 10;

/**
 * When to announce what nobody asked for after a takeover (RFC 5227 §2.3): once at once, then again some
 * times, and never more frames in any 10 ms than a segment takes well. First turns go before repeats, so
 * that a takeover of many addresses reaches every client once before it reaches the first of them twice.
 */
export class GratuitousSchedule {
  readonly #options: AnnouncerOptions;
  /** Not announced yet, in the order of arrival. Bounded by our addresses times interfaces, as is `#repeats`. */
  readonly #first = new Map<string, Turn>();
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
    this.#first.set(keyOf(turn), turn);
  }

  stop(turn: Turn): void {
    this.#first.delete(keyOf(turn));
    this.#repeats.delete(keyOf(turn));
  }

  /** @returns the turns to take now, as many as are due and the pace allows. */
  wake(now: Instant): readonly Turn[] {
    const turns: Turn[] = [];
    let room = this.#room(now);
    for (const [key, turn] of this.#first) {
      if (room < FRAMES_PER_TURN) break;
      room -= FRAMES_PER_TURN;
      this.#first.delete(key);
      turns.push(turn);
      this.#repeatLater(turn, now, this.#options.gratuitousRounds - 1);
    }
    for (const [key, { turn, due, left }] of this.#repeats) {
      if (room < FRAMES_PER_TURN || due > now) break;
      room -= FRAMES_PER_TURN;
      this.#repeats.delete(key);
      turns.push(turn);
      this.#repeatLater(turn, now, left - 1);
    }
    if (turns.length > 0) this.#taken.push({ at: now, frames: turns.length * FRAMES_PER_TURN });
    return turns;
  }

  nextWake(): Instant | undefined {
    const due = this.#nextDue();
    const oldest = this.#taken[0];
    if (due === undefined || oldest === undefined) return due;
    const full = this.#framesTaken() + FRAMES_PER_TURN > this.#options.gratuitousFramesPerSlot;
    return full ? Math.max(due, oldest.at + SLOT_MS) : due;
  }

  #nextDue(): Instant | undefined {
    if (this.#first.size > 0) return 0;
    for (const { due } of this.#repeats.values()) return due;
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

function keyOf({ address, interface: name }: Turn): string {
  return `${address} ${name}`;
}
