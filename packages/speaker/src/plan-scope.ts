import type { L2AdvertisementConfig, LabelSelector } from "@herald/shared/config/config";
import type { IpAddress } from "@herald/shared/ip/address";
import { annotation } from "@herald/shared/service/annotations";
import { matchesSelector } from "@herald/shared/service/label-selector";
import type { ServiceView } from "@herald/shared/service/view";
import type { UsableInterfaces } from "./interface-rules.ts";
import {
  type CandidateNode,
  type Eligible,
  NOBODY,
  type PlanConfig,
  poolFor,
  type WithdrawReason,
} from "./plan.ts";

/** Where and how the advertisements that are for a Service let it be announced. */
export interface Scope {
  /** The nodes they select that have one of the interfaces they want. */
  readonly eligible: Eligible;
  /** By node, how much it is preferred; whoever is missing: not at all. */
  readonly weights: ReadonlyMap<string, number>;
  /** Why this node is not among them; `undefined`: no advertisement stands in its way. */
  readonly refusal: WithdrawReason | undefined;
  /** To announce on here, in order; `undefined`: all. */
  readonly interfaces: readonly string[] | undefined;
}

interface Surroundings {
  readonly nodes: ReadonlyMap<string, CandidateNode>;
  readonly eligible: Eligible;
  /** By node; of whoever is missing nothing is known. */
  readonly interfaces: ReadonlyMap<string, UsableInterfaces>;
}

const NO_WEIGHTS: ReadonlyMap<string, number> = new Map();

/** Finds the scope of every Service: few Services have one of their own, so each is worked out once. */
export class Scopes {
  readonly #self: string;
  #config: PlanConfig = { pools: [], l2Advertisements: [] };
  /** Interfaces that some advertisement names. */
  #wanted: ReadonlySet<string> = new Set();
  readonly #interfaces = new Map<string, UsableInterfaces>(); // by node; bounded by the speakers of ours
  #around: Surroundings = { nodes: new Map(), eligible: NOBODY, interfaces: this.#interfaces };
  /** By the advertisements they come of; as many as there are ways to match Services. */
  readonly #made = new Map<string, Scope>();
  constructor(self: string) {
    this.#self = self;
  }

  configure(config: PlanConfig): void {
    this.#config = config;
    this.#wanted = new Set(config.l2Advertisements.flatMap((each) => each.interfaces));
    this.#made.clear();
  }

