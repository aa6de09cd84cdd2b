import type { IpAddress, IpFamily } from "@herald/shared/ip/address";
import { Reader, Writer } from "@herald/wire/bytes";
import type { AsnOctets } from "./as-path.ts";
import { type AttributeError, type DecodedAttributes, decodeAttributes } from "./decode-attributes.ts";
import { decodeReach, decodeUnreach, readPlainNlri, type Wrongs } from "./decode-reach.ts";
import { concat, encodeAttribute, encodeAttributes } from "./encode-attributes.ts";
import { UNICAST } from "./family.ts";
import { ATTRIBUTE, ERROR, FLAG, UPDATE_ERROR } from "./iana.ts";
import { MessageError } from "./message-error.ts";
import { type NlriField, noNlri } from "./nlri.ts";
import { notification } from "./notification.ts";
import type { PathAttributes } from "./path-attributes.ts";
import { addressOctets } from "./prefix.ts";

/**
 * What can be reached now, and what no longer (RFC 4271 §4.3), behind the header:
 *
 *   0        2           2+w      4+w          4+w+a
 *   | octets | withdrawn | octets | attributes | nlri … |
 *
 * IPv4 stands in the two fields at the ends, everything else in two of the attributes, and IPv4 may stand there, too.
 */
export interface Update {
  readonly type: "update";
  /** IPv4, as `announced`. */
  readonly withdrawn: NlriField;
  readonly attributes: PathAttributes;
  readonly announced: NlriField;
  readonly reach: Reach | undefined;
  readonly unreach: NlriField | undefined;
}

/**
 * MP_REACH_NLRI (RFC 4760 §3): afi(2) safi(1) octets(1) next hop, reserved(1), nlri. MP_UNREACH_NLRI (§4) is afi(2) safi(1)
 * nlri.
 */
export interface Reach {
  readonly nextHop: NextHop;
  readonly nlri: NlriField;
}

export interface NextHop {
  /** IPv4, or a global address of IPv6 (RFC 2545 §3), which IPv4 prefixes may also have (RFC 8950). */
  readonly address: IpAddress;
  /** How to reach it on a segment that both share. Where there is no global address, `address` is the same. */
  readonly linkLocal: IpAddress | undefined;
}

/** How both ends of a connection write UPDATEs in one direction. */
export interface UpdateContext {
  readonly asnOctets: AsnOctets;
  /** Whether the peer is in another AS. */
  readonly external: boolean;
  /** Families whose prefixes have path ids (RFC 7911). */
  readonly pathIds: readonly IpFamily[];
}

export interface DecodedUpdate {
  readonly update: Update;
  /** All that was wrong and does not cost the session (RFC 7606). */
  readonly errors: readonly AttributeError[];
  /** Whether what it announces is to be taken as withdrawn. */
  readonly treatAsWithdraw: boolean;
  /** Families of which nothing counts any more until the session is over ("AFI/SAFI disable", RFC 7606 §2). */
  readonly ignored: readonly IpFamily[];
}

/** @throws {MessageError} for what costs the session, by RFC 7606; everything else comes back as `errors`. */
export function decodeUpdate(body: Uint8Array, context: UpdateContext): DecodedUpdate {
  const fields = splitBody(body);
  const wrongs: Wrongs = { errors: [], ignored: new Set() };
  const withdrawn = readPlainNlri(fields.withdrawn, context, "update.withdrawn", wrongs);
  const announced = readPlainNlri(fields.nlri, context, "update.nlri", wrongs);
  const decoded = decodeAttributes(fields.attributes, context);
  const { errors } = wrongs;
  errors.push(...decoded.errors);
  const reach = decoded.reach && decodeReach(decoded.reach, context, wrongs);
  const unreach = decoded.unreach && decodeUnreach(decoded.unreach, context, wrongs);
  const update: Update = {
    type: "update",
    withdrawn,
    attributes: decoded.attributes,
    announced,
    reach,
    unreach,
  };
  errors.push(...missing(update, decoded, context));
  checkAnythingReachable(fields, decoded, errors);
  const treatAsWithdraw = errors.some(({ treatment }) => treatment === "treat-as-withdraw");
  return { update, errors, treatAsWithdraw, ignored: [...wrongs.ignored] };
}

/**
 * RFC 7606 §5.2: attributes with no routes that they could be about. If anything is wrong, the routes may have been lost in it.
 * One that only takes routes back is none of that kind.
 */
function checkAnythingReachable(
  { nlri, attributes }: Fields,
  { reach, unreach }: DecodedAttributes,
  errors: readonly AttributeError[],
): void {
  const isAbout = nlri.length > 0 || reach !== undefined || attributes.length === (unreach?.octets ?? 0);
  const [first] = errors.filter(({ treatment }) => treatment !== "attribute-discard");
  if (isAbout || first === undefined) return;
  const answer = notification(ERROR.update, UPDATE_ERROR.malformedAttributeList);
  throw new MessageError("invalid", "update.attributes", `${first.text}, and no routes`, answer);
}

