import type { Instant } from "@herald/shared/core";
import type { Member } from "./member.ts";

/** One question to one member, and what came of it so far. */
export interface Probe {
  readonly sequence: number; // u32
  /** As it was when we asked: the accusation, if it comes to one, is about that incarnation. */
  readonly target: Member;
  stage: "direct" | "indirect";
  readonly askOthersAt: Instant;
  /** Whatever comes later does not count. */
  readonly deadline: Instant;
  relays: number;
  nacksExpected: number;
  nacks: number;
  /** The TCP ping under way, if any. */
  stream: number | undefined;
}

/** The probes under way, one per member at most. */
export class ProbeTable {
  readonly #limit: number;
  /** By sequence; bounded by `probesAtOnce`. */
  readonly #bySequence = new Map<number, Probe>();
  readonly #targets = new Set<string>();
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#bySequence.size;
  }

  /** How many more may begin. */
  get room(): number {
    return this.#limit - this.#bySequence.size;
  }

  add(probe: Probe): void {
    this.#bySequence.set(probe.sequence, probe);
    this.#targets.add(probe.target.name);
  }

  delete(probe: Probe): void {
    this.#bySequence.delete(probe.sequence);
    this.#targets.delete(probe.target.name);
  }

  clear(): void {
    this.#bySequence.clear();
    this.#targets.clear();
  }

  get(sequence: number): Probe | undefined {
    return this.#bySequence.get(sequence);
  }

  byStream(stream: number): Probe | undefined {
    for (const probe of this.#bySequence.values()) if (probe.stream === stream) return probe;
    return undefined;
  }

  isProbing(name: string): boolean {
    return this.#targets.has(name);
  }

  values(): readonly Probe[] {
    return [...this.#bySequence.values()];
  }

  nextDue(): Instant | undefined {
    let earliest: Instant | undefined;
    for (const { stage, askOthersAt, deadline } of this.#bySequence.values()) {
      const due = stage === "direct" ? Math.min(askOthersAt, deadline) : deadline;
      if (earliest === undefined || due < earliest) earliest = due;
    }
    return earliest;
  }
}