  /** @returns whether scopes may be others now. */
  setNodes(nodes: ReadonlyMap<string, CandidateNode>, eligible: Eligible): boolean {
    const before = this.#around;
    this.#around = { ...before, nodes, eligible };
    const isNews = eligible !== before.eligible || (this.#readsLabels() && !sameLabels(before.nodes, nodes));
    if (isNews) this.#made.clear();
    return isNews;
  }

  /**
   * Where a node can be heard; `undefined`: nothing is known of that.
   *
   * @returns whether scopes may be others now.
   */
  setInterfaces(name: string, interfaces: UsableInterfaces | undefined): boolean {
    const before = this.#interfaces.get(name);
    if (interfaces === undefined) this.#interfaces.delete(name);
    else this.#interfaces.set(name, interfaces);
    const counts = name === this.#self || this.#around.eligible.able.has(name);
    const isNews = counts && gist(before, this.#wanted) !== gist(interfaces, this.#wanted);
    if (isNews) this.#made.clear();
    return isNews;
  }

  /** @returns the scope of a Service with these addresses, or why there is none. */
  of(service: ServiceView, addresses: readonly IpAddress[]): Scope | WithdrawReason {
    const indexes = advertisementsFor(this.#config, service, addresses);
    if (typeof indexes === "string") return indexes;
    const key = indexes.join();
    const before = this.#made.get(key);
    if (before !== undefined) return before;
    const all = this.#config.l2Advertisements;
    const made = makeScope(
      indexes.map((index) => all[index] as L2AdvertisementConfig),
      this.#self,
      this.#around,
    );
    this.#made.set(key, made);
    return made;
  }

  #readsLabels(): boolean {
    return this.#config.l2Advertisements.some(
      ({ nodeSelectors, preferredNodeSelectors }) =>
        nodeSelectors.length > 0 || preferredNodeSelectors.length > 0,
    );
  }
}

/** @returns at least one, by where they stand in the configuration, or why there is none. */
export function advertisementsFor(
  config: PlanConfig,
  service: ServiceView,
  addresses: readonly IpAddress[],
): readonly number[] | WithdrawReason {
  const { l2Advertisements } = config;
  const pool = poolFor(config, service, addresses);
  if (pool === undefined) return "ipNotAllowed";
  const indexes = [...l2Advertisements.keys()].filter((index) => {
    const { pools: names, serviceSelectors } = l2Advertisements[index] as L2AdvertisementConfig;
    return names.includes(pool.name) && anyMatches(serviceSelectors, service.labels);
  });
  if (indexes.length === 0) return "noMatchingAdvertisement";
  const isSelective = indexes.some((index) => (l2Advertisements[index]?.serviceSelectors.length ?? 0) > 0);
  const isShared = annotation(service.annotations, "allow-shared-ip") !== undefined;
  return isSelective && isShared ? "sharedIPWithServiceSelector" : indexes;
}

function makeScope(
  advertisements: readonly L2AdvertisementConfig[],
  self: string,
  { nodes, eligible, interfaces }: Surroundings,
): Scope {
  const selecting = (name: string): readonly L2AdvertisementConfig[] => {
    const labels = nodes.get(name)?.labels ?? {};
    return advertisements.filter(({ nodeSelectors }) => anyMatches(nodeSelectors, labels));
  };
  const canAnswer = (name: string): boolean => {
    const own = selecting(name);
    return own.length > 0 && hasAny(interfaces.get(name), wantedBy(own));
  };
  const weights = [...eligible.able].flatMap((name) => {
    const weight = weightOf(selecting(name), nodes.get(name)?.labels ?? {});
    return weight > 0 ? [[name, weight] as const] : [];
  });
  const own = selecting(self);
  const wanted = own.length === 0 ? [] : wantedBy(own);
  return {
    eligible: { fit: keep(eligible.fit, canAnswer), able: keep(eligible.able, canAnswer) },
    weights: weights.length === 0 ? NO_WEIGHTS : new Map(weights),
    refusal:
      own.length === 0
        ? "noMatchingAdvertisement"
        : hasAny(interfaces.get(self), wanted)
          ? undefined
          : "noInterface",
    interfaces: wanted,
  };
}

/** @returns `undefined` for all: one advertisement that names none wants every one. */
export function wantedBy(advertisements: readonly L2AdvertisementConfig[]): readonly string[] | undefined {
  if (advertisements.some(({ interfaces }) => interfaces.length === 0)) return undefined;
  return [...new Set(advertisements.flatMap(({ interfaces }) => interfaces))].sort();
}

export function hasAny(usable: UsableInterfaces = "all", wanted: readonly string[] | undefined): boolean {
  if (usable === "all") return true;
  return wanted === undefined ? usable.size > 0 : wanted.some((name) => usable.has(name));
}

/** What of a node's interfaces decides anything. */
function gist(usable: UsableInterfaces = "all", wanted: ReadonlySet<string>): string {
  const has = (name: string): boolean => usable === "all" || usable.has(name);
  return `${usable === "all" || usable.size > 0} ${[...wanted].filter(has).join()}`;
}

function weightOf(
  advertisements: readonly L2AdvertisementConfig[],
  labels: Readonly<Record<string, string>>,
): number {
  const preferences = advertisements.flatMap(({ preferredNodeSelectors }) => preferredNodeSelectors);
  return preferences.reduce(
    (sum, { weight, preference }) => sum + (matchesSelector(preference, labels) ? weight : 0),
    0,
  );
}

function anyMatches(selectors: readonly LabelSelector[], labels: Readonly<Record<string, string>>): boolean {
  return selectors.length === 0 || selectors.some((selector) => matchesSelector(selector, labels));
}

/** The same set when all stay: others tell sets apart by what they are. */
function keep(names: ReadonlySet<string>, stays: (name: string) => boolean): ReadonlySet<string> {
  const kept = [...names].filter(stays);
  return kept.length === names.size ? names : new Set(kept);
}

function sameLabels(
  before: ReadonlyMap<string, CandidateNode>,
  after: ReadonlyMap<string, CandidateNode>,
): boolean {
  if (before.size !== after.size) return false;
  for (const [name, { labels }] of after) {
    const old = before.get(name)?.labels;
    if (old === undefined) return false;
    const keys = Object.keys(labels);
    if (keys.length !== Object.keys(old).length || keys.some((key) => labels[key] !== old[key])) return false;
  }
  return true;
}
