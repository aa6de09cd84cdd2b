import type { IpFamily } from "@herald/shared/ip/address";
import { AFI, SAFI } from "./iana.ts";

/** What kind of prefixes something is about: address family and subsequent address family (RFC 4760 §3). */
export interface Family {
  /** 16 bits. */
  readonly afi: number;
  /** 8 bits. */
  readonly safi: number;
}

/** The only two whose prefixes we announce and understand, by the family of their addresses. */
export const UNICAST: Readonly<Record<IpFamily, Family>> = {
  4: { afi: AFI.ipv4, safi: SAFI.unicast },
  6: { afi: AFI.ipv6, safi: SAFI.unicast },
};

/** @returns `undefined` for every family but the two of unicast. */
export function ipFamilyOf({ afi, safi }: Family): IpFamily | undefined {
  if (safi !== SAFI.unicast) return undefined;
  if (afi === AFI.ipv4) return 4;
  return afi === AFI.ipv6 ? 6 : undefined;
}

/** `IPv4 unicast`; numbers where we have no name. */
export function describeFamily(family: Family): string {
  const ip = ipFamilyOf(family);
  return ip === undefined ? `AFI ${family.afi} SAFI ${family.safi}` : `IPv${ip} unicast`;
}

export function sameFamily(one: Family, other: Family): boolean {
  return one.afi === other.afi && one.safi === other.safi;
}
