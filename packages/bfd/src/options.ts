import type { BfdProfileConfig } from "@herald/shared/config/config";
import type { IpAddress } from "@herald/shared/ip/address";
import type { Authentication } from "./authentication.ts";

/** The way that a session watches. There is one session for each. */
export interface BfdPath {
  /** `single`: the peer is on the same segment (RFC 5881). `multi`: routers lie between (RFC 5883). */
  readonly hops: "single" | "multi";
  readonly remote: IpAddress;
  /** `undefined`: any of ours. */
  readonly local: IpAddress | undefined;
  /** `undefined`: any; never for a link-local `remote`. */
  readonly interface: string | undefined;
}

/** All about a session that may change while it lives; but for `authentication`, without any harm. */
export interface BfdOptions {
  /** Shortest gap between packets that we want to send, once the session is up; ms, 1 to 4,294,967. */
  readonly transmitMs: number;
  /** Shortest gap between packets that we can receive; ms, 1 to 4,294,967. */
  readonly receiveMs: number;
  /** How many packets of ours in a row the peer must miss; 1 to 255. */
  readonly detectMultiplier: number;
  /** Whether to say nothing until the peer has. */
  readonly passive: boolean;
  /** Shortest gap between the peer's echo packets; ms. 0: it shall not send any. See `echoReceiveMs`. */
  readonly echoReceiveMs: number;
  /** Lowest TTL that is taken over many hops, 1 to 255. Over a single one it is 255. */
  readonly minimumTtl: number;
  readonly authentication: Authentication | undefined;
}

/** What FRR does with what a profile does not say. */
const DEFAULTS = { intervalMs: 300, detectMultiplier: 3, echoMs: 50, minimumTtl: 254 } as const;

/** @param profile `undefined`: a peer with BFD and no profile. */
export function bfdOptions(profile: BfdProfileConfig | undefined, path: BfdPath): BfdOptions {
  return {
    transmitMs: profile?.transmitIntervalMs ?? DEFAULTS.intervalMs,
    receiveMs: profile?.receiveIntervalMs ?? DEFAULTS.intervalMs,
    detectMultiplier: profile?.detectMultiplier ?? DEFAULTS.detectMultiplier,
    passive: profile?.passiveMode ?? false,
    echoReceiveMs: echoReceiveMs(profile, path),
    minimumTtl: profile?.minimumTtl ?? DEFAULTS.minimumTtl,
    authentication: undefined,
  };
}

/**
 * Echo packets have their sender's own address as destination; they come back because this host's kernel routes them like any
 * other packet, if it forwards IPv4 at all, as a Kubernetes node does. So all that BFD does here is to say that they may come.
 * - Over many hops there is no echo. For IPv6 it is not offered: profiles with echo are not for it.
 * - Echo packets of our own are not sent: a socket cannot send through a router what is addressed to this very host.
 * - Without `echoMode` the peer is told not to send any, unlike what FRR says: where the kernel does not send them back, the
 *   peer would take the path for broken.
 */
function echoReceiveMs(profile: BfdProfileConfig | undefined, path: BfdPath): number {
  if (profile?.echoMode !== true || path.hops === "multi" || path.remote.includes(":")) return 0;
  return profile.echoIntervalMs ?? DEFAULTS.echoMs;
}
