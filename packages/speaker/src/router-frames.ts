import { fromOctets, type IpAddress, isLinkLocal, toOctets } from "@herald/shared/ip/address";
import { DecodeError } from "@herald/wire/bytes";
import { decodeEthernet, ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { decodeIcmpv6, encodeIcmpv6 } from "@herald/wire/icmpv6";
import { decodeIpv6, encodeIpv6, NEXT_HEADER } from "@herald/wire/ipv6";
import { formatMac, isGroup, type MacAddress, macEquals, macOctets } from "@herald/wire/mac";
import { groupMac, NDP_HOP_LIMIT } from "@herald/wire/ndp";
import { decodeRouterMessage, encodeRouterMessage, type RouterMessage } from "@herald/wire/router-discovery";

/** A station of a link, as neighbours know it. */
export interface LinkStation {
  readonly mac: MacAddress;
  /** Link-local. */
  readonly address: IpAddress;
}

export interface HeardRouter extends LinkStation {
  /** See {@link RouterMessage}. */
  readonly lifetimeSeconds: number;
}

/** Why a router advertisement counts for nothing; most are the checks of RFC 4861 §6.1.2. */
export const ROUTER_DROP_REASONS = {
  truncated: "It ends before it should.",
  "vlan-tagged": "It belongs to a VLAN; the VLAN's own interface gets a copy without the tag.",
  "own-frame": "This node sent it.",
  unsupported: "It is no router advertisement, or of a kind that nobody defined.",
  "hop-limit": "Its hop limit is not 255: it came from beyond a router, or pretends to be from here.",
  checksum: "Its checksum is wrong: it was changed on its way.",
  "invalid-option": "One of its options has no length.",
  "invalid-sender": "It does not come from a link-local address and the MAC of a single station.",
} as const;

export type RouterDropReason = keyof typeof ROUTER_DROP_REASONS;

/** ff02::2, "all routers" (RFC 4291 §2.7.1). */
const ALL_ROUTERS = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);

/**
 * Advertisements to others and nothing of what we say ourselves; an IPv6 header is 40 octets (RFC 8200 §3), and its hop
 * limit the eighth.
 */
export function routerFilter(mac: MacAddress): string {
  return `not ether src ${mac} and icmp6 and ip6[40] = 134 and ip6[7] = ${NDP_HOP_LIMIT}`;
}

/** @param own MAC of the interface it came in by. @returns who says that it is a router, or why that counts for nothing. */
export function readRouter(bytes: Uint8Array, own: MacAddress): HeardRouter | RouterDropReason {
  try {
    return read(bytes, macOctets(own));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    switch (error.reason) {
      case "truncated":
      case "checksum":
        return error.reason;
      case "invalid":
        return "invalid-option";
      default:
        return "unsupported";
    }
  }
}

function read(bytes: Uint8Array, own: Uint8Array): HeardRouter | RouterDropReason {
  const { source: mac, vlan, etherType, payload } = decodeEthernet(bytes);
  if (vlan !== 0) return "vlan-tagged";
  if (macEquals(mac, 0, own)) return "own-frame";
  if (etherType !== ETHERTYPE.ipv6) return "unsupported";
  const packet = decodeIpv6(payload);
  if (packet.nextHeader !== NEXT_HEADER.icmpv6) return "unsupported";
  if (packet.hopLimit !== NDP_HOP_LIMIT) return "hop-limit";
  const message = decodeRouterMessage(decodeIcmpv6(packet));
  if (message.type !== "advertisement") return "unsupported";
  const address = fromOctets(packet.source);
  if (!isLinkLocal(address) || isGroup(mac)) return "invalid-sender";
  return { mac: formatMac(mac), address, lifetimeSeconds: message.lifetimeSeconds };
}

/** Asks all routers of a link to say that they are there. */
export function solicitationFrame(own: LinkStation): Uint8Array {
  const linkAddress = macOctets(own.mac);
  const message: RouterMessage = { type: "solicitation", linkAddress };
  return frame(own, { mac: groupMac(ALL_ROUTERS), address: ALL_ROUTERS }, message);
}

/**
 * Says to one router, and to nobody else on the link, that we are here: routers that know their BGP neighbours by
 * interface only learn addresses of them in this way. With a lifetime of 0 nobody takes us for a way to anywhere.
 */
export function advertisementFrame(own: LinkStation, to: LinkStation): Uint8Array {
  const message: RouterMessage = {
    type: "advertisement",
    lifetimeSeconds: 0,
    linkAddress: macOctets(own.mac),
  };
  return frame(own, { mac: macOctets(to.mac), address: toOctets(to.address) }, message);
}

function frame(
  own: LinkStation,
  to: { readonly mac: Uint8Array; readonly address: Uint8Array },
  message: RouterMessage,
): Uint8Array {
  const source = toOctets(own.address);
  const packet = encodeIpv6({
    trafficClass: 0,
    flowLabel: 0,
    hopLimit: NDP_HOP_LIMIT,
    source,
    destination: to.address,
    hopByHop: undefined,
    nextHeader: NEXT_HEADER.icmpv6,
    payload: encodeIcmpv6(encodeRouterMessage(message), source, to.address),
  });
  return encodeEthernet({
    destination: to.mac,
    source: macOctets(own.mac),
    vlan: 0,
    etherType: ETHERTYPE.ipv6,
    payload: packet,
  });
}
