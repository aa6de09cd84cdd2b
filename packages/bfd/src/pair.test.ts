import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Happened, Pair } from "./testdata/pair.ts";
import { GRACE_MS } from "./timing.ts";

const DELAY_MS = 1;
/** Detection time of three times 50 ms, with all that may come on top of it in the pairs here. */
const DETECTED_MS = 3 * 50 + GRACE_MS + DELAY_MS;

function statesOf(happened: readonly Happened[], who: string): readonly string[] {
  return happened.flatMap((one) =>
    one.who === who && one.effect.type === "state" ? [`${one.effect.from} -> ${one.effect.to}`] : [],
  );
}

describe("two sessions with each other", () => {
  it("come up within a round trip or a slow interval, and run at the agreed pace", () => {
    const pair = new Pair().run(1_010);
    assert.deepEqual(
      [pair.left, pair.right].map(({ status }) => [
        status?.state,
        status?.transmitIntervalMs,
        status?.detectionTimeMs,
      ]),
      [
        ["up", 50, 150],
        ["up", 50, 150],
      ],
    );
    const before = pair.happened.length;
    pair.run(60_000);
    const sends = pair.happened.slice(before);
    assert.deepEqual(new Set(sends.map(({ effect }) => effect.type)), new Set(["send"]));
    assert.ok(sends.length > 2 * 1_200 && sends.length < 2 * 1_600, `${sends.length}`);
    const polls = pair.packets().filter(({ at, packet }) => at > 5_000 && (packet.poll || packet.final));
    assert.deepEqual(polls, [], "polls come to an end");
  });

  it("agree on the slower one each way", () => {
    const pair = new Pair({
      left: { transmitMs: 10, receiveMs: 300, detectMultiplier: 5 },
      right: { transmitMs: 100, receiveMs: 40, detectMultiplier: 2 },
    })
      .up()
      .run(2_000);
    assert.deepEqual(
      [pair.left, pair.right].map(({ status }) => [status?.transmitIntervalMs, status?.detectionTimeMs]),
      [
        [40, 600],
        [300, 200],
      ],
    );
  });

  it("never come up when both are passive, and do when one is", () => {
    const both = new Pair({ left: { passive: true }, right: { passive: true } }).run(60_000);
    assert.deepEqual(both.happened, []);
    new Pair({ left: { passive: true } }).up();
  });

  it("never come up where packets get through one way only", () => {
    const pair = new Pair({ loss: 1 }).cutTowards("left");
    pair.net.setLoss(0);
    pair.run(60_000);
    const states = [...statesOf(pair.happened, "left"), ...statesOf(pair.happened, "right")];
    assert.deepEqual(
      states.filter((state) => state.endsWith("up")),
      [],
    );
  });

  it("notice when the other end loses its power", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const pair = new Pair({ seed, delayMs: [0, DELAY_MS] }).up().run(500 + seed);
      const cutAt = pair.clock.now();
      pair.right.unplug();
      pair.run(1_000);
      const downs = pair.downs();
      assert.deepEqual(
        downs.map(({ who, reason }) => [who, reason]),
        [["left", "detection-expired"]],
      );
      const took = (downs[0]?.at ?? 0) - cutAt;
      assert.ok(took > 100 - DELAY_MS && took <= DETECTED_MS, `${took} ms, seed ${seed}`);
    }
  });

  it("both learn that one way is cut", () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const pair = new Pair({ seed, delayMs: [0, DELAY_MS] }).up().run(500);
      const cutAt = pair.clock.now();
      pair.cutTowards("left").run(1_000);
      assert.deepEqual(
        pair.downs().map(({ who, reason }) => [who, reason]),
        [
          ["left", "detection-expired"],
          ["right", "peer-down"],
        ],
      );
      const last = pair.downs().at(-1)?.at ?? 0;
      assert.ok(last - cutAt <= DETECTED_MS + DELAY_MS, `seed ${seed}`);
      pair.net.heal();
      pair.up();
    }
  });

  it("notice that the other one has begun anew, and come up again", () => {
    const pair = new Pair().up().run(500);
    pair.restart("right").run(5);
    assert.deepEqual(
      pair.downs().map(({ who, reason }) => [who, reason]),
      [["left", "peer-down"]],
    );
    pair.up();
  });

  it("survive a process that stands still for less than the detection time", () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const pair = new Pair({ seed }).up().run(500);
      for (let turn = 0; turn < 20; turn += 1) {
        const who = pair.chance(0.5) ? "left" : "right";
        pair.pause(who, 95).run(400); // and 50 since its last packet, and one on its way
      }
      assert.deepEqual(pair.downs(), [], `seed ${seed}`);
    }
  });

  it("do not take their own standing still for the other's", () => {
    // Without the grace the left one would go down before it reads what came in.
    const pair = new Pair({ right: { detectMultiplier: 3 }, left: { detectMultiplier: 50 } }).up().run(500);
    pair.pause("left", 1_000).run(3_000);
    assert.deepEqual(pair.downs(), []);
  });

  it("stay up for ten minutes in which a tenth of all packets is lost, with multiplier 5", () => {
    const five = { detectMultiplier: 5 };
    const downs = Array.from({ length: 10 }, (_, index) => {
      const pair = new Pair({ seed: index + 1, loss: 0.1, duplication: 0.02, left: five, right: five });
      pair.up().run(60_000);
      return pair.downs().length;
    });
    assert.deepEqual(downs, Array(10).fill(0));
  });

  it("change their timers while packets are lost, and do not go down", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const pair = new Pair({
        seed,
        loss: 0.05,
        delayMs: [0.5, 0.5], // in order: a packet with the old interval that comes late is believed
        left: { detectMultiplier: 6 },
        right: { detectMultiplier: 6 },
      }).up();
      for (const ms of [50, 400, 20, 1_000, 50]) {
        pair.left.want({ detectMultiplier: 6, transmitMs: ms, receiveMs: ms });
        pair.run(700);
        pair.left.want({ detectMultiplier: 6, transmitMs: 50, receiveMs: ms });
        pair.run(3_000);
      }
      assert.deepEqual(pair.downs(), [], `seed ${seed}`);
      assert.equal(pair.left.status?.detectionTimeMs, 300);
    }
  });

  it("tell a shutdown from a failure", () => {
    const pair = new Pair().up().run(500);
    pair.left.want({}, true);
    pair.run(10);
    assert.deepEqual(
      pair.downs().map(({ who, reason }) => [who, reason]),
      [
        ["left", "disabled"],
        ["right", "peer-admin-down"],
      ],
    );
    pair.run(10_000).left.want({});
    pair.up();
  });

  it("take leave of each other", () => {
    const pair = new Pair().up().run(500);
    pair.left.wantNone();
    pair.run(10);
    assert.deepEqual(pair.happened.filter(({ effect }) => effect.type === "ended").length, 1);
    assert.equal(pair.left.status, undefined);
  });
});

