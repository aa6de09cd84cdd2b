/**
 * A hash of 64 bits as two halves of 32, signed: what JavaScript multiplies without allocating. Not for secrets.
 * Nodes of different versions must agree on it for ever: what it makes of some values is written down in the tests.
 */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** Different for each half, so that the halves differ: pi's first 64 bits after the point. */
const HIGH = 0x243f6a88;
const LOW = 0x85a308d3 | 0;

export const EMPTY_HASH: Hash64 = { high: HIGH, low: LOW };

/** @param octets any number of them; the length counts, so that `ab` and `c` is not `a` and `bc`. */
export function hashOctets(octets: Uint8Array, before: Hash64 = EMPTY_HASH): Hash64 {
  let { high, low } = before;
  for (let at = 0; at < octets.length; at += 4) {
    // Past the end there are zeros.
    const word =
      ((octets[at] as number) << 24) |
      ((octets[at + 1] ?? 0) << 16) |
      ((octets[at + 2] ?? 0) << 8) |
      (octets[at + 3] ?? 0);
    high = (mix(high ^ word) + HIGH) | 0;
    low = (mix(low ^ word) + LOW) | 0;
  }
  return { high: mix(high ^ octets.length), low: mix(low ^ octets.length) };
}

/** @param text names of nodes are ASCII (RFC 1123); of other text each UTF-16 unit counts by its low 8 bits. */
export function hashText(text: string): Hash64 {
  return hashOctets(Uint8Array.from(text, (_, index) => text.charCodeAt(index)));
}

/** @returns 32 bits, unsigned, of two hashes in this order. */
export function hashPair(a: Hash64, b: Hash64): number {
  return mix(mix(a.high ^ b.high) ^ (a.low + b.low)) >>> 0;
}

/** 53 of the 64 bits, as a key for a map. */
export function keyOf({ high, low }: Hash64): number {
  return (high >>> 0) * 0x20_0000 + (low >>> 11);
}

/** Every bit that goes in turns about half of those that come out (the end of MurmurHash3, A. Appleby). */
function mix(value: number): number {
  let v = value;
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b);
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
  return v ^ (v >>> 16);
}
