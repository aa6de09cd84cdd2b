import type { BmpSources } from "@herald/bgp/bmp-effect";
import type { PeerEnd, PeerUp } from "@herald/bgp/bmp-message";
import type { BmpStation } from "./bmp-station.ts";

/** Nothing is told after `onClosed`, nor once it was closed from this side. Each is called from the event loop. */
export interface StationListeners {
  readonly onConnected: () => void;
  /** All of the last `send` has gone to the kernel. */
  readonly onSent: () => void;
  /** Also when it could not be made. `why` in the system's words; "" when the station just ended it. */
  readonly onClosed: (why: string) => void;
}

export interface StationConnection {
  /** After `close` nothing is sent. */
  send(bytes: Uint8Array): void;
  /** Once what was sent has gone out, as far as it can; also ends a dial. */
  close(): void;
}

export type DialStation = (station: BmpStation, listeners: StationListeners) => StationConnection;

/** Who hears of all sessions with routers, and of what is told in them; each has a name of its own, which stays. */
export interface SessionMonitor {
  up(session: string, up: PeerUp): void;
  down(session: string, end: PeerEnd): void;
  /** @param updates whole UPDATEs, one after the other. */
  told(session: string, updates: Uint8Array): void;
  /** For good. */
  stop(): void;
}

export type StartMonitor = (sources: Pick<BmpSources, "told" | "families" | "count">) => SessionMonitor;
