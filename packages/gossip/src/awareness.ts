/**
 * How healthy we think we are ourselves (Lifeguard, local health multiplier): 0 is well. Probes that fail without
 * our relays saying that they heard us, and accusations against us, raise it; answered probes lower it.
 */
export class Awareness {
  readonly #max: number;
  #score = 0;

  /** @param max the score stays below it; at least 1. */
  constructor(max: number) {
    this.#max = max;
  }

  get score(): number {
    return this.#score;
  }

  change(by: number): void {
    this.#score = Math.max(0, Math.min(this.#max - 1, this.#score + by));
  }

  /** A duration stretched by our illness. */
  scale(durationMs: number): number {
    return durationMs * (this.#score + 1);
  }
}
