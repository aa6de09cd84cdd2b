import { MAX_PARTS } from "./compound.ts";
import { type Framing, framingOverhead } from "./framing.ts";

const COMPOUND_HEAD_OCTETS = 2;

/** A part's octets and its length in front of the compound. */
export function partCost(part: Uint8Array): number {
  return 2 + part.length;
}

/**
 * How much room news has in a datagram that says nothing else; each piece takes `partCost`.
 *
 * @param datagramOctets memberlist's UDPBufferSize, 1400: the target before compression and without CRC.
 */
export function gossipRoom(around: Framing, datagramOctets: number): number {
  return datagramOctets - COMPOUND_HEAD_OCTETS - framingOverhead(around);
}

/**
 * How much room news has beside a ping or an answer. Below zero: none at all. The first message's own length
 * is not counted, in memberlist neither: the datagram may get 2 octets longer than asked for.
 */
export function piggybackRoom(around: Framing, datagramOctets: number, first: Uint8Array): number {
  return gossipRoom(around, datagramOctets) - first.length;
}

/**
 * Shares messages out over as few datagrams as their order allows; at most 255 in each.
 *
 * @param roomOctets as `gossipRoom` gives it. A message that alone is larger travels alone.
 */
export function packParts(
  parts: readonly Uint8Array[],
  roomOctets: number,
): readonly (readonly Uint8Array[])[] {
  const datagrams: Uint8Array[][] = [];
  let current: Uint8Array[] = [];
  let left = roomOctets;
  for (const part of parts) {
    const full = partCost(part) > left || current.length === MAX_PARTS;
    if (full && current.length > 0) {
      datagrams.push(current);
      current = [];
      left = roomOctets;
    }
    current.push(part);
    left -= partCost(part);
  }
  return current.length > 0 ? [...datagrams, current] : datagrams;
}
