import { linkBandwidth } from "@herald/bgp/community";
import { type Route, type RouteAttributes, RouteTable } from "@herald/bgp/route";
import type { BgpAdvertisementConfig, BgpPeerConfig } from "@herald/shared/config/config";
import type { ServiceKey } from "@herald/shared/service/view";
import { familiesOf, isExternal } from "./bgp-peer.ts";
import type { Wish } from "./bgp-wishes.ts";

/** Advertisements that disagree about one prefix, and how that was settled. */
export interface Disagreement {
  readonly prefix: string;
  readonly peer: string;
  /** Names, sorted. */
  readonly advertisements: readonly string[];
  readonly reason: BgpDisagreement;
  /** What the peer is told. */
  readonly told: number;
}

/** How advertisements may disagree. A closed set: it is a metric label, beside why Services are withheld. */
export const BGP_DISAGREEMENTS = {
  localPrefConflict:
    "Advertisements ask for different LOCAL_PREFs for one prefix and peer: the peer is told the highest one, and one that asks for none counts as 100.",
  medConflict:
    "Advertisements ask for different MEDs for one prefix and peer: the peer is told the lowest one, and none where one asks for none.",
  prependConflict:
    "Advertisements ask for different lengths of the AS path for one prefix and peer: the peer is told the shortest one.",
} as const;

export type BgpDisagreement = keyof typeof BGP_DISAGREEMENTS;

/** What routers take a route for that says nothing of it, and what a session tells them. */
const DEFAULT_LOCAL_PREF = 100;

/**
 * What a peer is to know. Where several wishes lead to one prefix, the peer is told the communities of all of them, as by
 * MetalLB, the highest LOCAL_PREF, the lowest MED and the shortest path: no advertisement is taken at less than it asks
 * for, and chance has no say. One that asks for no LOCAL_PREF counts as 100, one for no MED as 0. LOCAL_PREF is told
 * within an AS only, paths are longer outside of it only: elsewhere there is nothing to settle.
 *
 * Prefixes are decided one by one, and all that was decided is seen at once.
 */
export class PeerRoutes {
  readonly peer: BgpPeerConfig;
  /** As of the last `commit`. */
  readonly routes = new RouteTable();
  readonly #external: boolean;
  /** By prefix, where there are any; bounded by the table. */
  readonly #disagreements = new Map<string, readonly Disagreement[]>();
  /** By prefix, what is decided and not seen yet. */
  readonly #decided = new Map<string, Decision>();
  /** What the same advertisements come to for the same number of endpoints: many prefixes ask for the same. */
  readonly #attributes = new Map<string, RouteAttributes>();
  /** Short names of advertisements; bounded by the configuration, as those who ask by another have another of these. */
  readonly #ids = new Map<BgpAdvertisementConfig, number>();
  #isSeen = false;
  constructor(peer: BgpPeerConfig) {
    this.peer = peer;
    this.#external = isExternal(peer);
  }

  get disagreements(): readonly Disagreement[] {
    return [...this.#disagreements.values()].flat();
  }

  /** @param wishes all that lead to that prefix, for whatever peer. */
  decide(prefix: string, wishes: Iterable<Wish>): void {
    const decision = this.#decisionOn(prefix, wishes);
    if (!this.#isSeen)
      this.#set(prefix, decision); // nobody looks yet
    else if (this.#isSeenAlready(prefix, decision)) this.#decided.delete(prefix);
    else this.#decided.set(prefix, decision);
  }

  /** @returns whether disagreements may be others than they were. */
  commit(): boolean {
    let isOther = false;
    this.#isSeen = true;
    for (const [prefix, decision] of this.#decided) {
      isOther ||= this.#disagreements.has(prefix) || decision.disagreements.length > 0;
      this.#set(prefix, decision);
    }
    this.#decided.clear();
    return isOther;
  }

  #set(prefix: string, { route, disagreements }: Decision): void {
    this.routes.set(prefix, route === undefined ? [] : [route]);
    if (disagreements.length === 0) this.#disagreements.delete(prefix);
    else this.#disagreements.set(prefix, disagreements);
  }

  /** Attributes are one object as long as the same advertisements ask for the same. */
  #isSeenAlready(prefix: string, { route }: Decision): boolean {
    return this.routes.get(prefix)[0]?.attributes === route?.attributes;
  }

  #decisionOn(prefix: string, wishes: Iterable<Wish>): Decision {
    const asked = [...wishes].filter((wish) => isToldOf(this.peer, wish));
    const [first] = asked;
    if (first === undefined) return NOTHING;
    const advertisements = [...new Set(asked.map(({ advertisement }) => advertisement))];
    const attributes = this.#attributesOf(advertisements, endpointsOf(asked));
    const route = { prefix: first.prefix, pathId: 0, attributes };
    if (advertisements.length === 1) return { route, disagreements: [] };
    const disagreements = settlements(advertisements, this.#external).map((settled) => ({
      prefix,
      peer: this.peer.name,
      ...settled,
    }));
    return { route, disagreements };
  }

  #attributesOf(
    advertisements: readonly BgpAdvertisementConfig[],
    endpoints: number | undefined,
  ): RouteAttributes {
    const ids = advertisements.map((each) => this.#idOf(each)).sort((a, b) => a - b);
    const key = `${ids.join()} ${endpoints}`;
    const attributes = this.#attributes.get(key) ?? merge(advertisements, this.peer, endpoints);
    this.#attributes.set(key, attributes);
    return attributes;
  }

  #idOf(advertisement: BgpAdvertisementConfig): number {
    const id = this.#ids.get(advertisement) ?? this.#ids.size;
    this.#ids.set(advertisement, id);
    return id;
  }
}

