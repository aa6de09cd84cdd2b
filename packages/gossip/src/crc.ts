const POLYNOMIAL = 0xedb88320; // IEEE 802.3, bits reversed

const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let remainder = octet;
  for (let bit = 0; bit < 8; bit += 1) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

/** CRC-32 as in Ethernet, zip and zlib; a u32. */
export function crc32(octets: Uint8Array): number {
  let remainder = 0xffff_ffff;
  for (let index = 0; index < octets.length; index += 1) {
    remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ (octets[index] as number)) & 0xff] as number);
  }
  return ~remainder >>> 0;
}
