import { toOctets } from "@herald/shared/ip/address";
import { Writer } from "@herald/wire/bytes";
import { type AsnOctets, encodeAsPath, needsFourOctets, shortAsn, withoutConfederations } from "./as-path.ts";
import { encodeCommunities, encodeExtendedCommunities, encodeLargeCommunities } from "./community.ts";
import { ATTRIBUTE, FLAG, ORIGIN } from "./iana.ts";
import type { PathAttributes } from "./path-attributes.ts";

const OPTIONAL_TRANSITIVE = FLAG.optional | FLAG.transitive;
const NOTHING = new Uint8Array(0);

/**
 * In the order of their codes, as RFC 4271 §5 likes them; equal attributes become equal octets.
 *
 * @param asnOctets what the peer understands: from longer ASNs it gets AS_TRANS and the real ones beside it.
 */
export function encodeAttributes(attributes: PathAttributes, asnOctets: AsnOctets): Uint8Array {
  const all = [...known(attributes, asnOctets)];
  for (const { flags, code, value } of attributes.unknown ?? []) all.push([code, flags, value]);
  return concat(all.sort(([one], [other]) => one - other).map((each) => encodeAttribute(...each)));
}

/** Flags, code, length, value. @param value at most 65,535 octets. */
export function encodeAttribute(code: number, flags: number, value: Uint8Array): Uint8Array {
  const long = value.length > 0xff;
  const w = new Writer(new Uint8Array((long ? 4 : 3) + value.length));
  w.u8(long ? flags | FLAG.extendedLength : flags).u8(code);
  return (long ? w.u16(value.length) : w.u8(value.length)).bytes(value).finish();
}

type CodeFlagsValue = readonly [code: number, flags: number, value: Uint8Array];

function* known(attributes: PathAttributes, asnOctets: AsnOctets): Generator<CodeFlagsValue> {
  const { origin, asPath, nextHop, med, localPref, atomicAggregate } = attributes;
  if (origin !== undefined) yield [ATTRIBUTE.origin, FLAG.transitive, Uint8Array.of(ORIGIN[origin])];
  if (asPath !== undefined) yield [ATTRIBUTE.asPath, FLAG.transitive, encodeAsPath(asPath, asnOctets)];
  if (nextHop !== undefined) yield [ATTRIBUTE.nextHop, FLAG.transitive, toOctets(nextHop)];
  if (med !== undefined) yield [ATTRIBUTE.med, FLAG.optional, u32(med)];
  if (localPref !== undefined) yield [ATTRIBUTE.localPref, FLAG.transitive, u32(localPref)];
  if (atomicAggregate !== undefined) yield [ATTRIBUTE.atomicAggregate, FLAG.transitive, NOTHING];
  yield* beyond(attributes);
  yield* aggregation(attributes, asnOctets);
}

function* beyond(attributes: PathAttributes): Generator<CodeFlagsValue> {
  const { communities = [], extendedCommunities = [], largeCommunities = [] } = attributes;
  const { originatorId, clusterList, onlyToCustomer } = attributes;
  if (communities.length > 0) {
    yield [ATTRIBUTE.communities, OPTIONAL_TRANSITIVE, encodeCommunities(communities)];
  }
  if (originatorId !== undefined) yield [ATTRIBUTE.originatorId, FLAG.optional, toOctets(originatorId)];
  if (clusterList !== undefined)
    yield [ATTRIBUTE.clusterList, FLAG.optional, concat(clusterList.map(toOctets))];
  if (extendedCommunities.length > 0) {
    const value = encodeExtendedCommunities(extendedCommunities);
    yield [ATTRIBUTE.extendedCommunities, OPTIONAL_TRANSITIVE, value];
  }
  if (largeCommunities.length > 0) {
    yield [ATTRIBUTE.largeCommunities, OPTIONAL_TRANSITIVE, encodeLargeCommunities(largeCommunities)];
  }
  if (onlyToCustomer !== undefined) {
    yield [ATTRIBUTE.onlyToCustomer, OPTIONAL_TRANSITIVE, u32(onlyToCustomer)];
  }
}

/** AGGREGATOR, and what old speakers need beside it and AS_PATH (RFC 6793 §4.2.2). */
function* aggregation(
  { aggregator, asPath }: PathAttributes,
  asnOctets: AsnOctets,
): Generator<CodeFlagsValue> {
  if (aggregator !== undefined) {
    const { asn, address } = aggregator;
    const first = asnOctets === 4 ? u32(asn) : u16(shortAsn(asn));
    yield [ATTRIBUTE.aggregator, OPTIONAL_TRANSITIVE, concat([first, toOctets(address)])];
  }
  if (asnOctets === 4) return;
  const as4Path = asPath === undefined ? [] : withoutConfederations(asPath);
  if (needsFourOctets(as4Path)) yield [ATTRIBUTE.as4Path, OPTIONAL_TRANSITIVE, encodeAsPath(as4Path, 4)];
  if (aggregator !== undefined && shortAsn(aggregator.asn) !== aggregator.asn) {
    const value = concat([u32(aggregator.asn), toOctets(aggregator.address)]);
    yield [ATTRIBUTE.as4Aggregator, OPTIONAL_TRANSITIVE, value];
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const w = new Writer(new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0)));
  for (const part of parts) w.bytes(part);
  return w.finish();
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

function u32(value: number): Uint8Array {
  return new Writer(new Uint8Array(4)).u32(value).finish();
}
