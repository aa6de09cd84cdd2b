import type { IpAddress } from "@herald/shared/ip/address";
import type { BfdOptions, BfdPath } from "./options.ts";
import type { BfdDropReason } from "./reasons.ts";
import type { Down } from "./session-effect.ts";
import type { BfdState } from "./states.ts";

/** A session that should be there. Several users of one path share it. */
export interface WantedSession {
  readonly path: BfdPath;
  readonly options: BfdOptions;
  /** Whether it is shut down, and the peer is told so. */
  readonly disabled: boolean;
}

/** What came in, and what the socket knows of it; `undefined`: it has seen to it itself, or cannot tell. */
export interface BfdDatagram {
  /** By the port it came to: 3784 or 4784. */
  readonly hops: BfdPath["hops"];
  readonly from: IpAddress;
  /** `undefined`: none that a session has as its `local`. */
  readonly to: IpAddress | undefined;
  readonly interface: string | undefined;
  readonly ttl: number | undefined;
  /** UDP payload. */
  readonly bytes: Uint8Array;
}

export type BfdInput =
  /**
   * All sessions that there should be, from now on. Of two with one path the first counts. New options are negotiated without
   * any harm to the session, but for another key: that begins it anew.
   */
  | { readonly type: "sessions"; readonly wanted: readonly WantedSession[] }
  | { readonly type: "datagram"; readonly datagram: BfdDatagram };

/** `session` is the path's `pathKey`. */
export type BfdEffect =
  /** One datagram, with a TTL of 255. */
  | { readonly type: "send"; readonly session: string; readonly path: BfdPath; readonly bytes: Uint8Array }
  | { readonly type: "state"; readonly session: string; readonly from: BfdState; readonly to: BfdState }
  | (Down & { readonly session: string })
  /** No more comes of it: its socket may go. */
  | { readonly type: "ended"; readonly session: string }
  /** `session`: the one that it was for, if that is known. `detail` for a log line; may be empty. */
  | {
      readonly type: "drop";
      readonly session: string | undefined;
      readonly reason: BfdDropReason;
      readonly detail: string;
    };

/** Equal for equal paths. */
export function pathKey({ hops, remote, local, interface: name }: BfdPath): string {
  return `${hops} ${remote}${name === undefined ? "" : `%${name}`}${local === undefined ? "" : ` from ${local}`}`;
}
