import { ADDRESS_BITS, type IpFamily } from "@herald/shared/ip/address";
import { DecodeError, readU32, Writer } from "@herald/wire/bytes";
import { addressOctets, type Prefix, prefixFrom, prefixOctets } from "./prefix.ts";

/** Network layer reachability information: one prefix of an UPDATE. */
export interface Nlri {
  readonly prefix: Prefix;
  /** 32 bits. Tells apart several paths to one prefix (RFC 7911 §3); `undefined` where that is not spoken. */
  readonly pathId: number | undefined;
}

/**
 * Some of them as they stand in a message, one behind the other (RFC 4271 §4.3, RFC 7911 §3):
 *
 *   0             4        5
 *   | path id (?) | length | as many octets as the length in bits needs |
 *
 * They stay octets until somebody wants them: of a whole table that a router sends, we only need to know how many.
 */
export interface NlriField {
  readonly family: IpFamily;
  /** Whether each has a path id. */
  readonly pathIds: boolean;
  readonly octets: Uint8Array;
  readonly count: number;
}

export function noNlri(family: IpFamily): NlriField {
  return { family, pathIds: false, octets: new Uint8Array(0), count: 0 };
}

/**
 * @throws {DecodeError} where RFC 7606 §5.3 calls the field syntactically incorrect: `invalid` for a length that the
 * family has not, `truncated` when the last prefix ends outside.
 */
export function readNlriField(
  family: IpFamily,
  pathIds: boolean,
  octets: Uint8Array,
  field: string,
): NlriField {
  let count = 0;
  for (let at = 0; at < octets.length; count += 1) {
    const start = at + (pathIds ? 4 : 0);
    const length = octets[start];
    if (length === undefined) throw new DecodeError("truncated", field, "ends in a path id");
    if (length > ADDRESS_BITS[family]) {
      throw new DecodeError("invalid", field, `prefix length ${length}, want 0 to ${ADDRESS_BITS[family]}`);
    }
    at = start + 1 + prefixOctets(length);
    if (at > octets.length) throw new DecodeError("truncated", field, `ends in a prefix of ${length} bits`);
  }
  return { family, pathIds, octets, count };
}

/** Each of them, host bits cleared. */
export function decodeNlri({ family, pathIds, octets }: NlriField): readonly Nlri[] {
  const all: Nlri[] = []; // bounded by the length of a message
  for (let at = 0; at < octets.length; ) {
    const start = at + (pathIds ? 4 : 0);
    const length = octets[start] as number;
    const end = start + 1 + prefixOctets(length);
    all.push({
      prefix: prefixFrom(family, octets.subarray(start + 1, end), length),
      pathId: pathIds ? readU32(octets, at) : undefined,
    });
    at = end;
  }
  return all;
}

/** @param all of that family; with a path id each, or none. */
export function encodeNlri(family: IpFamily, all: readonly Nlri[]): NlriField {
  const parts = all.map(({ prefix, pathId }) => nlriOctets(prefix, pathId));
  const w = new Writer(new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0)));
  for (const part of parts) w.bytes(part);
  return { family, pathIds: all[0]?.pathId !== undefined, octets: w.finish(), count: all.length };
}

/** One of them. */
export function nlriOctets({ family, address, length }: Prefix, pathId: number | undefined): Uint8Array {
  const octets = prefixOctets(length);
  const w = new Writer(new Uint8Array((pathId === undefined ? 0 : 4) + 1 + octets));
  if (pathId !== undefined) w.u32(pathId);
  return w.u8(length).bytes(addressOctets(family, address).subarray(0, octets)).finish();
}
