import { DecodeError, Reader, Writer } from "@herald/wire/bytes";
import { AS_TRANS, SEGMENT } from "./iana.ts";

/** Where a route came through, the last AS first. */
export type AsPath = readonly AsSegment[];

/**
 * A part of it (RFC 4271 §4.3, RFC 5065 §3):
 *
 *   0      1       2
 *   | type | count | asn … |      each of two octets, or of four (RFC 6793)
 */
export interface AsSegment {
  readonly type: AsSegmentType;
  /** 1 to 255 of them. */
  readonly asns: readonly number[];
}

export type AsSegmentType = "set" | "sequence" | "confederation-sequence" | "confederation-set";

/** How many octets an ASN has on a connection: two, unless both ends speak RFC 6793. */
export type AsnOctets = 2 | 4;

const TYPE: Readonly<Record<AsSegmentType, number>> = {
  set: SEGMENT.set,
  sequence: SEGMENT.sequence,
  "confederation-sequence": SEGMENT.confederationSequence,
  "confederation-set": SEGMENT.confederationSet,
};
const NAME = new Map(Object.entries(TYPE).map(([name, type]) => [type, name as AsSegmentType]));
const MAX_ASN_OF_2_OCTETS = 0xffff;

/**
 * @throws {DecodeError} where RFC 7606 §7.2 calls it malformed: an unknown type of segment, an empty segment, one that
 * ends outside.
 */
export function decodeAsPath(value: Uint8Array, asnOctets: AsnOctets, field: string): AsPath {
  const r = new Reader(value);
  const path: AsSegment[] = []; // bounded by the attribute's length
  while (r.rest().length > 0) {
    const type = NAME.get(r.u8(`${field}.type`));
    if (type === undefined) throw new DecodeError("invalid", `${field}.type`);
    const count = r.u8(`${field}.count`);
    if (count === 0) throw new DecodeError("invalid", `${field}.count`, "0");
    const inside = new Reader(r.bytes(count * asnOctets, `${field}.asns`));
    const asns = Array.from({ length: count }, () =>
      asnOctets === 4 ? inside.u32(field) : inside.u16(field),
    );
    path.push({ type, asns });
  }
  return path;
}

/** Where only two octets fit, AS_TRANS stands for who needs more (RFC 6793 §4.2.2). */
export function encodeAsPath(path: AsPath, asnOctets: AsnOctets): Uint8Array {
  const octets = path.reduce((sum, { asns }) => sum + 2 + asns.length * asnOctets, 0);
  const w = new Writer(new Uint8Array(octets));
  for (const { type, asns } of path) {
    w.u8(TYPE[type]).u8(asns.length);
    for (const asn of asns) {
      if (asnOctets === 4) w.u32(asn);
      else w.u16(shortAsn(asn));
    }
  }
  return w.finish();
}

/** The ASN itself if it fits into two octets. */
export function shortAsn(asn: number): number {
  return asn > MAX_ASN_OF_2_OCTETS ? AS_TRANS : asn;
}

export function needsFourOctets(path: AsPath): boolean {
  return path.some(({ asns }) => asns.some((asn) => asn > MAX_ASN_OF_2_OCTETS));
}

/** Segments of confederations do not travel in AS4_PATH (RFC 6793 §3). */
export function withoutConfederations(path: AsPath): AsPath {
  return path.filter(({ type }) => type === "set" || type === "sequence");
}

/**
 * The real path, from one in which AS_TRANS stands in and what AS4_PATH kept of it (RFC 6793 §4.2.3): what routers that
 * know no AS4_PATH put in front is only in the first of the two.
 */
export function mergeAsPaths(path: AsPath, as4Path: AsPath): AsPath {
  let surplus = pathLength(path) - pathLength(as4Path);
  if (surplus < 0) return path;
  const front: AsSegment[] = [];
  for (const segment of path) {
    const confederation = segment.type.startsWith("confederation");
    if (surplus === 0 && !confederation) break;
    if (segment.type === "sequence") {
      const asns = segment.asns.slice(0, surplus);
      surplus -= asns.length;
      front.push({ type: "sequence", asns });
    } else {
      if (!confederation) surplus -= 1;
      front.push(segment);
    }
  }
  return joined(front, as4Path);
}

/** As RFC 4271 §9.1.2.2 counts: a set is one, a confederation nothing. */
export function pathLength(path: AsPath): number {
  return path.reduce(
    (sum, { type, asns }) => sum + (type === "sequence" ? asns.length : type === "set" ? 1 : 0),
    0,
  );
}

/** Two sequences that meet become one, if it has room. */
function joined(front: AsPath, back: AsPath): AsPath {
  const [last, first] = [front.at(-1), back[0]];
  const both = last?.type === "sequence" && first?.type === "sequence";
  if (!both || last.asns.length + first.asns.length > 255) return [...front, ...back];
  return [...front.slice(0, -1), { type: "sequence", asns: [...last.asns, ...first.asns] }, ...back.slice(1)];
}
