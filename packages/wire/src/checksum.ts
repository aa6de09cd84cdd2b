import { readU16 } from "./bytes.ts";

/**
 * The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of all 16-bit words. Sums
 * of parts may be added, as long as every part but the last has an even number of octets, and are folded once.
 */
export function checksumOf(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/** Whether octets that carry their own checksum were summed: all ones (RFC 1071 §1). */
export function isIntact(sum: number): boolean {
  return fold(sum) === 0xffff;
}

/** @returns the sum of the octets as 16-bit words, not folded; exact up to 64 KiB. An odd one out counts as high. */
export function sumOf(bytes: Uint8Array): number {
  const even = bytes.length & ~1;
  let sum = 0;
  for (let at = 0; at < even; at += 2) sum += readU16(bytes, at);
  return even === bytes.length ? sum : sum + ((bytes[even] as number) << 8);
}

/**
 * What precedes an upper-layer packet in its sum (RFC 8200 §8.1).
 *
 * @param octets of the packet, below 65,536: its length as 32 bits has no high word.
 */
export function pseudoHeaderSum(
  source: Uint8Array,
  destination: Uint8Array,
  octets: number,
  nextHeader: number,
): number {
  return sumOf(source) + sumOf(destination) + octets + nextHeader;
}

/** Adds the carries back in; two rounds are enough for any sum below 2^32. */
function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}
