import type { Endpoint } from "./message.ts";

/** The same octets and the same port: the same member, as every other implementation compares them. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && sameOctets(a.address, b.address);
}

export function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

/** What a socket would make of an endpoint: equal texts lead to the same place, 4 octets or IPv4-mapped 16. */
export function placeOf(endpoint: Endpoint): string {
  const known = places.get(endpoint);
  if (known !== undefined) return known;
  const place = `${unmapped(endpoint.address).join(".")}/${endpoint.port}`;
  places.set(endpoint, place);
  return place;
}

/** Endpoints are never changed, and those of members are asked about in every round. */
const places = new WeakMap<Endpoint, string>();

/** Ten zeros, two octets of ones (RFC 4291 §2.5.5.2). */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

function unmapped(address: Uint8Array): Uint8Array {
  const mapped = address.length === 16 && MAPPED_PREFIX.every((octet, index) => address[index] === octet);
  return mapped ? address.subarray(MAPPED_PREFIX.length) : address;
}
