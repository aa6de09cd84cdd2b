import type { IpFamily } from "@herald/shared/ip/address";
import { Writer } from "@herald/wire/bytes";
import { concat } from "./encode-attributes.ts";
import { frame, HEADER_OCTETS } from "./header.ts";
import { MESSAGE_TYPE } from "./iana.ts";
import { type Nlri, nlriLength, writeNlri } from "./nlri.ts";
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
export function* packAnnounced(
  { family, attributes, reach }: RouteGroup,
  nlri: readonly Nlri[],
  room: number,
): Generator<Uint8Array, void> {
  for (const octets of portions(nlri, room)) {
    if (reach === undefined) yield update(NOTHING, attributes, octets);
    else yield update(NOTHING, concat([encodeReach(reach, { family, octets }), attributes]), NOTHING);
  }
}

/** The same for what can no longer be reached. IPv4 stands in its own field, wherever it was announced. */
export function* packWithdrawn(
  family: IpFamily,
  nlri: readonly Nlri[],
  maxOctets: number,
): Generator<Uint8Array, void> {
  const room = maxOctets - FIXED_OCTETS - (family === 4 ? 0 : MP_OCTETS);
  for (const octets of portions(nlri, room)) {
    if (family === 4) yield update(octets, NOTHING, NOTHING);
    else yield update(NOTHING, encodeUnreach(family, octets), NOTHING);
  }
}

function update(withdrawn: Uint8Array, attributes: Uint8Array, nlri: Uint8Array): Uint8Array {
  return frame(MESSAGE_TYPE.update, updateBody(withdrawn, attributes, nlri));
}

/** In order; prefixes are too small for a cleverer way to gain anything. */
function* portions(nlri: readonly Nlri[], room: number): Generator<Uint8Array, void> {
  let [from, octets] = [0, 0];
  for (const [at, each] of nlri.entries()) {
    const length = nlriLength(each);
    if (octets + length > room) {
      yield written(nlri, from, at, octets);
      [from, octets] = [at, 0];
    }
    octets += length;
  }
  if (from < nlri.length) yield written(nlri, from, nlri.length, octets);
}

function written(nlri: readonly Nlri[], from: number, to: number, octets: number): Uint8Array {
  const w = new Writer(new Uint8Array(octets));
  for (let at = from; at < to; at += 1) writeNlri(w, nlri[at] as Nlri);
  return w.finish();
}
