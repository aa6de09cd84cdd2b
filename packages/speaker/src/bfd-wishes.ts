import { pathKey, type WantedSession } from "@herald/bfd/effect";
import { type BfdPath, bfdOptions } from "@herald/bfd/options";
import type { BfdProfileConfig, BgpPeerConfig } from "@herald/shared/config/config";
import { type IpAddress, isLinkLocal } from "@herald/shared/ip/address";
import { isExternal, targetOf } from "./bgp-peer.ts";
import type { PeerWay } from "./peer-dialler.ts";

/** A BFD session and whom it is for. */
export interface BfdWish {
  readonly session: WantedSession;
  /** The path's `pathKey`. */
  readonly key: string;
  /** Names of the BGP peers that end with it; at least one. */
  readonly peers: readonly string[];
}

/**
 * The BFD sessions that these peers ask for, one for each path: peers of one router that are spoken to from one address of ours
 * share it, and the first one's profile counts. A peer that there can be no BGP session with gets none.
 *
 * @param isNear whether an address is on a segment of this node.
 * @param wayTo the way to a peer, by name: its router where it has no address, and ours that it is spoken to from. A router
 *   watches that one, and may watch others of this node, too.
 */
export function bfdWishes(
  peers: readonly BgpPeerConfig[],
  profiles: readonly BfdProfileConfig[],
  isNear: (address: IpAddress) => boolean,
  wayTo: (peer: string) => PeerWay | undefined,
): readonly BfdWish[] {
  const wishes = new Map<string, BfdWish>();
  for (const peer of peers) {
    const path = peer.bfdProfile === undefined ? undefined : pathTo(peer, isNear, wayTo(peer.name));
    if (path === undefined) continue;
    const key = pathKey(path);
    const shared = wishes.get(key);
    const profile = profiles.find(({ name }) => name === peer.bfdProfile);
    const session = shared?.session ?? { path, options: bfdOptions(profile, path), disabled: false };
    wishes.set(key, { session, key, peers: [...(shared?.peers ?? []), peer.name] });
  }
  return [...wishes.values()];
}

function pathTo(
  peer: BgpPeerConfig,
  isNear: (address: IpAddress) => boolean,
  way: PeerWay | undefined,
): BfdPath | undefined {
  const target = targetOf(peer, way?.remote);
  if (target === undefined) return undefined;
  return {
    hops: isManyHops(peer, target.address, isNear) ? "multi" : "single",
    remote: target.address,
    local: target.source ?? way?.local,
    interface: target.interface ?? target.vrf,
  };
}

/** As FRR has it: routers of our own AS may be anywhere, unless one is seen to be on the segment. */
function isManyHops(
  peer: BgpPeerConfig,
  address: IpAddress,
  isNear: (address: IpAddress) => boolean,
): boolean {
  if (isLinkLocal(address)) return false;
  return peer.ebgpMultihop || (!isExternal(peer) && !isNear(address));
}
