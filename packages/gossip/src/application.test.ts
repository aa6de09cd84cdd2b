import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_USER_STATE_OCTETS, userOctets } from "./application.ts";
import { encodeDatagram } from "./datagram.ts";
import type { SwimEffect } from "./effect.ts";
import { framing, framingOverhead } from "./framing.ts";
import { keyRing } from "./key-ring.ts";
import { type DatagramMessage, FULL_VERSIONS, type NodeRecord, type PushPull } from "./message.ts";
import { encodeMessage } from "./message-codec.ts";
import { PROFILES } from "./options.ts";
import { CountedNonces } from "./sealer.ts";
import { NODE_SEALER } from "./testdata/node-sealer.ts";
import {
  ack,
  alive,
  B,
  Bench,
  C,
  changes,
  D,
  dead,
  none,
  OPTIONS,
  ping,
  sends,
  suspect,
  US,
} from "./testing/bench.ts";

const ONE = new Uint8Array([1]);
const TWO = new Uint8Array([2, 2]);
const user = (payload: Uint8Array): DatagramMessage => ({ type: "user", payload });
const acking = (sequence: number, payload: Uint8Array): DatagramMessage => ({
  type: "ack",
  sequence,
  payload,
});

function broadcast(bench: Bench, name: string, payload: Uint8Array): readonly SwimEffect[] {
  return bench.core.handle({ type: "broadcast", name, payload }, bench.now);
}

function tell(bench: Bench, node: string, payload: Uint8Array): readonly SwimEffect[] {
  return bench.core.handle({ type: "tell", node, payload }, bench.now);
}

describe("a broadcast", () => {
  it("goes out by itself when nothing else is sent, as often as news of members", () => {
    const bench = new Bench([alive("b", B)], PROFILES.default);
    bench.pass(50);
    assert.deepEqual(sends(broadcast(bench, "x", ONE)), [[B, [user(ONE)]]]);
    const later = sends(bench.pass(200)).flatMap(([, messages]) => messages);
    assert.equal(later.filter(({ type }) => type === "user").length, 5);
    assert.equal(bench.core.health().broadcastsQueued, 0);
  });

  it("travels on the back of what is sent anyway, behind news of members", () => {
    const bench = new Bench([alive("b", B), alive("c", C)]);
    broadcast(bench, "x", ONE);
    bench.hear(B, suspect("c", "b"));
    assert.deepEqual(sends(bench.hear(B, ping(7, "us"))), [[B, [ack(7), suspect("c", "b"), user(ONE)]]]);
  });

  it("waits while news of members takes the room", () => {
    const bench = new Bench([alive("b", B), alive("c", C)], { ...OPTIONS, datagramOctets: 90 });
    broadcast(bench, "x", new Uint8Array(20));
    bench.hear(B, suspect("c", "b"));
    const told = Array.from(
      { length: 8 },
      (_, round) => sends(bench.hear(B, ping(round, "us")))[0]?.[1][1]?.type,
    );
    assert.deepEqual(told, [...Array.from({ length: 6 }, () => "suspect"), "user", "user"]);
  });

  it("takes the place of an earlier one of its name, and is told as often as any other", () => {
    const bench = new Bench([alive("b", B)]);
    broadcast(bench, "x", ONE);
    broadcast(bench, "y", ONE);
    bench.hear(B, ping(1, "us"));
    broadcast(bench, "x", TWO);
    const told = Array.from({ length: 7 }, () => sends(bench.hear(B, ping(7, "us")))[0]?.[1].slice(1));
    assert.deepEqual(told, [...Array.from({ length: 5 }, () => [user(TWO), user(ONE)]), [user(TWO)], []]);
  });

  it("is kept until somebody is there to hear it", () => {
    const bench = new Bench([], { ...PROFILES.default, probeIntervalMs: 50 });
    broadcast(bench, "x", ONE);
    assert.deepEqual(sends(bench.pass(10_000)), []);
    const told = sends([...bench.hear(B, alive("b", B)), ...bench.pass(200)]);
    assert.ok(told.some(([to, messages]) => to === B && messages.some(({ type }) => type === "user")));
  });

  it("gives way to newer ones when more are told at once than are kept", () => {
    const bench = new Bench([alive("b", B)]);
    broadcast(bench, "first", ONE);
    bench.hear(B, ping(1, "us"));
    for (let index = 1; index < 1_024; index += 1) broadcast(bench, `x${index}`, TWO);
    const notice = { type: "notice", reason: "broadcast-dropped", node: "", detail: "" };
    assert.deepEqual(broadcast(bench, "x1", TWO), []);
    assert.deepEqual(broadcast(bench, "last", TWO), [notice]);
    assert.equal(bench.core.health().broadcastsQueued, 1_024);
  });

  it("is told while we leave, and forgotten once we have left", () => {
    const bench = new Bench([alive("b", B)], PROFILES.default);
    for (let index = 0; index < 300; index += 1) broadcast(bench, `x${index}`, new Uint8Array(100));
    const left = [...bench.core.handle({ type: "leave" }, bench.now), ...bench.pass(2_000)];
    const told = sends(left).filter(([, messages]) => messages.some(({ type }) => type === "user"));
    assert.ok(told.length > 0);
    assert.equal(left.at(-1)?.type, "left");
    assert.equal(bench.core.health().broadcastsQueued, 0);
  });
});

