import type { Clock, Random } from "@herald/shared/core";

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Keys handled at the same time, at least 1. */
  readonly concurrency: number;
  /** First and last delay after failures of one key; between them it doubles. */
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  /** A key failed with an ApiError and will be handled again. */
  retried?(retry: {
    readonly key: string;
    readonly error: Error;
    readonly inMs: number;
    readonly failures: number;
  }): void;
}

/**
 * Keys waiting to be handled: each at most once in the queue and never by two handlers at once. A key added while it
 * is handled is handled again afterwards. Unbounded in time (a failing key is retried for ever), bounded by the keys
 * that exist.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys waiting, not counting those being handled or delayed. */
  get depth(): number {
    throw new Error(`not yet ${this.#options.concurrency}`);
  }

  add(key: string): void {
    throw new Error(`not yet ${key}`);
  }

  /** Adds the key once `delayMs` has passed; an earlier `add` takes its place. */
  addAfter(key: string, delayMs: number): void {
    throw new Error(`not yet ${key} ${delayMs}`);
  }

  /**
   * Handles keys until aborted, then takes no more, waits for those in hand and resolves; what is left waits for the
   * next `run`. A handler that throws an ApiError has its key retried with back-off; anything else it throws is a bug
   * of ours and rejects.
   */
  run(handle: (key: string) => Promise<void>, signal: AbortSignal): Promise<void> {
    throw new Error(`not yet ${handle} ${signal}`);
  }

  /** Resolves when no key is waiting, in hand or due for a retry. Await it before aborting to drain. */
  whenIdle(): Promise<void> {
    throw new Error("not yet");
  }
}
