import { INVARIANTS, type Invariant } from "./invariants.ts";
import type { Script } from "./script.ts";
import type { CreateSpeaker } from "./sim-node.ts";
import { World } from "./world.ts";

export interface Violation {
  readonly at: number;
  /** The sentence that is not true. */
  readonly invariant: string;
  readonly how: string;
}

export interface Outcome {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** Virtual time that passed, ms. */
  readonly lastedMs: number;
  readonly datagrams: number;
}

export interface RunOptions {
  readonly tell?: (at: number, who: string, text: string) => void;
  /** Gets all that goes onto the wire. */
  readonly onOctets?: (at: number, octets: Uint8Array) => void;
  readonly create?: CreateSpeaker;
  readonly invariants?: readonly Invariant[];
}

/** How often the invariants are looked at, ms: a fraction of what they bound. */
const STEP_MS = { fast: 20, default: 20, lan: 200 } as const;

/** After the caches must be right: time in which nothing may happen any more. */
const CALM_END_MS = 500;

/** Tells one story to its end, or to the first sentence that is not true. */
export async function run(script: Script, options: RunOptions = {}): Promise<Outcome> {
  const { tell, create, onOctets, invariants = INVARIANTS } = options;
  const world = new World(script, { tell, onOctets, create });
  world.begin();
  const end = world.settledAt + world.bounds.cachesMs + CALM_END_MS;
  let violation: Violation | undefined;
  while (violation === undefined && world.now < end) {
    await world.pass(STEP_MS[script.profile]);
    world.holders.look();
    violation = firstViolation(world, invariants);
  }
  if (violation !== undefined) world.tell("VIOLATED", `${violation.invariant}: ${violation.how}`);
  const datagrams = [...world.net.sent.values()].reduce((sum, count) => sum + count, 0);
  return { seed: script.seed, violation, lastedMs: world.now, datagrams };
}

function firstViolation(world: World, invariants: readonly Invariant[]): Violation | undefined {
  for (const invariant of invariants) {
    const how = invariant.check(world);
    if (how !== undefined) return { at: world.now, invariant: invariant.name, how };
  }
  return undefined;
}
