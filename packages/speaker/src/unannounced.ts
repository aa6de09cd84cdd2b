import type { ConditionWish } from "@herald/k8s/service-condition";
import type {
  BgpAdvertisementConfig,
  Config,
  L2AdvertisementConfig,
  LabelSelector,
  Pool,
} from "@herald/shared/config/config";
import { familyOf, type IpAddress, type IpFamily } from "@herald/shared/ip/address";
import type { ServiceView } from "@herald/shared/service/view";
import { ANNOUNCED_BY_BGP, nobodyCondition } from "./announced-condition.ts";
import { familiesOf, isUsable } from "./bgp-peer.ts";
import { anyMatches } from "./bgp-wishes.ts";
import type { UsableInterfaces } from "./interface-rules.ts";
import { type CandidateNode, claim, eligible, type Hosts, type PlanOptions, poolFor, unfit } from "./plan.ts";
import { advertisementsFor, hasAny, wantedBy } from "./plan-scope.ts";
import {
  describeRefusal,
  listNames,
  listNodes,
  NODE_REFUSALS,
  type NodeRefusal,
  type Refused,
} from "./unannounced-words.ts";

/** A Service that no node answers for on layer 2. */
export interface Unannounced {
  readonly service: ServiceView;
  readonly hosts: Hosts;
  /** The node that answers for its address, but for another Service. */
  readonly owner: string | undefined;
}

type Words = Pick<Config, "pools" | "l2Advertisements" | "bgpAdvertisements" | "peers" | "unjudged">;
type Advertisement = L2AdvertisementConfig | BgpAdvertisementConfig;

const NOBODY: ReadonlySet<string> = new Set();

/** What keeps the nodes from announcing by one protocol; whoever is missing can. */
interface Refusals {
  readonly protocol: "layer 2" | "BGP";
  readonly byNode: ReadonlyMap<string, NodeRefusal>;
  readonly about: Refused;
}

/**
 * Why no node announces a Service, and what to change. Speakers say so, not the controller: only they know interfaces,
 * and which of them are alive. Every speaker that sees the same finds the same words, so that it does not matter which of
 * them writes: `isSpokesman` says which, and whoever follows it finds written what it would write.
 */
export class UnannouncedServices {
  readonly #self: string;
  readonly #options: PlanOptions;
  #config: Words = { pools: [], l2Advertisements: [], bgpAdvertisements: [], peers: [] };
  #nodes: ReadonlyMap<string, CandidateNode> = new Map();
  readonly #interfaces = new Map<string, UsableInterfaces>(); // by node; bounded by the speakers of ours
  #isSpokesman = false;
  /** By advertisements; as many as there are ways to match Services, and families of addresses. */
  readonly #refusals = new Map<string, readonly Refusals[]>();
  /** What they come to where every node is as good as any other. */
  readonly #wishes = new WeakMap<readonly Refusals[], ConditionWish | undefined>();
  /** Of all nodes, sorted; `undefined` until somebody asks. */
  #names: readonly string[] | undefined;

  constructor(self: string, options: PlanOptions) {
    this.#self = self;
    this.#options = options;
  }

  configure(config: Words): void {
    this.#config = config;
    this.#refusals.clear();
  }

  /** @param ours speakers that may be the one to speak, where others take part that would not; none: all may. */
  setNodes(nodes: ReadonlyMap<string, CandidateNode>, ours: ReadonlySet<string> = NOBODY): void {
    this.#nodes = nodes;
    this.#names = undefined;
    const mayWrite = (name: string): boolean => ours.size === 0 || ours.has(name) || name === this.#self;
    const ready = [...nodes.keys()].filter((name) => nodes.get(name)?.speakerReady && mayWrite(name));
    this.#isSpokesman = ready.includes(this.#self) && ready.every((name) => this.#self <= name);
    this.#refusals.clear();
  }

  /** Where a node can be heard; `undefined`: nothing is known of that. */
  setInterfaces(name: string, interfaces: UsableInterfaces | undefined): void {
    if (interfaces === undefined) this.#interfaces.delete(name);
    else this.#interfaces.set(name, interfaces);
    this.#refusals.clear();
  }

