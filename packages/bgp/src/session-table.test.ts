import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BgpInput } from "./effect.ts";
import { encodeMessage } from "./message.ts";
import { notification } from "./notification.ts";
import type { BgpState } from "./states.ts";
import { Bench, ip, KEEPALIVE, LOCAL, routes, theirOpen, UPDATE } from "./testdata/bench.ts";

// RFC 4271 §8.2.2 as seen from outside: what a session does in each state about each thing that may happen.

const REFRESH = encodeMessage({ type: "route-refresh", family: { afi: 1, safi: 1 }, subtype: 0 });
/** The session has no routes to tell: nothing shows. */
const ELSEWHERE = { ...LOCAL, ipv6: ip("2001:db8::9") };
const OTHER_TIMERS = { holdTimeSeconds: 9, keepaliveSeconds: 1, retryMaxMs: 30_000 };
const BAD_UPDATE = Uint8Array.of(...UPDATE.subarray(0, 17), 24, 2, 0, 9, 0, 0, 0);

type Do = (bench: Bench) => readonly string[];

/** By type of the input, and there is one of every type: the compiler says so. */
const HAPPENS = {
  start: { start: (bench) => bench.start() },
  stop: {
    stop: (bench) => bench.handle({ type: "stop", how: "shutdown", text: "" }),
    reset: (bench) => bench.handle({ type: "stop", how: "reset", text: "" }),
    deconfigured: (bench) => bench.handle({ type: "stop", how: "deconfigured", text: "" }),
    restart: (bench) => bench.handle({ type: "stop", how: "restart", text: "" }),
  },
  "peer-down": { "peer-down": (bench) => bench.handle({ type: "peer-down", why: "" }) },
  reachable: { reachable: (bench) => bench.handle({ type: "reachable" }) },
  addresses: {
    addresses: (bench) => bench.handle({ type: "addresses", connection: 1, local: ELSEWHERE }),
  },
  connected: { connected: (bench) => bench.connected() },
  accepted: { accepted: (bench) => bench.accepted() },
  closed: { closed: (bench) => bench.closed() },
  bytes: {
    OPEN: (bench) => bench.hear(encodeMessage(theirOpen())),
    "bad OPEN": (bench) => bench.hear(encodeMessage(theirOpen({ asn: 1, capabilities: [] }))),
    KEEPALIVE: (bench) => bench.hear(KEEPALIVE),
    UPDATE: (bench) => bench.hear(UPDATE),
    "bad UPDATE": (bench) => bench.hear(BAD_UPDATE),
    "ROUTE-REFRESH": (bench) => bench.hear(REFRESH),
    NOTIFICATION: (bench) => bench.hear(encodeMessage(notification(6, 4))),
    "NOTIFICATION of the version": (bench) => bench.hear(encodeMessage(notification(2, 1))),
    rubbish: (bench) => bench.hear(Uint8Array.of(1)),
    "on a connection that is none": (bench) => bench.hear(KEEPALIVE, 7),
  },
  routes: { routes: (bench) => bench.handle({ type: "routes", routes: routes("203.0.113.1/32") }) },
  drain: { drain: (bench) => bench.handle({ type: "drain", draining: true }) },
  timers: {
    timers: (bench) =>
      bench.handle({
        type: "timers",
        timers: { ...OTHER_TIMERS, advertisementIntervalMs: 5_000, delayOpenMs: 2_000 },
      }),
  },
  "announce-again": { "announce-again": (bench) => bench.handle({ type: "announce-again" }) },
  wake: {
    "next timer": (bench) => bench.pass((bench.session.nextWake() ?? bench.now) - bench.now),
    "silence for long": (bench) => bench.oversleep(100_000),
  },
} satisfies Record<BgpInput["type"] | "wake", Readonly<Record<string, Do>>>;

type KeysOf<T> = T extends unknown ? keyof T : never;
type Happens = KeysOf<(typeof HAPPENS)[keyof typeof HAPPENS]>;

const DO: Readonly<Record<Happens, Do>> = Object.assign({}, ...Object.values(HAPPENS));

/**
 * Idle is two: before it was wanted, and while it waits after an error. So are Connect and Active: with DelayOpen there may be a
 * connection on which our OPEN has to wait.
 */
type Place = BgpState | keyof typeof OTHER_PLACES;

