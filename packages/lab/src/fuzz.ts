import { SeededRandom } from "./random.ts";

/** A decoder under rubbish. */
export interface FuzzTarget {
  readonly name: string;
  /** What comes in in good times; at least one. */
  readonly samples: readonly Uint8Array[];
  /**
   * @param thorough whether to look closer than every input can be looked at: that what was taken comes back when it is
   *   sent again.
   * @throws whatever, for what is neither understood nor refused as it should be.
   */
  readonly judge: (input: Uint8Array, thorough: boolean) => "taken" | "refused";
}

export type FuzzOutcomes = Readonly<Record<"taken" | "refused", number>>;

/** What a target made of an input of that seed was neither. */
export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";
  readonly seed: number;
  readonly input: Uint8Array;
  constructor(target: FuzzTarget, seed: number, cause: unknown) {
    const input = inputOf(target, seed);
    super(`${target.name}, seed ${seed}, input ${toHex(input)}: ${cause}`, { cause });
    this.seed = seed;
    this.input = input;
  }
}

/** One in so many is looked at thoroughly: those whose seed is a multiple. */
const THOROUGH_EVERY = 16;

/**
 * Tries the inputs of so many seeds, one after another, from `first` on.
 *
 * @throws {FuzzFailure} for the first that fails.
 */
export function fuzz(target: FuzzTarget, first: number, count: number): FuzzOutcomes {
  const outcomes = { taken: 0, refused: 0 };
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0; // most of what refusing costs
  try {
    for (let seed = first; seed < first + count; seed += 1) outcomes[tryOne(target, seed)] += 1;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return outcomes;
}

function tryOne(target: FuzzTarget, seed: number): "taken" | "refused" {
  try {
    return target.judge(inputOf(target, seed), seed % THOROUGH_EVERY === 0);
  } catch (error) {
    throw new FuzzFailure(target, seed, error);
  }
}

/** A sample with one to four changes, always the same for a seed. */
export function inputOf({ samples }: FuzzTarget, seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  const sample = samples[below(samples.length, random)] as Uint8Array;
  const octets = new Uint8Array(sample.length + CHANGES_MAX * SPAN_MAX);
  octets.set(sample);
  let length = sample.length;
  for (let left = 1 + below(CHANGES_MAX, random); left > 0; left -= 1) {
    length = change(octets, length, random);
  }
  return octets.subarray(0, length);
}

const CHANGES_MAX = 4;
/** Octets that one change adds at most. */
const SPAN_MAX = 8;

/** @returns how long it is now. */
function change(octets: Uint8Array, length: number, random: SeededRandom): number {
  const at = below(length + 1, random);
  const span = Math.min(1 + below(SPAN_MAX, random), length - at);
  const dice = below(16, random);
  if (dice < 5) octets[at] = (octets[at] ?? 0) ^ (1 << below(8, random));
  else if (dice < 9) octets[at] = below(256, random);
  else if (dice < 10) octets[at] = [0, 1, 0x7f, 0x80, 0xff][below(5, random)] ?? 0;
  else if (dice < 12) {
    octets.copyWithin(at, at + span, length);
    return length - span;
  } else if (dice < 15) {
    octets.copyWithin(at + span, at, length); // what stood there stands there twice
    return length + span;
  } else return at;
  return Math.max(length, at + 1);
}

function below(end: number, random: SeededRandom): number {
  return Math.floor(random.next() * end);
}

function toHex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
}
