import type { Instant } from "@herald/shared/core";
import { remainingSuspicionMs, type SuspicionSpan } from "./formulas.ts";

/** What the length of a suspicion depends on besides who agrees, asked anew each time: members come and go. */
export interface SuspicionRules {
  /** How long a suspicion that began now would last, and how many must agree. */
  span(): SuspicionSpan;
  /** Only the living can agree: an accuser that died since is no witness. */
  isAlive(name: string): boolean;
  /** Gap between the calls, and between the last one and the end, ms. */
  readonly callGapMs: number;
}

interface Suspicion {
  readonly since: Instant;
  /** The first is not a confirmation. Bounded by `MAX_ACCUSERS`. */
  readonly accusers: Set<string>;
  /** Not over before this. */
  notBefore: Instant;
  /** How often we asked the suspect ourselves before the end, up to `CALLS`. */
  calls: number;
  /** How often our own absence gave it more time, up to `MAX_POSTPONED`. */
  postponed: number;
}

const MAX_POSTPONED = 8;

/** Gossip reaches everybody only nearly always: nobody is given up whom we have not asked ourselves, twice. */
const CALLS = 2;

/** More witnesses than any `suspicionMult` asks for. */
const MAX_ACCUSERS = 16;

/** The members we are about to give up, and when (Lifeguard, local health aware suspicion). */
export class Suspicions {
  readonly #rules: SuspicionRules;
  /** By name; bounded by the members we know. */
  readonly #running = new Map<string, Suspicion>();
  /** When the first one is over; `undefined` when that must be found out again. */
  #earliest: Instant | undefined;
  constructor(rules: SuspicionRules) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#running.size;
  }

  has(name: string): boolean {
    return this.#running.has(name);
  }

  start(name: string, accuser: string, now: Instant): void {
    this.#running.set(name, {
      since: now,
      accusers: new Set([accuser]),
      notBefore: now,
      calls: 0,
      postponed: 0,
    });
    this.invalidate();
  }

  drop(name: string): void {
    if (this.#running.delete(name)) this.invalidate();
  }

  /** @returns whether that was news: somebody alive who had not said so yet, while it still matters. */
  confirm(name: string, accuser: string): boolean {
    const suspicion = this.#running.get(name);
    if (suspicion === undefined || suspicion.accusers.has(accuser)) return false;
    if (suspicion.accusers.size >= MAX_ACCUSERS || !this.#rules.isAlive(accuser)) return false;
    if (this.#witnesses(suspicion) > this.#rules.span().wanted) return false;
    suspicion.accusers.add(accuser);
    this.invalidate();
    return true;
  }

  /** The suspect answered us. It stays one until it says more, but has all its time before it again. */
  vindicate(name: string, now: Instant): void {
    const suspicion = this.#running.get(name);
    if (suspicion === undefined) return;
    suspicion.notBefore = now + this.#rules.span().minMs;
    suspicion.calls = 0;
    this.invalidate();
  }

  /** We were away: what speaks for the suspects may lie unread. Works a few times: who is away for ever is no judge. */
  postpone(until: Instant): void {
    for (const suspicion of this.#running.values()) {
      if (suspicion.postponed === MAX_POSTPONED) continue;
      suspicion.postponed += 1;
      suspicion.notBefore = Math.max(suspicion.notBefore, until);
    }
    this.invalidate();
  }

  /** To be called when members came, went or changed their state: witnesses may be fewer now. */
  invalidate(): void {
    this.#earliest = undefined;
  }

  nextDue(): Instant | undefined {
    if (this.#running.size === 0) return undefined;
    if (this.#earliest === undefined) {
      const span = this.#rules.span();
      let earliest = Number.POSITIVE_INFINITY;
      for (const suspicion of this.#running.values()) {
        earliest = Math.min(earliest, this.#nextStep(suspicion, span));
      }
      this.#earliest = earliest;
    }
    return this.#earliest;
  }

  /** Whom to ask now; it counts as asked. */
  takeCalls(now: Instant): readonly string[] {
    const due = this.nextDue();
    if (due === undefined || due > now) return [];
    const { callGapMs } = this.#rules;
    const span = this.#rules.span();
    const names: string[] = [];
    for (const [name, suspicion] of this.#running) {
      if (suspicion.calls === CALLS || this.#nextStep(suspicion, span) > now) continue;
      suspicion.calls += 1;
      // Why: a late witness may end a suspicion at once; the answer to our call must still have its chance.
      suspicion.notBefore = Math.max(suspicion.notBefore, now + callGapMs / 2);
      names.push(name);
    }
    this.invalidate();
    return names;
  }

  /** One that is over now; it is dropped. To be asked until there is none: each death changes the rest. */
  takeExpired(now: Instant): string | undefined {
    const due = this.nextDue();
    if (due === undefined || due > now) return undefined;
    const span = this.#rules.span();
    for (const [name, suspicion] of this.#running) {
      if (suspicion.calls < CALLS || this.#due(suspicion, span) > now) continue;
      this.drop(name);
      return name;
    }
    return undefined;
  }

  /** The next call, or the end. */
  #nextStep(suspicion: Suspicion, span: SuspicionSpan): Instant {
    return this.#due(suspicion, span) - (CALLS - suspicion.calls) * this.#rules.callGapMs;
  }

  #due(suspicion: Suspicion, span: SuspicionSpan): Instant {
    const confirmations = Math.max(0, Math.min(span.wanted, this.#witnesses(suspicion) - 1));
    return Math.max(suspicion.notBefore, suspicion.since + remainingSuspicionMs(span, confirmations, 0));
  }

  #witnesses(suspicion: Suspicion): number {
    let living = 0;
    for (const name of suspicion.accusers) living += Number(this.#rules.isAlive(name));
    return living;
  }
}
