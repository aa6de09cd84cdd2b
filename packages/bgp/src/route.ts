import { formatPrefix, type Prefix } from "./prefix.ts";
import type { NextHop } from "./update.ts";

/** One path to a prefix that we want a peer to know. */
export interface Route {
  readonly prefix: Prefix;
  /** 32 bits. Where the peer takes only one path to a prefix, the one with the lowest id is told. */
  readonly pathId: number;
  readonly attributes: RouteAttributes;
}

/**
 * What is ours to say of a route; the rest goes without saying, by the session. Sessions look into each object once: routes
 * that say the same should have the same.
 */
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

const NONE: readonly Route[] = [];

/** Changes of a table that has hardly any prefixes which are kept for who looks at it late. */
const LEAST_KEPT = 1_024;

/**
 * All that a peer should know. Sessions share it, and each finds out for itself what is different since it looked last:
 * tables are large and changes small.
 */
export class RouteTable {
  /** By prefix. */
  readonly #routes = new Map<string, readonly Route[]>();
  /** Prefixes in the order of their changes; bounded by twice the table, and then by what it kept before. */
  #changed: string[] = [];
  /** How many changes came before those. */
  #forgotten = 0;

  /** How many prefixes there are. */
  get size(): number {
    return this.#routes.size;
  }

  /** Another one after each change. */
  get version(): number {
    return this.#forgotten + this.#changed.length;
  }

  /** All paths to a prefix, the one with the lowest id first. */
  get(prefix: string): readonly Route[] {
    return this.#routes.get(prefix) ?? NONE;
  }

  prefixes(): MapIterator<string> {
    return this.#routes.keys();
  }

  /** Of each prefix the path with the lowest id. */
  *best(): Generator<readonly [prefix: string, Route], void> {
    for (const [prefix, [first]] of this.#routes) if (first !== undefined) yield [prefix, first];
  }

  /** Puts these in the place of all paths to a prefix, which is gone if there are none. @param prefix as `formatPrefix` has it. */
  set(prefix: string, routes: readonly Route[]): void {
    if (routes.length === 0) this.#routes.delete(prefix);
    else this.#routes.set(prefix, routes);
    this.#changed.push(prefix);
    const most = Math.max(LEAST_KEPT, 2 * this.#routes.size);
    if (this.#changed.length <= most) return;
    const old = this.#changed.length - most / 2;
    this.#forgotten += old;
    this.#changed = this.#changed.slice(old);
  }

  /** @returns prefixes, some perhaps twice; `undefined` where that is too long ago to tell. */
  changedSince(version: number): readonly string[] | undefined {
    return version < this.#forgotten ? undefined : this.#changed.slice(version - this.#forgotten);
  }
}

/** Throws a RangeError for two routes of one prefix and path id: which of them counts is not ours to say. */
export function routeTable(routes: Iterable<Route>): RouteTable {
  const all = new Map<string, Route[]>();
  for (const route of routes) {
    const prefix = formatPrefix(route.prefix);
    const paths = all.get(prefix) ?? [];
    all.set(prefix, paths);
    if (paths.some(({ pathId }) => pathId === route.pathId)) {
      throw new RangeError(`two routes for ${prefix}, path ${route.pathId}`);
    }
    paths.push(route);
  }
  const table = new RouteTable();
  for (const [prefix, paths] of all)
    table.set(
      prefix,
      paths.sort((a, b) => a.pathId - b.pathId),
    );
  return table;
}
