import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage } from "./message.ts";
import { notification } from "./notification.ts";
import type { BgpState } from "./states.ts";
import { Bench, KEEPALIVE, theirOpen, UPDATE } from "./testdata/bench.ts";

// RFC 4271 §8.2.2 as seen from outside: what a session does in each state about each thing that may happen.

const REFRESH = encodeMessage({ type: "route-refresh", family: { afi: 1, safi: 1 }, subtype: 0 });
const BAD_UPDATE = Uint8Array.of(...UPDATE.subarray(0, 17), 24, 2, 0, 9, 0, 0, 0);

const HAPPENS = {
  start: (bench) => bench.start(),
  stop: (bench) => bench.handle({ type: "stop", how: "shutdown", text: "" }),
  restart: (bench) => bench.handle({ type: "stop", how: "restart", text: "" }),
  "peer-down": (bench) => bench.handle({ type: "peer-down", why: "" }),
  reachable: (bench) => bench.handle({ type: "reachable" }),
  connected: (bench) => bench.connected(),
  accepted: (bench) => bench.accepted(),
  closed: (bench) => bench.closed(),
  OPEN: (bench) => bench.hear(encodeMessage(theirOpen())),
  "bad OPEN": (bench) => bench.hear(encodeMessage(theirOpen({ asn: 1, capabilities: [] }))),
  KEEPALIVE: (bench) => bench.hear(KEEPALIVE),
  UPDATE: (bench) => bench.hear(UPDATE),
  "bad UPDATE": (bench) => bench.hear(BAD_UPDATE),
  "ROUTE-REFRESH": (bench) => bench.hear(REFRESH),
  NOTIFICATION: (bench) => bench.hear(encodeMessage(notification(6, 4))),
  rubbish: (bench) => bench.hear(Uint8Array.of(1)),
} satisfies Record<string, (bench: Bench) => readonly string[]>;

type Happens = keyof typeof HAPPENS;

const EXPECTED: Readonly<Record<BgpState, Readonly<Record<Happens, readonly string[]>>>> = {
  idle: {
    start: ["idle > connect", "1 connect"],
    stop: [],
    restart: [],
    "peer-down": [],
    reachable: [],
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
  },
  connect: {
    start: [],
    stop: ["1 close", "connect > idle", "down: stopped: ended from this side, shutdown"],
    restart: ["1 close", "connect > idle", "down: restarting: restarting"],
    "peer-down": [],
    reachable: [],
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
  },
  active: {
    start: [],
    stop: ["active > idle", "down: stopped: ended from this side, shutdown"],
    restart: ["active > idle", "down: restarting: restarting"],
    "peer-down": [],
    reachable: ["active > connect", "2 connect"],
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
  },
};

for (const [state, row] of Object.entries(EXPECTED) as [BgpState, Record<Happens, readonly string[]>][]) {
  describe(`a session in state ${state}`, () => {
    for (const [what, effects] of Object.entries(row) as [Happens, readonly string[]][]) {
      it(`does ${effects.length === 0 ? "nothing" : effects.length} about ${what}`, () => {
        const bench = new Bench().reach(state);
        assert.deepEqual(HAPPENS[what](bench), effects);
      });
    }
  });
}
