import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Ping } from "./message.ts";
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

describe("a member that is asked", () => {
  it("answers a ping to where it came from, or to where it says", () => {
    const bench = new Bench([]);
    assert.deepEqual(bench.hear(C, ping(7, "us")), [{ type: "send", to: C, messages: [ack(7)] }]);
    assert.deepEqual(bench.hear(C, ping(8, "", "", D)), [{ type: "send", to: D, messages: [ack(8)] }]);
  });

  it("does not answer for others", () => {
    const notice = { type: "notice", reason: "wrong-target", node: "c", detail: "b" };
    assert.deepEqual(new Bench([]).hear(C, ping(7, "b", "c")), [notice]);
  });

  it("tells a member it takes for dead, so that it can refute", () => {
    const bench = new Bench([alive("b", B)]);
    bench.hear(C, dead("b", "c"));
    for (let round = 0; round < 10; round += 1) bench.hear(C, ping(round, "us")); // the news is told
    assert.deepEqual(bench.hear(B, ping(9, "us", "b")), [
      { type: "send", to: B, messages: [ack(9), dead("b", "us")] },
    ]);
    assert.deepEqual(changes(bench.hear(B, alive("b", B, 2))), ["b alive"]);
  });

  it("probes for others, and passes the answer on", () => {
    const bench = new Bench([]);
    const asked = bench.hear(B, {
      type: "indirect-ping",
      sequence: 70,
      target: C,
      node: "c",
      wantsNack: true,
      source: undefined,
      sourceNode: "b",
    });
    assert.deepEqual(asked, [{ type: "send", to: C, messages: [ping(1, "c", "us", US)] }]);
    assert.deepEqual(bench.hear(C, ack(1)), [{ type: "send", to: B, messages: [ack(70)] }]);
    assert.deepEqual(sends(bench.pass(40)), []);
  });

  it("says that it got no answer either, when that is wanted", () => {
    const bench = new Bench([]);
    const ask = { type: "indirect-ping", target: C, node: "c", source: D, sourceNode: "d" } as const;
    bench.hear(B, { ...ask, sequence: 70, wantsNack: true }, { ...ask, sequence: 71, wantsNack: false });
    assert.deepEqual(sends(bench.pass(19)), []);
    assert.deepEqual(sends(bench.pass(1)), [[D, [{ type: "nack", sequence: 70 }]]]);
  });

  it("answers a ping over TCP, and closes on anything that is not for it", () => {
    const bench = new Bench([]);
    const ask = (message: Ping) => bench.core.handle({ type: "stream-request", stream: 5, message }, 0);
    assert.deepEqual(ask(ping(7, "us")), [{ type: "reply", stream: 5, message: ack(7) }]);
    assert.deepEqual(ask(ping(7, "b")), [{ type: "close", stream: 5 }]);
  });
});

