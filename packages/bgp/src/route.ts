import { formatPrefix, type Prefix } from "./prefix.ts";
import type { NextHop } from "./update.ts";

/** One path to a prefix that we want a peer to know. */
export interface Route {
  readonly prefix: Prefix;
  /** 32 bits. Where the peer takes only one path to a prefix, the one with the lowest id is told. */
  readonly pathId: number;
  readonly attributes: RouteAttributes;
}

/** What is ours to say of a route; the rest goes without saying, by the session. */
export interface RouteAttributes {
  /** Within our AS only; 100 when left out. */
  readonly localPref?: number;
  readonly med?: number;
  /** How many times more our AS stands in the path; between ASes only. */
  readonly prepend?: number;
  /** Canonical texts of communities: community.ts. In any order. */
  readonly communities?: readonly string[];
  readonly extendedCommunities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** In place of ours. */
  readonly nextHop?: NextHop;
}

/** All that a peer should know, as a value: to be shared among sessions, and never changed. */
export interface RouteTable {
  /** By prefix and path id. */
  readonly paths: ReadonlyMap<string, Route>;
  /** By prefix: the path with the lowest id, for peers that take only one. */
  readonly best: ReadonlyMap<string, Route>;
}

/**
 * Equal attributes become one object, so that sessions look into each of them once.
 *
 * Throws a RangeError for two routes of one prefix and path id: which of them counts is not ours to say.
 */
export function routeTable(routes: Iterable<Route>): RouteTable {
  const paths = new Map<string, Route>();
  const best = new Map<string, Route>();
  const known = new Map<string, RouteAttributes>();
  const seen = new Map<RouteAttributes, RouteAttributes>(); // most callers give the same object many times
  for (const given of routes) {
    const attributes = seen.get(given.attributes) ?? shared(given.attributes, known);
    seen.set(given.attributes, attributes);
    const route = attributes === given.attributes ? given : { ...given, attributes };
    const prefix = formatPrefix(route.prefix);
    const key = `${prefix} ${route.pathId}`;
    if (paths.has(key)) throw new RangeError(`two routes for ${prefix}, path ${route.pathId}`);
    paths.set(key, route);
    const other = best.get(prefix);
    if (other === undefined || route.pathId < other.pathId) best.set(prefix, route);
  }
  return { paths, best };
}

function shared(attributes: RouteAttributes, known: Map<string, RouteAttributes>): RouteAttributes {
  const { localPref, med, prepend, communities, extendedCommunities, largeCommunities, nextHop } = attributes;
  const numbers = `${localPref} ${med} ${prepend}`;
  const hop = `${nextHop?.address} ${nextHop?.linkLocal}`;
  const key = `${numbers}|${hop}|${communities}|${extendedCommunities}|${largeCommunities}`;
  const found = known.get(key);
  if (found === undefined) known.set(key, attributes);
  return found ?? attributes;
}
