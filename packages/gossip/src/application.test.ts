import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { userOctets } from "./application.ts";
import { encodeDatagram } from "./datagram.ts";
import type { SwimEffect } from "./effect.ts";
import { framing, framingOverhead } from "./framing.ts";
import { keyRing } from "./key-ring.ts";
import type { DatagramMessage } from "./message.ts";
import { encodeMessage } from "./message-codec.ts";
import { PROFILES } from "./options.ts";
import { CountedNonces } from "./sealer.ts";
import { NODE_SEALER } from "./testdata/node-sealer.ts";
import { ack, alive, B, Bench, C, D, dead, none, OPTIONS, ping, sends, suspect } from "./testing/bench.ts";

const ONE = new Uint8Array([1]);
const TWO = new Uint8Array([2, 2]);
const user = (payload: Uint8Array): DatagramMessage => ({ type: "user", payload });

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
    const told = Array.from({ length: 200 }, (_, round) => sends(bench.hear(B, ping(round, "us"))));
    const payloads = told.flat(2).flatMap((part) => (Array.isArray(part) ? part : []));
    assert.ok(
      payloads.length > 1_024 && !payloads.some((part) => part.type === "user" && part.payload === ONE),
    );
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

/** Octets that no compression makes smaller. */
function noise(_: unknown, index: number): number {
  return (Math.imul(index + 1, 0x9e3779b1) >>> 13) & 0xff;
}
