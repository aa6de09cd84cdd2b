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
  const w = new Writer(new Uint8Array(all.reduce((sum, each) => sum + nlriLength(each), 0)));
  for (const each of all) writeNlri(w, each);
  return { family, pathIds: all[0]?.pathId !== undefined, octets: w.finish(), count: all.length };
}

/** How many octets it takes. */
export function nlriLength({ prefix: { length }, pathId }: Nlri): number {
  return (pathId === undefined ? 0 : 4) + 1 + prefixOctets(length);
}

export function writeNlri(w: Writer, { prefix: { family, address, length }, pathId }: Nlri): void {
  if (pathId !== undefined) w.u32(pathId);
  const octets = addressOctets(family, address, ADDRESS);
  w.u8(length);
  for (let at = 0; at < prefixOctets(length); at += 1) w.u8(octets[at] as number);
}

/** What is written next. Why not one for each: a table has thousands. */
const ADDRESS = new Uint8Array(16);
