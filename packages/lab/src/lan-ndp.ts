import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import { decodeIcmpv6, encodeIcmpv6 } from "@herald/wire/icmpv6";
import { encodeIpv6, type Ipv6Packet, isUnspecified, NEXT_HEADER } from "@herald/wire/ipv6";
import { formatMac, type MacAddress, macOctets } from "@herald/wire/mac";
import {
  decodeNdp,
  encodeNdp,
  groupMac,
  isNeighbourType,
  NDP_HOP_LIMIT,
  type NeighbourMessage,
  solicitedNodeGroup,
} from "@herald/wire/ndp";

/** A station as neighbour discovery sees it. */
export interface Station {
  readonly mac: MacAddress;
  readonly address: IpAddress;
}

/** A packet and the MAC it goes to. */
export interface Addressed {
  readonly to: MacAddress;
  readonly payload: Uint8Array;
}

const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
export const ALL_NODES_MAC: MacAddress = formatMac(groupMac(ALL_NODES));

/** Where questions for an address are sent to. */
export function groupMacOf(address: IpAddress): MacAddress {
  return formatMac(groupMac(solicitedNodeGroup(toOctets(address))));
}

/** @returns what is said about whom; `undefined` when it is no neighbour discovery. */
export function readNeighbour(packet: Ipv6Packet): NeighbourMessage | undefined {
  if (packet.nextHeader !== NEXT_HEADER.icmpv6 || !isNeighbourType(packet.payload[0])) return undefined;
  return decodeNdp(decodeIcmpv6(packet));
}

/** @param to `undefined`: ask the group. */
export function solicit(own: Station, wanted: IpAddress, to: MacAddress | undefined): Addressed {
  const target = toOctets(wanted);
  const destination = to === undefined ? solicitedNodeGroup(target) : target;
  const linkAddress = macOctets(own.mac);
  return {
    to: to ?? groupMacOf(wanted),
    payload: packetOf(own, destination, { type: "solicitation", target, linkAddress, nonce: undefined }),
  };
}

/** The answer to a question for the station's own address. */
export function advertise(own: Station, asker: Uint8Array, mac: MacAddress): Addressed {
  const solicited = !isUnspecified(asker);
  const payload = packetOf(own, solicited ? asker : ALL_NODES, {
    type: "advertisement",
    router: false,
    solicited,
    override: true,
    target: toOctets(own.address),
    linkAddress: macOctets(own.mac),
  });
  return { to: solicited ? mac : ALL_NODES_MAC, payload };
}

function packetOf(own: Station, destination: Uint8Array, message: NeighbourMessage): Uint8Array {
  const source = toOctets(own.address);
  return encodeIpv6({
    trafficClass: 0,
    flowLabel: 0,
    hopLimit: NDP_HOP_LIMIT,
    source,
    destination,
    hopByHop: undefined,
    nextHeader: NEXT_HEADER.icmpv6,
    payload: encodeIcmpv6(encodeNdp(message), source, destination),
  });
}
