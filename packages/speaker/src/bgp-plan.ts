import type { BgpPeerConfig } from "@herald/shared/config/config";
import { laterWithSameRouter } from "@herald/shared/config/same-router";
import type { IpAddress } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import { isUsable } from "./bgp-peer.ts";
import { type Disagreement, isToldOf, PeerRoutes } from "./bgp-routes.ts";
import {
  anyMatches,
  type BgpConfig,
  type BgpHosts,
  type BgpRefusal,
  type BgpSurroundings,
  bgpHostsOf,
  isParting,
  NO_BGP_HOSTS,
  type Wish,
  wishesFor,
} from "./bgp-wishes.ts";
import type { CandidateNode, PlanOptions } from "./plan.ts";

export interface BgpPlanSetup {
  /** Name of the node this speaker runs on. */
  readonly self: string;
  readonly options: PlanOptions;
}

const NOTHING: BgpConfig = { pools: [], bgpAdvertisements: [], peers: [] };

/**
 * Decides what this node tells each of its routers, from whatever is known now. A change of one Service costs what that
 * Service does, and its prefixes; all of it may be done a slice at a time.
 */
export class BgpPlan {
  /** These six are bounded by the Services of the cluster. */
  readonly #services = new Map<ServiceKey, ServiceView>();
  readonly #hosts = new Map<ServiceKey, BgpHosts>();
  readonly #wishes = new Map<ServiceKey, readonly Wish[] | BgpRefusal>();
  readonly #dirty = new Set<ServiceKey>();
  /** Wishes by prefix. */
  readonly #asking = new Map<string, Set<Wish>>();
  /** Services that something may be said of. */
  readonly #news = new Set<ServiceKey>();
  /** Prefixes that are to be decided on. */
  readonly #touched = new Set<string>();
  /** How many Services are refused, by reason. */
  readonly #refused = new Map<BgpRefusal, number>();
  /** Of wishes, whom they lead to; as long as the peers are the same. */
  #audiences = new WeakMap<readonly Wish[], readonly string[]>();
  #around: BgpSurroundings;
  /** Whether the peers may be others. */
  #stale = true;
  /** Those of `work` that is under way, and of the last that came to its end. */
  #next: readonly PeerRoutes[] = [];
  #nextFor = NOTHING;
  #plans: readonly PeerRoutes[] = [];
  #rivals: ReadonlyMap<BgpPeerConfig, BgpPeerConfig> = new Map();
  /** Whether they may be others than when they were asked for last. */
  #disagreements = true;

  constructor({ self, options }: BgpPlanSetup) {
    this.#around = { self, options, config: NOTHING, nodes: new Map(), hasParted: false };
  }

  configure({ pools, bgpAdvertisements, peers, unjudged = [] }: BgpConfig): void {
    this.#changed({ config: { pools, bgpAdvertisements, peers, unjudged } });
  }

  setNodes(nodes: ReadonlyMap<string, CandidateNode>): void {
    this.#changed({ nodes });
  }

