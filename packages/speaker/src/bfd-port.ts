import type { BfdDatagram } from "@herald/bfd/effect";
import type { BfdPath } from "@herald/bfd/options";
import type { IpAddress, IpFamily } from "@herald/shared/ip/address";

/** A port to hear peers at. */
export interface BfdPlace {
  readonly hops: BfdPath["hops"];
  readonly family: IpFamily;
  /** Name of the interface or VRF to hear at; `undefined`: wherever there is no place of its own. */
  readonly device: string | undefined;
  /** Of ours, what is heard that is sent there; `undefined`: to any that is no such place's of its own. */
  readonly local: IpAddress | undefined;
  /** From where fewer hops are taken than the protocol allows, and how few; over a single one it is always 255. */
  readonly leastTtls: readonly LeastTtl[];
}

export interface LeastTtl {
  readonly from: IpAddress;
  /** 1 to 255. */
  readonly ttl: number;
}

export interface BfdListeners {
  readonly onDatagram: (datagram: BfdDatagram) => void;
  /** A socket could not be made or broke; it is tried again when it is asked for next. `what` it is for. */
  readonly onTrouble: (what: string, message: string) => void;
}

/** UDP as BFD wants it: what arrives with too low a TTL is dropped by the kernel, what is sent has 255. */
export interface BfdPort {
  /** Hears at all of these from now on, and nowhere else. Asked again it opens what failed before. */
  listen(places: readonly BfdPlace[]): void;
  /** Best effort: what cannot be sent is lost. `session` has one source port for as long as it lives. */
  send(session: string, path: BfdPath, bytes: Uint8Array): void;
  /** Gives the session's source port back. */
  end(session: string): void;
  close(): void;
}

export type OpenBfdPort = (listeners: BfdListeners) => BfdPort;
