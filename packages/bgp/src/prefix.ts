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

/** The address in as many octets as its family has. @param to where to put them: at least so many. */
export function addressOctets(
  family: IpFamily,
  address: IpAddress,
  to = new Uint8Array(ADDRESS_BITS[family] / 8),
): Uint8Array {
  if (address.includes(":")) return putGroups(address, to);
  if (family === 4) return putQuad(address, to, 0);
  to.fill(0, 0, 10).fill(0xff, 10, 12);
  return putQuad(address, to, 12);
}

/** Why not with the library: thousands of prefixes are written at once when a session comes up. */
function putQuad(address: IpAddress, to: Uint8Array, start: number): Uint8Array {
  let [octet, at] = [0, start];
  for (let index = 0; index < address.length; index += 1) {
    const digit = address.charCodeAt(index) - ZERO;
    if (digit >= 0) {
      octet = octet * 10 + digit;
      continue;
    }
    to[at] = octet;
    [octet, at] = [0, at + 1];
  }
  to[at] = octet;
  return to;
}

/** Of canonical text, so there is at most one `::`, and no dotted quad. */
function putGroups(address: IpAddress, to: Uint8Array): Uint8Array {
  const [head = "", tail = ""] = address.split("::");
  to.fill(0, 0, 16);
  put(head, to, 0);
  put(tail, to, 16 - octetsOf(tail));
  return to;
}

function octetsOf(groups: string): number {
  if (groups === "") return 0;
  let octets = 2;
  for (let index = 0; index < groups.length; index += 1) if (groups.charCodeAt(index) === COLON) octets += 2;
  return octets;
}

function put(groups: string, to: Uint8Array, start: number): void {
  let [group, at] = [0, start];
  for (let index = 0; index < groups.length; index += 1) {
    const code = groups.charCodeAt(index);
    if (code === COLON) [group, at] = [0, at + 2];
    else group = group * 16 + code - (code < LETTER_A ? ZERO : LETTER_A - 10);
    to[at] = group >>> 8;
    to[at + 1] = group;
  }
}

const [ZERO, COLON, LETTER_A] = [0x30, 0x3a, 0x61];