  /** Whether routers that were asked to prefer other ways had time to. */
  setParted(hasParted: boolean): void {
    if (hasParted !== this.#around.hasParted) this.#changed({ hasParted });
  }

  setService(service: ServiceView): void {
    if (this.#services.get(service.key)?.uid !== service.uid) this.#news.add(service.key);
    this.#services.set(service.key, service);
    this.#dirty.add(service.key);
  }

  removeService(key: ServiceKey): void {
    this.#services.delete(key);
    this.#dirty.add(key);
  }

  /** @param endpoints of all slices of the Service, which need not be known yet; none: forgets them. */
  setEndpoints(key: ServiceKey, endpoints: readonly EndpointView[]): void {
    if (endpoints.length === 0) this.#hosts.delete(key);
    else this.#hosts.set(key, bgpHostsOf(endpoints, this.#around.self));
    this.#dirty.add(key);
  }

  /** Whether this node is asked to serve no more, but may where no other can. */
  get isParting(): boolean {
    return isParting(this.#around);
  }

  /** Brings the plans up to date. Pull as often as fits into a slice of time; changes meanwhile are seen to. */
  *work(): Generator<void> {
    while (this.#dirty.size > 0 || this.#touched.size > 0 || this.#stale) {
      yield* this.#decideServices();
      if (this.#stale) yield* this.#renew();
      yield* this.#decidePrefixes();
      if (this.#dirty.size === 0 && !this.#stale) yield* this.#commit();
    }
  }

  /** What each peer of this node is to know, in the configuration's order; of the last `work` that came to its end. */
  get plans(): readonly PeerRoutes[] {
    return this.#plans;
  }

  /** Those of this node that can have no session, as one before them has one with the same router: which. As {@link plans}. */
  get rivals(): ReadonlyMap<BgpPeerConfig, BgpPeerConfig> {
    return this.#rivals;
  }

  /** Services that BGP is for and that are not announced from here, and why. */
  *refusals(): Generator<{ readonly service: ServiceKey; readonly reason: BgpRefusal }, void> {
    for (const [service, wishes] of this.#wishes) {
      if (typeof wishes === "string") yield { service, reason: wishes };
    }
  }

  /** How many Services are refused, by reason. */
  get refused(): ReadonlyMap<BgpRefusal, number> {
    return this.#refused;
  }

  /** Services of which another thing may have to be said than when they came out of this last. */
  *takeNews(): Generator<ServiceKey, void> {
    for (const service of this.#news) {
      this.#news.delete(service);
      yield service;
    }
  }

  /** @returns all of them; `undefined` if they are those of when this was asked last. */
  takeDisagreements(): readonly Disagreement[] | undefined {
    if (!this.#disagreements) return undefined;
    this.#disagreements = false;
    return this.#plans.flatMap(({ disagreements }) => disagreements);
  }

  /** The addresses of a Service that lead to what is announced, if this node has any peers. */
  announced(service: ServiceKey): readonly IpAddress[] {
    const wishes = wishesOf(this.#wishes.get(service));
    return this.#plans.length === 0 ? [] : [...new Set(wishes.map(({ address }) => address))];
  }

  /**
   * The peers of this node that are told of a Service whenever there is a session with them, by name, sorted; of the last
   * `work` that came to its end.
   */
  peersOf(service: ServiceKey): readonly string[] {
    const wishes = wishesOf(this.#wishes.get(service));
    const known = this.#audiences.get(wishes);
    if (known !== undefined) return known;
    const peers = this.#plans.map(({ peer }) => peer).filter(isUsable);
    const told = peers.filter((peer) => wishes.some((wish) => isToldOf(peer, wish)));
    const names = told.map(({ name }) => name).sort();
    this.#audiences.set(wishes, names);
    return names;
  }

  /** "" for a Service that is gone. */
  uidOf(service: ServiceKey): string {
    return this.#services.get(service)?.uid ?? "";
  }

  #changed(change: Partial<BgpSurroundings>): void {
    this.#around = { ...this.#around, ...change };
    this.#stale = true;
    for (const key of this.#services.keys()) this.#dirty.add(key);
  }

  *#decideServices(): Generator<void> {
    for (const key of this.#dirty) {
      this.#dirty.delete(key);
      this.#decide(key);
      yield;
    }
  }

  *#decidePrefixes(): Generator<void> {
    for (const prefix of this.#touched) {
      this.#touched.delete(prefix);
      for (const plan of this.#next) plan.decide(prefix, this.#asking.get(prefix) ?? []);
      yield;
    }
  }

  *#commit(): Generator<void> {
    const plans = this.#next;
    for (const plan of plans) {
      if (plan.commit()) this.#disagreements = true;
      yield;
    }
    if (this.#plans === plans) return;
    this.#plans = plans;
    this.#disagreements = true;
    this.#audiences = new WeakMap();
    yield* addAll(this.#wishes.keys(), this.#news);
  }

  /** As long as the configuration is the same, peers keep what was decided for them. */
  *#renew(): Generator<void> {
    this.#stale = false;
    const { config } = this.#around;
    const selected = this.#selected();
    this.#rivals = laterWithSameRouter(selected);
    const peers = selected.filter((peer) => !this.#rivals.has(peer));
    const before = this.#nextFor === config ? this.#next : [];
    const after = peers.map((peer) => before.find((plan) => plan.peer === peer) ?? new PeerRoutes(peer));
    const isSame = after.length === before.length && after.every((plan, at) => plan === before[at]);
    if (this.#nextFor === config && isSame) return;
    this.#next = after;
    this.#nextFor = config;
    yield* addAll(this.#asking.keys(), this.#touched);
  }

  /** The peers whose selectors match this node, in the configuration's order. */
  #selected(): readonly BgpPeerConfig[] {
    const { config, nodes, self } = this.#around;
    const labels = nodes.get(self)?.labels;
    if (labels === undefined) return [];
    return config.peers.filter(({ nodeSelectors }) => anyMatches(nodeSelectors, labels));
  }

  #decide(key: ServiceKey): void {
    const service = this.#services.get(key);
    const before = this.#wishes.get(key);
    const after = service && wishesFor(service, this.#hosts.get(key) ?? NO_BGP_HOSTS, this.#around);
    if (before === after) return;
    this.#count(before, -1);
    this.#count(after, 1);
    if (sameWishes(before, after)) {
      if (typeof after === "string") this.#wishes.set(key, after);
      else if (after === undefined) this.#wishes.delete(key);
      return; // else the same object stays
    }
    this.#news.add(key);
    for (const wish of wishesOf(before)) this.#forget(wish);
    for (const wish of wishesOf(after)) this.#ask(wish);
    if (after === undefined) this.#wishes.delete(key);
    else this.#wishes.set(key, after);
  }

  #count(decided: Decided, by: 1 | -1): void {
    if (typeof decided === "string") this.#refused.set(decided, (this.#refused.get(decided) ?? 0) + by);
  }

  #ask(wish: Wish): void {
    this.#touched.add(wish.text);
    const asking = this.#asking.get(wish.text);
    if (asking === undefined) this.#asking.set(wish.text, new Set([wish]));
    else asking.add(wish);
  }

  #forget(wish: Wish): void {
    this.#touched.add(wish.text);
    const asking = this.#asking.get(wish.text);
    asking?.delete(wish);
    if (asking?.size === 0) this.#asking.delete(wish.text);
  }
}

/** Thousands at a time are a millisecond or more. */
const AT_ONCE = 512;

function* addAll<T>(from: Iterable<T>, to: Set<T>): Generator<void> {
  let count = 0;
  for (const each of from) {
    to.add(each);
    count += 1;
    if (count % AT_ONCE === 0) yield;
  }
}

type Decided = readonly Wish[] | BgpRefusal | undefined;

/** Only what is announced makes a difference to routers. */
function sameWishes(before: Decided, after: Decided): boolean {
  const [a, b] = [wishesOf(before), wishesOf(after)];
  return (
    a.length === b.length &&
    a.every(
      (wish, at) =>
        wish.text === b[at]?.text &&
        wish.address === b[at]?.address &&
        wish.share === b[at]?.share &&
        wish.advertisement === b[at]?.advertisement,
    )
  );
}

const NO_WISHES: readonly Wish[] = [];

function wishesOf(decided: Decided): readonly Wish[] {
  return decided === undefined || typeof decided === "string" ? NO_WISHES : decided;
}
