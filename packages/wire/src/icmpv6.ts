import { DecodeError, Reader, Writer } from "./bytes.ts";
import { checksumOf, isIntact, pseudoHeaderSum, sumOf } from "./checksum.ts";
import { type Ipv6Packet, NEXT_HEADER } from "./ipv6.ts";

/**
 * ICMPv6, 4 octets and what the type says (RFC 4443 §2.1).
 *
 *   0      1      2          4
 *   | type | code | checksum | body
 */
export interface Icmpv6Message {
  readonly type: number;
  readonly code: number;
  readonly body: Uint8Array;
}

/** Types we know by name (https://www.iana.org/assignments/icmpv6-parameters). */
export const ICMPV6_TYPE = {
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
  multicastListenerReport2: 143,
} as const;

export const ICMPV6_OCTETS = 4;

const CHECKSUM_AT = 2;

/**
 * @param packet whose `nextHeader` is ICMPv6, as the caller has checked. The sum covers its addresses.
 * @throws {DecodeError} `truncated`; `checksum` when an octet was changed on the way.
 */
export function decodeIcmpv6({ source, destination, payload }: Ipv6Packet): Icmpv6Message {
  const r = new Reader(payload);
  const type = r.u8("icmpv6.type");
  const code = r.u8("icmpv6.code");
  r.u16("icmpv6.checksum");
  const sum = pseudoHeaderSum(source, destination, payload.length, NEXT_HEADER.icmpv6) + sumOf(payload);
  if (!isIntact(sum)) throw new DecodeError("checksum", "icmpv6.checksum");
  return { type, code, body: r.rest() };
}

/** @returns the message, checksum and all, as the payload of an IPv6 packet between the two addresses. */
export function encodeIcmpv6(
  { type, code, body }: Icmpv6Message,
  source: Uint8Array,
  destination: Uint8Array,
): Uint8Array {
  const bytes = new Writer(new Uint8Array(ICMPV6_OCTETS + body.length))
    .u8(type)
    .u8(code)
    .u16(0)
    .bytes(body)
    .finish();
  const checksum = checksumOf(
    pseudoHeaderSum(source, destination, bytes.length, NEXT_HEADER.icmpv6) + sumOf(bytes),
  );
  bytes[CHECKSUM_AT] = checksum >>> 8;
  bytes[CHECKSUM_AT + 1] = checksum;
  return bytes;
}