describe("a member that asks", () => {
  it("asks others and over TCP after the timeout, then accuses and calls the suspect itself", () => {
    const bench = new Bench([alive("b", B), alive("c", C)], {
      ...OPTIONS,
      probesPerRound: 1,
      probesAtOnce: 1,
    });
    const sequence = bench.probed(B);
    const indirect = {
      type: "indirect-ping",
      sequence,
      target: B,
      node: "b",
      wantsNack: true,
      source: US,
      sourceNode: "us",
    };
    const asked = bench.pass(20);
    assert.deepEqual(sends(asked), [[C, [indirect]]]);
    assert.deepEqual(asked[1], { type: "open", stream: 1, to: B, message: ping(sequence, "b", "us", US) });
    const accused = bench.pass(31);
    assert.deepEqual(changes(accused), ["b suspect"]);
    assert.deepEqual(sends(accused)[0], [B, [ping(sequence + 1, "b", "us", US), suspect("b", "us")]]);
  });

  it("accuses early when all relays heard it and TCP is refused", () => {
    const bench = new Bench([alive("b", B), alive("c", C)], {
      ...OPTIONS,
      probesPerRound: 1,
      probesAtOnce: 1,
    });
    const sequence = bench.probed(B);
    bench.pass(22);
    assert.deepEqual(changes(bench.hear(C, { type: "nack", sequence })), []);
    const refused = bench.core.handle({ type: "stream-failed", stream: 1, why: "refused" }, bench.now);
    assert.deepEqual(changes(refused), ["b suspect"]);
    assert.equal(bench.core.health().awareness, 0);
  });

  it("goes on waiting while a relay is silent: it may not have been heard itself", () => {
    const bench = new Bench([alive("b", B), alive("c", C)], {
      ...OPTIONS,
      probesPerRound: 1,
      probesAtOnce: 1,
    });
    bench.probed(B);
    bench.pass(22);
    const refused = bench.core.handle({ type: "stream-failed", stream: 1, why: "refused" }, bench.now);
    assert.deepEqual(changes(refused), []);
    assert.deepEqual(changes(bench.pass(30)), ["b suspect"]);
    assert.equal(bench.core.health().awareness, 1);
  });

  const answers: Record<string, (bench: Bench, sequence: number) => unknown> = {
    directly: (bench, sequence) => bench.hear(B, ack(sequence)),
    "through a relay": (bench, sequence) => bench.hear(C, ack(sequence)),
    "over TCP": (bench, sequence) => bench.answerStreams({ type: "ack", sequence, payload: none }),
  };
  for (const [how, answer] of Object.entries(answers)) {
    it(`believes an answer that comes late ${how}`, () => {
      const bench = new Bench([alive("b", B), alive("c", C)]);
      const sequence = bench.probed(B);
      bench.pass(25);
      answer(bench, sequence);
      assert.ok(!changes(bench.pass(60)).includes("b suspect"));
    });
  }

  it("asks others at once when the network says that nobody is there", () => {
    const bench = new Bench([alive("b", B), alive("c", C)]);
    bench.probed(B);
    const effects = bench.core.handle({ type: "send-failed", to: B }, bench.now);
    assert.deepEqual(
      sends(effects).map(([to, [first]]) => [to, first?.type]),
      [[C, "indirect-ping"]],
    );
  });

  it("buries a suspect that nobody hears of, and forgets it in the end", () => {
    const bench = new Bench([alive("b", B)]);
    assert.deepEqual(changes(bench.pass(400)), ["b suspect", "b dead"]);
    bench.pass(29_000);
    assert.equal(bench.core.member("b")?.state, "dead");
    bench.pass(2_000);
    assert.equal(bench.core.member("b"), undefined);
  });

  it("holds nothing against others after a pause of its own", () => {
    const bench = new Bench([alive("b", B), alive("c", C)]);
    bench.probed(B);
    bench.now += 5_000;
    const woken = bench.core.wake(bench.now);
    assert.deepEqual(changes(woken), []);
    assert.ok(woken.some((effect) => effect.type === "notice" && effect.reason === "stalled"));
    assert.equal(bench.core.member("b")?.state, "alive");
  });

  it("gives a suspect time after a pause of its own to be heard", () => {
    const bench = new Bench([alive("b", B), alive("c", C)]);
    bench.hear(C, suspect("b", "c"));
    bench.now += 1_000;
    assert.deepEqual(changes(bench.core.wake(bench.now)), []);
    assert.deepEqual(changes(bench.pass(45)), []);
    assert.deepEqual(changes(bench.hear(B, alive("b", B, 2))), ["b alive"]);
  });
});

describe("a member that is talked about", () => {
  it("refutes with a higher incarnation, at once to the accuser", () => {
    const bench = new Bench([alive("b", B)]);
    assert.deepEqual(bench.hear(B, suspect("us", "b", 4)), [
      { type: "notice", reason: "refuted", node: "us", detail: "" },
      { type: "send", to: B, messages: [alive("us", US, 5)] },
    ]);
    assert.deepEqual(bench.hear(C, ping(9, "us")), [
      { type: "send", to: C, messages: [ack(9), alive("us", US, 5)] },
    ]);
  });

  it("repeats itself to whoever did not hear it", () => {
    const bench = new Bench([alive("b", B)]);
    bench.hear(B, dead("us", "b", 4));
    assert.deepEqual(bench.hear(C, suspect("us", "c", 4)), [
      { type: "send", to: C, messages: [alive("us", US, 5)] },
    ]);
  });

  it("does not act on an accusation that it could never outbid", () => {
    const notice = { type: "notice", reason: "implausible-incarnation", node: "us", detail: "" };
    assert.deepEqual(new Bench([]).hear(B, dead("us", "b", 0xffff_ffff)), [notice]);
  });

  it("reports another machine with its name", () => {
    const notice = { type: "notice", reason: "name-conflict", node: "us", detail: "10.0.0.4 port 7946" };
    assert.deepEqual(new Bench([]).hear(D, alive("us", D, 9)), [notice]);
  });
});
