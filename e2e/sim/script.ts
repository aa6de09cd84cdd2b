import type { ProfileName } from "@herald/gossip/options";
import { SeededRandom } from "@herald/lab/random";
import { DETECTION_MS, PAUSE_TOLERANCE_MS } from "./bounds.ts";
import type { SimService } from "./control-plane.ts";
import { FAULT_WEIGHTS, type FaultKind } from "./fault-kinds.ts";

/** Something that goes wrong, or is changed, at one time and is put right at another. */
export interface Fault {
  readonly kind: FaultKind;
  readonly at: number;
  readonly forMs: number;
  /** Whom it befalls; index of a node. */
  readonly node: number;
  /** A second one, where there is one. */
  readonly other: number;
  /** How bad, 0 to 1. */
  readonly amount: number;
  /** The nodes on one side, where there are sides. */
  readonly side: readonly number[];
}

/** A whole story before it is told: all that is not dice. */
export interface Script {
  readonly seed: number;
  readonly profile: ProfileName;
  readonly nodes: number;
  /** Nothing goes wrong but what a healthy cluster must bear. */
  readonly calm: boolean;
  /** Of frames and datagrams, all the time. */
  readonly loss: number;
  /** By node: how late its view of the API is, one way, ms. */
  readonly lagMs: readonly number[];
  /** By node: how far its time of day is ahead, ms. */
  readonly skewMs: readonly number[];
  /** What speakers are told as --fail-back-after, ms. */
  readonly failBackMs: number;
  /** By node: when it starts. */
  readonly bootAt: readonly number[];
  readonly services: readonly SimService[];
  /** By time. */
  readonly faults: readonly Fault[];
}

export interface ScriptWishes {
  readonly nodes?: number;
  readonly profile?: ProfileName;
  /** What may go wrong; everything when left out. Such a story is never calm. */
  readonly kinds?: readonly FaultKind[];
}

/** When the faults begin, and how long there are new ones, in detection times. */
export const FAULTS_BEGIN_MS = 2_500;
const FAULTS_SPAN = 8;

/** The longest a fault lasts, in detection times: longer than all repeats of an announcement. */
const LONGEST_SPAN = 14;

/** The flag's default, ms. */
const FIVE_MINUTES = 300_000;

/** Most stories are of few nodes: what can go wrong does so among three. */
const SIZES = [2, 2, 2, ...Array<number>(11).fill(3), 4, 4, 4, 5, 5, 7];

const PROFILES: readonly ProfileName[] = [
  ...Array<ProfileName>(14).fill("default"),
  ...Array<ProfileName>(4).fill("fast"),
  ...Array<ProfileName>(2).fill("lan"),
];

/** Dice with more than one face. */
export class Dice {
  readonly #random: SeededRandom;
  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** At least `low`, below `high`. */
  between(low: number, high: number): number {
    return low + this.#random.next() * (high - low);
  }

  /** Small ones as often as large ones. */
  scaled(low: number, high: number): number {
    return low * (high / low) ** this.#random.next();
  }

  whole(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(choices.length)] as T;
  }

  some<T>(choices: readonly T[], share: number): readonly T[] {
    return choices.filter(() => this.#random.next() < share);
  }
}

/** The same script for the same seed, for ever: whoever changes this changes all stories. */
export function writeScript(seed: number, wishes: ScriptWishes = {}): Script {
  const dice = new Dice(seed);
  const profile = wishes.profile ?? dice.pick(PROFILES);
  const size = profile === "lan" ? dice.pick([2, 3, 3]) : dice.pick(SIZES);
  const nodes = wishes.nodes ?? size;
  const calm = dice.whole(5) === 0 && wishes.kinds === undefined;
  const each = <T>(make: () => T): readonly T[] => Array.from({ length: nodes }, make);
  return {
    seed,
    profile,
    nodes,
    calm,
    loss: dice.pick([0, 0.005, 0.02]),
    lagMs: each(() => dice.scaled(1, calm ? 20 : 400)),
    skewMs: each(() => (dice.whole(3) === 0 ? dice.between(-3_000, 3_000) : dice.between(-50, 50))),
    failBackMs: calm
      ? FIVE_MINUTES
      : dice.pick([FIVE_MINUTES, FIVE_MINUTES, 3_000, 0, Number.POSITIVE_INFINITY]),
    bootAt: each(() => dice.between(0, 200)),
    services: drawServices(dice, nodes),
    faults: drawFaults(dice, { nodes, profile, calm, kinds: calm ? ["pause"] : (wishes.kinds ?? ALL_KINDS) }),
  };
}

function drawServices(dice: Dice, nodes: number): readonly SimService[] {
  const names = Array.from({ length: nodes }, (_, index) => nodeName(index));
  return Array.from({ length: 2 + dice.whole(3) }, (_, index) => {
    const endpoints = dice.some(names, 0.6);
    return {
      name: `web-${index}`,
      families: dice.pick([["IPv4"], ["IPv4"], ["IPv6"], ["IPv4", "IPv6"]] as const),
      policy: dice.pick(["Cluster", "Cluster", "Local"] as const),
      endpoints: endpoints.length > 0 ? endpoints : names.slice(0, 1),
      pool: dice.pick(["one", "two"]),
    };
  });
}

/** As often as their weights say. */
const ALL_KINDS = Object.entries(FAULT_WEIGHTS).flatMap(([kind, weight]) =>
  Array<FaultKind>(weight).fill(kind as FaultKind),
);

interface FaultWishes extends Required<ScriptWishes> {
  readonly calm: boolean;
}

function drawFaults(dice: Dice, { nodes, profile, calm, kinds }: FaultWishes): readonly Fault[] {
  const detection = DETECTION_MS[profile];
  const count = 1 + dice.whole(5);
  const faults = Array.from({ length: count }, (): Fault => {
    const kind = dice.pick(kinds);
    const [shortest, longest] = calm
      ? [1, PAUSE_TOLERANCE_MS[profile]]
      : [detection / 20, detection * LONGEST_SPAN];
    const node = dice.whole(nodes);
    return {
      kind,
      at: Math.round(FAULTS_BEGIN_MS + dice.between(0, detection * FAULTS_SPAN)),
      forMs: kind === "dies" ? 0 : Math.round(dice.scaled(shortest, longest)),
      node,
      other: (node + 1 + dice.whole(Math.max(1, nodes - 1))) % nodes,
      amount: dice.between(0, 1),
      side: dice.some(
        Array.from({ length: nodes }, (_, index) => index),
        0.5,
      ),
    };
  });
  const sorted = faults.toSorted((a, b) => a.at - b.at);
  return calm ? apart(sorted, detection) : sorted;
}

/** Pauses of one node that follow upon each other are one long one. */
function apart(faults: readonly Fault[], gapMs: number): readonly Fault[] {
  let free = 0;
  return faults.map((fault) => {
    const at = Math.max(fault.at, free);
    free = at + fault.forMs + gapMs;
    return { ...fault, at };
  });
}

export function nodeName(index: number): string {
  return `node-${index + 1}`;
}

/** When everything has been put right. */
export function lastFaultEnds({ faults }: Script): number {
  return Math.max(FAULTS_BEGIN_MS, ...faults.map(({ at, forMs }) => at + forMs));
}