describe("a message to one member", () => {
  it("is one datagram to where he is, also while he is suspect", () => {
    const bench = new Bench([alive("b", B)]);
    assert.deepEqual(tell(bench, "b", ONE), [{ type: "send", to: B, messages: [user(ONE)] }]);
    bench.hear(C, suspect("b", "c"));
    assert.deepEqual(sends(tell(bench, "b", TWO)), [[B, [user(TWO), suspect("b", "c")]]]);
  });

  const absent: Record<string, (bench: Bench) => unknown> = {
    unknown: () => {},
    dead: (bench) => bench.hear(B, alive("x", D), dead("x", "b")),
    gone: (bench) => bench.hear(B, alive("x", D), dead("x", "x")),
  };
  for (const [how, prepare] of Object.entries(absent)) {
    it(`is not sent to somebody who is ${how}, and that is said`, () => {
      const bench = new Bench([alive("b", B)]);
      prepare(bench);
      assert.deepEqual(tell(bench, "x", ONE), [
        { type: "notice", reason: "nobody-to-tell", node: "x", detail: "" },
      ]);
    });
  }
});

describe("the longest payload", () => {
  const longest = userOctets(OPTIONS, 29);

  it("is 1366 octets with encryption and without a label", () => assert.equal(longest, 1_366));

  it("may be told and broadcast; one octet more is our own mistake", () => {
    const bench = new Bench([alive("b", B)], PROFILES.default);
    bench.pass(50);
    assert.deepEqual(sends(tell(bench, "b", new Uint8Array(longest))), [
      [B, [user(new Uint8Array(longest))]],
    ]);
    assert.throws(() => tell(bench, "b", new Uint8Array(longest + 1)), RangeError);
    assert.deepEqual(sends(broadcast(bench, "x", new Uint8Array(longest))), [
      [B, [user(new Uint8Array(longest))]],
    ]);
    assert.throws(() => broadcast(bench, "x", new Uint8Array(longest + 1)), RangeError);
  });

  it("fits a datagram with everything around it, compressible or not", () => {
    const encryption = {
      ring: keyRing(new Uint8Array(32)),
      sealer: NODE_SEALER,
      nonces: new CountedNonces({ octets: (count) => new Uint8Array(count) }),
      version: 1 as const,
      verifyIncoming: true,
      verifyOutgoing: true,
    };
    for (const compress of [true, false]) {
      const around = framing({ label: "l".repeat(255), encryption, compress });
      const payload = Uint8Array.from({ length: userOctets(OPTIONS, framingOverhead(around)) }, noise);
      const parts = [encodeMessage(user(payload))];
      const datagram = encodeDatagram(parts, { crc: false }, around);
      assert.ok(datagram.length <= OPTIONS.datagramOctets, `${datagram.length} octets`);
    }
  });
});

describe("what others tell", () => {
  it("comes with where its datagram came from, as often as it is heard", () => {
    const bench = new Bench([]);
    assert.deepEqual(bench.hear(C, user(ONE), user(none)), [
      { type: "told", payload: ONE, from: C },
      { type: "told", payload: none, from: C },
    ]);
  });

  it("may come in a stream, which has no answer", () => {
    const bench = new Bench([]);
    const message = { type: "user", payload: ONE } as const;
    assert.deepEqual(bench.core.handle({ type: "stream-request", stream: 3, message }, 0), [
      { type: "told", payload: ONE, from: undefined },
      { type: "close", stream: 3 },
    ]);
  });

  it("is not heard any more by a member that left", () => {
    const bench = new Bench([]);
    bench.core.handle({ type: "leave" }, 0);
    const message = { type: "user", payload: ONE } as const;
    assert.deepEqual(bench.hear(C, message), []);
    assert.deepEqual(bench.core.handle({ type: "stream-request", stream: 3, message }, 0), [
      { type: "close", stream: 3 },
    ]);
  });
});

