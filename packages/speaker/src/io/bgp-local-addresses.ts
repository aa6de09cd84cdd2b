import { networkInterfaces } from "node:os";
import type { LocalAddresses } from "@herald/bgp/export";
import { formatPrefix, parsePrefix, prefixOf } from "@herald/bgp/prefix";
import { familyOf, type IpAddress, isLinkLocal, parseAddress } from "@herald/shared/ip/address";
import { DecodeError } from "@herald/wire/bytes";
import { nextHopsOf } from "../bgp-next-hops.ts";
import { SocketError } from "./kernel-socket.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

/**
 * Ours that may stand as next hop on a connection, as of now.
 *
 * @param link name of the interface, where that is known: several may have the same link-local address.
 * @returns `undefined` when the kernel does not tell, or does not have the connection's own any more.
 */
export function localAddresses(own: IpAddress, peer: IpAddress, link?: string): LocalAddresses | undefined {
  try {
    const socket = new NetlinkSocket();
    try {
      const index = link === undefined ? undefined : socket.list()?.find(({ name }) => name === link)?.index;
      return nextHopsOf({ own, peer, index }, socket.addresses());
    } finally {
      socket.close();
    }
  } catch (error) {
    if (error instanceof SocketError || error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Whether an address is of a network that some interface of ours is on. */
export function isNear(address: IpAddress): boolean {
  return Object.values(networkInterfaces())
    .flatMap((infos) => infos ?? [])
    .some(({ cidr }) => cidr !== null && holds(cidr, address));
}

/** This node's link-local address on an interface; `undefined` while it has none. */
export function linkLocalOf(link: string): IpAddress | undefined {
  const addresses = (networkInterfaces()[link] ?? []).map(({ address }) => parseAddress(address));
  return addresses.find((address) => address !== undefined && isLinkLocal(address));
}

function holds(cidr: string, peer: IpAddress): boolean {
  const block = parsePrefix(cidr);
  if (block === undefined || block.family !== familyOf(peer)) return false;
  return formatPrefix(prefixOf(peer, block.length)) === formatPrefix(block);
}
