import { DecodeError, expectField, Reader, type Writer } from "./bytes.ts";
import { MAC_OCTETS } from "./mac.ts";

/** Types we know (https://www.iana.org/assignments/icmpv6-parameters). */
export const OPTION = { source: 1, target: 2, nonce: 14 } as const;

const OPTION_UNIT = 8;
const OPTION_HEADER = 2;

/**
 * What may stand behind any message of neighbour discovery (RFC 4861 §4.6).
 *
 *   0      1        2
 *   | type | length | value, `length` times 8 octets with the header
 *
 * @returns by type, without header; the first of each. Bounded by the 256 types there are.
 * @throws {DecodeError} `truncated`; `invalid` for one without length.
 */
export function readOptions(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  const r = new Reader(bytes);
  for (let left = bytes.length; left > 0; ) {
    const type = r.u8("ndp.option.type");
    const octets = r.u8("ndp.option.length") * OPTION_UNIT;
    if (octets === 0) throw new DecodeError("invalid", "ndp.option.length", "0");
    const value = r.bytes(octets - OPTION_HEADER, "ndp.option.value");
    if (!options.has(type)) options.set(type, value);
    left -= octets;
  }
  return options;
}

/** @throws {DecodeError} `unsupported` for a link-layer address that is no MAC. */
export function macIn(value: Uint8Array | undefined): Uint8Array | undefined {
  if (value !== undefined) expectField("ndp.option.linkAddress", value.length, MAC_OCTETS);
  return value;
}

/** Nothing where there is no value; one fills whole units of 8 octets. */
export function writeOption(w: Writer, type: number, value: Uint8Array | undefined): void {
  if (value === undefined) return;
  w.u8(type)
    .u8(optionOctets(value) / OPTION_UNIT)
    .bytes(value);
}

export function optionOctets(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : OPTION_HEADER + value.length;
}
