import { DecodeError, Reader, readU32, Writer, writeU32 } from "@herald/wire/bytes";
import { shortAsn } from "./as-path.ts";
import { EXTENDED_COMMUNITY } from "./iana.ts";

// Communities are canonical text, so that equal ones are equal strings:
//   standard (RFC 1997)  `64512:100`       two numbers of 16 bits
//   large (RFC 8092)     `64512:1:2`       three numbers of 32 bits
//   extended (RFC 4360)  `4004fc00497424`… sixteen hex digits, the type first

/** Octets of one in its attribute. */
const STANDARD_OCTETS = 4;
const EXTENDED_OCTETS = 8;
const LARGE_OCTETS = 12;

/** @throws {DecodeError} `invalid` for a length that is not a multiple of four, or zero (RFC 7606 §7.8). */
export function decodeCommunities(value: Uint8Array): readonly string[] {
  return split(value, STANDARD_OCTETS, "communities", (r) => `${r.u16("community")}:${r.u16("community")}`);
}

/** @throws {DecodeError} `invalid` for a length that is not a multiple of twelve, or zero (RFC 8092 §5). */
export function decodeLargeCommunities(value: Uint8Array): readonly string[] {
  const field = "large-community";
  const all = split(
    value,
    LARGE_OCTETS,
    "large-communities",
    (r) => `${r.u32(field)}:${r.u32(field)}:${r.u32(field)}`,
  );
  return [...new Set(all)]; // "duplicate … values SHOULD be silently removed" (RFC 8092 §3)
}

/** @throws {DecodeError} `invalid` for a length that is not a multiple of eight, or zero (RFC 7606 §7.14). */
export function decodeExtendedCommunities(value: Uint8Array): readonly string[] {
  return split(value, EXTENDED_OCTETS, "extended-communities", (r) =>
    hexOf(r.bytes(EXTENDED_OCTETS, "community")),
  );
}

export function encodeCommunities(communities: readonly string[]): Uint8Array {
  return numbers(communities, STANDARD_OCTETS, (w, number) => w.u16(number));
}

export function encodeLargeCommunities(communities: readonly string[]): Uint8Array {
  return numbers(communities, LARGE_OCTETS, (w, number) => w.u32(number));
}

export function encodeExtendedCommunities(communities: readonly string[]): Uint8Array {
  const w = new Writer(new Uint8Array(EXTENDED_OCTETS * communities.length));
  for (const community of communities) {
    for (let at = 0; at < 2 * EXTENDED_OCTETS; at += 2)
      w.u8(Number.parseInt(community.slice(at, at + 2), 16));
  }
  return w.finish();
}

/**
 * How much this path can take, for routers that weigh their next hops (RFC 10005):
 * type(1) subtype(1) asn(2) octets per second as IEEE float(4).
 *
 * @param asn of ours; AS_TRANS when it needs more than two octets.
 * @param transitive whether it may go from one AS to another, which routers else strip it for (RFC 4360 §6).
 */
export function linkBandwidth(asn: number, octetsPerSecond: number, transitive: boolean): string {
  const { linkBandwidth: between, linkBandwidthWithin: within } = EXTENDED_COMMUNITY;
  const octets = new Uint8Array(EXTENDED_OCTETS);
  writeU32(octets, 0, (((transitive ? between : within) << 16) | shortAsn(asn)) >>> 0);
  writeU32(octets, 4, new Uint32Array(new Float32Array([octetsPerSecond]).buffer)[0] as number);
  return hexOf(octets);
}

/** By number, as they stand in the attributes, each once. */
export function sortedCommunities(communities: Iterable<string>): readonly string[] {
  const keys = new Map([...communities].map((community) => [community, community.split(":").map(Number)]));
  return [...keys.keys()].sort((one, other) => {
    const [a, b] = [keys.get(one) ?? [], keys.get(other) ?? []];
    const at = a.findIndex((number, index) => number !== b[index]);
    return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
  });
}

/** The same for extended ones: hex digits of one length sort as the numbers that they are. */
export function sortedExtended(communities: Iterable<string>): readonly string[] {
  return [...new Set(communities)].sort();
}

function split(
  value: Uint8Array,
  octets: number,
  field: string,
  read: (r: Reader) => string,
): readonly string[] {
  if (value.length === 0 || value.length % octets !== 0) {
    throw new DecodeError("invalid", field, `${value.length} octets, want a multiple of ${octets}`);
  }
  const r = new Reader(value);
  return Array.from({ length: value.length / octets }, () => read(r));
}

function numbers(
  communities: readonly string[],
  octets: number,
  write: (w: Writer, number: number) => void,
): Uint8Array {
  const w = new Writer(new Uint8Array(octets * communities.length));
  for (const community of communities) for (const number of community.split(":")) write(w, Number(number));
  return w.finish();
}

function hexOf(octets: Uint8Array): string {
  const digits = (at: number): string => readU32(octets, at).toString(16).padStart(8, "0");
  return digits(0) + digits(4);
}
