import type { LocalAddresses } from "@herald/bgp/export";
import type { IpAddress } from "@herald/shared/ip/address";

/** Whom to connect to, and how. */
export interface BgpTarget {
  readonly address: IpAddress;
  readonly port: number;
  /** `undefined`: whichever the kernel takes. */
  readonly source: IpAddress | undefined;
  /** TCP-MD5 (RFC 2385), at most 80 octets; "" for none. Never logged. */
  readonly password: string;
  /** Of what we send, 1 to 255. */
  readonly ttl: number;
  /** What arrives with less is dropped by the kernel (GTSM, RFC 5082); `undefined`: anything goes. */
  readonly minimumTtl: number | undefined;
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
}

/** Connections to routers. Each listener is called from the event loop, never from inside a call. */
export interface BgpPort {
  dial(target: BgpTarget, listeners: BgpListeners): BgpConnection;
}
