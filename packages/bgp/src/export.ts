import type { IpAddress, IpFamily } from "@herald/shared/ip/address";
import type { AsnOctets } from "./as-path.ts";
import type { Role } from "./capability.ts";
import { sortedCommunities, sortedExtended } from "./community.ts";
import { COMMUNITY } from "./iana.ts";
import type { PathAttributes } from "./path-attributes.ts";
import type { RouteAttributes } from "./route.ts";
import type { NextHop } from "./update.ts";

/** Ours on the way to the peer: what may stand as next hop. */
export interface LocalAddresses {
  /** Of the connection itself. */
  readonly transport: IpFamily;
  readonly ipv4: IpAddress | undefined;
  /** Global. */
  readonly ipv6: IpAddress | undefined;
  /** Only if the peer is on the same segment (RFC 2545 §3). */
  readonly linkLocal: IpAddress | undefined;
}

export function isSameLocal(a: LocalAddresses, b: LocalAddresses): boolean {
  return a.transport === b.transport && a.ipv4 === b.ipv4 && a.ipv6 === b.ipv6 && a.linkLocal === b.linkLocal;
}

/** All about a session that routes look different by. */
export interface ExportView {
  readonly asn: number;
  readonly external: boolean;
  readonly asnOctets: AsnOctets;
  readonly local: LocalAddresses;
  /** What was negotiated. */
  readonly families: readonly IpFamily[];
  readonly addPath: readonly IpFamily[];
  readonly extendedNextHop: boolean;
  readonly maxOctets: number;
  readonly role: Role | undefined;
  /** Whether we are about to go: peers are asked to prefer others (RFC 8326). */
  readonly draining: boolean;
}

export interface Exported {
  readonly attributes: PathAttributes;
  /** Where prefixes do not stand in the NLRI field but in MP_REACH_NLRI; `undefined` where they do. */
  readonly reach: NextHop | undefined;
}

const DEFAULT_LOCAL_PREF = 100;
const MAX_SEGMENT = 255;

/** @returns `undefined` when there is no next hop for it. */
export function exportRoute(
  route: RouteAttributes,
  family: IpFamily,
  view: ExportView,
): Exported | undefined {
  const hop = route.nextHop ?? nextHopFor(family, view);
  if (hop === undefined) return undefined;
  const plain = family === 4 && !hop.address.includes(":");
  if (plain) return { attributes: { ...attributesOf(route, view), nextHop: hop.address }, reach: undefined };
  if (family === 4 && !view.extendedNextHop) return undefined;
  return { attributes: attributesOf(route, view), reach: hop };
}

function attributesOf(route: RouteAttributes, view: ExportView): PathAttributes {
  const { external, asn, draining } = view;
  const localPref = draining ? 0 : (route.localPref ?? DEFAULT_LOCAL_PREF); // RFC 8326 §4.1: 0 before leaving
  return {
    origin: "igp",
    asPath: external ? [{ type: "sequence", asns: ownPath(asn, route.prepend ?? 0) }] : [],
    ...(route.med === undefined ? {} : { med: route.med }),
    ...(external ? {} : { localPref }),
    ...communities(route, draining),
    ...(onlyToCustomer(view) ? { onlyToCustomer: asn } : {}),
  };
}

/** Why IPv6 where the connection is: both sides configured it so, and IPv4 there need not be the peer's. */
function nextHopFor(family: IpFamily, { local, extendedNextHop }: ExportView): NextHop | undefined {
  const { transport, ipv4, ipv6, linkLocal } = local;
  const overIpv6 = extendedNextHop && (transport === 6 || ipv4 === undefined);
  if (family === 4 && !overIpv6) return ipv4 && { address: ipv4, linkLocal: undefined };
  if (ipv6 !== undefined) return { address: ipv6, linkLocal };
  return linkLocal && { address: linkLocal, linkLocal };
}

function ownPath(asn: number, prepend: number): readonly number[] {
  return Array.from({ length: Math.min(1 + prepend, MAX_SEGMENT) }, () => asn);
}

function communities(route: RouteAttributes, draining: boolean): PathAttributes {
  const { communities: standard = [], extendedCommunities = [], largeCommunities = [] } = route;
  const all = draining ? [COMMUNITY.gracefulShutdown, ...standard] : standard;
  return {
    ...(all.length === 0 ? {} : { communities: sortedCommunities(all) }),
    ...(extendedCommunities.length === 0 ? {} : { extendedCommunities: sortedExtended(extendedCommunities) }),
    ...(largeCommunities.length === 0 ? {} : { largeCommunities: sortedCommunities(largeCommunities) }),
  };
}

/** RFC 9234 §5: what goes to customers, peers and clients of a route server must not come out elsewhere. */
function onlyToCustomer({ external, role }: ExportView): boolean {
  return external && (role === "provider" || role === "peer" || role === "route-server");
}
