import type { DatagramNet } from "@herald/lab/datagrams";
import type { Instant } from "@herald/shared/core";

interface Bad {
  readonly loss?: number;
  readonly duplication?: number;
  readonly longestMs?: number;
}

const SHORTEST_MS = 0.05;
const LONGEST_MS = 0.5;

/** What the wire does to everything on it; the worst of what there is at a time. */
export class Weather {
  readonly #base: number;
  readonly #now: () => Instant;
  readonly #bad = new Set<Bad>(); // bounded by the script
  #net: DatagramNet<Uint8Array> | undefined;
  loss: number;
  duplication = 0;
  delayMs: readonly [shortest: number, longest: number] = [SHORTEST_MS, LONGEST_MS];
  /** When it got better the last time. */
  clearSince: Instant = 0;

  constructor(loss: number, now: () => Instant) {
    this.#base = loss;
    this.#now = now;
    this.loss = loss;
  }

  rulesOver(net: DatagramNet<Uint8Array>): void {
    this.#net = net;
  }

  get isBad(): boolean {
    return this.#bad.size > 0;
  }

  /** @returns its end. */
  worsen(bad: Bad): () => void {
    this.#bad.add(bad);
    this.#settle();
    return () => {
      this.#bad.delete(bad);
      this.clearSince = this.#now();
      this.#settle();
    };
  }

  #settle(): void {
    const worst = (of: (bad: Bad) => number | undefined, base: number): number =>
      Math.max(base, ...[...this.#bad].map((bad) => of(bad) ?? base));
    this.loss = worst((bad) => bad.loss, this.#base);
    this.duplication = worst((bad) => bad.duplication, 0.001);
    this.delayMs = [SHORTEST_MS, worst((bad) => bad.longestMs, LONGEST_MS)];
    this.#net?.setLoss(this.loss);
  }
}
