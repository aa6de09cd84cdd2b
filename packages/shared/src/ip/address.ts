import ipaddr from "ipaddr.js";

/**
 * One IPv4 or IPv6 address in canonical text: dotted quad, or RFC 5952 (lower case, longest zero run
 * shortened). Equal addresses are equal strings. An IPv4-mapped IPv6 address is its IPv4 address.
 */
export type IpAddress = string & { readonly __brand: "IpAddress" };

export type IpFamily = 4 | 6;

/** Octets of an address: 4 or 16. */
export const ADDRESS_BITS: Readonly<Record<IpFamily, number>> = { 4: 32, 6: 128 };

/** @returns `undefined` when the text is no address; leading zeros, ports, zones and short forms are none. */
export function parseAddress(text: string): IpAddress | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text).toString() as IpAddress;
  if (!ipaddr.IPv6.isValid(text) || text.includes("%")) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return (address.isIPv4MappedAddress() ? address.toIPv4Address() : address).toString() as IpAddress;
}

export function familyOf(address: IpAddress): IpFamily {
  return address.includes(":") ? 6 : 4;
}

/** Big-endian, 4 or 16 octets. */
export function toOctets(address: IpAddress): Uint8Array {
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
  let value = 0n;
  for (const octet of toOctets(address)) value = (value << 8n) | BigInt(octet);
  return value;
}

/** @param value within the family's range. */
export function fromBigint(family: IpFamily, value: bigint): IpAddress {
  const octets = new Uint8Array(ADDRESS_BITS[family] / 8);
  for (let index = octets.length - 1, rest = value; index >= 0; index -= 1, rest >>= 8n) {
    octets[index] = Number(rest & 0xffn);
  }
  return (
    family === 4 ? ipaddr.fromByteArray([...octets]) : new ipaddr.IPv6([...octets])
  ).toString() as IpAddress;
}
