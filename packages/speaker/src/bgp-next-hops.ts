import type { LocalAddresses } from "@herald/bgp/export";
import { formatPrefix, prefixOf } from "@herald/bgp/prefix";
import { familyOf, type IpAddress, isLinkLocal } from "@herald/shared/ip/address";

/** An address of this node, as the kernel tells it. */
export interface OwnAddress {
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** Of its interface. */
  readonly index: number;
  /** Whether it was found to be nobody else's (RFC 4862 §5.4). */
  readonly isUsable: boolean;
  /** Nothing new is to be begun with it (RFC 4862 §5.5.4). */
  readonly isDeprecated: boolean;
  /** IPv6: temporary, for privacy (RFC 8981). IPv4: another one of the same network was there before. */
  readonly isSecondary: boolean;
  /** Since when it is there, ms since the machine began. */
  readonly createdMs: number;
}

/** Both ends of a connection. */
export interface Ends {
  readonly own: IpAddress;
  readonly peer: IpAddress;
  /** Of the interface, where it is known: several may have the same link-local address. */
  readonly index: number | undefined;
}

/**
 * What may stand as next hop on a connection: its own address, and of the other family the one of the same interface that is
 * there longest, temporary and deprecated ones and single hosts (/32, /128) only where there is no other. Whoever is newer may
 * be there for a while only, as addresses are that a cluster moves about.
 *
 * @param addresses all of this node.
 * @returns `undefined` when the connection's own is not among them.
 */
export function nextHopsOf(
  { own, peer, index }: Ends,
  addresses: readonly OwnAddress[],
): LocalAddresses | undefined {
  const at = addresses.find(
    (each) => each.address === own && (index === undefined || each.index === index),
  )?.index;
  if (at === undefined) return undefined;
  const beside = addresses.filter((each) => each.index === at);
  const usable = beside
    .filter(({ address, isUsable }) => isUsable && !isLoopback(address))
    .sort(compareFitness)
    .map(({ address }) => address);
  const ofFamily = (family: 4 | 6): IpAddress | undefined =>
    usable.find((address) => familyOf(address) === family && !isLinkLocal(address));
  const isNear = isLinkLocal(peer) || beside.some((each) => holds(each, peer));
  const { transport, ipv4, ipv6, linkLocal } = ownAlone(own);
  return {
    transport,
    ipv4: ipv4 ?? ofFamily(4),
    ipv6: ipv6 ?? ofFamily(6),
    linkLocal: isNear ? (linkLocal ?? usable.find(isLinkLocal)) : undefined,
  };
}

/** @returns the connection's own; `undefined` where it cannot be told. */
export function ownOf(local: LocalAddresses, peer: IpAddress): IpAddress | undefined {
  if (local.transport === 4) return local.ipv4;
  return isLinkLocal(peer) ? local.linkLocal : local.ipv6;
}

/** The same where nothing is known but the connection. */
export function ownAlone(own: IpAddress): LocalAddresses {
  const transport = familyOf(own);
  const [global, linkLocal] = isLinkLocal(own) ? [undefined, own] : [own, undefined];
  return {
    transport,
    ipv4: transport === 4 ? global : undefined,
    ipv6: transport === 6 ? global : undefined,
    linkLocal: transport === 6 ? linkLocal : undefined,
  };
}

function compareFitness(a: OwnAddress, b: OwnAddress): number {
  return (
    Number(a.isDeprecated) - Number(b.isDeprecated) ||
    Number(a.isSecondary) - Number(b.isSecondary) ||
    Number(isHost(a)) - Number(isHost(b)) ||
    a.createdMs - b.createdMs ||
    (a.address < b.address ? -1 : 1)
  );
}

function isHost({ address, prefixLength }: OwnAddress): boolean {
  return prefixLength === (familyOf(address) === 4 ? 32 : 128);
}

function holds({ address, prefixLength }: OwnAddress, peer: IpAddress): boolean {
  if (familyOf(address) !== familyOf(peer)) return false;
  return formatPrefix(prefixOf(address, prefixLength)) === formatPrefix(prefixOf(peer, prefixLength));
}

function isLoopback(address: IpAddress): boolean {
  return address === "::1" || address.startsWith("127.");
}
