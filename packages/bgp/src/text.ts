// Why: in every runtime, yet in no ECMAScript library that a pure package is checked against.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (label: "utf-8") => { decode(octets: Uint8Array): string };

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8");

/** UTF-8 of as much of `text` as fits into `maxOctets`, whole characters only. */
export function encodeText(text: string, maxOctets: number): Uint8Array {
  const octets = ENCODER.encode(text);
  if (octets.length <= maxOctets) return octets;
  let end = maxOctets;
  while (end > 0 && ((octets[end] as number) & 0xc0) === 0x80) end -= 1; // in the middle of a character
  return octets.slice(0, end);
}

/** For people to read: what is not UTF-8 becomes U+FFFD, and control characters blanks. */
export function decodeText(octets: Uint8Array): string {
  return DECODER.decode(octets).replaceAll(/\p{Cc}/gu, " ");
}