/** @returns what stands behind the header: RFC 7606 §5.1 wants the attributes with prefixes in them first. */
export function encodeUpdate(update: Update, asnOctets: AsnOctets): Uint8Array {
  const { withdrawn, announced, reach, unreach } = update;
  const attributes = concat([
    reach === undefined ? NOTHING : encodeReach(reach.nextHop, reach.nlri),
    unreach === undefined ? NOTHING : encodeUnreach(unreach.family, unreach.octets),
    encodeAttributes(update.attributes, asnOctets),
  ]);
  return updateBody(withdrawn.octets, attributes, announced.octets);
}

/** The three parts with the lengths between them. */
export function updateBody(withdrawn: Uint8Array, attributes: Uint8Array, nlri: Uint8Array): Uint8Array {
  const w = new Writer(new Uint8Array(4 + withdrawn.length + attributes.length + nlri.length));
  w.u16(withdrawn.length).bytes(withdrawn).u16(attributes.length).bytes(attributes);
  return w.bytes(nlri).finish();
}

/** MP_REACH_NLRI. */
export function encodeReach(
  nextHop: NextHop,
  { family, octets }: Pick<NlriField, "family" | "octets">,
): Uint8Array {
  const { afi, safi } = UNICAST[family];
  const hops = nextHopOctets(family, nextHop);
  const w = new Writer(new Uint8Array(5 + hops.length + octets.length));
  const value = w.u16(afi).u8(safi).u8(hops.length).bytes(hops).u8(0).bytes(octets).finish();
  return encodeAttribute(ATTRIBUTE.mpReach, FLAG.optional, value);
}

/** MP_UNREACH_NLRI. */
export function encodeUnreach(family: IpFamily, octets: Uint8Array): Uint8Array {
  const { afi, safi } = UNICAST[family];
  const value = new Writer(new Uint8Array(3 + octets.length)).u16(afi).u8(safi).bytes(octets).finish();
  return encodeAttribute(ATTRIBUTE.mpUnreach, FLAG.optional, value);
}

/** "That was all" (RFC 4724 §2): the shortest UPDATE for IPv4, an empty MP_UNREACH_NLRI for others. */
export function endOfRib(family: IpFamily): Update {
  const empty = { type: "update", withdrawn: noNlri(4), attributes: {}, announced: noNlri(4) } as const;
  return { ...empty, reach: undefined, unreach: family === 4 ? undefined : noNlri(family) };
}

/** @returns the family whose End-of-RIB it is. */
export function isEndOfRib({ update, errors }: DecodedUpdate): IpFamily | undefined {
  const { withdrawn, announced, reach, unreach, attributes } = update;
  const says = withdrawn.count > 0 || announced.count > 0 || reach !== undefined;
  if (says || errors.length > 0 || Object.keys(attributes).length > 0) return undefined;
  if (unreach === undefined) return 4;
  return unreach.count === 0 ? unreach.family : undefined;
}

const NOTHING = new Uint8Array(0);

interface Fields {
  readonly withdrawn: Uint8Array;
  readonly attributes: Uint8Array;
  readonly nlri: Uint8Array;
}

/** @throws {DecodeError} `truncated` where a length leads outside (RFC 4271 §6.3, malformed attribute list). */
function splitBody(body: Uint8Array): Fields {
  const r = new Reader(body);
  const withdrawn = r.bytes(r.u16("update.withdrawn-length"), "update.withdrawn");
  const attributes = r.bytes(r.u16("update.attributes-length"), "update.attributes");
  return { withdrawn, attributes, nlri: r.rest() };
}

/** An IPv4 address before IPv6 prefixes is written as the IPv6 address that stands for it (RFC 4291 §2.5.5.2). */
function nextHopOctets(family: IpFamily, { address, linkLocal }: NextHop): Uint8Array {
  if (linkLocal !== undefined) return concat([addressOctets(6, address), addressOctets(6, linkLocal)]);
  return addressOctets(family === 4 && !address.includes(":") ? 4 : 6, address);
}

/** RFC 7606 §3(d): what must be there with any route. One that was there and could not be read is not missing too. */
function missing(
  update: Update,
  decoded: DecodedAttributes,
  context: UpdateContext,
): readonly AttributeError[] {
  const { announced, reach, attributes } = update;
  if (announced.count === 0 && (reach === undefined || reach.nlri.count === 0)) return [];
  const wanted = [
    { code: ATTRIBUTE.origin, name: "ORIGIN", there: attributes.origin !== undefined },
    { code: ATTRIBUTE.asPath, name: "AS_PATH", there: attributes.asPath !== undefined },
    {
      code: ATTRIBUTE.nextHop,
      name: "NEXT_HOP",
      there: announced.count === 0 || attributes.nextHop !== undefined,
    },
    {
      code: ATTRIBUTE.localPref,
      name: "LOCAL_PREF",
      there: context.external || attributes.localPref !== undefined,
    },
  ];
  return wanted
    .filter(({ code, there }) => !there && !decoded.errors.some((error) => error.code === code))
    .map(({ code, name }) => ({ treatment: "treat-as-withdraw", code, text: `${name} is missing` }));
}
