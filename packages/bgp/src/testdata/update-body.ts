import { parseHex } from "@herald/lab/hex";
import type { UpdateContext } from "../update.ts";

export const internal: UpdateContext = { asnOctets: 4, external: false, pathIds: [] };
export const external: UpdateContext = { ...internal, external: true };
export const oldSpeaker: UpdateContext = { ...internal, asnOctets: 2 };

export const ORIGIN = "40 01 01 00";
export const AS_PATH = "40 02 00";
export const NEXT_HOP = "40 03 04 c0000201";
export const LOCAL_PREF = "40 05 04 00000064";
export const NLRI = "18 cb0071";
/** With one prefix of IPv6. */
export const REACH = "80 0e 18 0002 01 10 20010db8000000000000000000000001 00 10 2001";

/** An UPDATE of so many attributes, with routes or without. */
export function body(attributes: readonly string[], nlri: string, withdrawn = ""): Uint8Array {
  const [gone, octets, routes] = [parseHex(withdrawn), parseHex(attributes.join(" ")), parseHex(nlri)];
  const u16 = (value: number) => [value >>> 8, value & 0xff];
  return Uint8Array.of(...u16(gone.length), ...gone, ...u16(octets.length), ...octets, ...routes);
}
