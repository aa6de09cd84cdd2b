import type { LocalAddresses } from "@herald/bgp/export";
import type { BgpPeerConfig } from "@herald/shared/config/config";
import type { Clock } from "@herald/shared/core";
import { type IpAddress, isLinkLocal } from "@herald/shared/ip/address";
import { ownOf } from "./bgp-next-hops.ts";
import { targetOf } from "./bgp-peer.ts";
import type { BgpConnection, BgpListeners, BgpPort, BgpTarget } from "./bgp-port.ts";
import type { NoRouter } from "./run-router-search.ts";

export interface PeerDiallerPorts {
  readonly clock: Clock;
  readonly sockets: BgpPort;
  /** The address that the kernel would take towards a peer; `undefined` without a route. */
  readonly sourceTowards: (target: BgpTarget) => IpAddress | undefined;
  /** The router on an interface, or why none is known. */
  readonly routerOn: (link: string) => IpAddress | NoRouter;
  /** The peer is somewhere else now, or nowhere, or is spoken to from another address. */
  readonly onMoved: () => void;
}

/** Both ends of the way to a peer, as it was gone last; `undefined` while nobody knows. */
export interface PeerWay {
  readonly remote: IpAddress | undefined;
  /** Of ours. */
  readonly local: IpAddress | undefined;
}

const NOWHERE: PeerWay = { remote: undefined, local: undefined };

/** How long an attempt waits for a router to be heard, ms: routers were asked, and a session waits longer for an attempt. */
const FIND_MS = 4_000;

/** Connects to a peer wherever it is by then. */
export class PeerDialler {
  #peer: BgpPeerConfig;
  readonly #ports: PeerDiallerPorts;
  /** Attempts that wait for a router; bounded by the session: one. */
  readonly #waiting = new Set<() => void>();
  #way: PeerWay = NOWHERE;

  constructor(peer: BgpPeerConfig, ports: PeerDiallerPorts) {
    this.#peer = peer;
    this.#ports = ports;
    if ("address" in peer.remote) this.#way = { ...NOWHERE, remote: peer.remote.address };
  }

  get way(): PeerWay {
    return this.#way;
  }

  /** The peer is to be dialled another way from now on; where it is stays the same. */
  setPeer(peer: BgpPeerConfig): void {
    this.#peer = peer;
  }

  dial(listeners: BgpListeners): BgpConnection {
    const where = this.#find();
    if (typeof where === "string") return this.#connect(where, listeners);
    return this.#wait(where.isSought ? FIND_MS : 0, listeners);
  }

  /** A router was heard. */
  found(): void {
    for (const go of this.#waiting) go();
  }

  /** The link to the router is gone. */
  lost(): void {
    this.#moveTo(NOWHERE);
  }

  /** There is a session with it, whoever began the connection. */
  reached(local: LocalAddresses): void {
    const { remote } = this.#way;
    if (remote !== undefined) this.#moveTo({ remote, local: ownOf(local, remote) ?? this.#way.local });
  }

  #find(): IpAddress | NoRouter {
    const { remote } = this.#peer;
    if (!("address" in remote)) return this.#ports.routerOn(remote.interface);
    const { address, interface: link } = remote;
    if (!isLinkLocal(address) || link !== undefined) return address;
    const why = `spec.interface is missing: ${address} is an address of a link, and there may be several`;
    return { why, isSought: false };
  }

  #connect(address: IpAddress, listeners: BgpListeners): BgpConnection {
    const target = targetOf(this.#peer, address);
    if (target === undefined) throw new Error(`dialled ${this.#peer.name}, whose password is not known`);
    const { sockets, sourceTowards } = this.#ports;
    // Why the one before: where there is no way just now there is no other address either.
    const before = this.#way.remote === address ? this.#way.local : undefined;
    this.#moveTo({ remote: address, local: target.source ?? sourceTowards(target) ?? before });
    const onConnected = (local: LocalAddresses): void => {
      this.reached(local);
      listeners.onConnected(local);
    };
    return sockets.dial(target, { ...listeners, onConnected });
  }

  #wait(ms: number, listeners: BgpListeners): BgpConnection {
    const { clock } = this.#ports;
    let connection: BgpConnection | undefined;
    const end = (): void => {
      cancel();
      this.#waiting.delete(go);
    };
    const go = (): void => {
      const where = this.#find();
      if (typeof where !== "string") return;
      end();
      connection = this.#connect(where, listeners);
    };
    const cancel = clock.at(clock.now() + ms, () => {
      end();
      this.#moveTo(NOWHERE);
      const where = this.#find();
      listeners.onClosed(typeof where === "string" ? "" : where.why);
    });
    this.#waiting.add(go);
    return {
      send: (bytes) => connection?.send(bytes),
      reach: (ttls) => connection?.reach?.(ttls),
      local: () => connection?.local?.(),
      close: () => {
        end();
        connection?.close();
      },
    };
  }

  #moveTo(way: PeerWay): void {
    if (way.remote === this.#way.remote && way.local === this.#way.local) return;
    this.#way = way;
    this.#ports.onMoved();
  }
}
