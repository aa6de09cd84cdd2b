/**
 * Bytes as a person reads a capture: hex digits in pairs, any white space between them, comments to the end of
 * the line.
 *
 *   hex`0001 0800 06 04 0001   # ethernet, ipv4, request`
 */
export function hex(strings: TemplateStringsArray): Uint8Array {
  return parseHex(strings.join(""));
}

/** The same from text, a `testdata/*.hex` file for one. */
export function parseHex(text: string): Uint8Array {
  const digits = text.replaceAll(/#.*$/gm, "").replaceAll(/\s+/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hex in pairs: ${digits}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
