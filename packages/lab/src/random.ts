import type { Random } from "@herald/shared/core";

/** Dice that always fall the same way for one seed (Marsaglia's xorshift, 32 bits, triple 13, 17, 5). */
export class SeededRandom implements Random {
  #state: number;

  /** @param seed any integer. */
  constructor(seed: number) {
    // Why: small seeds alone would begin with small numbers, and zero stays zero for ever.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
    for (let index = 0; index < 8; index += 1) this.next();
  }

  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 2 ** 32;
  }
}

/** Whether something that happens with `probability` happens this time. */
export function happens(random: Random, probability: number): boolean {
  return random.next() < probability;
}
