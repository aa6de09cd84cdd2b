import { DecodeError } from "@herald/wire/bytes";

// Why: in every runtime, yet in no ECMAScript library that a pure package is checked against.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: "utf-8",
  options: { fatal: true; ignoreBOM: true },
) => { decode(octets: Uint8Array): string };

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const SHORT = 64;

/** How many octets `text` has in UTF-8. */
export function utf8Octets(text: string): number {
  return isAscii(text) ? text.length : ENCODER.encode(text).length;
}

/** UTF-8; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  if (text.length > SHORT || !isAscii(text)) return ENCODER.encode(text);
  const octets = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) octets[index] = text.charCodeAt(index);
  return octets;
}

/**
 * Strict, so that two names which differ in octets never become one.
 *
 * @throws {DecodeError} `invalid` when the octets are not UTF-8.
 */
export function decodeUtf8(octets: Uint8Array, field: string): string {
  if (octets.length <= SHORT) {
    const text = decodeAscii(octets);
    if (text !== undefined) return text;
  }
  try {
    return DECODER.decode(octets);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new DecodeError("invalid", field, "not UTF-8");
  }
}

/** The same for a few plain letters, which is nearly always; many times faster than a TextDecoder. */
function decodeAscii(octets: Uint8Array): string | undefined {
  for (let index = 0; index < octets.length; index += 1)
    if ((octets[index] as number) > 0x7f) return undefined;
  return String.fromCharCode(...octets); // in one piece: what is put together by letters stays in memory as letters
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}
