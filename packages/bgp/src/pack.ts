import type { IpFamily } from "@herald/shared/ip/address";
import { concat } from "./encode-attributes.ts";
import { frame, HEADER_OCTETS } from "./header.ts";
import { MESSAGE_TYPE } from "./iana.ts";
import { encodeReach, encodeUnreach, type NextHop, updateBody } from "./update.ts";

/** Routes that have everything in common but where they lead to. */
export interface RouteGroup {
  readonly family: IpFamily;
  /** All attributes but MP_REACH_NLRI, encoded. */
  readonly attributes: Uint8Array;
  /** Where the prefixes stand in MP_REACH_NLRI; `undefined` where they stand in the NLRI field. */
  readonly reach: NextHop | undefined;
}

const NOTHING = new Uint8Array(0);
/** Header, and the two lengths in every UPDATE. */
const FIXED_OCTETS = HEADER_OCTETS + 4;
/** Flags, code and a length of two octets, then AFI and SAFI. */
const MP_OCTETS = 4 + 3;
/** The longest prefix that there is, with a path id. */
export const MAX_NLRI_OCTETS = 4 + 1 + 16;

/** How many octets of prefixes fit into an UPDATE of that group beside its attributes; may be negative. */
export function roomFor({ family, attributes, reach }: RouteGroup, maxOctets: number): number {
  const nextHop = reach === undefined ? 0 : encodeReach(reach, { family, octets: NOTHING }).length - 3 + 4;
  return maxOctets - FIXED_OCTETS - attributes.length - nextHop;
}

/** As few UPDATEs as hold them all. @param room at least `MAX_NLRI_OCTETS`. */
export function packAnnounced(
  group: RouteGroup,
  nlri: readonly Uint8Array[],
  room: number,
): readonly Uint8Array[] {
  const { family, attributes, reach } = group;
  return portions(nlri, room).map((octets) => {
    if (reach === undefined) return update(NOTHING, attributes, octets);
    return update(NOTHING, concat([encodeReach(reach, { family, octets }), attributes]), NOTHING);
  });
}

/** The same for what can no longer be reached. IPv4 stands in its own field, wherever it was announced. */
export function packWithdrawn(
  family: IpFamily,
  nlri: readonly Uint8Array[],
  maxOctets: number,
): readonly Uint8Array[] {
  if (family === 4) {
    return portions(nlri, maxOctets - FIXED_OCTETS).map((octets) => update(octets, NOTHING, NOTHING));
  }
  const room = maxOctets - FIXED_OCTETS - MP_OCTETS;
  return portions(nlri, room).map((octets) => update(NOTHING, encodeUnreach(family, octets), NOTHING));
}

function update(withdrawn: Uint8Array, attributes: Uint8Array, nlri: Uint8Array): Uint8Array {
  return frame(MESSAGE_TYPE.update, updateBody(withdrawn, attributes, nlri));
}

/** In order; prefixes are too small for a cleverer way to gain anything. */
function portions(nlri: readonly Uint8Array[], room: number): readonly Uint8Array[] {
  const all: Uint8Array[] = [];
  let [from, octets] = [0, 0];
  nlri.forEach((each, at) => {
    if (octets + each.length > room) {
      all.push(concat(nlri.slice(from, at)));
      [from, octets] = [at, 0];
    }
    octets += each.length;
  });
  if (from < nlri.length) all.push(concat(nlri.slice(from)));
  return all;
}
