import { Writer } from "@herald/wire/bytes";

/**
 * What every message begins with (RFC 4271 §4.1):
 *
 *   0               16       18     19
 *   | ff × 16       | length | type | body …
 *
 * The length counts the header.
 */
export const HEADER_OCTETS = 19;

/** Longest message, octets, header included (RFC 4271 §4); an OPEN and a KEEPALIVE for good (RFC 8654 §4). */
export const MAX_OCTETS = 4_096;

/** Longest message where both ends of a connection said that they take it (RFC 8654 §4). */
export const MAX_EXTENDED_OCTETS = 65_535;

/** @param body at most 65,516 octets. */
export function frame(type: number, body: Uint8Array): Uint8Array {
  const w = new Writer(new Uint8Array(HEADER_OCTETS + body.length));
  return w
    .bytes(MARKER)
    .u16(HEADER_OCTETS + body.length)
    .u8(type)
    .bytes(body)
    .finish();
}

const MARKER = new Uint8Array(16).fill(0xff);
