import type { Log } from "@herald/daemon/log";
import type { Clock } from "@herald/shared/core";
import { familyOf, type IpAddress } from "@herald/shared/ip/address";
import type { BgpArrival, BgpDoor, BgpIncomingPort, BgpTarget } from "./bgp-port.ts";

/** Why a connection that came in was dropped at once. A closed set: a metric label and content of the reference page. */
export const INCOMING_REFUSALS = {
  "unknown-peer":
    "It came from an address that no BGPPeer of this node names, or to another address than the one that this node speaks to that peer from.",
  "ambiguous-peer":
    "Several BGPPeers of this node name the address it came from: which is meant cannot be told.",
  "too-many":
    "The peer has as many connections as it may: one in use, one that may take its place, and two that end.",
  "no-password":
    "The kernel has refused the password of the peer where this node listens, as the log says: nobody comes in without.",
} as const;

export type IncomingRefusal = keyof typeof INCOMING_REFUSALS;

/** A peer that may connect to us. */
export interface ExpectedPeer {
  readonly name: string;
  readonly target: BgpTarget;
  readonly accept: (arrival: BgpArrival) => void;
}

export interface BgpIncomingPorts {
  readonly clock: Clock;
  readonly sockets: BgpIncomingPort;
  readonly log: Log;
  readonly onRefused: (reason: IncomingRefusal) => void;
}

interface OpenDoor {
  door: BgpDoor;
  readonly close: () => void;
}

/** How long until it is looked again where to listen, ms: a node's addresses and routes come and go, ports are freed. */
const LOOK_AGAIN_MS = 5_000;

/** Of one peer, those that end among them. */
const CONNECTIONS_MAX = 4;

/** Connections that routers begin: on which addresses they are waited for, and whose are taken. */
export class BgpIncoming {
  readonly #port: number;
  readonly #ports: BgpIncomingPorts;
  #expected: readonly ExpectedPeer[] = [];
  /** By address and VRF; bounded by the configuration. */
  readonly #doors = new Map<string, OpenDoor>();
  /** Connections that have not quite ended, by router: that may get another name. Bounded by the configuration. */
  readonly #alive = new Map<string, number>();
  /** Why nothing listens, as it was said last, by address or peer; bounded by the configuration. */
  readonly #said = new Map<string, string>();
  #disarm = (): void => {};

  /** @param port where to listen. */
  constructor(port: number, ports: BgpIncomingPorts) {
    this.#port = port;
    this.#ports = ports;
  }

  /** All peers whose connections are taken from now on. Those that are there stay. */
  expect(peers: readonly ExpectedPeer[]): void {
    this.#expected = peers;
    this.#look();
  }

  stop(): void {
    this.expect([]);
  }

  #look(): void {
    this.#disarm();
    const wanted = this.#wanted();
    this.#closeAllBut(wanted);
    for (const [id, door] of wanted) {
      const open = this.#doors.get(id);
      if (open === undefined) this.#open(id, door);
      else open.door = door; // the same for the kernel, and maybe of peers that were configured anew
    }
    if (this.#expected.length === 0) return;
    const { clock } = this.#ports;
    this.#disarm = clock.at(clock.now() + LOOK_AGAIN_MS, () => this.#look());
  }

  #closeAllBut(wanted: ReadonlyMap<string, BgpDoor>): void {
    for (const [id, { door, close }] of this.#doors) {
      const next = wanted.get(id);
      if (next !== undefined && keyOf(next) === keyOf(door)) continue;
      close();
      this.#doors.delete(id);
    }
    const names = new Set(this.#expected.map(({ name }) => name));
    for (const about of this.#said.keys()) {
      if (!wanted.has(about) && !names.has(about)) this.#said.delete(about);
    }
  }

