import { Bird } from "./bird.ts";
import { ExaBgp } from "./exabgp.ts";
import { Frr } from "./frr.ts";
import { GoBgp } from "./gobgp.ts";
import type { Router } from "./router.ts";
import { NODE } from "./segment.ts";

/** A router, and where what it can do or say is not what the others do or say. */
export interface Column {
  readonly name: string;
  readonly make: (namespace: string) => Router;
  /** Cases that cannot be had with it. */
  readonly lacks: readonly ("ttl-security" | "stale-routes")[];
  /** What is left beyond one other router of the hops that it sends with when it is told that we are not next to it. */
  readonly hopsLeft: number;
  /** What it has as next hop of an IPv4 route over an IPv6 session. */
  readonly hopOverIpv6: string;
  /** What it says once we refused it, and once we left. */
  readonly refusedAsn: RegExp;
  readonly refusedCapability: RegExp;
  readonly left: RegExp;
  /** What it says once it heard nothing for the hold time. */
  readonly gaveUp: RegExp;
}

const USUAL: Omit<Column, "name" | "make"> = {
  lacks: [],
  hopsLeft: 63,
  hopOverIpv6: NODE.ipv4,
  refusedAsn: /Bad [Pp]eer AS/,
  refusedCapability: /unsupported capability|required capability missing/i,
  left: /the speaker of this node stops/,
  gaveUp: /hold timer expired/i,
};

/** It counts NOTIFICATIONs that come before a session is there, and says nothing more of them. */
const COUNTED = /"received":\{"notification":[1-9]/;

export const COLUMNS: readonly Column[] = [
  { ...USUAL, name: "FRR", make: (namespace) => new Frr(namespace), hopsLeft: 254 },
  { ...USUAL, name: "BIRD", make: (namespace) => new Bird(namespace) },
  {
    ...USUAL,
    name: "GoBGP",
    make: (namespace) => new GoBgp(namespace),
    // It offers to take such next hops (RFC 8950) without being told to.
    hopOverIpv6: NODE.ipv6,
    refusedAsn: COUNTED,
    refusedCapability: COUNTED,
  },
  {
    ...USUAL,
    name: "ExaBGP",
    make: (namespace) => new ExaBgp(namespace),
    // Python has no name for the socket option of a least TTL, and ExaBGP goes on without; of a table in which routes
    // could be stale it has none.
    lacks: ["ttl-security", "stale-routes"],
    refusedCapability: /Unsupported Capability/,
    // ExaBGP 4.2.21 trips over any text of a shutdown (RFC 9003), as it calls our NOTIFICATION an undecodable UPDATE.
    left: /the speaker of this node stops|can not decode update message of type \\"3\\"/,
  },
];