describe("what an ack carries", () => {
  const saying = (payload: Uint8Array, others = [alive("b", B), alive("c", C)]) => {
    const bench = new Bench(others);
    bench.core.handle({ type: "ack-payload", payload }, 0);
    return bench;
  };

  it("is ours in every answer that we give for ourselves, until it is changed", () => {
    const bench = saying(ONE);
    assert.deepEqual(sends(bench.hear(B, ping(7, "us"))), [[B, [acking(7, ONE)]]]);
    const message = ping(8, "us") as Extract<DatagramMessage, { type: "ping" }>;
    assert.deepEqual(bench.core.handle({ type: "stream-request", stream: 3, message }, 0), [
      { type: "reply", stream: 3, message: acking(8, ONE) },
    ]);
    bench.core.handle({ type: "ack-payload", payload: none }, 0);
    assert.deepEqual(sends(bench.hear(B, ping(9, "us"))), [[B, [ack(9)]]]);
  });

  it("is nothing in answers that we pass on for others, whatever theirs carried", () => {
    const bench = saying(ONE);
    const ask = { target: C, node: "c", wantsNack: true, source: undefined, sourceNode: "b" };
    const [[, [asked]] = assert.fail()] = sends(
      bench.hear(B, { type: "indirect-ping", sequence: 70, ...ask }),
    );
    assert.ok(asked?.type === "ping");
    assert.deepEqual(sends(bench.hear(C, acking(asked.sequence, TWO))), [[B, [ack(70)]]]);
  });

  it("is at most 32 octets, in a datagram at most 34 longer", () => {
    const bench = saying(new Uint8Array(32));
    assert.throws(() => saying(new Uint8Array(33)), RangeError);
    const [[, [answer]] = assert.fail()] = sends(bench.hear(B, ping(7, "us")));
    assert.ok(answer !== undefined);
    assert.equal(encodeMessage(answer).length - encodeMessage(ack(7)).length, 34);
  });

  it("of somebody we probed is told to the application, once", () => {
    const bench = saying(none);
    const sequence = bench.probed(B);
    const heard = { type: "acked", node: "b", payload: TWO };
    assert.deepEqual(bench.hear(B, acking(sequence, TWO)), [heard]);
    assert.deepEqual(bench.hear(B, acking(sequence, TWO)), []);
  });

  it("is heard from the member itself in either form of its address, and over TCP", () => {
    const heard = { type: "acked", node: "b", payload: TWO };
    const mapped = { ...B, address: new Uint8Array([...Array(10).fill(0), 255, 255, ...B.address]) };
    const first = saying(none);
    assert.deepEqual(first.hear(mapped, acking(first.probed(B), TWO)), [heard]);
    const second = saying(none, [alive("b", B)]);
    const sequence = second.probed(B);
    second.pass(25);
    const message = { type: "ack", sequence, payload: TWO } as const;
    assert.deepEqual(second.core.handle({ type: "stream-reply", stream: 1, message }, second.now), [heard]);
  });

  it("counts for nothing from anybody else, though the ack counts", () => {
    const bench = saying(none);
    assert.deepEqual(bench.hear(C, acking(bench.probed(B), TWO)), []);
    const help = sends(bench.pass(40)).flatMap(([, [first]]) =>
      first?.type === "indirect-ping" ? [first.node] : [],
    );
    assert.deepEqual(help, ["c"]);
  });

  it("of a suspect that was called is heard, too", () => {
    const bench = saying(none);
    bench.probed(B);
    const calls = sends(bench.pass(60)).filter(
      ([to, messages]) => to === B && messages[1]?.type === "suspect",
    );
    const called = calls[0]?.[1][0];
    assert.ok(called?.type === "ping");
    assert.deepEqual(bench.hear(B, acking(called.sequence, TWO)), [
      { type: "acked", node: "b", payload: TWO },
    ]);
  });
});

