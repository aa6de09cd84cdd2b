import { type ArpPacket, decodeArp } from "@herald/wire/arp";
import { DecodeError } from "@herald/wire/bytes";
import { decodeEthernet, type EthernetFrame } from "@herald/wire/ethernet";
import { decodeIcmpv6 } from "@herald/wire/icmpv6";
import { decodeIpv6, type Ipv6Packet, isMulticast, isUnspecified, NEXT_HEADER } from "@herald/wire/ipv6";
import { BROADCAST, isGroup, macEquals, macOctets } from "@herald/wire/mac";
import {
  decodeNdp,
  groupMac,
  isNeighbourType,
  isSolicitedNodeGroupOf,
  NDP_HOP_LIMIT,
  type NeighbourAdvertisement,
  type NeighbourSolicitation,
  solicitedNodeGroup,
} from "@herald/wire/ndp";
import type { ArpDropReason, NdpDropReason } from "./drop-reasons.ts";

/** A question or an advertisement that may concern us, with what it means already checked. */
export type Heard =
  | {
      readonly type: "solicitation";
      readonly target: Uint8Array;
      /** `undefined`: a probe, to be answered to everybody. */
      readonly from: { readonly mac: Uint8Array; readonly address: Uint8Array } | undefined;
      /** Whose frame it is; of a probe there is nothing else to tell. */
      readonly source: Uint8Array;
    }
  | {
      readonly type: "advertisement";
      readonly target: Uint8Array;
      readonly by: Uint8Array; // MAC
      /** Says so unasked and wants it believed: what a new owner does. */
      readonly announces: boolean;
    };

const BROADCAST_OCTETS = macOctets(BROADCAST);

/** @param own MAC of the interface it came in by. @returns the frame, or why it is none of ours whatever is in it. */
export function readFrame(
  bytes: Uint8Array,
  own: Uint8Array,
): EthernetFrame | (ArpDropReason & NdpDropReason) {
  const frame = decoded(() => decodeEthernet(bytes));
  if (typeof frame === "string") return "truncated";
  if (frame.vlan !== 0) return "vlan-tagged";
  return macEquals(frame.source, 0, own) ? "own-frame" : frame;
}

/** @returns the packet, or why it is none of ours. */
export function readArp({ destination, payload }: EthernetFrame, own: Uint8Array): ArpPacket | ArpDropReason {
  if (!macEquals(destination, 0, BROADCAST_OCTETS) && !macEquals(destination, 0, own)) {
    return "foreign-ethernet-destination";
  }
  const packet = decoded(() => decodeArp(payload));
  if (typeof packet === "string") return packet === "truncated" ? "truncated" : "unsupported";
  return isGroup(packet.senderMac) ? "invalid-sender" : packet;
}

/** @returns what is said, or which check of RFC 4861 §7.1 it fails. */
export function readNdp(frame: EthernetFrame, own: Uint8Array): Heard | NdpDropReason {
  const packet = decoded(() => decodeIpv6(frame.payload));
  if (typeof packet === "string") return packet;
  if (packet.nextHeader !== NEXT_HEADER.icmpv6 || !isNeighbourType(packet.payload[0])) return "not-ndp";
  if (packet.hopLimit !== NDP_HOP_LIMIT) return "hop-limit";
  const message = decoded(() => decodeNdp(decodeIcmpv6(packet)));
  if (typeof message === "string") return message;
  if (isMulticast(message.target)) return "multicast-target";
  if (isGroup(message.linkAddress ?? frame.source) || isMulticast(packet.source)) return "invalid-sender";
  return message.type === "solicitation"
    ? readSolicitation(message, packet, frame, own)
    : readAdvertisement(message, packet, frame, own);
}

function readSolicitation(
  { target, linkAddress }: NeighbourSolicitation,
  { source, destination }: Ipv6Packet,
  frame: EthernetFrame,
  own: Uint8Array,
): Heard | NdpDropReason {
  const toGroup = isSolicitedNodeGroupOf(destination, target);
  if (!macEquals(frame.destination, 0, own) && !isGroupMacOf(frame.destination, target)) {
    return "foreign-ethernet-destination";
  }
  if (isUnspecified(source)) {
    if (!toGroup || linkAddress !== undefined) return "invalid-probe";
    return { type: "solicitation", target, from: undefined, source: frame.source };
  }
  if (!toGroup && !isSame(destination, target)) return "foreign-ip-destination";
  // Without its option, "the MAC it came from" is where a neighbour cache would have the sender, too.
  const from = { mac: linkAddress ?? frame.source, address: source };
  return { type: "solicitation", target, from, source: frame.source };
}

function readAdvertisement(
  { target, linkAddress, solicited, override }: NeighbourAdvertisement,
  { destination }: Ipv6Packet,
  frame: EthernetFrame,
  own: Uint8Array,
): Heard | NdpDropReason {
  if (!macEquals(frame.destination, 0, own) && !isGroup(frame.destination))
    return "foreign-ethernet-destination";
  if (solicited && isMulticast(destination)) return "invalid-advertisement";
  return {
    type: "advertisement",
    target,
    by: linkAddress ?? frame.source,
    announces: override && !solicited,
  };
}

function isGroupMacOf(mac: Uint8Array, target: Uint8Array): boolean {
  return macEquals(mac, 0, groupMac(solicitedNodeGroup(target)));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

/** The one place where bytes are refused. */
function decoded<T extends object>(
  decode: () => T,
): T | "truncated" | "unsupported" | "checksum" | "invalid-option" {
  try {
    return decode();
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
