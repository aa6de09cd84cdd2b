import { DecodeError, expectField, Reader, Writer } from "./bytes.ts";

/**
 * IPv6, 40 octets, then perhaps a hop-by-hop header, then the packet it carries (RFC 8200 §3, §4.3).
 *
 *   0         1               4        6            7          8        24            40
 *   | version | class and flow | length | nextHeader | hopLimit | source | destination | payload
 *
 * Of the extension headers only hop-by-hop options are looked through: multicast listener reports have them
 * (RFC 3810 §5). Whatever else stands before the payload shows as its `nextHeader`.
 */
export interface Ipv6Packet {
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly hopLimit: number;
  readonly source: Uint8Array; // 16 octets
  readonly destination: Uint8Array; // 16 octets
  /** Options of the hop-by-hop header as they stand, 6 octets or 8 more of them; `undefined`: no such header. */
  readonly hopByHop: Uint8Array | undefined;
  /** What `payload` is, {@link NEXT_HEADER} for one. */
  readonly nextHeader: number;
  readonly payload: Uint8Array;
}

export const NEXT_HEADER = { hopByHop: 0, icmpv6: 58 } as const;

export const IPV6_OCTETS = 40;
export const IPV6_ADDRESS_OCTETS = 16;

/** Where fields stand, in octets from the start of the header, for those who read or fill in no more than these. */
export const IPV6_FIELD = { length: 4, nextHeader: 6, hopLimit: 7, source: 8, destination: 24 } as const;

const VERSION = 6;
const HOP_BY_HOP_FIXED_OCTETS = 2;

/**
 * @param bytes Ethernet payload; octets past the length in the header are padding and ignored.
 * @returns views into `bytes`.
 * @throws {DecodeError} `truncated`, also when fewer octets are there than the header says; `unsupported` for
 *   another version.
 */
export function decodeIpv6(bytes: Uint8Array): Ipv6Packet {
  const r = new Reader(bytes);
  const first = r.u32("ipv6.version");
  expectField("ipv6.version", first >>> 28, VERSION);
  const length = r.u16("ipv6.length");
  const nextHeader = r.u8("ipv6.nextHeader");
  const hopLimit = r.u8("ipv6.hopLimit");
  const source = r.bytes(IPV6_ADDRESS_OCTETS, "ipv6.source");
  const destination = r.bytes(IPV6_ADDRESS_OCTETS, "ipv6.destination");
  const payload = r.bytes(length, "ipv6.payload");
  return {
    trafficClass: (first >>> 20) & 0xff,
    flowLabel: first & 0xfffff,
    hopLimit,
    source,
    destination,
    ...(nextHeader === NEXT_HEADER.hopByHop
      ? withoutHopByHop(payload)
      : { hopByHop: undefined, nextHeader, payload }),
  };
}

export function encodeIpv6(packet: Ipv6Packet): Uint8Array {
  const { hopByHop, nextHeader, payload } = packet;
  const extension = hopByHop === undefined ? 0 : HOP_BY_HOP_FIXED_OCTETS + hopByHop.length;
  const w = new Writer(new Uint8Array(IPV6_OCTETS + extension + payload.length));
  w.u32(((VERSION << 28) | (packet.trafficClass << 20) | packet.flowLabel) >>> 0)
    .u16(extension + payload.length)
    .u8(hopByHop === undefined ? nextHeader : NEXT_HEADER.hopByHop)
    .u8(packet.hopLimit)
    .bytes(packet.source)
    .bytes(packet.destination);
  if (hopByHop !== undefined) {
    w.u8(nextHeader)
      .u8(extension / 8 - 1)
      .bytes(hopByHop);
  }
  return w.bytes(payload).finish();
}

/** ff00::/8 (RFC 4291 §2.7). */
export function isMulticast(address: Uint8Array): boolean {
  return address[0] === 0xff;
}

/** `::`, the source of those who have no address yet (RFC 4291 §2.5.2). */
export function isUnspecified(address: Uint8Array): boolean {
  for (const octet of address) if (octet !== 0) return false;
  return true;
}

function withoutHopByHop(bytes: Uint8Array): Pick<Ipv6Packet, "hopByHop" | "nextHeader" | "payload"> {
  const r = new Reader(bytes);
  const nextHeader = r.u8("ipv6.hopByHop.nextHeader");
  const octets = 8 * (r.u8("ipv6.hopByHop.length") + 1);
  const hopByHop = r.bytes(octets - HOP_BY_HOP_FIXED_OCTETS, "ipv6.hopByHop.options");
  // "Hop-by-Hop Options header … is restricted to appear immediately after an IPv6 header only" (RFC 8200 §4.1).
  if (nextHeader === NEXT_HEADER.hopByHop) {
    throw new DecodeError("invalid", "ipv6.hopByHop.nextHeader", "a second one");
  }
  return { hopByHop, nextHeader, payload: r.rest() };
}
