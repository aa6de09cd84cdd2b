import type { Core, Instant, Random } from "@herald/shared/core";
import type { ApiError } from "./api.ts";
import { backoffMs } from "./backoff.ts";

/** The object an Event is about. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  /** "" for objects outside namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventRecord {
  readonly regarding: ObjectReference;
  readonly type: "Normal" | "Warning";
  /** CamelCase, as MetalLB's where the meaning is the same. */
  readonly reason: string;
  /** For people; cut at 1,024 characters, as the API server would refuse more. */
  readonly message: string;
}

/** The same fact told `count` times. */
export interface EventSeries {
  readonly record: EventRecord;
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Of the Event object; `undefined` while it is not written. */
  readonly name: string | undefined;
}

export type EventsInput =
  | { readonly type: "record"; readonly record: EventRecord; readonly epochMs: number }
  | { readonly type: "sent"; readonly id: string; readonly name: string }
  | { readonly type: "failed"; readonly id: string; readonly error: ApiError }
  /** Send now what waits for its turn. */
  | { readonly type: "flush" };

export type EventsEffect =
  /** Create the Event, or patch count and time of the one called `series.name`. */
  | { readonly type: "send"; readonly id: string; readonly series: EventSeries }
  | { readonly type: "dropped"; readonly record: EventRecord; readonly why: "queue-full" | ApiError }
  | { readonly type: "idle" };

interface Entry {
  series: EventSeries;
  state: "waiting" | "sending" | "sent";
  due: Instant;
  lastAt: Instant;
  sentCount: number;
  attempts: number;
}

/** Facts remembered, sent or not: a burst of one Event for each of 3,000 Services fits. */
const MAX_SERIES = 4096;
const MAX_IN_FLIGHT = 4;
/** Between writes of one series, however often it is told. */
const REPEAT_MS = 10_000;
/** A fact not told for so long begins a new series; client-go's window. */
const SERIES_MS = 600_000;
const RETRY = { minMs: 500, maxMs: 30_000 };
const MAX_ATTEMPTS = 12; // client-go's

