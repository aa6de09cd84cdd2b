import type { LocalAddresses } from "@herald/bgp/export";
import type { IpAddress } from "@herald/shared/ip/address";

/** How far away a peer may be. */
export interface BgpTtls {
  /** Of what we send, 1 to 255. */
  readonly ttl: number;
  /** What arrives with less is dropped by the kernel (GTSM, RFC 5082); `undefined`: anything goes. */
  readonly minimumTtl: number | undefined;
}

/** Whom to connect to, and how. */
export interface BgpTarget extends BgpTtls {
  readonly address: IpAddress;
  /** Name of the interface that a link-local address is on; `undefined` for others. */
  readonly interface: string | undefined;
  readonly port: number;
  /** `undefined`: whichever the kernel takes. */
  readonly source: IpAddress | undefined;
  /** Left out: whichever the kernel takes. */
  readonly sourcePort?: number;
  /** TCP-MD5 (RFC 2385), at most 80 octets; "" for none. Never logged. */
  readonly password: string;
  /** Name of the VRF's device to connect in; `undefined`: the default one. */
  readonly vrf: string | undefined;
}

/** What becomes of a connection. Nothing is told after `onClosed`, nor once it was closed from this side. */
export interface BgpListeners {
  readonly onConnected: (local: LocalAddresses) => void;
  readonly onBytes: (bytes: Uint8Array) => void;
  /** Also when it could not be made. `why` in the system's words; "" when the peer just ended it. */
  readonly onClosed: (why: string) => void;
}

export interface BgpConnection {
  /** In order; after `close` nothing is sent. */
  send(bytes: Uint8Array): void;
  /** Once what was sent has gone out; also ends a dial. */
  close(): void;
  /** Takes these over for the rest of its life; one that is not made yet, too. */
  reach?(ttls: BgpTtls): void;
  /** What may stand as next hop on it, as of now; `undefined` before it is made, or while nobody can tell. */
  local?(): LocalAddresses | undefined;
  /** TCP ports, 0 for one that is not known. */
  readonly ports?: { readonly local: number; readonly remote: number };
}

/** Connections to routers. Each listener is called from the event loop, never from inside a call. */
export interface BgpPort {
  dial(target: BgpTarget, listeners: BgpListeners): BgpConnection;
}

/** Where routers may connect to us, and which. */
export interface BgpDoor {
  /** One of ours. */
  readonly address: IpAddress;
  readonly port: number;
  /** As that of the targets. */
  readonly vrf: string | undefined;
  /** Who is expected. The kernel drops what is not signed with their passwords or comes from too far away. */
  readonly targets: readonly BgpTarget[];
}

/** A connection that somebody made to us. It is to be taken or refused at once. */
export interface BgpArrival {
  readonly from: IpAddress;
  /** Calls back when nothing is left of it. */
  onceGone(callback: () => void): void;
  take(target: BgpTarget, listeners: Omit<BgpListeners, "onConnected">): BgpAccepted;
  /** Resets it. */
  refuse(): void;
}

export interface BgpAccepted {
  readonly connection: BgpConnection;
  readonly local: LocalAddresses;
}

/** Each is called from the event loop, never from inside a call. Nothing is told after `onFailed`. */
export interface BgpDoorListeners {
  readonly onListening: () => void;
  /**
   * A target whose password the kernel does not take. Whoever is at its address gets in unsigned: he is to be refused.
   * `why` in the system's words.
   */
  readonly onKeptOut: (target: BgpTarget, why: string) => void;
  readonly onArrival: (arrival: BgpArrival) => void;
  /** `why` in the system's words. */
  readonly onFailed: (why: string) => void;
}

/** Connections that routers begin. */
export interface BgpIncomingPort {
  /** @returns the address that the kernel would take towards a peer; `undefined` without a route. */
  sourceTowards(target: BgpTarget): IpAddress | undefined;
  /** @returns what ends the listening; connections that were taken stay. */
  listen(door: BgpDoor, listeners: BgpDoorListeners): () => void;
}
