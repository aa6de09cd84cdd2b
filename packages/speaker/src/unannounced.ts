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
import { ANNOUNCED_BY_BGP, nobodyCondition, PERHAPS_ANNOUNCED_BY_BGP } from "./announced-condition.ts";
import { anyMatches } from "./bgp-wishes.ts";
import type { UsableInterfaces } from "./interface-rules.ts";
import { type CandidateNode, claim, eligible, type Hosts, type PlanOptions, poolFor, unfit } from "./plan.ts";
import { advertisementsFor, hasAny, wantedBy } from "./plan-scope.ts";
import type { SessionNews } from "./session-news.ts";
import { ToldRouters } from "./told-routers.ts";
import {
  describeRefusal,
  listNames,
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
  /** What is to be said where a node can; `undefined`: nothing by this protocol. */
  readonly where: ConditionWish | undefined;
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
  /** Speakers take part that say nothing of their sessions. */
  #isMixed = false;
  /** By advertisements; as many as there are ways to match Services, and families of addresses. */
  readonly #refusals = new Map<string, readonly Refusals[]>();
  /** What they come to where every node is as good as any other. */
  readonly #wishes = new WeakMap<readonly Refusals[], ConditionWish | undefined>();
  /** `undefined`: not known yet. Bounded by the nodes, each with a session for each peer. */
  #sessions: SessionNews | undefined;
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
    this.#isMixed = ours.size > 0;
    this.#isSpokesman = ready.includes(this.#self) && ready.every((name) => this.#self <= name);
    this.#refusals.clear();
  }

  /** Where a node can be heard; `undefined`: nothing is known of that. */
  setInterfaces(name: string, interfaces: UsableInterfaces | undefined): void {
    if (interfaces === undefined) this.#interfaces.delete(name);
    else this.#interfaces.set(name, interfaces);
    this.#refusals.clear();
  }

  /** How all nodes' sessions with routers stand; `undefined`: that is not known yet, and nothing is said by it. */
  setSessions(sessions: SessionNews | undefined): void {
    this.#sessions = sessions;
    this.#refusals.clear();
  }

  /** Whether it is to be told how all nodes' sessions stand. */
  get needsSessions(): boolean {
    const { peers, bgpAdvertisements } = this.#config;
    return this.#isSpokesman && !this.#isMixed && peers.length > 0 && bgpAdvertisements.length > 0;
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
    const advertised = named("L2Advertisement", advertisements);
    const about = { advertisements: advertised, interfaces, sessionsOf: () => "" };
    return { protocol: "layer 2", byNode, about, where: undefined };
  }

  #byBgp(advertisements: readonly BgpAdvertisementConfig[], families: readonly IpFamily[]): Refusals {
    const { peers } = this.#config;
    const sessions = this.#isMixed ? "unread" : this.#sessions;
    const routers = new ToldRouters({ advertisements, peers, families, sessions });
    const byNode = this.#judge((name, node) => routers.refusalOf(name, node));
    const about = {
      advertisements: named("BGPAdvertisement", advertisements),
      interfaces: "",
      sessionsOf: (nodes: readonly string[]) => routers.describe(nodes),
    };
    const perhaps = sessions === undefined ? undefined : PERHAPS_ANNOUNCED_BY_BGP;
    const where = sessions instanceof Map ? ANNOUNCED_BY_BGP : perhaps;
    return { protocol: "BGP", byNode, about, where };
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
  const isHost = (name: string): boolean =>
    service.externalTrafficPolicy !== "Local" || hosts.nodes.has(name);
  const wants: Want[] = [];
  for (const refusals of all) {
    const want = wantOf(refusals, names, isHost);
    if (want !== undefined) wants.push(want);
    else if (refusals.protocol === "BGP") return refusals.where; // on layer 2 it is said below why no node does
  }
  if (owner !== undefined) return nobodyCondition("noLocalEndpoints", sharedElsewhere(owner));
  const [first] = wants;
  if (first === undefined || wants.length < all.length) return undefined;
  const { nearest } = wants.find((want) => want.nearest === "noSession") ?? first;
  const sentences = wants.map(({ sentence }) => sentence);
  return nobodyCondition(nearest, `no node can announce it ${sentences.join(", nor ")}`);
}

/** What is wanting on every node, by one protocol. */
interface Want {
  /** What is wanting on the nodes that are nearest to announcing it. */
  readonly nearest: NodeRefusal;
  readonly sentence: string;
}

/** @returns `undefined` where some node can announce it. */
function wantOf(
  { protocol, byNode, about }: Refusals,
  names: readonly string[],
  isHost: (name: string) => boolean,
): Want | undefined {
  const refusals = Map.groupBy(names, (name) => refusalOn(isHost(name), byNode.get(name)));
  const [nearest, ...others] = NODE_REFUSALS.filter((refusal) => refusals.has(refusal));
  if (nearest === undefined || refusals.has(undefined)) return undefined;
  const said = [nearest, ...others].map((kind) =>
    describeRefusal(refusals.get(kind) ?? [], names.length, kind, about),
  );
  return { nearest, sentence: `${protocol === "BGP" ? "by" : "on"} ${protocol}: ${said.join("; ")}` };
}

/** A session would be of no use on a node that has nothing to serve with. */
function refusalOn(isHost: boolean, refusal: NodeRefusal | undefined): NodeRefusal | undefined {
  return !isHost && (refusal === undefined || refusal === "noSession") ? "noLocalEndpoints" : refusal;
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
