import { DecodeError, readU16 } from "@herald/wire/bytes";
import { mergeAsPaths } from "./as-path.ts";
import {
  ATTRIBUTE_KINDS,
  type AttributeContext,
  type RawAttributes,
  type Treatment,
} from "./attribute-kinds.ts";
import { AS_TRANS, ATTRIBUTE, ERROR, FLAG, UPDATE_ERROR } from "./iana.ts";
import { MessageError } from "./message-error.ts";
import { notification } from "./notification.ts";
import type { PathAttributes, UnknownAttribute } from "./path-attributes.ts";

/**
 * One path attribute as it stands there (RFC 4271 §4.3); two octets of length where flag 0x10 is set:
 *
 *   0       1      2            3
 *   | flags | code | length(1|2) | value … |
 */
export interface WireAttribute {
  readonly flags: number;
  readonly code: number;
  readonly value: Uint8Array;
  /** How many it takes, with flags, code and length. */
  readonly octets: number;
}

/** An attribute that was wrong, and what that costs: that, or all routes of a family for as long as the session lasts. */
export interface AttributeError {
  readonly treatment: Treatment | "afi-safi-disable";
  /** Of the attribute; 0 for the list as a whole, and for the fields beside it. */
  readonly code: number;
  /** What is wrong, for people. */
  readonly text: string;
}

export interface DecodedAttributes {
  readonly attributes: PathAttributes;
  /** MP_REACH_NLRI and MP_UNREACH_NLRI, not looked into. */
  readonly reach: WireAttribute | undefined;
  readonly unreach: WireAttribute | undefined;
  /** In the order in which they were found; bounded by the number of attributes. */
  readonly errors: readonly AttributeError[];
}

/**
 * @param octets the path attributes of an UPDATE. Errors are judged as RFC 7606 says.
 * @throws {MessageError} for what costs the session: one of the two attributes of RFC 4760 twice.
 */
export function decodeAttributes(octets: Uint8Array, context: AttributeContext): DecodedAttributes {
  const errors: AttributeError[] = [];
  const seen = new Map<number, WireAttribute>(); // bounded by 256 codes
  for (const attribute of split(octets, errors)) {
    if (!seen.has(attribute.code)) seen.set(attribute.code, attribute);
    else refuseAgain(attribute, errors);
  }
  let raw: RawAttributes = {};
  const unknown: UnknownAttribute[] = [];
  for (const attribute of seen.values()) {
    if (attribute.code === ATTRIBUTE.mpReach || attribute.code === ATTRIBUTE.mpUnreach) continue;
    const known = ATTRIBUTE_KINDS.has(attribute.code);
    if (known) raw = { ...raw, ...decodeKnown(attribute, context, errors) };
    else unknown.push(...decodeUnknown(attribute, errors));
  }
  return {
    attributes: { ...merge(raw, context), ...(unknown.length === 0 ? {} : { unknown }) },
    reach: seen.get(ATTRIBUTE.mpReach),
    unreach: seen.get(ATTRIBUTE.mpUnreach),
    errors,
  };
}

/** RFC 7606 §4: where the lengths contradict each other, what was found until then counts. */
function* split(octets: Uint8Array, errors: AttributeError[]): Generator<WireAttribute> {
  for (let at = 0; at < octets.length; ) {
    const flags = octets[at] as number;
    const long = (flags & FLAG.extendedLength) !== 0;
    const start = at + (long ? 4 : 3);
    if (start > octets.length) {
      errors.push({ treatment: "treat-as-withdraw", code: 0, text: "attributes end in the head of one" });
      return;
    }
    const code = octets[at + 1] as number;
    const end = start + (long ? readU16(octets, at + 2) : (octets[at + 2] as number));
    if (end > octets.length) {
      errors.push({
        treatment: "treat-as-withdraw",
        code: 0,
        text: `attributes end inside attribute ${code}`,
      });
      return;
    }
    yield { flags, code, value: octets.subarray(start, end), octets: end - at };
    at = end;
  }
}

/** RFC 7606 §3(g). */
function refuseAgain({ code }: WireAttribute, errors: AttributeError[]): void {
  if (code === ATTRIBUTE.mpReach || code === ATTRIBUTE.mpUnreach) {
    const answer = notification(ERROR.update, UPDATE_ERROR.malformedAttributeList);
    throw new MessageError("invalid", "update.attributes", `attribute ${code} twice`, answer);
  }
  errors.push({ treatment: "attribute-discard", code, text: `attribute ${code} again` });
}

function decodeKnown(
  { flags, code, value }: WireAttribute,
  context: AttributeContext,
  errors: AttributeError[],
): RawAttributes {
  const kind = ATTRIBUTE_KINDS.get(code);
  if (kind === undefined) return {};
  const misplaced = misplacement(code, kind.internalOnly, context);
  if (misplaced !== undefined) {
    errors.push({ treatment: "attribute-discard", code, text: `${kind.name} ${misplaced}` });
    return {};
  }
  if ((flags & (FLAG.optional | FLAG.transitive)) !== kind.flags) {
    const text = `${kind.name} has flags 0x${flags.toString(16)}`;
    errors.push({ treatment: "treat-as-withdraw", code, text });
    return {};
  }
  try {
    return kind.decode(value, context);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    errors.push({ treatment: kind.malformed, code, text: `${kind.name}: ${error.message}` });
    return {};
  }
}

/** What is to be thrown away without a look: RFC 7606 §7.5, §7.9, §7.10; RFC 6793 §4.1. */
function misplacement(
  code: number,
  internalOnly: boolean,
  { external, asnOctets }: AttributeContext,
): string | undefined {
  if (internalOnly && external) return "from another AS";
  const forOldSpeakers = code === ATTRIBUTE.as4Path || code === ATTRIBUTE.as4Aggregator;
  return forOldSpeakers && asnOctets === 4 ? "beside ASNs of four octets" : undefined;
}

/**
 * Everybody has to know what is well-known, else the session would go (RFC 4271 §6.3). RFC 7606 has no word for it; but its rule
 * for all else that is wrong with such attributes (§3(c), (e)) serves here as well, as the routes are known.
 */
function decodeUnknown(
  { flags, code, value }: WireAttribute,
  errors: AttributeError[],
): readonly UnknownAttribute[] {
  if ((flags & FLAG.optional) !== 0) {
    return [{ flags: flags & ~FLAG.extendedLength, code, value: value.slice() }];
  }
  errors.push({ treatment: "treat-as-withdraw", code, text: `well-known attribute ${code} that is unknown` });
  return [];
}

/** RFC 6793 §4.2.3. Who aggregated without AS_TRANS knew nothing of the new attributes, so they are stale. */
function merge(
  { as4Path, as4Aggregator, ...attributes }: RawAttributes,
  context: AttributeContext,
): PathAttributes {
  const { asPath, aggregator } = attributes;
  if (context.asnOctets === 4) return attributes;
  if (as4Aggregator !== undefined && aggregator !== undefined && aggregator.asn !== AS_TRANS)
    return attributes;
  return {
    ...attributes,
    ...(asPath !== undefined && as4Path !== undefined ? { asPath: mergeAsPaths(asPath, as4Path) } : {}),
    ...(aggregator !== undefined && as4Aggregator !== undefined ? { aggregator: as4Aggregator } : {}),
  };
}
