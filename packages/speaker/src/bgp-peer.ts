import { DEFAULT_TIMINGS, PLAIN_OPTIONS, type SessionOptions, type SessionTimers } from "@herald/bgp/options";
import type { BgpPeerConfig } from "@herald/shared/config/config";
import { familyOf, fromOctets, type IpAddress, type IpFamily, isLinkLocal } from "@herald/shared/ip/address";
import type { BgpTarget, BgpTtls } from "./bgp-port.ts";

/** This node, as routers get to know it. */
export interface BgpIdentity {
  readonly node: string;
  /** The node's own address, where it is known. */
  readonly address: IpAddress | undefined;
}

/** How long a peer keeps our routes while we are away, s (RFC 4724 §4.2): as long as FRR's default. */
const RESTART_TIME_SECONDS = 120;

/** Of what we send to a neighbour: a router that demands it (GTSM, RFC 5082 §3) is content, and the others do not care. */
const TTL_OF_NEIGHBOURS = 255;
const TTL_OF_OTHERS = 64;

/** Whether there can be a session: without its password there would be none, or one that anybody can forge. */
export function isUsable({ password }: BgpPeerConfig): boolean {
  return password !== undefined;
}

/** The interface whose router a peer is; `undefined` for one that has an address. */
export function linkOf({ remote }: BgpPeerConfig): string | undefined {
  return "address" in remote ? undefined : remote.interface;
}

/**
 * Where a peer is.
 *
 * @param router that is known on the interface of a peer which has no address.
 * @returns `undefined` for one that is not usable, or whose router is not known.
 */
export function targetOf(peer: BgpPeerConfig, router?: IpAddress): BgpTarget | undefined {
  const { remote, password } = peer;
  const address = "address" in remote ? remote.address : router;
  if (address === undefined || password === undefined) return undefined;
  return {
    address,
    interface: isLinkLocal(address) ? remote.interface : undefined,
    port: peer.peerPort,
    source: peer.sourceAddress,
    ...(peer.sourcePort !== undefined && { sourcePort: peer.sourcePort }),
    password,
    ...ttlsOf(peer),
    vrf: peer.vrf,
  };
}

/** How far away a peer may be. A connection takes it over when it changes. */
export function ttlsOf(peer: BgpPeerConfig): BgpTtls {
  const { minimumTtl } = peer;
  const isNeighbour = isExternal(peer) && !peer.ebgpMultihop;
  return {
    ttl: isNeighbour || minimumTtl !== undefined ? TTL_OF_NEIGHBOURS : TTL_OF_OTHERS,
    minimumTtl,
  };
}

export function isExternal({ peerAsn, myAsn, localAsn }: BgpPeerConfig): boolean {
  return typeof peerAsn === "number" ? peerAsn !== (localAsn ?? myAsn) : peerAsn === "external";
}

/** @param restarting whether the peer may still have routes from before this process began. */
export function sessionOptions(
  peer: BgpPeerConfig,
  identity: BgpIdentity,
  restarting: boolean,
): SessionOptions {
  const families = familiesOf(peer);
  return {
    ...PLAIN_OPTIONS,
    asn: peer.localAsn ?? peer.myAsn,
    peerAsn: peer.peerAsn,
    routerId: routerIdOf(peer, identity),
    ...sessionTimers(peer),
    families,
    extendedNextHop: families.length > 1 && transportOf(peer) === 6,
    gracefulRestart: peer.gracefulRestart
      ? {
          restartTimeSeconds: RESTART_TIME_SECONDS,
          forwarding: true,
          notifications: true,
          longLivedSeconds: peer.longLivedSeconds,
          restarting,
        }
      : undefined,
    role: peer.role,
    strictRole: peer.strictRole ?? false,
  };
}

/** What a session takes over when it changes. */
export function sessionTimers(peer: BgpPeerConfig): SessionTimers {
  const connectMs = (peer.connectTimeSeconds ?? 0) * 1_000;
  return {
    holdTimeSeconds: peer.holdTimeSeconds,
    keepaliveSeconds: peer.keepaliveTimeSeconds === 0 ? undefined : peer.keepaliveTimeSeconds,
    retryMaxMs: connectMs === 0 ? DEFAULT_TIMINGS.retryMaxMs : connectMs,
    advertisementIntervalMs: peer.advertisementIntervalMs ?? PLAIN_OPTIONS.advertisementIntervalMs,
    delayOpenMs: peer.delayOpenMs ?? PLAIN_OPTIONS.delayOpenMs,
  };
}

/** All fields that a session survives a change of. The name is one: that of a ConfigMap's peer is its place there. */
const SURVIVED: ReadonlySet<string> = new Set<keyof BgpPeerConfig>([
  "name",
  "nodeSelectors",
  "bfdProfile",
  "holdTimeSeconds",
  "keepaliveTimeSeconds",
  "connectTimeSeconds",
  "advertisementIntervalMs",
  "delayOpenMs",
  "ebgpMultihop",
  "minimumTtl",
]);

/** All that a session cannot survive a change of; never to be shown: the password is in it. */
export function sessionKey(peer: BgpPeerConfig): string {
  return JSON.stringify(Object.fromEntries(Object.entries(peer).filter(([field]) => !SURVIVED.has(field))));
}

/** As MetalLB calls a peer in its metrics. */
export function peerLabel({ remote, peerPort }: BgpPeerConfig): string {
  return `${"address" in remote ? scoped(remote.address, remote.interface) : remote.interface}:${peerPort}`;
}

/** As RFC 4007 §11 has it. */
export function scoped(address: IpAddress, link: string | undefined): string {
  return link === undefined ? address : `${address}%${link}`;
}

/** What a router is told of. Who has no address is of neither family: MetalLB, too, tells such a router both. */
export function familiesOf(peer: BgpPeerConfig): readonly IpFamily[] {
  return peer.dualStackAddressFamily || !("address" in peer.remote) ? [4, 6] : [transportOf(peer)];
}

function transportOf({ remote }: BgpPeerConfig): IpFamily {
  return "address" in remote ? familyOf(remote.address) : 6;
}

/** Four octets, unique among our nodes: what was asked for, an address of this node, or its name's hash. */
function routerIdOf({ routerId, sourceAddress }: BgpPeerConfig, { node, address }: BgpIdentity): IpAddress {
  const known = [routerId, sourceAddress, address].find((each) => each !== undefined && familyOf(each) === 4);
  return known ?? fromOctets(fnv1a(node));
}

/** FNV-1a of 32 bits, with 1 to 126 in the first octet: routers take nothing for an identifier that no host could have. */
function fnv1a(text: string): Uint8Array {
  let hash = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(text)) hash = Math.imul(hash ^ octet, 0x01000193);
  return Uint8Array.of(1 + ((hash >>> 24) % 126), hash >>> 16, hash >>> 8, hash);
}
