import { networkInterfaces } from "node:os";
import type { LocalAddresses } from "@herald/bgp/export";
import { formatPrefix, parsePrefix, prefixOf } from "@herald/bgp/prefix";
import { familyOf, type IpAddress, isLinkLocal, parseAddress } from "@herald/shared/ip/address";

/**
 * Ours that may stand as next hop on a connection: those of the interface that has its address.
 *
 * @param link name of the interface, where that is known: several may have the same link-local address.
 */
export function localAddresses(own: IpAddress, peer: IpAddress, link?: string): LocalAddresses {
  const transport = familyOf(own);
  const candidates = addressesBeside(own, link);
  const usable = candidates.filter(({ address }) => !isLoopback(address));
  const global = (family: 4 | 6): IpAddress | undefined =>
    usable.find(({ address }) => familyOf(address) === family && !isLinkLocal(address))?.address;
  const linkLocal = usable.find(({ address }) => isLinkLocal(address))?.address;
  const isNear = isLinkLocal(peer) || candidates.some(({ cidr }) => holds(cidr, peer));
  const ownGlobal = isLinkLocal(own) ? undefined : own;
  return {
    transport,
    ipv4: transport === 4 ? ownGlobal : global(4),
    ipv6: transport === 6 ? (ownGlobal ?? global(6)) : global(6),
    linkLocal: isNear ? (isLinkLocal(own) ? own : linkLocal) : undefined,
  };
}

/** Whether an address is of a network that some interface of ours is on. */
export function isNear(address: IpAddress): boolean {
  return Object.values(networkInterfaces())
    .flatMap((infos) => infos ?? [])
    .some(({ cidr }) => cidr !== null && holds(cidr, address));
}

interface Own {
  readonly address: IpAddress;
  readonly cidr: string;
}

/** This node's link-local address on an interface; `undefined` while it has none. */
export function linkLocalOf(link: string): IpAddress | undefined {
  const addresses = (networkInterfaces()[link] ?? []).map(({ address }) => parseAddress(address));
  return addresses.find((address) => address !== undefined && isLinkLocal(address));
}

/** All addresses of the interface that has this one, it among them. */
function addressesBeside(own: IpAddress, link: string | undefined): readonly Own[] {
  for (const [name, infos] of Object.entries(networkInterfaces())) {
    if (link !== undefined && name !== link) continue;
    const all = (infos ?? []).flatMap(({ address, cidr }) => {
      const parsed = parseAddress(address);
      return parsed === undefined || cidr === null ? [] : [{ address: parsed, cidr }];
    });
    if (all.some(({ address }) => address === own)) return all;
  }
  return [];
}

function holds(cidr: string, peer: IpAddress): boolean {
  const block = parsePrefix(cidr);
  if (block === undefined || block.family !== familyOf(peer)) return false;
  return formatPrefix(prefixOf(peer, block.length)) === formatPrefix(block);
}

function isLoopback(address: IpAddress): boolean {
  return address === "::1" || address.startsWith("127.");
}
