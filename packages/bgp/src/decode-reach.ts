import { fromOctets, type IpFamily } from "@herald/shared/ip/address";
import { DecodeError, Reader } from "@herald/wire/bytes";
import type { AttributeError, WireAttribute } from "./decode-attributes.ts";
import { describeFamily, ipFamilyOf } from "./family.ts";
import { FLAG } from "./iana.ts";
import { type NlriField, noNlri, readNlriField } from "./nlri.ts";
import type { NextHop, Reach, UpdateContext } from "./update.ts";

/** What is wrong with an UPDATE, as far as it was read. */
export interface Wrongs {
  /** Bounded by the number of attributes. */
  readonly errors: AttributeError[];
  /** Families of which nobody can tell any more which routes the peer has told us. */
  readonly ignored: Set<IpFamily>;
}

/** The field of IPv4 prefixes at either end of an UPDATE. One that cannot be read costs the family (RFC 7606 §3(i), (j)). */
export function readPlainNlri(
  octets: Uint8Array,
  context: UpdateContext,
  field: string,
  wrongs: Wrongs,
): NlriField {
  const pathIds = context.pathIds.includes(4);
  const read = orDisable(wrongs, 0, [4], () => readNlriField(4, pathIds, octets, field));
  return read ?? { ...noNlri(4), pathIds };
}

/** MP_REACH_NLRI; `undefined` where it cannot be read, or is about a family that nobody asked for. */
export function decodeReach(
  attribute: WireAttribute,
  { pathIds }: UpdateContext,
  wrongs: Wrongs,
): Reach | undefined {
  return decodeMultiprotocol(attribute, "mp-reach", wrongs, (r, family) => {
    const hops = r.bytes(r.u8("mp-reach.next-hop-length"), "mp-reach.next-hop");
    r.u8("mp-reach.reserved");
    const nextHop = decodeNextHop(family, hops);
    return { nextHop, nlri: readNlriField(family, pathIds.includes(family), r.rest(), "mp-reach.nlri") };
  });
}

/** MP_UNREACH_NLRI, as that. */
export function decodeUnreach(
  attribute: WireAttribute,
  { pathIds }: UpdateContext,
  wrongs: Wrongs,
): NlriField | undefined {
  return decodeMultiprotocol(attribute, "mp-unreach", wrongs, (r, family) =>
    readNlriField(family, pathIds.includes(family), r.rest(), "mp-unreach.nlri"),
  );
}

const BOTH: readonly IpFamily[] = [4, 6];

/**
 * Wrong flags, too, cost the family: the rule for them, treat-as-withdraw (RFC 7606 §3(c)), is for attributes that are about
 * routes, and these two are the routes; §5.3 names their flags first among what makes them incorrect.
 */
function decodeMultiprotocol<T>(
  { flags, code, value }: WireAttribute,
  field: string,
  wrongs: Wrongs,
  decode: (r: Reader, family: IpFamily) => T,
): T | undefined {
  const r = new Reader(value);
  // Why both where it does not even say: it is one of them, if it is one that we speak.
  const family = orDisable(wrongs, code, BOTH, () => ({
    afi: r.u16(`${field}.afi`),
    safi: r.u8(`${field}.safi`),
  }));
  if (family === undefined) return undefined;
  const ip = ipFamilyOf(family);
  if (ip === undefined) {
    // Nobody asked for it, and what its prefixes look like we do not know (RFC 4760 §7).
    wrongs.errors.push({ treatment: "attribute-discard", code, text: `routes of ${describeFamily(family)}` });
    return undefined;
  }
  return orDisable(wrongs, code, [ip], () => {
    const kind = flags & (FLAG.optional | FLAG.transitive);
    if (kind !== FLAG.optional) throw new DecodeError("invalid", field, `flags 0x${flags.toString(16)}`);
    return decode(r, ip);
  });
}

/**
 * RFC 7606 §3(j), §5.3, §7.11: where prefixes cannot be read, either the session must go or the family (RFC 4760 §7). Why the
 * family: we use none of its routes, and the peer would have none of ours if the session went.
 */
function orDisable<T>(
  { errors, ignored }: Wrongs,
  code: number,
  families: readonly IpFamily[],
  read: () => T,
): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    for (const family of families) ignored.add(family);
    errors.push({ treatment: "afi-safi-disable", code, text: error.message });
    return undefined;
  }
}

function decodeNextHop(family: IpFamily, octets: Uint8Array): NextHop {
  const fits = octets.length === 16 || octets.length === 32 || (family === 4 && octets.length === 4);
  if (!fits) throw new DecodeError("invalid", "mp-reach.next-hop", `${octets.length} octets`);
  if (octets.length < 32) return { address: fromOctets(octets), linkLocal: undefined };
  return { address: fromOctets(octets.subarray(0, 16)), linkLocal: fromOctets(octets.subarray(16)) };
}
