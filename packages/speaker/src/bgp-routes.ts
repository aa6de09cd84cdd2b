import { linkBandwidth } from "@herald/bgp/community";
import { type Route, type RouteAttributes, type RouteTable, routeTable } from "@herald/bgp/route";
import type { BgpAdvertisementConfig, BgpPeerConfig } from "@herald/shared/config/config";
import type { ServiceKey } from "@herald/shared/service/view";
import { isExternal } from "./bgp-peer.ts";
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

export interface PeerRoutes {
  readonly peer: BgpPeerConfig;
  readonly routes: RouteTable;
  readonly disagreements: readonly Disagreement[];
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
 * Pull as often as fits into a slice of time; the wishes must not change meanwhile.
 */
export function* routesFor(peer: BgpPeerConfig, wishes: Iterable<Wish>): Generator<void, PeerRoutes> {
  const external = isExternal(peer);
  const attributesOf = merging(peer);
  const disagreements: Disagreement[] = [];
  const routes: Route[] = [];
  for (const { wish, advertisements, shares } of (yield* byPrefix(peer, wishes)).values()) {
    const attributes = attributesOf(advertisements, endpointsOf(shares));
    routes.push({ prefix: wish.prefix, pathId: 0, attributes });
    if (routes.length % PIECE === 0) yield;
    if (advertisements.size === 1) continue;
    for (const settled of settlements([...advertisements], external)) {
      disagreements.push({ prefix: wish.text, peer: peer.name, ...settled });
    }
  }
  return { peer, routes: routeTable(routes), disagreements };
}

/** Wishes that are looked into between two stops. */
const PIECE = 256;

interface Asked {
  readonly wish: Wish;
  readonly advertisements: Set<BgpAdvertisementConfig>;
  /** See `Wish.share`; `undefined` where nobody asks for it. */
  shares: Map<ServiceKey, number> | undefined;
}

/** All that is asked for of each prefix that the peer is to know, by prefix. */
function* byPrefix(peer: BgpPeerConfig, wishes: Iterable<Wish>): Generator<void, ReadonlyMap<string, Asked>> {
  const asked = new Map<string, Asked>();
  let count = 0;
  for (const wish of wishes) {
    count += 1;
    if (count % PIECE === 0) yield;
    const { peers } = wish.advertisement;
    if (peers.length > 0 && !peers.includes(peer.name)) continue;
    const found = asked.get(wish.text) ?? { wish, advertisements: new Set(), shares: undefined };
    asked.set(wish.text, found);
    found.advertisements.add(wish.advertisement);
    if (wish.share === undefined) continue;
    found.shares ??= new Map();
    found.shares.set(wish.service, wish.share);
  }
  return asked;
}

/** Endpoints of all Services of a prefix; `undefined` where nothing is to be said, as one of them may be served anywhere. */
function endpointsOf(shares: ReadonlyMap<ServiceKey, number> | undefined): number | undefined {
  if (shares === undefined) return undefined;
  const all = [...shares.values()];
  return all.includes(0) ? undefined : all.reduce((sum, share) => sum + share, 0);
}

type AttributesOf = (
  advertisements: ReadonlySet<BgpAdvertisementConfig>,
  endpoints: number | undefined,
) => RouteAttributes;

/** Remembers what single advertisements come to: as a rule a prefix has one. */
function merging(peer: BgpPeerConfig): AttributesOf {
  const known = new Map<BgpAdvertisementConfig, Map<number | undefined, RouteAttributes>>();
  return (advertisements, endpoints) => {
    const [first, ...others] = advertisements;
    if (first === undefined || others.length > 0) return merge([...advertisements], peer, endpoints);
    const ofFirst = known.get(first) ?? new Map<number | undefined, RouteAttributes>();
    known.set(first, ofFirst);
    const attributes = ofFirst.get(endpoints) ?? merge([first], peer, endpoints);
    ofFirst.set(endpoints, attributes);
    return attributes;
  };
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
