import type { Instant, Random } from "@herald/shared/core";
import type { IpFamily } from "@herald/shared/ip/address";
import type { EpochMs, PeerEnd, PeerUp, RouteCounts } from "./bmp-message.ts";

export interface BmpOptions {
  /** Who we are, for people. */
  readonly sysName: string;
  readonly sysDescr: string;
  /** Between two reports of how many routes each peer has, ms. */
  readonly statsMs: number;
  /** How long a connection may take, ms. */
  readonly connectTimeoutMs: number;
  /** Between two tries to connect, ms: at first, and at most. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** What may wait for a station that reads slowly, octets. */
  readonly queueMaxOctets: number;
}

export const DEFAULT_BMP_OPTIONS: Omit<BmpOptions, "sysName" | "sysDescr"> = {
  statsMs: 60_000,
  connectTimeoutMs: 10_000,
  retryMinMs: 1_000,
  retryMaxMs: 60_000,
  queueMaxOctets: 4 << 20,
};

/** What the exporter asks, whenever it needs to know. */
export interface BmpSources {
  readonly random: Random;
  readonly epochMs: (now: Instant) => EpochMs;
  /** All that a peer was told and still has, as whole UPDATEs; as of now, whenever the next one is taken. */
  readonly told: (name: string) => Iterator<Uint8Array>;
  readonly families: (name: string) => readonly IpFamily[];
  readonly count: (name: string) => RouteCounts;
}

export type BmpInput =
  | { readonly type: "start" }
  /** For good. */
  | { readonly type: "stop" }
  | { readonly type: "connected" }
  /** The connection could not be made, or has ended. Never after `close`. */
  | { readonly type: "closed"; readonly why: string }
  /** All of the last `send` has gone out. */
  | { readonly type: "sent" }
  | { readonly type: "up"; readonly name: string; readonly up: PeerUp }
  | { readonly type: "down"; readonly name: string; readonly end: PeerEnd }
  /** UPDATEs that a peer was just told, whole ones, one after the other. */
  | { readonly type: "told"; readonly name: string; readonly updates: Uint8Array };

export type BmpEffect =
  | { readonly type: "connect" }
  /** Comes back as `sent`; until then there is no other but the last before a `close`. */
  | { readonly type: "send"; readonly bytes: Uint8Array }
  /** Once what was sent has gone, as far as it can. */
  | { readonly type: "close" }
  | { readonly type: "up" }
  /** There is no connection any more, or again none. `late`: the station reads too slowly. */
  | { readonly type: "down"; readonly reason: BmpDownReason; readonly text: string };

/** Why a station is told nothing for now. A closed set: it is a metric label and content of the reference page. */
export const BMP_DOWN_REASONS = {
  "connect-failed": "No TCP connection with the station could be made, or not in time.",
  closed: "The station ended the connection, or the way to it broke.",
  slow: "More waited for the station than may; it gets everything anew with the next connection.",
} as const;

export type BmpDownReason = keyof typeof BMP_DOWN_REASONS;
