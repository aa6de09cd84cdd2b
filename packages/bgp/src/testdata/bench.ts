import assert from "node:assert/strict";
import { SeededRandom } from "@herald/lab/random";
import type { IpAddress } from "@herald/shared/ip/address";
import type { Capability } from "../capability.ts";
import type { BgpEffect, BgpInput } from "../effect.ts";
import type { LocalAddresses } from "../export.ts";
import { type Frame, Framer } from "../framer.ts";
import { frame, MAX_EXTENDED_OCTETS } from "../header.ts";
import { MESSAGE_TYPE } from "../iana.ts";
import { encodeMessage } from "../message.ts";
import { decodeNotification, describeNotification } from "../notification.ts";
import { decodeOpen, type Open } from "../open.ts";
import { PLAIN_OPTIONS, type SessionOptions } from "../options.ts";
import { parsePrefix } from "../prefix.ts";
import { type RouteAttributes, type RouteTable, routeTable } from "../route.ts";
import { BgpSession } from "../session.ts";
import type { BgpState } from "../states.ts";

export const ip = (text: string): IpAddress => text as IpAddress;

/** A speaker in AS 64512 and its router in AS 64513. */
export const OPTIONS: SessionOptions = {
  ...PLAIN_OPTIONS,
  asn: 64_512,
  peerAsn: 64_513,
  routerId: ip("192.0.2.1"),
  families: [4, 6],
};

export const LOCAL: LocalAddresses = {
  transport: 4,
  ipv4: ip("192.0.2.1"),
  ipv6: ip("2001:db8::1"),
  linkLocal: undefined,
};

export const RESTART = {
  restartTimeSeconds: 120,
  forwarding: true,
  notifications: true,
  longLivedSeconds: undefined,
  restarting: false,
} as const;

export const KEEPALIVE = encodeMessage({ type: "keepalive" });
/** An empty UPDATE: End-of-RIB of IPv4. */
export const UPDATE = frame(MESSAGE_TYPE.update, new Uint8Array(4));

const FAMILIES: readonly Capability[] = [
  { type: "multiprotocol", family: { afi: 1, safi: 1 } },
  { type: "multiprotocol", family: { afi: 2, safi: 1 } },
];

/** The router's. */
export function theirOpen(changes: Partial<Open> = {}, more: readonly Capability[] = []): Open {
  return {
    type: "open",
    version: 4,
    asn: 64_513,
    holdTimeSeconds: 90,
    routerId: ip("192.0.2.254"),
    capabilities: [...FAMILIES, { type: "four-octet-asn", asn: 64_513 }, ...more],
    ...changes,
  };
}

export function routes(...texts: string[]): RouteTable {
  return routesWith({}, ...texts);
}

export function routesWith(attributes: RouteAttributes, ...texts: string[]): RouteTable {
  return routeTable(
    texts.map((text) => ({ prefix: parsePrefix(text) ?? assert.fail(text), pathId: 0, attributes })),
  );
}

/** A session whose peer the test plays. */
export class Bench {
  readonly session: BgpSession;
  now = 0;
  constructor(options: Partial<SessionOptions> = {}) {
    this.session = new BgpSession({ ...OPTIONS, ...options }, new SeededRandom(1));
  }

  get state(): BgpState {
    return this.session.status().state;
  }

  handle(input: BgpInput): readonly string[] {
    return this.session.handle(input, this.now).map(tell);
  }

  start(): readonly string[] {
    return this.handle({ type: "start" });
  }

  hear(bytes: Uint8Array, connection = 1): readonly string[] {
    return this.handle({ type: "bytes", connection, bytes });
  }

  connected(connection = 1): readonly string[] {
    return this.handle({ type: "connected", connection, local: LOCAL });
  }

  accepted(connection = -1): readonly string[] {
    return this.handle({ type: "accepted", connection, local: LOCAL });
  }

  closed(connection = 1, why = ""): readonly string[] {
    return this.handle({ type: "closed", connection, why });
  }

  /** Steps from timer to timer, each on time. */
  pass(ms: number): readonly string[] {
    const told: string[] = [];
    const until = this.now + ms;
    let turns = 0;
    for (let due = this.session.nextWake(); due !== undefined && due <= until; due = this.session.nextWake()) {
      assert.ok((turns += 1) < 10_000, "wakes and wakes");
      this.now = Math.max(due, this.now);
      told.push(...this.session.wake(this.now).map(tell));
    }
    this.now = until;
    return told;
  }

  /** Wakes once, late: all timers until then are due at once. */
  oversleep(ms: number): readonly string[] {
    this.now += ms;
    return this.session.wake(this.now).map(tell);
  }

  /** Brings the session there by the shortest way, over connection 1. */
  reach(state: BgpState, open: Open = theirOpen()): this {
    const ways: Record<BgpState, (() => void)[]> = {
      idle: [],
      connect: [() => this.start()],
      active: [() => this.start(), () => this.closed()],
      "open-sent": [() => this.start(), () => this.connected()],
      "open-confirm": [() => this.start(), () => this.connected(), () => this.hear(encodeMessage(open))],
      established: [
        () => this.start(),
        () => this.connected(),
        () => this.hear(encodeMessage(open)),
        () => this.hear(KEEPALIVE),
      ],
    };
    for (const step of ways[state]) step();
    assert.equal(this.state, state);
    return this;
  }
}

/** An effect in a few words: `1 < KEEPALIVE`. */
export function tell(effect: BgpEffect): string {
  switch (effect.type) {
    case "send":
      return `${effect.connection} < ${framesIn(effect.bytes).map(tellFrame).join(", ")}`;
    case "connect":
    case "close":
      return `${effect.connection} ${effect.type}`;
    case "state":
      return `${effect.from} > ${effect.to}`;
    case "established":
      return "established";
    case "down":
      return `${effect.established ? "lost" : "down"}: ${effect.error.reason}: ${effect.error.text}`;
    case "told":
      return `told ${effect.announced}, took back ${effect.withdrawn}, in ${effect.updates}`;
    case "end-of-rib":
      return `end of IPv${effect.family}`;
    case "notice":
      return `${effect.reason}: ${effect.detail}`;
  }
}

export function framesIn(bytes: Uint8Array): readonly Frame[] {
  const framer = new Framer();
  framer.allow(MAX_EXTENDED_OCTETS);
  framer.push(bytes);
  const frames: Frame[] = [];
  for (let next = framer.next(); next !== undefined; next = framer.next()) frames.push(next);
  return frames;
}

function tellFrame({ type, body }: Frame): string {
  switch (type) {
    case MESSAGE_TYPE.open:
      return `OPEN ${decodeOpen(body).capabilities.length}`;
    case MESSAGE_TYPE.notification:
      return describeNotification(decodeNotification(body));
    case MESSAGE_TYPE.keepalive:
      return "KEEPALIVE";
    default:
      return type === MESSAGE_TYPE.update ? `UPDATE ${body.length}` : "ROUTE-REFRESH";
  }
}
