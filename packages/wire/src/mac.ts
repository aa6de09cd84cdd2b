/** An Ethernet address in canonical text: `02:00:5e:00:00:01`, lower case. Equal addresses are equal strings. */
export type MacAddress = string & { readonly __brand: "MacAddress" };

export const MAC_OCTETS = 6;

export const BROADCAST = "ff:ff:ff:ff:ff:ff" as MacAddress;

/** What requests carry where the answer is to stand (RFC 826). */
export const UNKNOWN = "00:00:00:00:00:00" as MacAddress;

const MAC = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;

/** @returns `undefined` when the text is not six octets in hex with colons or dashes between them. */
export function parseMac(text: string): MacAddress | undefined {
  if (!MAC.test(text)) return undefined;
  return text.toLowerCase().replaceAll("-", ":") as MacAddress;
}

/** @returns six octets, fresh. */
export function macOctets(mac: MacAddress): Uint8Array {
  return Uint8Array.from(mac.split(":"), (pair) => Number.parseInt(pair, 16));
}

/** @param octets exactly six, as the caller's decoder has checked. */
export function formatMac(octets: Uint8Array): MacAddress {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join(":") as MacAddress;
}

/** Whether six octets at `at` are those of `mac`; the caller has checked that they are there. */
export function macEquals(bytes: Uint8Array, at: number, mac: Uint8Array): boolean {
  for (let index = 0; index < MAC_OCTETS; index += 1) {
    if (bytes[at + index] !== mac[index]) return false;
  }
  return true;
}

/** Broadcast and multicast: the group bit is set (IEEE 802, section 8.2.2). No station has such an address. */
export function isGroup(octets: Uint8Array): boolean {
  return ((octets[0] as number) & 1) === 1;
}
