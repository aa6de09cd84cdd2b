/** A point on a monotonic clock, in milliseconds. Where it starts is nobody's business. */
export type Instant = number;

/** The system's clock behind an interface, so that tests can own time. Only drivers and shells hold one. */
export interface Clock {
  now(): Instant;
  /** Runs `callback` once at `due` or soon after, never before. Returns its cancel, harmless when late. */
  at(due: Instant, callback: () => void): () => void;
}

/** Dice. Seeded in tests, the system's in production. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/**
 * A protocol without its I/O. The driver feeds inputs and time in, performs the effects that come out
 * in order, and calls `wake` once `nextWake()` has passed.
 */
export interface Core<Input, Effect> {
  /** Total: every input is legal in every state. */
  handle(input: Input, now: Instant): readonly Effect[];
  /** Fires whatever is due. Calling it early or twice is harmless. */
  wake(now: Instant): readonly Effect[];
  /** When to call `wake` next; `undefined` when nothing is pending. */
  nextWake(): Instant | undefined;
}