describe("laws of two sessions with each other", () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant("run" as const), ms: fc.integer({ min: 1, max: 1_500 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant("pause" as const), ms: fc.integer({ min: 1, max: 400 }) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("cut" as const) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("heal" as const) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("disable" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant("want" as const), ms: fc.integer({ min: 10, max: 2_000 }) }),
    },
  );
  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

  function play(pair: Pair, one: Step): void {
    const who = pair.chance(0.5) ? "left" : "right";
    switch (one.type) {
      case "run":
        pair.run(one.ms);
        return;
      case "pause":
        pair.pause(who, one.ms);
        return;
      case "cut":
        pair.cutTowards(who);
        return;
      case "heal":
        pair.net.heal();
        return;
      case "restart":
        pair.restart(who);
        return;
      case "disable":
        pair[who].want({}, true);
        return;
      case "want":
        pair[who].want({ transmitMs: one.ms, receiveMs: one.ms });
    }
  }

  /** No session is up before the peer has said that it hears it: that its number is the one here. */
  function assertHandshakes(pair: Pair): void {
    const heard = { left: new Set<number>(), right: new Set<number>() };
    for (const { who, packet } of pair.packets()) {
      assert.deepEqual([packet.poll, packet.final].includes(false), true, "both Poll and Final");
      if (packet.state === "admin-down" || packet.state === "down") continue;
      assert.notEqual(packet.yourDiscriminator, 0);
      assert.ok(packet.state !== "up" || heard[who].has(packet.myDiscriminator), "up without a handshake");
      heard[OTHER[who]].add(packet.yourDiscriminator);
    }
  }
  const OTHER = { left: "right", right: "left" } as const;

  it("hold whatever happens to them, and in the end they are up", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 25 }),
        fc.integer(),
        fc.double({ min: 0, max: 0.4, noNaN: true }),
        (steps, seed, loss) => {
          const pair = new Pair({ seed, loss, duplication: 0.1, delayMs: [0, 8] });
          for (const one of steps) play(pair, one);
          assertHandshakes(pair);
          pair.net.heal();
          pair.net.setLoss(0);
          pair.run(2_000); // pauses are over
          pair.left.want({});
          pair.right.want({});
          pair.run(30_000).up().run(5_000);
          assert.deepEqual(pair.downs(), []);
        },
      ),
      { numRuns: Number(process.env["HERALD_BFD_LIVES"] ?? 150) },
    );
  });
});
