import type { ConfigMistake } from "../../errors.ts";
import { quoted } from "../../quoted.ts";
import type { BgpPeerConfig, Config, Pool } from "../config.ts";
import { BFD_PROFILE } from "../crd/bfd-profile.ts";
import { BGP_PEER } from "../crd/bgp-peer.ts";
import { COMMUNITY_KIND } from "../crd/community.ts";
import { IP_ADDRESS_POOL } from "../crd/ip-address-pool.ts";
import { type Overlap, overlapsIn, type PlacedRange } from "../overlaps.ts";
import { mistakeIn } from "./parse.ts";
import type { BgpPart } from "./read-bgp.ts";

/** What stands in the ConfigMap and in objects, too. Both sources are good by themselves. */
export function poolsInBoth(configMap: readonly Pool[], objects: readonly Pool[]): readonly ConfigMistake[] {
  const names = new Set(configMap.map(({ name }) => name));
  const sameName = objects
    .filter(({ name }) => names.has(name))
    .map(({ name }) =>
      both(IP_ADDRESS_POOL.kind, name, `the ConfigMap has a pool ${quoted(name)} in its address-pools, too`),
    );
  const overlaps = overlapsOfBoth(configMap, objects).filter(
    ({ earlier, later }) => earlier.place.isObject !== later.place.isObject,
  );
  return [
    ...sameName,
    ...overlaps.map(({ earlier, later }) => {
      const message = `${quoted(later.range.text)} overlaps ${quoted(earlier.range.text)} of pool "${earlier.pool}" in the ConfigMap's address-pools`;
      const object = { kind: IP_ADDRESS_POOL.kind, name: later.pool };
      return mistakeIn(object, ["addresses", later.place.index], message);
    }),
  ];
}

/** The pools of objects that have neither a name nor an address with any other pool of either source in common. */
export function withoutClashes(configMap: readonly Pool[], objects: readonly Pool[]): readonly Pool[] {
  const clashing = new Set(configMap.map(({ name }) => name));
  for (const { earlier, later } of overlapsOfBoth(configMap, objects)) {
    clashing.add(earlier.pool).add(later.pool);
  }
  return objects.filter(({ name }) => !clashing.has(name));
}

function overlapsOfBoth(configMap: readonly Pool[], objects: readonly Pool[]): readonly Overlap<Place>[] {
  const place = (pool: Pool, isObject: boolean): readonly PlacedRange<Place>[] =>
    pool.ranges.map((range, index) => ({ range, pool: pool.name, place: { isObject, index } }));
  return overlapsIn([
    ...configMap.flatMap((pool) => place(pool, false)),
    ...objects.flatMap((pool) => place(pool, true)),
  ]);
}

interface Place {
  readonly isObject: boolean;
  readonly index: number;
}

/** As `poolsInBoth`, of everything that BGP needs besides. */
export function bgpInBoth(
  configMap: Pick<Config, "peers" | "bfdProfiles" | "communities">,
  { peers, bfdProfiles, communities }: BgpPart,
): readonly ConfigMistake[] {
  const profiles = new Set(configMap.bfdProfiles.map(({ name }) => name));
  const routers = new Map(configMap.peers.map((peer) => [routerOf(peer), peer.name]));
  return [
    ...bfdProfiles
      .filter(({ name }) => profiles.has(name))
      .map(({ name }) =>
        both(BFD_PROFILE.kind, name, `the ConfigMap has a profile ${quoted(name)} in its bfd-profiles, too`),
      ),
    ...Object.keys(communities)
      .filter((alias) => Object.hasOwn(configMap.communities, alias))
      .map((alias) => ({
        path: COMMUNITY_KIND.kind,
        line: 0,
        message: `the ConfigMap gives ${quoted(alias)} a meaning in its bgp-communities, too`,
      })),
    ...peers.flatMap((peer) => {
      const rival = routers.get(routerOf(peer));
      const message = `the ConfigMap has the same router among its peers, as ${rival}`;
      return rival === undefined ? [] : [both(BGP_PEER.kind, peer.name, message)];
    }),
  ];
}

function both(kind: string, name: string, message: string): ConfigMistake {
  return { path: `${kind} ${name}`, line: 0, message };
}

function routerOf({ remote, peerPort, vrf = "" }: BgpPeerConfig): string {
  return JSON.stringify([remote, peerPort, vrf]);
}