describe("the state that goes with tables", () => {
  const record = (node: string, endpoint = B): NodeRecord => ({
    node,
    endpoint,
    meta: none,
    incarnation: 1,
    state: "alive",
    versions: FULL_VERSIONS,
  });
  const table = (userState: Uint8Array, ...nodes: NodeRecord[]): PushPull => ({
    type: "push-pull",
    join: true,
    nodes,
    userState,
  });

  it("is asked for when we ask, and theirs comes with whom we asked", () => {
    const bench = new Bench([]);
    bench.userState = ONE;
    assert.deepEqual(bench.core.handle({ type: "discovered", endpoints: [B] }, 0), [
      { type: "open", stream: 1, to: B, message: table(ONE, record("us", US)) },
    ]);
    const message = table(TWO, record("c", C), record("b"));
    const heard = bench.core.handle({ type: "stream-reply", stream: 1, message }, 0);
    assert.deepEqual(
      heard.filter(({ type }) => type !== "member"),
      [
        { type: "state", userState: TWO, node: "b" },
        { type: "joined", via: B },
      ],
    );
  });

  it("is asked for when we answer, and theirs comes from nobody knows whom", () => {
    const bench = new Bench([alive("b", B)]);
    bench.userState = ONE;
    const message = table(TWO, record("b"));
    assert.deepEqual(bench.core.handle({ type: "stream-request", stream: 3, message }, 0), [
      { type: "state", userState: TWO, node: undefined },
      { type: "reply", stream: 3, message: table(ONE, record("us", US), record("b")) },
      { type: "joined", via: undefined },
    ]);
  });

  it("is nothing to be told of when it is empty, or when the table is not for us", () => {
    const bench = new Bench([alive("b", B)]);
    const versions = { ...FULL_VERSIONS, applicationMin: 2, applicationMax: 3, applicationCurrent: 2 };
    for (const message of [table(none, record("b")), table(TWO, { ...record("b"), versions })]) {
      const heard = bench.core.handle({ type: "stream-request", stream: 3, message }, 0);
      assert.ok(!heard.some(({ type }) => type === "state"));
    }
  });

  it("is left out when others could not read it", () => {
    const bench = new Bench([alive("b", B)]);
    const sent = (octets: number) => {
      bench.userState = new Uint8Array(octets);
      const message = table(none, record("b"));
      return bench.core
        .handle({ type: "stream-request", stream: 3, message }, 0)
        .flatMap((effect): (number | string)[] =>
          effect.type === "reply" && effect.message.type === "push-pull"
            ? [effect.message.userState.length]
            : effect.type === "notice"
              ? [effect.reason]
              : [],
        );
    };
    assert.deepEqual(sent(MAX_USER_STATE_OCTETS), [MAX_USER_STATE_OCTETS]);
    assert.deepEqual(sent(MAX_USER_STATE_OCTETS + 1), ["user-state-too-large", 0]);
  });
});

describe("meta that is changed", () => {
  const update = (bench: Bench, meta: Uint8Array) =>
    bench.core.handle({ type: "update-meta", meta }, bench.now);

  it("is told to all with the next incarnation", () => {
    const bench = new Bench([alive("b", B)]);
    assert.deepEqual(changes(update(bench, ONE)), ["us updated"]);
    const told = { ...alive("us", US, 2), meta: ONE };
    assert.deepEqual(sends(bench.hear(B, ping(7, "us"))), [[B, [ack(7), told]]]);
    assert.deepEqual(bench.core.member("us")?.meta, ONE);
  });

  it("is an update to those who hear it", () => {
    const bench = new Bench([alive("b", B)]);
    assert.deepEqual(changes(bench.hear(C, { ...alive("b", B, 2), meta: ONE })), ["b updated"]);
    assert.deepEqual(changes(bench.hear(C, { ...alive("b", B, 3), meta: ONE })), []);
  });

  it("to what it was is no news", () => {
    const bench = new Bench([alive("b", B)]);
    update(bench, ONE);
    assert.deepEqual(update(bench, Uint8Array.from(ONE)), []);
    assert.equal(bench.core.member("us")?.incarnation, 2);
  });

  it("while we are out is told when we come back", () => {
    const bench = new Bench([]);
    bench.core.handle({ type: "leave" }, bench.now);
    assert.deepEqual(update(bench, ONE), []);
    bench.core.handle({ type: "start" }, bench.now);
    assert.deepEqual(bench.core.member("us")?.meta, ONE);
  });

  it("is at most 512 octets", () => {
    const bench = new Bench([]);
    update(bench, new Uint8Array(512));
    assert.throws(() => update(bench, new Uint8Array(513)), RangeError);
  });
});

/** Octets that no compression makes smaller. */
function noise(_: unknown, index: number): number {
  return (Math.imul(index + 1, 0x9e3779b1) >>> 13) & 0xff;
}
