import type { BgpPeerConfig } from "@herald/shared/config/config";
import type { Clock } from "@herald/shared/core";
import { type IpAddress, isLinkLocal } from "@herald/shared/ip/address";
import { targetOf } from "./bgp-peer.ts";
import type { BgpConnection, BgpListeners, BgpPort } from "./bgp-port.ts";
import type { NoRouter } from "./run-router-search.ts";

export interface PeerDiallerPorts {
  readonly clock: Clock;
  readonly sockets: BgpPort;
  /** The router on an interface, or why none is known. */
  readonly routerOn: (link: string) => IpAddress | NoRouter;
  /** The peer is somewhere else now, or nowhere. */
  readonly onMoved: () => void;
}

/** How long an attempt waits for a router to be heard, ms: routers were asked, and a session waits longer for an attempt. */
const FIND_MS = 4_000;

/** Connects to a peer wherever it is by then. */
export class PeerDialler {
  #peer: BgpPeerConfig;
  readonly #ports: PeerDiallerPorts;
  /** Attempts that wait for a router; bounded by the session: one. */
  readonly #waiting = new Set<() => void>();
  #remote: IpAddress | undefined;

  constructor(peer: BgpPeerConfig, ports: PeerDiallerPorts) {
    this.#peer = peer;
    this.#ports = ports;
    if ("address" in peer.remote) this.#remote = peer.remote.address;
  }

  /** Where it was dialled last; `undefined` while nobody knows. */
  get remote(): IpAddress | undefined {
    return this.#remote;
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
    this.#moveTo(undefined);
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
    this.#moveTo(address);
    return this.#ports.sockets.dial(target, listeners);
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
      this.#moveTo(undefined);
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

  #moveTo(remote: IpAddress | undefined): void {
    if (remote === this.#remote) return;
    this.#remote = remote;
    this.#ports.onMoved();
  }
}
