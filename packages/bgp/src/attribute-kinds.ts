import { fromOctets, type IpAddress } from "@herald/shared/ip/address";
import { DecodeError, Reader } from "@herald/wire/bytes";
import { type AsnOctets, type AsPath, decodeAsPath } from "./as-path.ts";
import { decodeCommunities, decodeExtendedCommunities, decodeLargeCommunities } from "./community.ts";
import { ATTRIBUTE, FLAG, ORIGIN } from "./iana.ts";
import type { Aggregator, Origin, PathAttributes } from "./path-attributes.ts";

/** What it takes to understand the attributes that come over a connection. */
export interface AttributeContext {
  readonly asnOctets: AsnOctets;
  /** Whether the peer is in another AS. */
  readonly external: boolean;
}

/** What an error costs (RFC 7606 §2), apart from the session: the attribute, or all routes of its message. */
export type Treatment = "attribute-discard" | "treat-as-withdraw";

/** What a value becomes before the two halves of RFC 6793 are put together. */
export interface RawAttributes extends PathAttributes {
  readonly as4Path?: AsPath;
  readonly as4Aggregator?: Aggregator;
}

/** One row of what RFC 7606 makes of RFC 4271 §6.3. */
export interface AttributeKind {
  readonly name: string;
  /** Of Optional and Transitive, what must be set. Else: treat-as-withdraw, for all of them (§3(c)). */
  readonly flags: number;
  /** For a value that cannot be read. */
  readonly malformed: Treatment;
  /** Whether a peer in another AS has no business sending it (§7.5, §7.9, §7.10). */
  readonly internalOnly: boolean;
  /** @throws {DecodeError} whatever it costs. */
  readonly decode: (value: Uint8Array, context: AttributeContext) => RawAttributes;
}

const WELL_KNOWN = FLAG.transitive;
const OPTIONAL = FLAG.optional;
const OPTIONAL_TRANSITIVE = FLAG.optional | FLAG.transitive;
const ORIGINS = new Map(Object.entries(ORIGIN).map(([name, value]) => [value as number, name as Origin]));

/**
 * By code. MP_REACH_NLRI and MP_UNREACH_NLRI are not among them: what is wrong with them costs a family, not a route
 * (decode-reach.ts).
 */
export const ATTRIBUTE_KINDS: ReadonlyMap<number, AttributeKind> = new Map([
  [ATTRIBUTE.origin, kind("ORIGIN", WELL_KNOWN, "treat-as-withdraw", decodeOrigin)], // §7.1
  [ATTRIBUTE.asPath, kind("AS_PATH", WELL_KNOWN, "treat-as-withdraw", decodePath)], // §7.2
  [ATTRIBUTE.nextHop, kind("NEXT_HOP", WELL_KNOWN, "treat-as-withdraw", decodeNextHop)], // §7.3
  [ATTRIBUTE.med, kind("MULTI_EXIT_DISC", OPTIONAL, "treat-as-withdraw", decodeMed)], // §7.4
  [ATTRIBUTE.localPref, internal(kind("LOCAL_PREF", WELL_KNOWN, "treat-as-withdraw", decodeLocalPref))], // §7.5
  [ATTRIBUTE.atomicAggregate, kind("ATOMIC_AGGREGATE", WELL_KNOWN, "attribute-discard", decodeAtomic)], // §7.6
  [ATTRIBUTE.aggregator, kind("AGGREGATOR", OPTIONAL_TRANSITIVE, "attribute-discard", decodeAggregator)], // §7.7
  [ATTRIBUTE.communities, kind("COMMUNITIES", OPTIONAL_TRANSITIVE, "treat-as-withdraw", standard)], // §7.8
  [
    ATTRIBUTE.originatorId,
    internal(kind("ORIGINATOR_ID", OPTIONAL, "treat-as-withdraw", decodeOriginatorId)),
  ], // §7.9
  [ATTRIBUTE.clusterList, internal(kind("CLUSTER_LIST", OPTIONAL, "treat-as-withdraw", decodeClusterList))], // §7.10
  [
    ATTRIBUTE.extendedCommunities,
    kind("EXTENDED_COMMUNITIES", OPTIONAL_TRANSITIVE, "treat-as-withdraw", extended),
  ], // §7.14
  [ATTRIBUTE.as4Path, kind("AS4_PATH", OPTIONAL_TRANSITIVE, "attribute-discard", decodeAs4Path)], // RFC 6793 §6
  [
    ATTRIBUTE.as4Aggregator,
    kind("AS4_AGGREGATOR", OPTIONAL_TRANSITIVE, "attribute-discard", decodeAs4Aggregator),
  ],
  [ATTRIBUTE.largeCommunities, kind("LARGE_COMMUNITIES", OPTIONAL_TRANSITIVE, "treat-as-withdraw", large)], // RFC 8092 §6
  [ATTRIBUTE.onlyToCustomer, kind("ONLY_TO_CUSTOMER", OPTIONAL_TRANSITIVE, "treat-as-withdraw", decodeOtc)], // RFC 9234 §5
]);