interface Decision {
  /** `undefined`: the peer is not to know the prefix. */
  readonly route: Route | undefined;
  readonly disagreements: readonly Disagreement[];
}

const NOTHING: Decision = { route: undefined, disagreements: [] };

/** Whether the advertisement is for the peer, and its prefix of a family that goes over the session with it. */
export function isToldOf(peer: BgpPeerConfig, { advertisement: { peers }, prefix }: Wish): boolean {
  return (peers.length === 0 || peers.includes(peer.name)) && familiesOf(peer).includes(prefix.family);
}

/** Endpoints of all Services of a prefix; `undefined` where nothing is to be said, as one of them may be served anywhere. */
function endpointsOf(asked: readonly Wish[]): number | undefined {
  const shares = new Map<ServiceKey, number>();
  for (const { service, share } of asked) if (share !== undefined) shares.set(service, share);
  const all = [...shares.values()];
  return all.length === 0 || all.includes(0) ? undefined : all.reduce((sum, share) => sum + share, 0);
}

function merge(
  advertisements: readonly BgpAdvertisementConfig[],
  peer: BgpPeerConfig,
  endpoints: number | undefined,
): RouteAttributes {
  const external = isExternal(peer);
  const localPref = external ? undefined : highest(advertisements);
  const med = lowestMed(advertisements);
  const prepend = external ? Math.min(...advertisements.map(prependOf)) : 0;
  const all = [...new Set(advertisements.flatMap(({ communities }) => communities))].sort();
  const standard = all.filter((text) => !text.startsWith(LARGE));
  const large = all.filter((text) => text.startsWith(LARGE)).map((text) => text.slice(LARGE.length));
  const bandwidth = (endpoints ?? 0) * OCTETS_PER_SECOND;
  return {
    ...(localPref === undefined ? {} : { localPref }),
    ...(med === undefined ? {} : { med }),
    ...(prepend === 0 ? {} : { prepend }),
    ...(standard.length === 0 ? {} : { communities: standard }),
    ...(large.length === 0 ? {} : { largeCommunities: large }),
    ...(bandwidth === 0
      ? {}
      : { extendedCommunities: [linkBandwidth(peer.localAsn ?? peer.myAsn, bandwidth, external)] }),
  };
}

const LARGE = "large:";

/**
 * Of link bandwidth for each endpoint: 1 Mbit/s. Only the proportion counts, but some routers reckon in whole Mbit/s and
 * in 32 bits of octets per second, which leaves room for 34,000 endpoints.
 */
const OCTETS_PER_SECOND = 125_000;

function highest(advertisements: readonly BgpAdvertisementConfig[]): number | undefined {
  if (advertisements.every(({ localPref }) => localPref === undefined)) return undefined;
  return Math.max(...advertisements.map(localPrefOf));
}

/** A route without one counts as having 0 (RFC 4271 §9.1.2.2(c)), so that none is the best of all. */
function lowestMed(advertisements: readonly BgpAdvertisementConfig[]): number | undefined {
  const asked = advertisements.flatMap(({ rules }) => (rules?.med === undefined ? [] : [rules.med]));
  const isForAll = asked.length === advertisements.length || asked.includes(0);
  return isForAll && asked.length > 0 ? Math.min(...asked) : undefined;
}

const localPrefOf = ({ localPref }: BgpAdvertisementConfig): number => localPref ?? DEFAULT_LOCAL_PREF;
const medOf = ({ rules }: BgpAdvertisementConfig): number => rules?.med ?? 0;
const prependOf = ({ rules }: BgpAdvertisementConfig): number => rules?.prepend ?? 0;

/** What several advertisements of one prefix disagree on, and how that is settled. */
function settlements(
  advertisements: readonly BgpAdvertisementConfig[],
  external: boolean,
): readonly Pick<Disagreement, "advertisements" | "reason" | "told">[] {
  const rules = [
    ...(external ? [] : [{ reason: "localPrefConflict", readOf: localPrefOf, settle: Math.max } as const]),
    { reason: "medConflict", readOf: medOf, settle: Math.min } as const,
    ...(external ? [{ reason: "prependConflict", readOf: prependOf, settle: Math.min } as const] : []),
  ];
  const names = advertisements.map(({ name }) => name).sort();
  return rules.flatMap(({ reason, readOf, settle }) => {
    const values = advertisements.map(readOf);
    if (new Set(values).size < 2) return [];
    return [{ advertisements: names, reason, told: settle(...values) }];
  });
}
