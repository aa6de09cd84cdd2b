import { Reader, Writer } from "@herald/wire/bytes";
import type { Family } from "./family.ts";

/**
 * "Tell me again" (RFC 2918 §3, RFC 7313 §4), behind the header:
 *
 *   0     2         3      4
 *   | afi | subtype | safi |
 *
 * A filter may follow (RFC 5291); we never say that we take one, and ignore it.
 */
export interface RouteRefresh {
  readonly type: "route-refresh";
  readonly family: Family;
  /** `REFRESH` in iana.ts; others are to be ignored. */
  readonly subtype: number;
}

/** @throws {DecodeError} `truncated` below four octets. */
export function decodeRouteRefresh(body: Uint8Array): RouteRefresh {
  const r = new Reader(body);
  const afi = r.u16("route-refresh.afi");
  const subtype = r.u8("route-refresh.subtype");
  return { type: "route-refresh", family: { afi, safi: r.u8("route-refresh.safi") }, subtype };
}

/** @returns what stands behind the header. */
export function encodeRouteRefresh({ family, subtype }: RouteRefresh): Uint8Array {
  return new Writer(new Uint8Array(4)).u16(family.afi).u8(subtype).u8(family.safi).finish();
}