  /**
   * Whether this speaker is the one that writes them: the first by name of those that are alive. When it goes, the next
   * finds them written.
   */
  get isSpokesman(): boolean {
    return this.#isSpokesman;
  }

  /** @returns `undefined` for what is not ours to announce, or about to be announced. */
  explain({ service, hosts, owner }: Unannounced): ConditionWish | undefined {
    const addresses = claim(service, this.#options);
    if (addresses === "notLoadBalancer" || addresses === "otherLoadBalancerClass") return undefined;
    if (addresses === "noIPAllocated") {
      return nobodyCondition(addresses, "it has no address; the condition herald.io/Allocated says why");
    }
    if (typeof addresses === "string") {
      return nobodyCondition(addresses, "its status has something that is no IP address: delete that");
    }
    const pool = poolFor(this.#config, service, addresses);
    if (pool === undefined) {
      const holds = `no pool that is in force holds ${listNames(addresses)}`;
      return nobodyCondition("ipNotAllowed", `${holds}; the condition herald.io/Allocated says more`);
    }
    const refusals = this.#refusalsFor(service, pool, addresses);
    if ("status" in refusals) return refusals;
    if (!hosts.any) {
      return nobodyCondition(
        "noEndpoints",
        "it has no usable endpoint on any node: look at the pods that its selector selects",
      );
    }
    this.#names ??= [...this.#nodes.keys()].sort();
    if (service.externalTrafficPolicy === "Local" || owner !== undefined) {
      return describe(service, hosts, owner, refusals, this.#names);
    }
    if (!this.#wishes.has(refusals)) {
      this.#wishes.set(refusals, describe(service, hosts, owner, refusals, this.#names));
    }
    return this.#wishes.get(refusals);
  }

  #refusalsFor(
    service: ServiceView,
    pool: Pool,
    addresses: readonly IpAddress[],
  ): readonly Refusals[] | ConditionWish {
    const { l2Advertisements, bgpAdvertisements } = this.#config;
    const layer2 = advertisementsFor(this.#config, service, addresses);
    const bgp = [...bgpAdvertisements.keys()].filter((index) =>
      isFor(bgpAdvertisements[index] as BgpAdvertisementConfig, pool, service),
    );
    if (typeof layer2 === "string" && bgp.length === 0) {
      if (layer2 !== "noMatchingAdvertisement") return nobodyCondition(layer2);
      return nobodyCondition(layer2, unadvertised(pool, [...l2Advertisements, ...bgpAdvertisements]));
    }
    const indexes = typeof layer2 === "string" ? [] : layer2;
    const families = [...new Set(addresses.map(familyOf))].sort();
    const key = `${indexes.join()}/${bgp.join()}/${families.join()}`;
    const known = this.#refusals.get(key);
    if (known !== undefined) return known;
    const made = [
      ...(indexes.length === 0 ? [] : [this.#onLayer2(chosen(l2Advertisements, indexes))]),
      ...(bgp.length === 0 ? [] : [this.#byBgp(chosen(bgpAdvertisements, bgp), families)]),
    ];
    this.#refusals.set(key, made);
    return made;
  }

  #onLayer2(advertisements: readonly L2AdvertisementConfig[]): Refusals {
    const byNode = this.#judge((name, { labels }) => {
      const own = advertisements.filter(({ nodeSelectors }) => anyMatches(nodeSelectors, labels));
      if (own.length === 0) return "noMatchingAdvertisement";
      return hasAny(this.#interfaces.get(name), wantedBy(own)) ? undefined : "noInterface";
    });
    const interfaces = listNames(wantedBy(advertisements) ?? [], "or");
    const about = { advertisements: named("L2Advertisement", advertisements), interfaces };
    return { protocol: "layer 2", byNode, about };
  }

  /** @param families of the addresses; routers that take none of them hear nothing of the Service. */
  #byBgp(advertisements: readonly BgpAdvertisementConfig[], families: readonly IpFamily[]): Refusals {
    const peers = this.#config.peers.filter(
      (peer) => isUsable(peer) && familiesOf(peer).some((family) => families.includes(family)),
    );
    const byNode = this.#judge((_, { labels }) => {
      const own = advertisements.filter(({ nodeSelectors }) => anyMatches(nodeSelectors, labels));
      if (own.length === 0) return "noMatchingAdvertisement";
      const told = own.flatMap((each) => each.peers);
      const isTold = (peer: string): boolean =>
        own.some((each) => each.peers.length === 0) || told.includes(peer);
      const hasPeer = peers.some((peer) => anyMatches(peer.nodeSelectors, labels) && isTold(peer.name));
      return hasPeer ? undefined : "noPeer";
    });
    const about = { advertisements: named("BGPAdvertisement", advertisements), interfaces: "" };
    return { protocol: "BGP", byNode, about };
  }

  #judge(
    refusal: (name: string, node: CandidateNode) => NodeRefusal | undefined,
  ): ReadonlyMap<string, NodeRefusal> {
    return new Map(
      [...this.#nodes].flatMap(([name, node]) => {
        const isAble = eligible(new Map([[name, node]]), this.#options).able.has(name);
        const why = isAble ? refusal(name, node) : (unfit(node, this.#options) as NodeRefusal);
        return why === undefined ? [] : [[name, why] as const];
      }),
    );
  }
}

function describe(
  service: ServiceView,
  hosts: Hosts,
  owner: string | undefined,
  all: readonly Refusals[],
  names: readonly string[],
): ConditionWish | undefined {
  let reason: NodeRefusal | undefined;
  const sentences: string[] = [];
  for (const { protocol, byNode, about } of all) {
    const isLocal = service.externalTrafficPolicy === "Local";
    const refusalOf = (name: string): NodeRefusal | undefined =>
      byNode.get(name) ?? (isLocal && !hosts.nodes.has(name) ? "noLocalEndpoints" : undefined);
    const refusals = Map.groupBy(names, refusalOf);
    if (refusals.has(undefined)) {
      if (protocol === "BGP") return ANNOUNCED_BY_BGP;
      continue; // some node can; why it does not is said below
    }
    const kinds = NODE_REFUSALS.filter((refusal) => refusals.has(refusal));
    const said = kinds.map((kind) =>
      describeRefusal(listNodes(refusals.get(kind) ?? [], names.length), kind, about),
    );
    sentences.push(`${protocol === "BGP" ? "by" : "on"} ${protocol}: ${said.join("; ")}`);
    reason ??= kinds[0];
  }
  if (owner !== undefined) return nobodyCondition("noLocalEndpoints", sharedElsewhere(owner));
  if (reason === undefined || sentences.length < all.length) return undefined;
  return nobodyCondition(reason, `no node can announce it ${sentences.join(", nor ")}`);
}

function sharedElsewhere(owner: string): string {
  return `node "${owner}" answers for its address for another Service that shares it, and has no usable endpoint of this one: see to it that one node has endpoints of both, or take another address`;
}

function unadvertised({ name }: Pool, advertisements: readonly Advertisement[]): string {
  const others = advertisements.filter(({ pools }) => pools.includes(name)).map((each) => each.name);
  if (others.length === 0) return `no L2Advertisement and no BGPAdvertisement is for pool "${name}"`;
  const list = listNames(others.map((each) => `"${each}"`).sort());
  return `the labels of the Service are not among those that the advertisements of pool "${name}" select: see serviceSelectors of ${list}`;
}

function isFor({ pools, serviceSelectors }: Advertisement, pool: Pool, { labels }: ServiceView): boolean {
  return pools.includes(pool.name) && anyMatches(serviceSelectors as readonly LabelSelector[], labels);
}

function chosen<T>(all: readonly T[], indexes: readonly number[]): readonly T[] {
  return indexes.map((index) => all[index] as T);
}

function named(kind: string, advertisements: readonly Advertisement[]): string {
  return `${kind} ${listNames(advertisements.map(({ name }) => `"${name}"`).sort(), "or")}`;
}
