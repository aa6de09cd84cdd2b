import { networkInterfaces } from "node:os";
import type { LocalAddresses } from "@herald/bgp/export";
import { formatPrefix, parsePrefix, prefixOf } from "@herald/bgp/prefix";
import { familyOf, type IpAddress, parseAddress } from "@herald/shared/ip/address";

/** Ours that may stand as next hop on a connection: those of the interface that has its address. */
export function localAddresses(own: IpAddress, peer: IpAddress): LocalAddresses {
  const transport = familyOf(own);
  const candidates = addressesBeside(own);
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

/** All addresses of the interface that has this one, it among them. */
function addressesBeside(own: IpAddress): readonly Own[] {
  for (const infos of Object.values(networkInterfaces())) {
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

function isLinkLocal(address: IpAddress): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}

function isLoopback(address: IpAddress): boolean {
  return address === "::1" || address.startsWith("127.");
}
