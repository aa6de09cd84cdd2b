import type { IpFamily } from "@herald/shared/ip/address";
import type { LocalAddresses } from "./export.ts";
import type { Negotiated } from "./negotiate.ts";
import type { Notification } from "./notification.ts";
import type { SessionTimers } from "./options.ts";
import type { BgpNotice, DownReason } from "./reasons.ts";
import type { RouteTable } from "./route.ts";
import type { BgpState } from "./states.ts";

/**
 * A TCP connection with the peer. The session numbers those that it asks for: 1, 2, 3 …; the shell those that it accepts:
 * -1, -2, -3 …. No number comes twice. About one that the session has closed nothing that comes later counts.
 */
export type ConnectionId = number;

export type BgpInput =
  /** Let there be a session. Harmless while there is one. */
  | { readonly type: "start" }
  | Stop
  /** The connection that was asked for is there. */
  | { readonly type: "connected"; readonly connection: ConnectionId; readonly local: LocalAddresses }
  /** The peer connected to us. Its address is the one that is configured; that is the shell's to see. */
  | { readonly type: "accepted"; readonly connection: ConnectionId; readonly local: LocalAddresses }
  /** Addresses of ours have come or gone: what may stand as next hop on a connection, from now on. */
  | { readonly type: "addresses"; readonly connection: ConnectionId; readonly local: LocalAddresses }
  /** The peer was not to be reached and now is: a wait for the next attempt is over. */
  | { readonly type: "reachable" }
  /** It could not be made, or has ended. `why` in the system's words; empty when it just ended. */
  | { readonly type: "closed"; readonly connection: ConnectionId; readonly why: string }
  | { readonly type: "bytes"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /**
   * All that the peer should know, from now on. Until it is first given, nothing is announced, and no End-of-RIB: a peer
   * that kept our routes over a restart must not lose them.
   */
  | { readonly type: "routes"; readonly routes: RouteTable }
  /** Whether we are about to go: all routes say so (GRACEFUL_SHUTDOWN, RFC 8326). */
  | { readonly type: "drain"; readonly draining: boolean }
  /** Other timers, from now on; a hold time from the next OPEN on. */
  | { readonly type: "timers"; readonly timers: SessionTimers }
  /** Tell the peer all of it once more. */
  | { readonly type: "announce-again" }
  /** BFD lost the peer. `why` in its words. */
  | { readonly type: "peer-down"; readonly why: string };

/** Ends the session; `start` begins it again. */
export interface Stop {
  readonly type: "stop";
  /**
   * `shutdown`: for good, so the peer drops our routes at once (a hard reset where it would keep them, RFC 8538).
   * `reset`: to begin again soon. `deconfigured`: the peer is no longer ours. `restart`: we are coming back, and a peer that
   * knows graceful restart keeps our routes; another is told `reset`.
   */
  readonly how: "shutdown" | "reset" | "deconfigured" | "restart";
  /** For the operator on the other side, with `shutdown` and `reset` (RFC 9003); may be empty. */
  readonly text: string;
}

export type BgpEffect =
  /** Connect to the peer; comes back as `connected` or `closed`. */
  | { readonly type: "connect"; readonly connection: ConnectionId }
  /** In order, whole messages. */
  | { readonly type: "send"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /** Close it once what was sent has gone. */
  | { readonly type: "close"; readonly connection: ConnectionId }
  | { readonly type: "state"; readonly from: BgpState; readonly to: BgpState }
  /** Follows the state of that name. */
  | {
      readonly type: "established";
      readonly negotiated: Negotiated;
      readonly connection: ConnectionId;
      readonly local: LocalAddresses;
      readonly opens: Opens;
    }
  /** A connection came to nothing, or a session is over (`established`). Follows the state that it led to. */
  | {
      readonly type: "down";
      readonly error: SessionError;
      readonly established: boolean;
      /** What one side told the other at the end: the peer, where that is the reason. */
      readonly notification: Notification | undefined;
    }
  /** What the peer was told just now; the UPDATEs precede it. */
  | {
      readonly type: "told";
      readonly announced: number;
      readonly withdrawn: number;
      readonly updates: number;
    }
  /** The peer has told us all that it has of a family. */
  | { readonly type: "end-of-rib"; readonly family: IpFamily }
  | {
      readonly type: "notice";
      readonly reason: BgpNotice;
      readonly detail: string;
      /** The whole UPDATE, behind its header, where that is what was wrong (RFC 7606 §8). */
      readonly update?: Uint8Array;
    };

/** What both sides began with, as whole messages. */
export interface Opens {
  readonly sent: Uint8Array;
  readonly received: Uint8Array;
}

export interface SessionError {
  readonly reason: DownReason;
  /** The whole story in a sentence's words. */
  readonly text: string;
}
