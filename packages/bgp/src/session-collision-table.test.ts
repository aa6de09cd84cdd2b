import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CEASE } from "./iana.ts";
import { encodeMessage } from "./message.ts";
import { cease } from "./notification.ts";
import { Bench, ip, KEEPALIVE, theirOpen } from "./testdata/bench.ts";

// RFC 4271 §6.8: a second connection, which the peer made (-1), beside one that we asked for (1). What the session does about
// all that may happen to either, by how far the first one has come. Only while it is Active does it take the second for its
// own, and in Idle it refuses it (session-table.test.ts).

const SMALLER = encodeMessage(theirOpen({ routerId: ip("192.0.2.0") }));
const GREATER = encodeMessage(theirOpen());
const COLLISION = encodeMessage(cease(CEASE.collision));

const HAPPENS = {
  "OPEN of a smaller identifier on the second": (bench) => bench.hear(SMALLER, -1),
  "OPEN of a greater identifier on the second": (bench) => bench.hear(GREATER, -1),
  "OPEN and KEEPALIVE on the second": (bench) => [
    ...bench.hear(GREATER, -1),
    "then",
    ...bench.hear(KEEPALIVE, -1),
  ],
  "bad OPEN on the second": (bench) => bench.hear(encodeMessage(theirOpen({ asn: 1, capabilities: [] })), -1),
  "HTTP on the second": (bench) =>
    bench.hear(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: iris1\r\n\r\n"), -1),
  "KEEPALIVE on the second": (bench) => bench.hear(KEEPALIVE, -1),
  "Cease, collision on the second": (bench) => bench.hear(COLLISION, -1),
  "end of the second": (bench) => bench.closed(-1),
  "silence on the second": (bench) => bench.oversleep(30_000),
  "a third": (bench) => bench.accepted(-2),
  "Cease, collision on the first": (bench) => bench.hear(COLLISION, 1),
  "end of the first": (bench) => bench.closed(1),
  stop: (bench) => bench.handle({ type: "stop", how: "shutdown", text: "" }),
  "peer-down": (bench) => bench.handle({ type: "peer-down", why: "" }),
} satisfies Record<string, (bench: Bench) => readonly string[]>;

type Happens = keyof typeof HAPPENS;
type First = "connect" | "open-sent" | "open-confirm" | "established";

function reach(first: First): Bench {
  const bench = new Bench().reach(first, theirOpen({ holdTimeSeconds: 0 }));
  assert.deepEqual(bench.accepted(-1), ["-1 < OPEN 5"]);
  return bench;
}

const EXPECTED: Readonly<Record<First, Readonly<Record<Happens, readonly string[]>>>> = {
  connect: {
    "OPEN of a smaller identifier on the second": ["-1 < KEEPALIVE"],
    "OPEN of a greater identifier on the second": ["-1 < KEEPALIVE"],
    "OPEN and KEEPALIVE on the second": [
      "-1 < KEEPALIVE",
      "then",
      "1 close",
      "connect > established",
      "established",
    ],
    "bad OPEN on the second": [
      "-1 < OPEN message error, bad peer AS",
      "-1 close",
      "down: open-refused: open.asn: invalid (the peer is AS 1, want AS 64513); told the peer: OPEN message error, bad peer AS",
    ],
    "HTTP on the second": [
      "-1 < message header error, connection not synchronized",
      "-1 close",
      "down: protocol-error: header.marker: invalid (octet 0 is 71); told the peer: message header error, connection not synchronized",
    ],
    "KEEPALIVE on the second": [
      "-1 < finite state machine error, unexpected message in OpenSent",
      "-1 close",
      "down: protocol-error: KEEPALIVE in state open-sent",
    ],
    "Cease, collision on the second": ["-1 close"],
    "end of the second": [],
    "silence on the second": [
      "1 close",
      "connect > active",
      "down: connect-failed: no connection within 5 s",
      "-1 < hold timer expired",
      "-1 close",
      "down: hold-expired: no OPEN within 30 s, although there was a connection",
    ],
    "a third": ["-1 < Cease, connection collision resolution", "-1 close", "-2 < OPEN 5"],
    "Cease, collision on the first": [],
    "end of the first": ["connect > active", "down: connect-failed: no connection", "active > open-sent"],
    stop: [
      "-1 < Cease, administrative shutdown",
      "-1 close",
      "1 close",
      "connect > idle",
      "down: stopped: ended from this side, shutdown",
    ],
    "peer-down": ["-1 < Cease, BFD down", "-1 close", "down: peer-down: BFD lost the peer"],
  },
  "open-sent": {
    "OPEN of a smaller identifier on the second": ["-1 < KEEPALIVE"],
    "OPEN of a greater identifier on the second": ["-1 < KEEPALIVE"],
    "OPEN and KEEPALIVE on the second": [
      "-1 < KEEPALIVE",
      "then",
      "1 close",
      "open-sent > established",
      "established",
    ],
    "bad OPEN on the second": [
      "-1 < OPEN message error, bad peer AS",
      "-1 close",
      "down: open-refused: open.asn: invalid (the peer is AS 1, want AS 64513); told the peer: OPEN message error, bad peer AS",
    ],
    "HTTP on the second": [
      "-1 < message header error, connection not synchronized",
      "-1 close",
      "down: protocol-error: header.marker: invalid (octet 0 is 71); told the peer: message header error, connection not synchronized",
    ],
    "KEEPALIVE on the second": [
      "-1 < finite state machine error, unexpected message in OpenSent",
      "-1 close",
      "down: protocol-error: KEEPALIVE in state open-sent",
    ],
    "Cease, collision on the second": ["-1 close"],
    "end of the second": [],
    "silence on the second": [
      "1 < hold timer expired",
      "1 close",
      "open-sent > idle",
      "down: hold-expired: no OPEN within 30 s, although there was a connection",
      "-1 < hold timer expired",
      "-1 close",
      "down: hold-expired: no OPEN within 30 s, although there was a connection",
    ],
    "a third": ["-1 < Cease, connection collision resolution", "-1 close", "-2 < OPEN 5"],
    "Cease, collision on the first": ["1 close", "open-sent > idle", "idle > open-sent"],
    "end of the first": ["open-sent > active", "active > open-sent"],
    stop: [
      "-1 < Cease, administrative shutdown",
      "-1 close",
      "1 < Cease, administrative shutdown",
      "1 close",
      "open-sent > idle",
      "down: stopped: ended from this side, shutdown",
    ],
    "peer-down": [
      "-1 < Cease, BFD down",
      "-1 close",
      "down: peer-down: BFD lost the peer",
      "1 < Cease, BFD down",
      "1 close",
      "open-sent > idle",
      "down: peer-down: BFD lost the peer",
    ],
  },
  "open-confirm": {
    "OPEN of a smaller identifier on the second": ["-1 < Cease, connection collision resolution", "-1 close"],
    "OPEN of a greater identifier on the second": [
      "1 < Cease, connection collision resolution",
      "1 close",
      "open-confirm > idle",
      "-1 < KEEPALIVE",
      "idle > open-confirm",
    ],
    "OPEN and KEEPALIVE on the second": [
      "1 < Cease, connection collision resolution",
      "1 close",
      "open-confirm > idle",
      "-1 < KEEPALIVE",
      "idle > open-confirm",
      "then",
      "open-confirm > established",
      "established",
    ],
    "bad OPEN on the second": [
      "-1 < OPEN message error, bad peer AS",
      "-1 close",
      "down: open-refused: open.asn: invalid (the peer is AS 1, want AS 64513); told the peer: OPEN message error, bad peer AS",
    ],
    "HTTP on the second": [
      "-1 < message header error, connection not synchronized",
      "-1 close",
      "down: protocol-error: header.marker: invalid (octet 0 is 71); told the peer: message header error, connection not synchronized",
    ],
    "KEEPALIVE on the second": [
      "-1 < finite state machine error, unexpected message in OpenSent",
      "-1 close",
      "down: protocol-error: KEEPALIVE in state open-sent",
    ],
    "Cease, collision on the second": ["-1 close"],
    "end of the second": [],
    "silence on the second": [
      "-1 < hold timer expired",
      "-1 close",
      "down: hold-expired: no OPEN within 30 s, although there was a connection",
    ],
    "a third": ["-1 < Cease, connection collision resolution", "-1 close", "-2 < OPEN 5"],
    "Cease, collision on the first": ["1 close", "open-confirm > idle", "idle > open-sent"],
    "end of the first": ["open-confirm > idle", "idle > open-sent"],
    stop: [
      "-1 < Cease, administrative shutdown",
      "-1 close",
      "1 < Cease, administrative shutdown",
      "1 close",
      "open-confirm > idle",
      "down: stopped: ended from this side, shutdown",
    ],
    "peer-down": [
      "-1 < Cease, BFD down",
      "-1 close",
      "down: peer-down: BFD lost the peer",
      "1 < Cease, BFD down",
      "1 close",
      "open-confirm > idle",
      "down: peer-down: BFD lost the peer",
    ],
  },
  established: {
    "OPEN of a smaller identifier on the second": ["-1 < Cease, connection collision resolution", "-1 close"],
    "OPEN of a greater identifier on the second": ["-1 < Cease, connection collision resolution", "-1 close"],
    "OPEN and KEEPALIVE on the second": ["-1 < Cease, connection collision resolution", "-1 close", "then"],
    "bad OPEN on the second": [
      "-1 < OPEN message error, bad peer AS",
      "-1 close",
      "other-connection: open.asn: invalid (the peer is AS 1, want AS 64513); told the peer: OPEN message error, bad peer AS",
    ],
    "HTTP on the second": [
      "-1 < message header error, connection not synchronized",
      "-1 close",
      "other-connection: header.marker: invalid (octet 0 is 71); told the peer: message header error, connection not synchronized",
    ],
    "KEEPALIVE on the second": [
      "-1 < finite state machine error, unexpected message in OpenSent",
      "-1 close",
      "other-connection: KEEPALIVE in state open-sent",
    ],
    "Cease, collision on the second": ["-1 close"],
    "end of the second": [],
    "silence on the second": [
      "-1 < hold timer expired",
      "-1 close",
      "other-connection: no OPEN within 30 s, although there was a connection",
    ],
    "a third": ["-1 < Cease, connection collision resolution", "-1 close", "-2 < OPEN 5"],
    "Cease, collision on the first": [
      "1 close",
      "established > idle",
      "lost: collision: the peer says: Cease, connection collision resolution",
      "idle > open-sent",
    ],
    "end of the first": ["established > idle", "lost: closed: the connection was closed", "idle > open-sent"],
    stop: [
      "-1 < Cease, administrative shutdown",
      "-1 close",
      "1 < Cease, administrative shutdown",
      "1 close",
      "established > idle",
      "lost: stopped: ended from this side, shutdown",
    ],
    "peer-down": [
      "-1 < Cease, BFD down",
      "-1 close",
      "1 < Cease, BFD down",
      "1 close",
      "established > idle",
      "lost: peer-down: BFD lost the peer",
    ],
  },
};

for (const [first, row] of Object.entries(EXPECTED) as [First, Record<Happens, readonly string[]>][]) {
  describe(`a session in state ${first} with a second connection`, () => {
    for (const [what, effects] of Object.entries(row) as [Happens, readonly string[]][]) {
      it(`does ${effects.length === 0 ? "nothing" : effects.length} about ${what}`, () => {
        assert.deepEqual(HAPPENS[what](reach(first)), effects);
      });
    }
  });
}
