import { DecodeError, expectField, Reader, readU16, readU32, Writer } from "./bytes.ts";
import { ETHERNET_OCTETS, ETHERTYPE } from "./ethernet.ts";
import { MAC_OCTETS } from "./mac.ts";

/**
 * ARP for IPv4 over Ethernet, 28 octets (RFC 826, "Packet format").
 *
 *   0       2       4      5      6       8     14    18    24    28
 *   | htype | ptype | hlen | plen | oper  | sha | spa | tha | tpa |
 */
export interface ArpPacket {
  readonly operation: ArpOperation;
  readonly senderMac: Uint8Array; // 6 octets
  readonly senderIp: number; // u32; 0 in a probe (RFC 5227 §1.1)
  readonly targetMac: Uint8Array; // 6 octets; means nothing in a request
  readonly targetIp: number; // u32
}
export type ArpOperation = keyof typeof OPERATION;
const OPERATION = { request: 1, reply: 2 } as const;

export const ARP_OCTETS = 28;

/** Where fields stand, in octets from the start of the packet, for those who fill in a packet they keep. */
export const ARP_FIELD = { operation: 6, senderMac: 8, senderIp: 14, targetMac: 18, targetIp: 24 } as const;

const HTYPE_ETHERNET = 1;
const IPV4_OCTETS = 4;

/**
 * @param bytes Ethernet payload; octets past 28 are padding and ignored.
 * @returns views into `bytes`.
 * @throws {DecodeError} `truncated` below 28 octets; `unsupported` for other links, protocols or operations.
 */
export function decodeArp(bytes: Uint8Array): ArpPacket {
  const r = new Reader(bytes);
  expectField("arp.htype", r.u16("arp.htype"), HTYPE_ETHERNET);
  expectField("arp.ptype", r.u16("arp.ptype"), ETHERTYPE.ipv4);
  expectField("arp.hlen", r.u8("arp.hlen"), MAC_OCTETS);
  expectField("arp.plen", r.u8("arp.plen"), IPV4_OCTETS);
  return {
    operation: operationOf(r.u16("arp.oper")),
    senderMac: r.bytes(MAC_OCTETS, "arp.sha"),
    senderIp: r.u32("arp.spa"),
    targetMac: r.bytes(MAC_OCTETS, "arp.tha"),
    targetIp: r.u32("arp.tpa"),
  };
}

/** @param into exactly 28 octets, of any content. */
export function encodeArp(packet: ArpPacket, into: Uint8Array = new Uint8Array(ARP_OCTETS)): Uint8Array {
  return new Writer(into)
    .u16(HTYPE_ETHERNET)
    .u16(ETHERTYPE.ipv4)
    .u8(MAC_OCTETS)
    .u8(IPV4_OCTETS)
    .u16(OPERATION[packet.operation])
    .bytes(packet.senderMac)
    .u32(packet.senderIp)
    .bytes(packet.targetMac)
    .u32(packet.targetIp)
    .finish();
}

/**
 * The address an untagged frame asks for, without decoding the rest of it.
 *
 * @returns u32; `undefined` for whatever is not a whole ARP request for IPv4 over Ethernet.
 */
export function targetOfRequest(frame: Uint8Array): number | undefined {
  if (frame.length < ETHERNET_OCTETS + ARP_OCTETS) return undefined;
  if (readU16(frame, ETHERNET_OCTETS - 2) !== ETHERTYPE.arp) return undefined;
  if (readU32(frame, ETHERNET_OCTETS) !== LINK_AND_PROTOCOL) return undefined;
  if (readU32(frame, ETHERNET_OCTETS + 4) !== LENGTHS_AND_REQUEST) return undefined;
  return readU32(frame, ETHERNET_OCTETS + ARP_FIELD.targetIp);
}

/** The first eight octets of every request, four and four: htype and ptype, then hlen, plen and oper. */
const LINK_AND_PROTOCOL = ((HTYPE_ETHERNET << 16) | ETHERTYPE.ipv4) >>> 0;
const LENGTHS_AND_REQUEST = ((MAC_OCTETS << 24) | (IPV4_OCTETS << 16) | OPERATION.request) >>> 0;

function operationOf(code: number): ArpOperation {
  switch (code) {
    case OPERATION.request:
      return "request";
    case OPERATION.reply:
      return "reply";
    default:
      throw new DecodeError("unsupported", "arp.oper", `${code}, want 1 or 2`);
  }
}
