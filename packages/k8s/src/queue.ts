import type { Clock, Random } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import { ApiError } from "./api.ts";
import { QueueCore, type QueueEffect, type QueueInput } from "./queue-core.ts";
import { whenAborted } from "./when-aborted.ts";

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Keys handled at the same time, at least 1. */
  readonly concurrency: number;
  /** First and last delay after failures of one key; between them it doubles. */
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  /** A key failed with an ApiError and will be handled again. */
  retried?(retry: RetriedKey): void;
}

export interface RetriedKey {
  readonly key: string;
  readonly error: ApiError;
  readonly inMs: number;
  /** In a row. */
  readonly failures: number;
}

/**
 * Keys waiting to be handled: each at most once in the queue and never by two handlers at once. A key added while it
 * is handled is handled again afterwards. Unbounded in time (a failing key is retried for ever), bounded by the keys
 * that exist.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #core: QueueCore;
  readonly #driven: Driven<QueueInput>;
  readonly #inHand = new Map<string, Promise<void>>(); // by key; bounded by options.concurrency
  readonly #errors = new Map<string, ApiError>(); // why a key in hand failed, until the core has said what follows
  #idlers: (() => void)[] = [];
  #handle: (key: string) => Promise<void> = async () => {};
  #signal: AbortSignal = new AbortController().signal;
  #fault = Promise.withResolvers<never>();

  constructor(options: WorkQueueOptions) {
    const { clock, concurrency, retry, random } = options;
    this.#options = options;
    this.#core = new QueueCore({ concurrency, retry, random });
    this.#driven = drive(this.#core, clock, (effect) => this.#perform(effect));
  }

  /** Keys waiting, not counting those being handled or delayed. */
  get depth(): number {
    return this.#core.depth;
  }

  add(key: string): void {
    this.#driven.feed({ type: "add", key });
  }

  /** Adds the key once `delayMs` has passed; an earlier `add` takes its place. */
  addAfter(key: string, delayMs: number): void {
    this.#driven.feed({ type: "add-after", key, delayMs });
  }

  /**
   * Handles keys until aborted, then takes no more, waits for those in hand and resolves; what is left waits for the
   * next `run`. A handler that throws an ApiError has its key retried with back-off; anything else it throws is a bug
   * of ours and rejects. One that throws the reason of `signal` has only stopped early: its key waits for the next
   * `run`.
   */
  async run(handle: (key: string) => Promise<void>, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#handle = handle;
    this.#signal = signal;
    this.#fault = Promise.withResolvers();
    try {
      this.#driven.feed({ type: "open" });
      await Promise.race([whenAborted(signal), this.#fault.promise]);
    } finally {
      this.#driven.feed({ type: "close" });
    }
    await Promise.race([Promise.all(this.#inHand.values()), this.#fault.promise]);
  }

  /** Resolves when no key is waiting, in hand or due for a retry. Await it before aborting to drain. */
  async whenIdle(): Promise<void> {
    if (this.#core.idle) return;
    await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  #perform(effect: QueueEffect): void {
    switch (effect.type) {
      case "handle":
        this.#inHand.set(effect.key, this.#work(effect.key));
        break;
      case "retry": {
        const error = this.#errors.get(effect.key);
        this.#errors.delete(effect.key);
        if (error !== undefined) this.#options.retried?.({ ...effect, error });
        break;
      }
      case "idle":
        for (const resolve of this.#idlers.splice(0)) resolve();
    }
  }

  /** Never rejects: what is no ApiError ends `run`. */
  async #work(key: string): Promise<void> {
    const outcome = await this.#outcome(key);
    this.#inHand.delete(key);
    if (outcome !== undefined) this.#driven.feed(outcome);
  }

  async #outcome(key: string): Promise<QueueInput | undefined> {
    try {
      await this.#handle(key);
      return { type: "done", key };
    } catch (error) {
      if (error instanceof ApiError) {
        this.#errors.set(key, error);
        return { type: "failed", key, retryAfterMs: error.retryAfterMs };
      }
      if (this.#signal.aborted && error === this.#signal.reason)
        return { type: "failed", key, retryAfterMs: 0 };
      this.#fault.reject(error);
      return undefined;
    }
  }
}
