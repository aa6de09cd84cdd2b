const EVERY_MS = 5;

/** When this process stood still while time went on: a timer that is late tells. */
export class Standstills {
  readonly #longerThanMs: number;
  readonly #timer = setInterval(() => this.#look(), EVERY_MS);
  readonly #foundMs: number[] = [];
  #lookedAt = performance.now();

  /** From now on. */
  constructor(longerThanMs: number) {
    this.#longerThanMs = longerThanMs;
  }

  /** @returns how long each was, ms. */
  stop(): readonly number[] {
    this.#look();
    clearInterval(this.#timer);
    return this.#foundMs;
  }

  #look(): void {
    const now = performance.now();
    const lateMs = now - this.#lookedAt - EVERY_MS;
    this.#lookedAt = now;
    if (lateMs > this.#longerThanMs) this.#foundMs.push(lateMs);
  }
}
