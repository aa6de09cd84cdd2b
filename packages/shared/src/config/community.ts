import { quoted } from "../quoted.ts";
/** A BGP community as canonical text; or what is wrong with the text and what was wanted. */
export type ParsedCommunity = { readonly community: string } | { readonly mistake: string };

/**
 * Reads two numbers of 16 bits, `64512:100` (RFC 1997), or three of 32 bits, `large:64512:100:7` (RFC 8092).
 * Canonical text is the same without leading zeros.
 */
export function parseCommunity(text: string): ParsedCommunity {
  const large = /^large:(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(text);
  const match = large ?? /^(\d{1,10}):(\d{1,10})$/.exec(text);
  if (match === null) {
    return {
      mistake: `${quoted(text)} is no community, want numbers as in "64512:100" or "large:64512:100:7"`,
    };
  }
  const max = large === null ? MAX_U16 : MAX_U32;
  const numbers = match.slice(1).map(Number);
  const excess = numbers.find((number) => number > max);
  if (excess !== undefined) {
    return { mistake: `community ${quoted(text)} has ${excess}, want numbers of 0 to ${max}` };
  }
  return { community: `${large === null ? "" : "large:"}${numbers.join(":")}` };
}

/** Sorts canonical communities by number; one of two numbers counts as the large one `NUMBER:0:0`. */
export function byCommunity(one: string, other: string): number {
  const [a, b] = [numbersOf(one), numbersOf(other)];
  const index = a.findIndex((number, at) => number !== b[at]);
  if (index < 0) return one.length - other.length; // the same numbers: the short spelling first
  return (a[index] ?? 0) - (b[index] ?? 0);
}

const MAX_U16 = 0xffff;
const MAX_U32 = 0xffff_ffff;

function numbersOf(community: string): readonly [number, number, number] {
  const [a = 0, b = 0, c = 0] = community.replace("large:", "").split(":").map(Number);
  return community.startsWith("large:") ? [a, b, c] : [a * (MAX_U16 + 1) + b, 0, 0];
}
