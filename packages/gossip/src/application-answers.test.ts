import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_USER_STATE_OCTETS } from "./application.ts";
import { type DatagramMessage, FULL_VERSIONS, type NodeRecord, type PushPull } from "./message.ts";
import { encodeMessage } from "./message-codec.ts";
import { ack, alive, B, Bench, C, changes, none, ping, sends, US } from "./testing/bench.ts";

const ONE = new Uint8Array([1]);
const TWO = new Uint8Array([2, 2]);
const acking = (sequence: number, payload: Uint8Array): DatagramMessage => ({
  type: "ack",
  sequence,
  payload,
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

  it("is nothing to be told of when it is empty", () => {
    const bench = saying(none);
    assert.deepEqual(bench.hear(B, acking(bench.probed(B), none)), []);
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
