import { quoted } from "../quoted.ts";
import { ADDRESS_BITS, familyOf, type IpAddress, type IpFamily, parseAddress, toBigint } from "./address.ts";

/** Addresses `first` to `last`, both included, of one family, `first <= last`. */
export interface IpRange {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
  /** As the operator wrote it, for messages. */
  readonly text: string;
}

/** A range, or what is wrong with the text and what was wanted. */
export type ParsedRange = { readonly range: IpRange } | { readonly mistake: string };

/**
 * Reads `192.0.2.0/24`, whose host bits may be set and do not count, or `192.0.2.10-192.0.2.40`, both ends
 * included. IPv4-mapped IPv6 means IPv4 in both.
 */
export function parseRange(text: string): ParsedRange {
  if (text.length > MAX_RANGE_LENGTH) return refuse("text too long for", text.slice(0, MAX_RANGE_LENGTH));
  if (text.includes("/")) return parseCidr(text);
  const dash = text.indexOf("-");
  if (dash >= 0) return parseEnds(text, text.slice(0, dash).trim(), text.slice(dash + 1).trim());
  const address = parseAddress(text.trim());
  if (address === undefined) return refuse("not", text);
  return {
    mistake: `${quoted(text)} is a single address, write "${address}/${ADDRESS_BITS[familyOf(address)]}"`,
  };
}

export function rangeContains({ family, first, last }: IpRange, address: IpAddress): boolean {
  if (familyOf(address) !== family) return false;
  const value = toBigint(address);
  return first <= value && value <= last;
}

/** Prefix length of the largest CIDR block that lies wholly inside: 26 for `192.0.2.2-192.0.2.254`. */
export function shortestPrefix({ family, first, last }: IpRange): number {
  for (let length = 0; ; length += 1) {
    const host = BigInt(ADDRESS_BITS[family] - length);
    const start = ((first + (1n << host) - 1n) >> host) << host; // first block that starts inside
    if (start + (1n << host) - 1n <= last) return length;
  }
}

/** Two of the longest addresses with spaces around the dash, and some more. */
const MAX_RANGE_LENGTH = 128;
const IPV4_MAPPED_BITS = 96;
const PREFIX_LENGTH = /^(?:0|[1-9]\d{0,2})$/;

function parseCidr(text: string): ParsedRange {
  const [base = "", lengthText = "", ...rest] = text.trim().split("/");
  const address = parseAddress(base);
  if (address === undefined || rest.length > 0 || !PREFIX_LENGTH.test(lengthText)) return refuse("not", text);
  const family = familyOf(address);
  const mapped = family === 4 && base.includes(":");
  const length = Number(lengthText) - (mapped ? IPV4_MAPPED_BITS : 0);
  const bits = ADDRESS_BITS[family];
  if (length < 0 || length > bits) {
    const want = mapped ? `${IPV4_MAPPED_BITS} to ${IPV4_MAPPED_BITS + bits}` : `0 to ${bits}`;
    return { mistake: `${quoted(text)} has prefix length ${lengthText}, want ${want}` };
  }
  const host = BigInt(bits - length);
  const first = (toBigint(address) >> host) << host;
  return { range: { family, first, last: first + (1n << host) - 1n, text } };
}

function parseEnds(text: string, start: string, end: string): ParsedRange {
  const first = parseAddress(start);
  const last = parseAddress(end);
  if (first === undefined)
    return { mistake: `${quoted(text)} starts with ${quoted(start)}, want an IPv4 or IPv6 address` };
  if (last === undefined)
    return { mistake: `${quoted(text)} ends with ${quoted(end)}, want an IPv4 or IPv6 address` };
  const family = familyOf(first);
  if (family !== familyOf(last)) {
    return {
      mistake: `${quoted(text)} runs from IPv${family} to IPv${familyOf(last)}, want both ends of one family`,
    };
  }
  const range = { family, first: toBigint(first), last: toBigint(last), text };
  if (range.first > range.last) {
    return {
      mistake: `${quoted(text)} is reversed: ${first} is after ${last}, want the lower address first`,
    };
  }
  return { range };
}

function refuse(what: string, text: string): ParsedRange {
  return {
    mistake: `${what} a range of addresses: ${quoted(text)}, want "192.0.2.0/24" or "192.0.2.10-192.0.2.40"`,
  };
}
