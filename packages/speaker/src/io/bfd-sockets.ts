import { createSocket, type Socket } from "node:dgram";
import { BFD_PORT, BFD_SOURCE_PORTS } from "@herald/bfd/iana";
import type { BfdPath } from "@herald/bfd/options";
import { familyOf, type IpFamily, isLinkLocal, parseAddress } from "@herald/shared/ip/address";
import type { BfdListeners, BfdPlace, BfdPort, OpenBfdPort } from "../bfd-port.ts";
import { scoped } from "../bgp-peer.ts";
import { ttlFilter } from "./bfd-filter.ts";
import { attachFilter, openUdpSocket, sharePort, type UdpBinding } from "./bfd-socket-options.ts";
import { SocketError } from "./kernel-socket.ts";

/** How many source ports are tried before it is said that there is none. */
const PORT_TRIALS = 20;

interface Ear {
  readonly place: BfdPlace;
  readonly fd: number;
  readonly socket: Socket;
}

type Ports = Readonly<Record<BfdPath["hops"], number>>;

export const openBfdSockets: OpenBfdPort = (listeners) => new BfdSockets(listeners, BFD_PORT);

/** Sockets of this machine's kernel. */
export class BfdSockets implements BfdPort {
  readonly #listeners: BfdListeners;
  readonly #ports: Ports;
  /** By `nameOf`; bounded by what is listened at. */
  readonly #ears = new Map<string, Ear>();
  /** By session; bounded by those. */
  readonly #mouths = new Map<string, Socket>();

  /** @param ports where peers send to and listen. */
  constructor(listeners: BfdListeners, ports: Ports) {
    this.#listeners = listeners;
    this.#ports = ports;
  }

  listen(places: readonly BfdPlace[]): void {
    const wanted = new Map(places.map((place) => [nameOf(place), place]));
    for (const [name, { socket }] of this.#ears) {
      if (wanted.has(name)) continue;
      this.#ears.delete(name);
      socket.close();
    }
    for (const [name, place] of wanted) {
      const before = this.#ears.get(name);
      if (before !== undefined && isSame(before.place, place)) continue;
      this.#try(name, () => {
        const ear = before === undefined ? this.#hear(name, place) : refilter(before, place);
        this.#ears.set(name, ear);
      });
    }
  }

  send(session: string, path: BfdPath, bytes: Uint8Array): void {
    let mouth = this.#mouths.get(session);
    if (mouth === undefined) {
      this.#try(session, () => {
        mouth = openMouth(path);
        this.#mouths.set(session, mouth);
      });
    }
    mouth?.send(bytes, this.#ports[path.hops], addressed(path), ignore);
  }

  end(session: string): void {
    this.#mouths.get(session)?.close();
    this.#mouths.delete(session);
  }

  close(): void {
    for (const { socket } of this.#ears.values()) socket.close();
    for (const mouth of this.#mouths.values()) mouth.close();
    this.#ears.clear();
    this.#mouths.clear();
  }

  #hear(name: string, place: BfdPlace): Ear {
    const { hops, family, device, local } = place;
    const siblings = [...this.#ears.values()].filter(
      (ear) => ear.place.hops === hops && ear.place.family === family,
    );
    for (const { fd } of siblings) sharePort(fd, true);
    const fd = openUdpSocket({
      family,
      address: local,
      port: this.#ports[hops],
      device,
      filter: ttlFilter(place),
      isShared: siblings.length > 0,
    });
    const socket = onDescriptor(family, fd);
    // libuv has let everybody share it who wants to: another BFD of this node would take packets away unseen.
    sharePort(fd, siblings.length > 0);
    socket.on("message", (bytes, { address }) => {
      const from = parseAddress(withoutZone(address));
      if (from === undefined) return;
      // The filter has seen to the TTL.
      const known = { to: local, interface: device, ttl: undefined };
      this.#listeners.onDatagram({ hops, from, ...known, bytes });
    });
    socket.on("error", (error) => {
      this.#listeners.onTrouble(name, error.message);
      if (this.#ears.get(name)?.socket !== socket) return;
      this.#ears.delete(name);
      socket.close();
    });
    return { place, fd, socket };
  }

  #try(what: string, open: () => void): void {
    try {
      open();
    } catch (error) {
      if (!(error instanceof SocketError)) throw error;
      this.#listeners.onTrouble(what, error.message);
    }
  }
}

function nameOf({ hops, family, device, local }: BfdPlace): string {
  const names = [device, local].filter((name) => name !== undefined);
  return [`${hops} hop, IPv${family}`, ...names].join(", ");
}

function isSame(a: BfdPlace, b: BfdPlace): boolean {
  return JSON.stringify(a.leastTtls) === JSON.stringify(b.leastTtls);
}

function refilter(ear: Ear, place: BfdPlace): Ear {
  attachFilter(ear.fd, ttlFilter(place));
  return { ...ear, place };
}

/** Only sends: peers answer to the port that everybody listens at (RFC 5881 §4). */
function openMouth({ remote, local, interface: device }: BfdPath): Socket {
  const family = familyOf(remote);
  const binding = { family, address: local, device, filter: undefined, isShared: false };
  const mouth = onDescriptor(family, openAnywhere(binding));
  mouth.on("error", ignore);
  return mouth;
}

function openAnywhere(binding: Omit<UdpBinding, "port">): number {
  const { first, last } = BFD_SOURCE_PORTS;
  for (let trial = 1; ; trial += 1) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    try {
      return openUdpSocket({ ...binding, port });
    } catch (error) {
      if (!(error instanceof SocketError) || trial === PORT_TRIALS) throw error;
    }
  }
}

function onDescriptor(family: IpFamily, fd: number): Socket {
  // Node would look every address up, at the next tick: they are addresses already.
  const lookup: NonNullable<Parameters<typeof createSocket>[0] & object>["lookup"] = (host, _, done) =>
    done(null, host, family);
  const socket = createSocket({ type: family === 4 ? "udp4" : "udp6", lookup });
  socket.bind({ fd });
  return socket;
}

function addressed({ remote, interface: device }: BfdPath): string {
  return isLinkLocal(remote) ? scoped(remote, device) : remote;
}

function withoutZone(address: string): string {
  const [bare = ""] = address.split("%");
  return bare;
}

/** What cannot be sent is lost, and BFD finds out. */
function ignore(): void {}
