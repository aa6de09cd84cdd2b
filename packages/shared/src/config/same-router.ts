import type { BgpPeerConfig } from "./config.ts";

/**
 * Which router a session is with, and from which address, as far as the peer says so. A router takes one session from an
 * address: of two that are alike in this one stays down, or each takes the other's place without end.
 */
export function routerAndSource(
  peer: Pick<BgpPeerConfig, "remote" | "peerPort" | "vrf" | "sourceAddress">,
): string {
  const { remote, peerPort, vrf = "", sourceAddress = "" } = peer;
  const { address = "", interface: link = "" }: { address?: string; interface?: string } = remote;
  return JSON.stringify([address, link, peerPort, vrf, sourceAddress]);
}

/** @returns by each peer that is alike in this to one before it, the first that is. */
export function laterWithSameRouter<P extends Parameters<typeof routerAndSource>[0]>(
  peers: readonly P[],
): ReadonlyMap<P, P> {
  const first = new Map<string, P>();
  return new Map(
    peers.flatMap((peer) => {
      const key = routerAndSource(peer);
      const before = first.get(key);
      if (before === undefined) first.set(key, peer);
      return before === undefined ? [] : [[peer, before] as const];
    }),
  );
}