/** Which Events are written when: the same fact once, with a count; never more than a few requests at a time. */
export class EventsCore implements Core<EventsInput, EventsEffect> {
  readonly #random: Random;
  readonly #entries = new Map<string, Entry>(); // least recently told first; at most MAX_SERIES
  /** Those of #entries that wait to be sent, longest first. */
  readonly #waiting = new Map<string, Entry>();
  #inFlight = 0;
  /** Nothing is sent before: the API server is in trouble. */
  #pausedUntil: Instant = 0;
  #nextDue: Instant | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  get idle(): boolean {
    return this.#waiting.size + this.#inFlight === 0;
  }

  handle(input: EventsInput, now: Instant): readonly EventsEffect[] {
    switch (input.type) {
      case "record":
        return [...this.#record(input, now), ...this.#dispatch(now)];
      case "sent":
        this.#sent(input.id, input.name, now);
        return this.#dispatch(now);
      case "failed":
        return [...this.#failed(input, now), ...this.#dispatch(now)];
      case "flush":
        for (const entry of this.#waiting.values()) entry.due = now;
        return this.#dispatch(now);
    }
  }

  wake(now: Instant): readonly EventsEffect[] {
    return this.#nextDue === undefined || now < this.#nextDue ? [] : this.#dispatch(now);
  }

  nextWake(): Instant | undefined {
    return this.#nextDue;
  }

  #record(
    { record, epochMs }: Extract<EventsInput, { type: "record" }>,
    now: Instant,
  ): readonly EventsEffect[] {
    const id = idOf(record);
    const known = this.#entries.get(id);
    this.#entries.delete(id); // to be last
    if (known === undefined || now - known.lastAt >= SERIES_MS) {
      const series = { record: cut(record), count: 1, firstMs: epochMs, lastMs: epochMs, name: undefined };
      const entry: Entry = { series, state: "waiting", due: now, lastAt: now, sentCount: 0, attempts: 0 };
      this.#entries.set(id, entry);
      this.#wait(id, entry, now);
      return this.#evict();
    }
    known.series = { ...known.series, count: known.series.count + 1, lastMs: epochMs };
    known.lastAt = now;
    this.#entries.set(id, known);
    if (known.state === "sent") this.#wait(id, known, Math.max(now, known.due));
    return [];
  }

  #evict(): readonly EventsEffect[] {
    const [oldest] = this.#entries;
    if (oldest === undefined || this.#entries.size <= MAX_SERIES) return [];
    const [id, { series }] = oldest;
    this.#entries.delete(id);
    return this.#waiting.delete(id) ? [{ type: "dropped", record: series.record, why: "queue-full" }] : [];
  }

  #wait(id: string, entry: Entry, due: Instant): void {
    entry.state = "waiting";
    entry.due = due;
    this.#waiting.set(id, entry);
  }

  #sent(id: string, name: string, now: Instant): void {
    this.#inFlight -= 1;
    const entry = this.#entries.get(id);
    if (entry?.state !== "sending") return; // forgotten meanwhile
    entry.series = { ...entry.series, name };
    entry.attempts = 0;
    entry.due = now + REPEAT_MS;
    if (entry.series.count > entry.sentCount) this.#wait(id, entry, entry.due);
    else entry.state = "sent";
  }

  #failed({ id, error }: Extract<EventsInput, { type: "failed" }>, now: Instant): readonly EventsEffect[] {
    this.#inFlight -= 1;
    const entry = this.#entries.get(id);
    if (entry?.state !== "sending") return [];
    const { status, retryAfterMs } = error;
    entry.attempts += 1;
    const retry = { ...entry.series };
    if (status === 404 && retry.name !== undefined) {
      // The API server forgets Events after an hour.
      entry.series = { ...retry, name: undefined };
      this.#wait(id, entry, now);
      return [];
    }
    if (!isPassing(status) || entry.attempts >= MAX_ATTEMPTS) {
      this.#entries.delete(id);
      return [{ type: "dropped", record: retry.record, why: error }];
    }
    const inMs = Math.max(retryAfterMs, backoffMs(RETRY, entry.attempts, this.#random));
    this.#pausedUntil = Math.max(this.#pausedUntil, now + inMs);
    this.#wait(id, entry, now + inMs);
    return [];
  }

  #dispatch(now: Instant): readonly EventsEffect[] {
    const effects: EventsEffect[] = [];
    this.#nextDue = undefined;
    for (const [id, entry] of this.#waiting) {
      if (this.#inFlight >= MAX_IN_FLIGHT) break; // an answer brings us back here
      const due = Math.max(entry.due, this.#pausedUntil);
      if (due <= now) effects.push(this.#send(id, entry));
      else this.#nextDue = Math.min(this.#nextDue ?? due, due);
    }
    return this.idle ? [{ type: "idle" }] : effects;
  }

  #send(id: string, entry: Entry): EventsEffect {
    entry.state = "sending";
    entry.sentCount = entry.series.count;
    this.#waiting.delete(id);
    this.#inFlight += 1;
    return { type: "send", id, series: entry.series };
  }
}

function idOf({ regarding, type, reason, message }: EventRecord): string {
  const { kind, namespace, name, uid } = regarding;
  return JSON.stringify([kind, namespace, name, uid, type, reason, message]);
}

const MAX_MESSAGE = 1024;

function cut(record: EventRecord): EventRecord {
  if (record.message.length <= MAX_MESSAGE) return record;
  return { ...record, message: `${record.message.slice(0, MAX_MESSAGE - 1)}…` };
}

/** May the same request succeed later? 409 is a generated name that was taken. */
function isPassing(status: number): boolean {
  return status === 0 || status === 409 || status === 429 || status >= 500;
}