  /** One for each address that peers are spoken to from, and no more: the port may belong to others elsewhere. */
  #wanted(): ReadonlyMap<string, BgpDoor> {
    const wanted = new Map<string, BgpDoor>();
    for (const { name, target } of this.#expected) {
      const address = target.source ?? this.#ports.sockets.sourceTowards(target);
      if (address === undefined) {
        this.#sayUnexpected(name, `no route to ${target.address}`);
        continue;
      }
      // Why not the kernel's to find out: it refuses all of the socket, and so whoever else is expected there.
      if (familyOf(address) !== familyOf(target.address)) {
        this.#sayUnexpected(name, `${address} is of another family than ${target.address}`);
        continue;
      }
      this.#said.delete(name);
      const id = `${address} ${target.vrf ?? ""}`;
      const targets = [...(wanted.get(id)?.targets ?? []), target];
      wanted.set(id, { address, port: this.#port, vrf: target.vrf, targets });
    }
    return wanted;
  }

  #open(id: string, door: BgpDoor): void {
    const { log, sockets } = this.#ports;
    const where = {
      address: door.address,
      port: door.port,
      ...(door.vrf === undefined ? {} : { vrf: door.vrf }),
    };
    const keptOut = new Set<IpAddress>(); // bounded by the targets
    const close = sockets.listen(door, {
      onListening: () => {
        this.#said.delete(id);
        log.info("BGP listens", where);
      },
      onKeptOut: (target, reason) => {
        keptOut.add(target.address);
        const named = this.#expected.filter((each) => each.target === target);
        for (const { name } of named) this.#sayUnexpected(name, reason);
      },
      onArrival: (arrival) => {
        if (keptOut.has(arrival.from)) this.#refuse(arrival, door.address, "no-password");
        else this.#judge(this.#doors.get(id)?.door ?? door, arrival);
      },
      onFailed: (reason) => {
        this.#doors.delete(id);
        this.#say(id, "BGP cannot listen", { ...where, reason });
      },
    });
    this.#doors.set(id, { door, close });
  }

  /** Why by the door, too: the kernel checked the passwords of those who are expected there, and of nobody else. */
  #judge(door: BgpDoor, arrival: BgpArrival): void {
    const from = this.#expected.filter(
      ({ target }) => door.targets.includes(target) && target.address === arrival.from,
    );
    const [peer, other] = from;
    if (peer === undefined) this.#refuse(arrival, door.address, "unknown-peer");
    else if (other !== undefined) this.#refuse(arrival, door.address, "ambiguous-peer");
    else if (this.#aliveOf(routerOf(peer)) === CONNECTIONS_MAX)
      this.#refuse(arrival, door.address, "too-many");
    else this.#admit(peer, arrival);
  }

  #admit(peer: ExpectedPeer, arrival: BgpArrival): void {
    const router = routerOf(peer);
    this.#alive.set(router, this.#aliveOf(router) + 1);
    arrival.onceGone(() => {
      const left = this.#aliveOf(router) - 1;
      if (left === 0) this.#alive.delete(router);
      else this.#alive.set(router, left);
    });
    peer.accept(arrival);
  }

  #aliveOf(router: string): number {
    return this.#alive.get(router) ?? 0;
  }

  #refuse(arrival: BgpArrival, to: IpAddress, reason: IncomingRefusal): void {
    this.#ports.onRefused(reason);
    this.#ports.log.debug("BGP connection refused", { from: arrival.from, to, reason });
    arrival.refuse();
  }

  #sayUnexpected(peer: string, reason: string): void {
    this.#say(peer, "BGP does not listen for a peer", { peer, reason });
  }

  /** It is tried again and again: the same answer is worth a line once. */
  #say(
    about: string,
    message: string,
    fields: { readonly reason: string } & Readonly<Record<string, unknown>>,
  ): void {
    const isNews = this.#said.get(about) !== fields.reason;
    this.#said.set(about, fields.reason);
    if (isNews) this.#ports.log.warn(message, fields);
  }
}

/** Which router a peer is, for whoever it calls. */
function routerOf({ target: { address, source, vrf } }: ExpectedPeer): string {
  return JSON.stringify([address, source, vrf]);
}

/** All that a listening socket is set up by; never to be shown: passwords are in it. */
function keyOf({ targets }: BgpDoor): string {
  return JSON.stringify(targets);
}