function kind(
  name: string,
  flags: number,
  malformed: Treatment,
  decode: AttributeKind["decode"],
): AttributeKind {
  return { name, flags, malformed, internalOnly: false, decode };
}

function internal(of: AttributeKind): AttributeKind {
  return { ...of, internalOnly: true };
}

function decodeOrigin(value: Uint8Array): RawAttributes {
  const code = exactly(value, 1, "origin").u8("origin");
  const origin = ORIGINS.get(code);
  if (origin === undefined) throw new DecodeError("invalid", "origin", `${code}`);
  return { origin };
}

/** Segments of a confederation have no business outside of it (RFC 5065 §5). */
function decodePath(value: Uint8Array, { asnOctets, external }: AttributeContext): RawAttributes {
  const asPath = decodeAsPath(value, asnOctets, "as-path");
  if (external && asPath.some(({ type }) => type.startsWith("confederation"))) {
    throw new DecodeError("invalid", "as-path.type", "a confederation's");
  }
  return { asPath };
}

function decodeAs4Path(value: Uint8Array): RawAttributes {
  if (value.length === 0) throw new DecodeError("invalid", "as4-path", "empty");
  return { as4Path: decodeAsPath(value, 4, "as4-path") };
}

function decodeNextHop(value: Uint8Array): RawAttributes {
  return { nextHop: fromOctets(exactly(value, 4, "next-hop").rest()) };
}

function decodeMed(value: Uint8Array): RawAttributes {
  return { med: exactly(value, 4, "med").u32("med") };
}

function decodeLocalPref(value: Uint8Array): RawAttributes {
  return { localPref: exactly(value, 4, "local-pref").u32("local-pref") };
}

function decodeAtomic(value: Uint8Array): RawAttributes {
  exactly(value, 0, "atomic-aggregate");
  return { atomicAggregate: true };
}

function decodeAggregator(value: Uint8Array, { asnOctets }: AttributeContext): RawAttributes {
  const r = exactly(value, asnOctets + 4, "aggregator");
  const asn = asnOctets === 4 ? r.u32("aggregator.asn") : r.u16("aggregator.asn");
  return { aggregator: { asn, address: fromOctets(r.rest()) } };
}

function decodeAs4Aggregator(value: Uint8Array): RawAttributes {
  const r = exactly(value, 8, "as4-aggregator");
  const asn = r.u32("as4-aggregator.asn");
  return { as4Aggregator: { asn, address: fromOctets(r.rest()) } };
}

function standard(value: Uint8Array): RawAttributes {
  return { communities: decodeCommunities(value) };
}

function extended(value: Uint8Array): RawAttributes {
  return { extendedCommunities: decodeExtendedCommunities(value) };
}

function large(value: Uint8Array): RawAttributes {
  return { largeCommunities: decodeLargeCommunities(value) };
}

function decodeOriginatorId(value: Uint8Array): RawAttributes {
  return { originatorId: fromOctets(exactly(value, 4, "originator-id").rest()) };
}

function decodeClusterList(value: Uint8Array): RawAttributes {
  if (value.length === 0 || value.length % 4 !== 0) {
    throw new DecodeError("invalid", "cluster-list", `${value.length} octets, want a multiple of 4`);
  }
  const clusterList: IpAddress[] = []; // bounded by the attribute's length
  for (let at = 0; at < value.length; at += 4) clusterList.push(fromOctets(value.subarray(at, at + 4)));
  return { clusterList };
}

function decodeOtc(value: Uint8Array): RawAttributes {
  return { onlyToCustomer: exactly(value, 4, "only-to-customer").u32("only-to-customer") };
}

function exactly(value: Uint8Array, octets: number, field: string): Reader {
  if (value.length !== octets)
    throw new DecodeError("invalid", field, `${value.length} octets, want ${octets}`);
  return new Reader(value);
}
