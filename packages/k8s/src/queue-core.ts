import type { Core, Instant, Random } from "@herald/shared/core";
import { type BackoffLimits, backoffMs } from "./backoff.ts";

export type QueueInput =
  | { readonly type: "add"; readonly key: string }
  | { readonly type: "add-after"; readonly key: string; readonly delayMs: number }
  /** Handlers may be given keys, or no more of them. */
  | { readonly type: "open" }
  | { readonly type: "close" }
  | { readonly type: "done"; readonly key: string }
  /** To be handled again. `retryAfterMs` is the least to wait. */
  | { readonly type: "failed"; readonly key: string; readonly retryAfterMs: number };

export type QueueEffect =
  | { readonly type: "handle"; readonly key: string }
  | { readonly type: "retry"; readonly key: string; readonly inMs: number; readonly failures: number }
  /** Nothing waits, nothing is in hand, nothing is due later. */
  | { readonly type: "idle" };

export interface QueueCoreOptions {
  readonly concurrency: number;
  readonly retry: BackoffLimits;
  readonly random: Random;
}

/** Who is handled when. Keys wait first in, first out; a key in hand waits for its handler before it is handed out again. */
export class QueueCore implements Core<QueueInput, QueueEffect> {
  readonly #options: QueueCoreOptions;
  // Each by key; bounded by the keys that exist.
  readonly #ready = new Set<string>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>(); // added while in hand
  readonly #delayed = new Map<string, Instant>();
  readonly #failures = new Map<string, number>(); // in a row
  #nextDue: Instant | undefined; // the earliest of #delayed
  #open = false;

  constructor(options: QueueCoreOptions) {
    this.#options = options;
  }

  get depth(): number {
    return this.#ready.size;
  }

  get idle(): boolean {
    return this.#ready.size + this.#active.size + this.#delayed.size === 0;
  }

  handle(input: QueueInput, now: Instant): readonly QueueEffect[] {
    switch (input.type) {
      case "add":
        this.#add(input.key);
        break;
      case "add-after":
        this.#delay(input.key, now + input.delayMs);
        break;
      case "open":
      case "close":
        this.#open = input.type === "open";
        break;
      case "done":
        this.#failures.delete(input.key);
        this.#return(input.key);
        break;
      case "failed":
        return [this.#fail(input.key, input.retryAfterMs, now), ...this.#dispatch()];
    }
    return this.#dispatch();
  }

  wake(now: Instant): readonly QueueEffect[] {
    if (this.#nextDue === undefined || this.#nextDue > now) return [];
    const due = [...this.#delayed].filter(([, at]) => at <= now).sort(([, left], [, right]) => left - right);
    // Why all before the next is looked for: that looks at every key that waits.
    for (const [key] of due) this.#delayed.delete(key);
    this.#findNextDue();
    for (const [key] of due) this.#add(key);
    return this.#dispatch();
  }

  nextWake(): Instant | undefined {
    return this.#nextDue;
  }

  #add(key: string): void {
    this.#undelay(key);
    if (this.#active.has(key)) this.#again.add(key);
    else this.#ready.add(key);
  }

  #delay(key: string, due: Instant): void {
    if (this.#ready.has(key) || this.#again.has(key)) return;
    const known = this.#delayed.get(key);
    if (known !== undefined && known <= due) return;
    this.#delayed.set(key, due);
    if (this.#nextDue === undefined || due < this.#nextDue) this.#nextDue = due;
    else if (known === this.#nextDue) this.#findNextDue();
  }

  #undelay(key: string): void {
    const known = this.#delayed.get(key);
    if (known === undefined) return;
    this.#delayed.delete(key);
    if (known === this.#nextDue) this.#findNextDue();
  }

  #findNextDue(): void {
    this.#nextDue = undefined;
    for (const due of this.#delayed.values()) {
      if (this.#nextDue === undefined || due < this.#nextDue) this.#nextDue = due;
    }
  }

  #return(key: string): void {
    this.#active.delete(key);
    if (this.#again.delete(key)) this.#ready.add(key);
  }

  #fail(key: string, retryAfterMs: number, now: Instant): QueueEffect {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const { retry, random } = this.#options;
    const inMs = Math.max(retryAfterMs, backoffMs(retry, failures, random));
    this.#return(key);
    this.#delay(key, now + inMs); // unless there is news of it already: then it is ready
    return { type: "retry", key, inMs, failures };
  }

  #dispatch(): readonly QueueEffect[] {
    const effects: QueueEffect[] = [];
    for (const key of this.#ready) {
      if (!this.#open || this.#active.size >= this.#options.concurrency) break;
      this.#ready.delete(key);
      this.#active.add(key);
      effects.push({ type: "handle", key });
    }
    return this.idle ? [{ type: "idle" }] : effects;
  }
}