const OTHER_PLACES = {
  "idle after an error": () => {
    const bench = new Bench().reach("open-sent");
    bench.hear(Uint8Array.of(1));
    assert.equal(bench.state, "idle");
    return bench;
  },
  "connect with a connection": () => {
    const bench = new Bench({ delayOpenMs: 2_000 }).reach("connect");
    assert.deepEqual(bench.connected(), []);
    return bench;
  },
  "active with a connection": () => {
    const bench = new Bench({ delayOpenMs: 2_000 }).reach("active");
    assert.deepEqual(bench.accepted(1), []);
    return bench;
  },
} as const;

function reach(place: Place): Bench {
  return place in OTHER_PLACES
    ? OTHER_PLACES[place as keyof typeof OTHER_PLACES]()
    : new Bench().reach(place as BgpState);
}

const EXPECTED: Readonly<Record<Place, Readonly<Record<Happens, readonly string[]>>>> = {
  idle: {
    start: ["idle > connect", "1 connect"],
    stop: [],
    restart: [],
    "peer-down": [],
    reachable: [],
    addresses: [],
    connected: [],
    accepted: ["-1 close", "connection-refused: no session is wanted"],
    closed: [],
    OPEN: [],
    "bad OPEN": [],
    KEEPALIVE: [],
    UPDATE: [],
    "bad UPDATE": [],
    "ROUTE-REFRESH": [],
    NOTIFICATION: [],
    rubbish: [],
    reset: [],
    deconfigured: [],
    "NOTIFICATION of the version": [],
    "on a connection that is none": [],
    routes: [],
    timers: [],
    drain: [],
    "announce-again": [],
    "next timer": [],
    "silence for long": [],
  },
  connect: {
    start: [],
    stop: ["1 close", "connect > idle", "down: stopped: ended from this side, shutdown"],
    restart: ["1 close", "connect > idle", "down: restarting: restarting"],
    "peer-down": [],
    reachable: [],
    addresses: [],
    connected: ["connect > open-sent", "1 < OPEN 5"],
    accepted: ["-1 < OPEN 5"],
    closed: ["connect > active", "down: connect-failed: no connection"],
    OPEN: [],
    "bad OPEN": [],
    KEEPALIVE: [],
    UPDATE: [],
    "bad UPDATE": [],
    "ROUTE-REFRESH": [],
    NOTIFICATION: [],
    rubbish: [],
    reset: ["1 close", "connect > idle", "down: stopped: ended from this side, reset"],
    deconfigured: ["1 close", "connect > idle", "down: stopped: ended from this side, deconfigured"],
    "NOTIFICATION of the version": [],
    "on a connection that is none": [],
    routes: [],
    timers: [],
    drain: [],
    "announce-again": [],
    "next timer": ["1 close", "connect > active", "down: connect-failed: no connection within 5 s"],
    "silence for long": ["1 close", "connect > active", "down: connect-failed: no connection within 5 s"],
  },
  active: {
    start: [],
    stop: ["active > idle", "down: stopped: ended from this side, shutdown"],
    restart: ["active > idle", "down: restarting: restarting"],
    "peer-down": [],
    reachable: ["active > connect", "2 connect"],
    addresses: [],
    connected: [],
    accepted: ["active > open-sent", "-1 < OPEN 5"],
    closed: [],
    OPEN: [],
    "bad OPEN": [],
    KEEPALIVE: [],
    UPDATE: [],
    "bad UPDATE": [],
    "ROUTE-REFRESH": [],
    NOTIFICATION: [],
    rubbish: [],
    reset: ["active > idle", "down: stopped: ended from this side, reset"],
    deconfigured: ["active > idle", "down: stopped: ended from this side, deconfigured"],
    "NOTIFICATION of the version": [],
    "on a connection that is none": [],
    routes: [],
    timers: [],
    drain: [],
    "announce-again": [],
    "next timer": ["active > connect", "2 connect"],
    "silence for long": ["active > connect", "2 connect"],
  },
  "open-sent": {
    start: [],
    stop: [
      "1 < Cease, administrative shutdown",
      "1 close",
      "open-sent > idle",
      "down: stopped: ended from this side, shutdown",
    ],
    restart: [
      "1 < Cease, administrative reset",
      "1 close",
      "open-sent > idle",
      "down: restarting: restarting",
    ],
    "peer-down": ["1 < Cease, BFD down", "1 close", "open-sent > idle", "down: peer-down: BFD lost the peer"],
    reachable: [],
    addresses: [],
    connected: [],
    accepted: ["-1 < OPEN 5"],
    closed: ["open-sent > active", "down: closed: the connection was closed"],
    OPEN: ["open-sent > open-confirm", "1 < KEEPALIVE"],
    "bad OPEN": [
      "1 < OPEN message error, bad peer AS",
      "1 close",
      "open-sent > idle",
      "down: open-refused: open.asn: invalid (the peer is AS 1, want AS 64513); told the peer: OPEN message error, bad peer AS",
    ],
    KEEPALIVE: [
      "1 < finite state machine error, unexpected message in OpenSent",
      "1 close",
      "open-sent > idle",
      "down: protocol-error: KEEPALIVE in state open-sent",
    ],
    UPDATE: [
      "1 < finite state machine error, unexpected message in OpenSent",
      "1 close",
      "open-sent > idle",
      "down: protocol-error: UPDATE in state open-sent",
    ],
    "bad UPDATE": [
      "1 < finite state machine error, unexpected message in OpenSent",
      "1 close",
      "open-sent > idle",
      "down: protocol-error: UPDATE in state open-sent",
    ],
    "ROUTE-REFRESH": [
      "1 < finite state machine error, unexpected message in OpenSent",
      "1 close",
      "open-sent > idle",
      "down: protocol-error: ROUTE-REFRESH in state open-sent",
    ],
    NOTIFICATION: [
      "1 close",
      "open-sent > idle",
      "down: notification: the peer says: Cease, administrative reset",
    ],
    rubbish: [
      "1 < message header error, connection not synchronized",
      "1 close",
      "open-sent > idle",
      "down: protocol-error: header.marker: invalid (octet 0 is 1); told the peer: message header error, connection not synchronized",
    ],
    reset: [
      "1 < Cease, administrative reset",
      "1 close",
      "open-sent > idle",
      "down: stopped: ended from this side, reset",
    ],
    deconfigured: [
      "1 < Cease, peer de-configured",
      "1 close",
      "open-sent > idle",
      "down: stopped: ended from this side, deconfigured",
    ],
    "NOTIFICATION of the version": [
      "1 close",
      "open-sent > idle",
      "down: notification: the peer says: OPEN message error, unsupported version number",
    ],
    "on a connection that is none": [],
    routes: [],
    timers: [],
    drain: [],
    "announce-again": [],
    "next timer": [
      "1 < hold timer expired",
      "1 close",
      "open-sent > idle",
      "down: hold-expired: no OPEN within 30 s, although there was a connection",
    ],
    "silence for long": [
      "1 < hold timer expired",
      "1 close",
      "open-sent > idle",
      "down: hold-expired: no OPEN within 30 s, although there was a connection",
    ],
  },
  "open-confirm": {
    start: [],
    stop: [
      "1 < Cease, administrative shutdown",
      "1 close",
      "open-confirm > idle",
      "down: stopped: ended from this side, shutdown",
    ],
    restart: [
      "1 < Cease, administrative reset",
      "1 close",
      "open-confirm > idle",
      "down: restarting: restarting",
    ],
    "peer-down": [
      "1 < Cease, BFD down",
      "1 close",
      "open-confirm > idle",
      "down: peer-down: BFD lost the peer",
    ],
    reachable: [],
    addresses: [],
    connected: [],
    accepted: ["-1 < OPEN 5"],
    closed: ["open-confirm > idle", "down: closed: the connection was closed"],
    OPEN: [
      "1 < finite state machine error, unexpected message in OpenConfirm",
      "1 close",
      "open-confirm > idle",
      "down: protocol-error: OPEN in state open-confirm",
    ],
    "bad OPEN": [
      "1 < finite state machine error, unexpected message in OpenConfirm",
      "1 close",
      "open-confirm > idle",
      "down: protocol-error: OPEN in state open-confirm",
    ],
    KEEPALIVE: ["open-confirm > established", "established"],
    UPDATE: [
      "1 < finite state machine error, unexpected message in OpenConfirm",
      "1 close",
      "open-confirm > idle",
      "down: protocol-error: UPDATE in state open-confirm",
    ],
    "bad UPDATE": [
      "1 < finite state machine error, unexpected message in OpenConfirm",
      "1 close",
      "open-confirm > idle",
      "down: protocol-error: UPDATE in state open-confirm",
    ],
    "ROUTE-REFRESH": [
      "1 < finite state machine error, unexpected message in OpenConfirm",
      "1 close",
      "open-confirm > idle",
      "down: protocol-error: ROUTE-REFRESH in state open-confirm",
    ],
    NOTIFICATION: [
      "1 close",
      "open-confirm > idle",
      "down: notification: the peer says: Cease, administrative reset",
    ],
    rubbish: [
      "1 < message header error, connection not synchronized",
      "1 close",
      "open-confirm > idle",
      "down: protocol-error: header.marker: invalid (octet 0 is 1); told the peer: message header error, connection not synchronized",
    ],
    reset: [
      "1 < Cease, administrative reset",
      "1 close",
      "open-confirm > idle",
      "down: stopped: ended from this side, reset",
    ],
    deconfigured: [
      "1 < Cease, peer de-configured",
      "1 close",
      "open-confirm > idle",
      "down: stopped: ended from this side, deconfigured",
    ],
    "NOTIFICATION of the version": [
      "1 close",
      "open-confirm > idle",
      "down: notification: the peer says: OPEN message error, unsupported version number",
    ],
    "on a connection that is none": [],
    routes: [],
    timers: [],
    drain: [],
    "announce-again": [],
    "next timer": ["1 < KEEPALIVE"],
    "silence for long": [
      "1 < hold timer expired",
      "1 close",
      "open-confirm > idle",
      "down: hold-expired: no answer to our OPEN within the hold time of 90 s: the peer may not hear us, if it demands a TTL (GTSM)",
    ],
  },
  established: {
    start: [],
    stop: [
      "1 < Cease, administrative shutdown",
      "1 close",
      "established > idle",
      "lost: stopped: ended from this side, shutdown",
    ],
    restart: [
      "1 < Cease, administrative reset",
      "1 close",
      "established > idle",
      "lost: restarting: restarting",
    ],
    "peer-down": [
      "1 < Cease, BFD down",
      "1 close",
      "established > idle",
      "lost: peer-down: BFD lost the peer",
    ],
    reachable: [],
    addresses: [],
    connected: [],
    accepted: ["-1 < OPEN 5"],
    closed: ["established > idle", "lost: closed: the connection was closed"],
    OPEN: [
      "1 < finite state machine error, unexpected message in Established",
      "1 close",
      "established > idle",
      "lost: protocol-error: OPEN in state established",
    ],
    "bad OPEN": [
      "1 < finite state machine error, unexpected message in Established",
      "1 close",
      "established > idle",
      "lost: protocol-error: OPEN in state established",
    ],
    KEEPALIVE: [],
    UPDATE: ["end of IPv4"],
    "bad UPDATE": [
      "1 < UPDATE message error, malformed attribute list",
      "1 close",
      "established > idle",
      "lost: protocol-error: update.withdrawn: truncated (need 9, have 3); told the peer: UPDATE message error, malformed attribute list",
    ],
    "ROUTE-REFRESH": [],
    NOTIFICATION: [
      "1 close",
      "established > idle",
      "lost: notification: the peer says: Cease, administrative reset",
    ],
    rubbish: [
      "1 < message header error, connection not synchronized",
      "1 close",
      "established > idle",
      "lost: protocol-error: header.marker: invalid (octet 0 is 1); told the peer: message header error, connection not synchronized",
    ],
    reset: [
      "1 < Cease, administrative reset",
      "1 close",
      "established > idle",
      "lost: stopped: ended from this side, reset",
    ],
    deconfigured: [
      "1 < Cease, peer de-configured",
      "1 close",
      "established > idle",
      "lost: stopped: ended from this side, deconfigured",
    ],
    "NOTIFICATION of the version": [
      "1 close",
      "established > idle",
      "lost: notification: the peer says: OPEN message error, unsupported version number",
    ],
    "on a connection that is none": [],
    routes: ["1 < UPDATE 29", "told 1, took back 0, in 1"],
    timers: [],
    drain: [],
    "announce-again": [],
    "next timer": ["1 < KEEPALIVE"],
    "silence for long": [
      "1 < hold timer expired",
      "1 close",
      "established > idle",
      "lost: hold-expired: nothing heard for the hold time of 90 s",
    ],
  },
  "idle after an error": {
    start: [],
    stop: [],
    reset: [],
    deconfigured: [],
    restart: [],
    "peer-down": [],
    reachable: ["idle > connect", "2 connect"],
    addresses: [],
    connected: [],
    accepted: ["-1 close", "connection-refused: too soon after an error"],
    closed: [],
    OPEN: [],
    "bad OPEN": [],
    KEEPALIVE: [],
    UPDATE: [],
    "bad UPDATE": [],
    "ROUTE-REFRESH": [],
    NOTIFICATION: [],
    "NOTIFICATION of the version": [],
    rubbish: [],
    "on a connection that is none": [],
    routes: [],
    timers: [],
    drain: [],
    "announce-again": [],
    "next timer": ["idle > connect", "2 connect"],
    "silence for long": ["idle > connect", "2 connect"],
  },
  "connect with a connection": {
    start: [],
    stop: ["1 close", "connect > idle", "down: stopped: ended from this side, shutdown"],
    reset: ["1 close", "connect > idle", "down: stopped: ended from this side, reset"],
    deconfigured: ["1 close", "connect > idle", "down: stopped: ended from this side, deconfigured"],
    restart: ["1 close", "connect > idle", "down: restarting: restarting"],
    "peer-down": [],
    reachable: [],
    addresses: [],
    connected: [],
    accepted: [],
    closed: ["connect > active", "down: closed: the connection was closed"],
    OPEN: ["connect > open-confirm", "1 < OPEN 5", "1 < KEEPALIVE"],
    "bad OPEN": [
      "1 close",
      "connect > idle",
      "down: open-refused: open.asn: invalid (the peer is AS 1, want AS 64513)",
    ],
    KEEPALIVE: ["1 close", "connect > idle", "down: protocol-error: KEEPALIVE in state connect"],
    UPDATE: ["1 close", "connect > idle", "down: protocol-error: UPDATE in state connect"],
    "bad UPDATE": ["1 close", "connect > idle", "down: protocol-error: UPDATE in state connect"],
    "ROUTE-REFRESH": ["1 close", "connect > idle", "down: protocol-error: ROUTE-REFRESH in state connect"],
    NOTIFICATION: [
      "1 close",
      "connect > idle",
      "down: notification: the peer says: Cease, administrative reset",
    ],
    "NOTIFICATION of the version": [
      "1 close",
      "connect > idle",
      "down: notification: the peer says: OPEN message error, unsupported version number",
    ],
    rubbish: ["1 close", "connect > idle", "down: protocol-error: header.marker: invalid (octet 0 is 1)"],
    "on a connection that is none": [],
    routes: [],
    drain: [],
    timers: [],
    "announce-again": [],
    "next timer": ["connect > open-sent", "1 < OPEN 5"],
    "silence for long": ["connect > open-sent", "1 < OPEN 5"],
  },
  "active with a connection": {
    start: [],
    stop: ["1 close", "active > idle", "down: stopped: ended from this side, shutdown"],
    reset: ["1 close", "active > idle", "down: stopped: ended from this side, reset"],
    deconfigured: ["1 close", "active > idle", "down: stopped: ended from this side, deconfigured"],
    restart: ["1 close", "active > idle", "down: restarting: restarting"],
    "peer-down": [],
    reachable: [],
    addresses: [],
    connected: [],
    accepted: [],
    closed: ["active > idle", "down: closed: the connection was closed"],
    OPEN: ["active > open-confirm", "1 < OPEN 5", "1 < KEEPALIVE"],
    "bad OPEN": [
      "1 close",
      "active > idle",
      "down: open-refused: open.asn: invalid (the peer is AS 1, want AS 64513)",
    ],
    KEEPALIVE: ["1 close", "active > idle", "down: protocol-error: KEEPALIVE in state active"],
    UPDATE: ["1 close", "active > idle", "down: protocol-error: UPDATE in state active"],
    "bad UPDATE": ["1 close", "active > idle", "down: protocol-error: UPDATE in state active"],
    "ROUTE-REFRESH": ["1 close", "active > idle", "down: protocol-error: ROUTE-REFRESH in state active"],
    NOTIFICATION: [
      "1 close",
      "active > idle",
      "down: notification: the peer says: Cease, administrative reset",
    ],
    "NOTIFICATION of the version": [
      "1 close",
      "active > idle",
      "down: notification: the peer says: OPEN message error, unsupported version number",
    ],
    rubbish: ["1 close", "active > idle", "down: protocol-error: header.marker: invalid (octet 0 is 1)"],
    "on a connection that is none": [],
    routes: [],
    drain: [],
    timers: [],
    "announce-again": [],
    "next timer": ["active > open-sent", "1 < OPEN 5"],
    "silence for long": ["active > open-sent", "1 < OPEN 5"],
  },
};

for (const [place, row] of Object.entries(EXPECTED) as [Place, Record<Happens, readonly string[]>][]) {
  describe(`a session in state ${place}`, () => {
    for (const [what, effects] of Object.entries(row) as [Happens, readonly string[]][]) {
      it(`does ${effects.length === 0 ? "nothing" : effects.length} about ${what}`, () => {
        assert.deepEqual(DO[what](reach(place)), effects);
      });
    }

    it("is asked about all that may happen", () => {
      assert.deepEqual(Object.keys(row).sort(), Object.keys(DO).sort());
    });
  });
}
