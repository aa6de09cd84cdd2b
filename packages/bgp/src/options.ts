import type { IpAddress, IpFamily } from "@herald/shared/ip/address";
import type { Role } from "./capability.ts";

/** All about one peer; of it `SessionTimers` alone may change while its session lives. */
export interface SessionOptions extends SessionTimings {
  /** Ours towards this peer, 1 to 2^32 - 1. */
  readonly asn: number;
  /** What the peer must be: this AS, ours, or any other. */
  readonly peerAsn: number | "internal" | "external";
  /** Four octets as an IPv4 address, not 0.0.0.0. Unique within our AS. */
  readonly routerId: IpAddress;
  /** What we offer; the lower of both offers counts. 0 for none, else 3 to 65,535 (RFC 4271 §4.2). */
  readonly holdTimeSeconds: number;
  /** Gap between two KEEPALIVEs; never more than a third of the hold time that was agreed on. `undefined`: just that. */
  readonly keepaliveSeconds: number | undefined;
  /** Kinds of prefixes to announce, at least one. */
  readonly families: readonly IpFamily[];
  /**
   * Least time between two announcements of one prefix, ms; 0: what changes is told at once. Withdrawals never wait
   * (MinRouteAdvertisementIntervalTimer, RFC 4271 §9.2.1.1).
   */
  readonly advertisementIntervalMs: number;
  /** Whether to wait for the peer to connect instead of connecting. */
  readonly passive: boolean;
  readonly gracefulRestart: GracefulRestartOptions | undefined;
  /** Whether to offer IPv6 next hops for IPv4 prefixes (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** Whether to offer messages of up to 65,535 octets (RFC 8654). */
  readonly extendedMessages: boolean;
  /** Whether to offer several paths to one prefix (RFC 7911). */
  readonly addPath: boolean;
  /** What we are to the peer (RFC 9234); it must be the counterpart, or say nothing unless `strictRole`. */
  readonly role: Role | undefined;
  readonly strictRole: boolean;
}

/** What a session survives a change of: the other side hears of it in the next OPEN, or need not know. */
export type SessionTimers = Pick<
  SessionOptions,
  "holdTimeSeconds" | "keepaliveSeconds" | "retryMaxMs" | "advertisementIntervalMs" | "delayOpenMs"
>;

export interface GracefulRestartOptions {
  /** How long the peer keeps our routes while we are away, 0 to 4,095. */
  readonly restartTimeSeconds: number;
  /** Whether traffic still finds its way while we are away. */
  readonly forwarding: boolean;
  /** Whether routes survive NOTIFICATIONs, too, but for hard resets (RFC 8538). */
  readonly notifications: boolean;
  /** How long the peer may keep them after that as a last resort (RFC 9494), 24 bits; `undefined`: not. */
  readonly longLivedSeconds: number | undefined;
  /** Whether this process took over from one whose routes the peer may still have: said until the first session. */
  readonly restarting: boolean;
}

export interface SessionTimings {
  /** How long a connection may take to be made, ms. The ConnectRetryTimer while in Connect. */
  readonly connectTimeoutMs: number;
  /** First and longest wait before the next try, ms; doubled each time, less up to a quarter of jitter. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** How long to wait for the peer's OPEN before sending ours, ms; 0: not at all (DelayOpenTimer, RFC 4271 §8.1.1). */
  readonly delayOpenMs: number;
  /** How long to wait for the peer's OPEN, ms. RFC 4271 §8.2.2 suggests four minutes: too long for a dead router. */
  readonly openTimeoutMs: number;
  /** Least time between two answers to ROUTE-REFRESH, ms. Requests between them are answered with the later one. */
  readonly refreshIntervalMs: number;
}

export const DEFAULT_TIMINGS: SessionTimings = {
  connectTimeoutMs: 5_000,
  retryMinMs: 250,
  retryMaxMs: 10_000,
  delayOpenMs: 0,
  openTimeoutMs: 30_000,
  refreshIntervalMs: 1_000,
};

/** Without anything that not every router understands; to be spread into those of a peer. */
export const PLAIN_OPTIONS = {
  ...DEFAULT_TIMINGS,
  holdTimeSeconds: 90,
  keepaliveSeconds: undefined,
  advertisementIntervalMs: 0,
  passive: false,
  gracefulRestart: undefined,
  extendedNextHop: false,
  extendedMessages: true,
  addPath: false,
  role: undefined,
  strictRole: false,
} as const;
