import {
  ADDRESS_BITS,
  familyOf,
  fromOctets,
  type IpAddress,
  type IpFamily,
  parseAddress,
  toOctets,
} from "@herald/shared/ip/address";

/** A block of addresses. */
export interface Prefix {
  /** Why it is said twice: `::ffff:192.0.2.0/120` is IPv6, yet its address is written as the IPv4 address it is. */
  readonly family: IpFamily;
  /** Bits behind `length` are zero. */
  readonly address: IpAddress;
  /** 0 to 32 or 128. */
  readonly length: number;
}

/** The block of `length` bits that the address lies in. Throws a RangeError for a length that its family has not. */
export function prefixOf(address: IpAddress, length: number): Prefix {
  const family = familyOf(address);
  if (!Number.isInteger(length) || length < 0 || length > ADDRESS_BITS[family]) {
    throw new RangeError(`prefix length ${length}, want 0 to ${ADDRESS_BITS[family]}`);
  }
  if (length === ADDRESS_BITS[family]) return { family, address, length };
  return prefixFrom(family, toOctets(address), length);
}

/** Reads `192.0.2.0/24`, whose host bits may be set and do not count. @returns `undefined` when it is none. */
export function parsePrefix(text: string): Prefix | undefined {
  const [base = "", length = "", ...rest] = text.split("/");
  const address = parseAddress(base);
  if (address === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const valid = Number(length) <= ADDRESS_BITS[familyOf(address)];
  return valid ? prefixOf(address, Number(length)) : undefined;
}

/** `192.0.2.0/24`; equal prefixes are equal texts. */
export function formatPrefix({ family, address, length }: Prefix): string {
  const mapped = family === 6 && familyOf(address) === 4;
  return `${mapped ? "::ffff:" : ""}${address}/${length}`;
}

/** @param octets all of the address, or the first of them; bits behind `length` do not count. */
export function prefixFrom(family: IpFamily, octets: Uint8Array, length: number): Prefix {
  const full = new Uint8Array(ADDRESS_BITS[family] / 8);
  full.set(octets.subarray(0, prefixOctets(length)));
  const last = prefixOctets(length) - 1;
  if (length % 8 !== 0) full[last] = (full[last] as number) & (0xff00 >>> (length % 8));
  return { family, address: fromOctets(full), length };
}

/** How many octets it takes to write so many bits. */
export function prefixOctets(length: number): number {
  return (length + 7) >>> 3;
}

/** The address in as many octets as its family has. */
export function addressOctets(family: IpFamily, address: IpAddress): Uint8Array {
  const octets = address.includes(":") ? toOctets(address) : quadOctets(address);
  if (family === 4 || octets.length === 16) return octets;
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets);
}

/** Why not with the library: thousands of prefixes are written at once when a session comes up. */
function quadOctets(address: IpAddress): Uint8Array {
  const octets = new Uint8Array(4);
  for (let index = 0, at = 0; index < address.length; index += 1) {
    const digit = address.charCodeAt(index) - ZERO;
    if (digit < 0) at += 1;
    else octets[at] = (octets[at] as number) * 10 + digit;
  }
  return octets;
}

const ZERO = 0x30;
