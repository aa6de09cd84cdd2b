import ipaddr from "ipaddr.js";

/**
 * One IPv4 or IPv6 address in canonical text: dotted quad, or RFC 5952 (lower case, longest zero run
 * shortened). Equal addresses are equal strings. An IPv4-mapped IPv6 address is its IPv4 address.
 */
export type IpAddress = string & { readonly __brand: "IpAddress" };

export type IpFamily = 4 | 6;

/** Bits of an address. */
export const ADDRESS_BITS: Readonly<Record<IpFamily, number>> = { 4: 32, 6: 128 };

/** Of the longest IPv6 address, one that ends in a dotted quad. Spares the patterns below what cannot match. */
const MAX_ADDRESS_LENGTH = 45;

/** Canonical already. Why not the library's: thousands of addresses are read at each change of a pool. */
const DOTTED_QUAD = /^(?:(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$)|$)){4}$/;

/** @returns `undefined` when the text is no address; leading zeros, ports, zones and short forms are none. */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.length > MAX_ADDRESS_LENGTH) return undefined;
  if (DOTTED_QUAD.test(text)) return text as IpAddress;
  const groups = withoutDottedQuad(text);
  if (groups === undefined || !ipaddr.IPv6.isValid(groups) || groups.includes("%")) return undefined;
  const address = ipaddr.IPv6.parse(groups);
  return (address.isIPv4MappedAddress() ? address.toIPv4Address() : address).toString() as IpAddress;
}

export function familyOf(address: IpAddress): IpFamily {
  return address.includes(":") ? 6 : 4;
}

/** fe80::/10 (RFC 4291 §2.5.6): an address of one link; on another one the same may be somebody else's. */
export function isLinkLocal(address: IpAddress): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}

/** Big-endian, 4 or 16 octets. */
export function toOctets(address: IpAddress): Uint8Array {
  if (familyOf(address) === 4) return Uint8Array.from(address.split("."), Number);
  return Uint8Array.from(ipaddr.parse(address).toByteArray());
}

/** @param octets exactly 4 or 16 of them, as the caller's decoder has checked. */
export function fromOctets(octets: Uint8Array): IpAddress {
  const address = ipaddr.fromByteArray([...octets]);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    return address.toIPv4Address().toString() as IpAddress;
  }
  return address.toString() as IpAddress;
}

/** The address as a number, 0 to 2^32 - 1 or 2^128 - 1. */
export function toBigint(address: IpAddress): bigint {
  if (familyOf(address) === 4) {
    return BigInt(address.split(".").reduce((value, octet) => value * 256 + Number(octet), 0));
  }
  let value = 0n;
  for (const octet of toOctets(address)) value = (value << 8n) | BigInt(octet);
  return value;
}

/** @param value within the family's range. */
export function fromBigint(family: IpFamily, value: bigint): IpAddress {
  if (family === 4) {
    const bits = Number(value);
    return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join(".") as IpAddress;
  }
  const octets = new Uint8Array(ADDRESS_BITS[family] / 8);
  for (let index = octets.length - 1, rest = value; index >= 0; index -= 1, rest >>= 8n) {
    octets[index] = Number(rest & 0xffn);
  }
  return new ipaddr.IPv6([...octets]).toString() as IpAddress;
}

/**
 * An IPv6 address whose last 32 bits are a dotted quad, with groups instead (RFC 4291 §2.2). The library reads
 * `::192.0.2.1` as the IPv4-mapped address, which it is not, and allows leading zeros in the quad.
 */
function withoutDottedQuad(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const start = text.lastIndexOf(":") + 1;
  const quad = text.slice(start);
  if (start === 0 || !DOTTED_QUAD.test(quad)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(quad).octets;
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
