import { type Route, type RouteAttributes, type RouteTable, routeTable } from "@herald/bgp/route";
import type { BgpAdvertisementConfig, BgpPeerConfig } from "@herald/shared/config/config";
import { isExternal } from "./bgp-peer.ts";
import type { Wish } from "./bgp-wishes.ts";

/** Advertisements that disagree about one prefix, and how that was settled. */
export interface Disagreement {
  readonly prefix: string;
  readonly peer: string;
  /** Names, sorted. */
  readonly advertisements: readonly string[];
  /** What the peer is told. */
  readonly localPref: number;
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
} as const;

/** What routers take a route for that says nothing of it, and what a session tells them. */
const DEFAULT_LOCAL_PREF = 100;

/**
 * What a peer is to know. Where several wishes lead to one prefix, the peer is told the communities of all of them, as by
 * MetalLB, and the highest LOCAL_PREF: no advertisement is taken at less than it asks for, and chance has no say. One
 * that asks for none counts as 100. To a peer in another AS no LOCAL_PREF is told, so there is nothing to settle.
 *
 * Pull as often as fits into a slice of time; the wishes must not change meanwhile.
 */
export function* routesFor(peer: BgpPeerConfig, wishes: Iterable<Wish>): Generator<void, PeerRoutes> {
  const external = isExternal(peer);
  const attributesOf = merging(external);
  const disagreements: Disagreement[] = [];
  const routes: Route[] = [];
  for (const { wish, advertisements } of (yield* byPrefix(peer, wishes)).values()) {
    const attributes = attributesOf(advertisements);
    routes.push({ prefix: wish.prefix, pathId: 0, attributes });
    if (routes.length % PIECE === 0) yield;
    if (advertisements.size === 1) continue;
    const names = external ? [] : inDisagreement([...advertisements]);
    if (names.length === 0) continue;
    const localPref = attributes.localPref ?? DEFAULT_LOCAL_PREF;
    disagreements.push({ prefix: wish.text, peer: peer.name, advertisements: names, localPref });
  }
  return { peer, routes: routeTable(routes), disagreements };
}

/** Wishes that are looked into between two stops. */
const PIECE = 256;

interface Asked {
  readonly wish: Wish;
  readonly advertisements: Set<BgpAdvertisementConfig>;
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
    const found = asked.get(wish.text);
    if (found === undefined) asked.set(wish.text, { wish, advertisements: new Set([wish.advertisement]) });
    else found.advertisements.add(wish.advertisement);
  }
  return asked;
}

/** Remembers what single advertisements come to: as a rule a prefix has one. */
function merging(
  external: boolean,
): (advertisements: ReadonlySet<BgpAdvertisementConfig>) => RouteAttributes {
  const known = new Map<BgpAdvertisementConfig, RouteAttributes>();
  return (advertisements) => {
    const [first, ...others] = advertisements;
    if (first === undefined || others.length > 0) return merge([...advertisements], external);
    const attributes = known.get(first) ?? merge([first], external);
    known.set(first, attributes);
    return attributes;
  };
}

function merge(advertisements: readonly BgpAdvertisementConfig[], external: boolean): RouteAttributes {
  const localPref = external ? undefined : highest(advertisements);
  const all = [...new Set(advertisements.flatMap(({ communities }) => communities))].sort();
  const standard = all.filter((text) => !text.startsWith(LARGE));
  const large = all.filter((text) => text.startsWith(LARGE)).map((text) => text.slice(LARGE.length));
  return {
    ...(localPref === undefined ? {} : { localPref }),
    ...(standard.length === 0 ? {} : { communities: standard }),
    ...(large.length === 0 ? {} : { largeCommunities: large }),
  };
}

const LARGE = "large:";

function highest(advertisements: readonly BgpAdvertisementConfig[]): number | undefined {
  if (advertisements.every(({ localPref }) => localPref === undefined)) return undefined;
  return Math.max(...advertisements.map(({ localPref = DEFAULT_LOCAL_PREF }) => localPref));
}

/** @returns their names when they ask for different values, else none. */
function inDisagreement(advertisements: readonly BgpAdvertisementConfig[]): readonly string[] {
  const values = new Set(advertisements.map(({ localPref = DEFAULT_LOCAL_PREF }) => localPref));
  return values.size < 2 ? [] : advertisements.map(({ name }) => name).sort();
}
