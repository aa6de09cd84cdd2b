import type { BgpAdvertisementConfig } from "@herald/shared/config/config";
import type { IpAddress } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import { isUsable } from "./bgp-peer.ts";
import { type PeerRoutes, routesFor } from "./bgp-routes.ts";
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
 * Decides what this node tells each of its routers, from whatever is known now. A change of one Service costs what
 * that Service does, and putting the tables together; both may be done a slice at a time.
 */
export class BgpPlan {
  /** These four are bounded by the Services of the cluster. */
  readonly #services = new Map<ServiceKey, ServiceView>();
  readonly #hosts = new Map<ServiceKey, BgpHosts>();
  readonly #wishes = new Map<ServiceKey, readonly Wish[] | BgpRefusal>();
  readonly #dirty = new Set<ServiceKey>();
  /** Of wishes: thousands of Services are asked about after a change of one. */
  readonly #addresses = new WeakMap<readonly Wish[], readonly IpAddress[]>();
  /** Of wishes, whom they lead to; as long as the peers are the same. */
  #audiences = new WeakMap<readonly Wish[], readonly string[]>();
  #around: BgpSurroundings;
  /** Whether the tables are not those of the wishes any more. */
  #stale = true;
  #plans: readonly PeerRoutes[] = [];

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
    while (this.#dirty.size > 0 || this.#stale) {
      for (const key of this.#dirty) {
        this.#dirty.delete(key);
        this.#decide(key);
        yield;
      }
      if (!this.#stale) continue;
      this.#stale = false;
      const labels = this.#around.nodes.get(this.#around.self)?.labels;
      const peers = this.#around.config.peers.filter(
        ({ nodeSelectors }) => labels !== undefined && anyMatches(nodeSelectors, labels),
      );
      const plans: PeerRoutes[] = [];
      const wishes = [...this.#all()]; // as they are now, whatever changes meanwhile
      for (const peer of peers) {
        plans.push(yield* routesFor(peer, wishes));
        yield;
      }
      this.#plans = plans;
      this.#audiences = new WeakMap();
    }
  }

  /** What each peer of this node is to know, in the configuration's order; of the last `work` that came to its end. */
  get plans(): readonly PeerRoutes[] {
    return this.#plans;
  }

  /** Services that BGP is for and that are not announced from here, and why. */
  *refusals(): Generator<{ readonly service: ServiceKey; readonly reason: BgpRefusal }, void> {
    for (const [service, wishes] of this.#wishes) {
      if (typeof wishes === "string") yield { service, reason: wishes };
    }
  }

  /** By Service, the addresses that lead to what is announced; the same object as long as they are the same. */
  announced(): ReadonlyMap<ServiceKey, readonly IpAddress[]> {
    const announced = new Map<ServiceKey, readonly IpAddress[]>();
    for (const [service, wishes] of this.#wishes) {
      if (typeof wishes === "string") continue;
      const addresses = this.#addresses.get(wishes) ?? [...new Set(wishes.map(({ address }) => address))];
      this.#addresses.set(wishes, addresses);
      announced.set(service, addresses);
    }
    return announced;
  }

  /**
   * The peers of this node that are told of a Service whenever there is a session with them, by name, sorted; of the last
   * `work` that came to its end.
   */
  peersOf(service: ServiceKey): readonly string[] {
    const wishes = this.#wishes.get(service) ?? [];
    if (typeof wishes === "string") return [];
    const known = this.#audiences.get(wishes);
    if (known !== undefined) return known;
    const peers = this.#plans.map(({ peer }) => peer).filter(isUsable);
    const told = peers.filter(({ name }) =>
      wishes.some(({ advertisement }) => isToldOf(name, advertisement)),
    );
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

  #decide(key: ServiceKey): void {
    const service = this.#services.get(key);
    const before = this.#wishes.get(key);
    const after = service && wishesFor(service, this.#hosts.get(key) ?? NO_BGP_HOSTS, this.#around);
    const isSame = sameWishes(before, after);
    if (!isSame) this.#stale = true;
    if (after === undefined) this.#wishes.delete(key);
    else if (!isSame || typeof after === "string") this.#wishes.set(key, after); // else the same object stays
  }

  *#all(): Generator<Wish> {
    for (const wishes of this.#wishes.values()) if (typeof wishes !== "string") yield* wishes;
  }
}

function isToldOf(peer: string, { peers }: BgpAdvertisementConfig): boolean {
  return peers.length === 0 || peers.includes(peer);
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

function wishesOf(decided: Decided): readonly Wish[] {
  return decided === undefined || typeof decided === "string" ? [] : decided;
}
