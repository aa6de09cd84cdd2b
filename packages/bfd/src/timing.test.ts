import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Bench, PATH } from "./testdata/bench.ts";

/** Gaps between what was sent, ms. */
function gaps(bench: Bench): readonly number[] {
  return bench.sent.slice(1).map(({ at }, index) => at - (bench.sent[index]?.at ?? 0));
}

function assertWithin(values: readonly number[], least: number, most: number): void {
  assert.ok(values.length > 20, `only ${values.length}`);
  for (const value of values) assert.ok(value >= least - 1e-6 && value <= most + 1e-6, `${value}`);
  assert.ok(Math.max(...values) - Math.min(...values) > 0.5 * (most - least), "no jitter");
}

const UP = { state: "up", desiredMinTxMicros: 50_000 } as const;

describe("what a session sends", () => {
  it("goes out at once, then each second or up to a quarter sooner, while it is not up", () => {
    const bench = new Bench();
    bench.run(60_000);
    assert.equal(bench.sent[0]?.at, 0);
    assert.equal(bench.sent[0]?.desiredMinTxMicros, 1_000_000);
    assertWithin(gaps(bench), 750, 1_000);
  });

  it("is neither in demand mode nor outlives this process", () => {
    const bench = new Bench();
    assert.deepEqual(bench.sent, [
      {
        at: 0,
        diagnostic: 0,
        state: "down",
        poll: false,
        final: false,
        controlPlaneIndependent: false,
        demand: false,
        detectMultiplier: 3,
        myDiscriminator: bench.status.localDiscriminator,
        yourDiscriminator: 0,
        desiredMinTxMicros: 1_000_000,
        requiredMinRxMicros: 50_000,
        requiredMinEchoRxMicros: 0,
        authentication: undefined,
      },
    ]);
  });

  it("keeps to a slower pace that is configured, too", () => {
    const bench = new Bench({ transmitMs: 2_000 });
    bench.run(120_000);
    assertWithin(gaps(bench), 1_500, 2_000);
  });

  const negotiated = [
    { ours: 50, theirs: 50, agreed: 50 },
    { ours: 50, theirs: 300, agreed: 300 },
    { ours: 300, theirs: 50, agreed: 300 },
    { ours: 10, theirs: 0.001, agreed: 10 },
  ];
  for (const { ours, theirs, agreed } of negotiated) {
    it(`comes each ${agreed} ms once it is up, when we want ${ours} and the peer ${theirs}`, () => {
      const bench = new Bench({ transmitMs: ours }).up({ requiredMinRxMicros: theirs * 1_000 });
      bench.runHearing(20_000, 40, { ...UP, requiredMinRxMicros: theirs * 1_000 });
      assert.equal(bench.sent[1]?.desiredMinTxMicros, ours * 1_000);
      assertWithin(gaps(bench).slice(1), 0.75 * agreed, agreed);
    });
  }

  it("comes after at most nine tenths when one loss is too much", () => {
    const bench = new Bench({ detectMultiplier: 1 }).up();
    bench.runHearing(5_000, 40, UP);
    assertWithin(gaps(bench), 0.75 * 50, 0.9 * 50);
  });

  it("speeds up in the moment that it comes up, and not a second later", () => {
    const bench = new Bench();
    bench.hear({ state: "down" });
    bench.run(700);
    bench.sent.length = 0;
    bench.hear({ ...UP, poll: true });
    bench.run(100);
    assert.deepEqual(
      bench.sent.map(({ state, poll, final, desiredMinTxMicros }) => [
        state,
        poll,
        final,
        desiredMinTxMicros,
      ]),
      [
        ["up", false, true, 50_000],
        ["up", true, false, 50_000],
        ["up", true, false, 50_000],
        ["up", true, false, 50_000],
      ],
    );
    assert.deepEqual(
      bench.sent.slice(0, 2).map(({ at }) => at),
      [700, 700],
    );
  });

  it("is nothing until the peer speaks, when it is passive", () => {
    const bench = new Bench({ passive: true });
    assert.deepEqual(bench.run(60_000), []);
    assert.deepEqual(bench.datagramFirst(), ["down -> init", "send init diag 0"]);
    bench.run(10_000);
    const count = bench.sent.length;
    bench.run(60_000); // the peer has gone again
    assert.equal(bench.sent.length, count);
  });

  it("is nothing when the peer wants none", () => {
    const bench = new Bench().up({ requiredMinRxMicros: 0 });
    bench.runHearing(5_000, 40, { ...UP, requiredMinRxMicros: 0 });
    assert.deepEqual(bench.sent, []);
    assert.deepEqual(bench.hear({ ...UP, requiredMinRxMicros: 0, poll: true }), ["send up F diag 0"]);
  });

  it("is at once due when the peer takes them faster", () => {
    const bench = new Bench().up({ requiredMinRxMicros: 5_000_000 });
    bench.runHearing(1_000, 40, { ...UP, requiredMinRxMicros: 5_000_000 });
    assert.deepEqual(bench.sent, []);
    bench.hear(UP);
    bench.run(0);
    assert.deepEqual(
      bench.sent.map(({ at }) => at - bench.now),
      [0],
    );
  });

  it("says when echo packets may come", () => {
    const bench = new Bench({ echoReceiveMs: 50 });
    assert.equal(bench.sent[0]?.requiredMinEchoRxMicros, 50_000);
  });
});

describe("demand mode of the peer", () => {
  const demanding = { ...UP, demand: true };

  it("ends periodic packets, and the peer's polls are answered", () => {
    const bench = new Bench().up(demanding);
    assert.deepEqual(bench.runHearing(1_000, 40, demanding), []);
    assert.equal(bench.status.transmitIntervalMs, undefined);
    assert.deepEqual(bench.hear({ ...demanding, poll: true }), ["send up F diag 0"]);
  });

  it("does not stop us from finding out that it is gone", () => {
    const bench = new Bench().up(demanding);
    assert.deepEqual(bench.run(200).slice(0, 2), [
      "up -> down",
      "failed detection-expired: nothing heard for 150 ms",
    ]);
  });

  it("is told of anything new by polls until it has heard", () => {
    const bench = new Bench().up(demanding);
    assert.deepEqual(bench.want({ detectMultiplier: 5 }), ["send up P diag 0"]);
    assert.ok(bench.runHearing(200, 40, demanding).length >= 3);
    bench.hear({ ...demanding, final: true });
    assert.deepEqual(bench.runHearing(1_000, 40, demanding), []);
  });

  it("counts for nothing while one side is not up", () => {
    const bench = new Bench();
    bench.hear({ state: "down", demand: true });
    assert.ok(bench.runHearing(10_000, 500, { state: "down", demand: true }).length >= 9);
  });
});

describe("the detection time", () => {
  const cases = [
    { name: "the peer's multiplier, not ours", theirs: { detectMultiplier: 5 }, ms: 250 },
    { name: "the peer's interval where it is longer", theirs: { desiredMinTxMicros: 300_000 }, ms: 900 },
    { name: "our interval where it is longer", theirs: { desiredMinTxMicros: 10_000 }, ms: 150 },
  ];
  for (const { name, theirs, ms } of cases) {
    it(`is made of ${name}`, () => {
      const bench = new Bench({ detectMultiplier: 7 }).up(theirs);
      assert.equal(bench.status.detectionTimeMs, ms);
      bench.run(ms);
      assert.equal(bench.status.state, "up");
      bench.run(2); // the grace
      assert.equal(bench.status.state, "down");
    });
  }

  it("leaves time to read what came in while the process stood still", () => {
    const bench = new Bench().up();
    bench.now = 10_000;
    assert.deepEqual(bench.core.wake(bench.now).length, 1); // its own packet, late
    assert.equal(bench.core.nextWake(), 10_002);
    bench.hear(UP);
    assert.equal(bench.status.state, "up");
    bench.run(149);
    assert.equal(bench.status.state, "up");
  });

  it("is not prolonged by what is dropped", () => {
    const bench = new Bench().up();
    bench.run(100);
    bench.hear(UP, { ttl: 254 });
    bench.run(52);
    assert.equal(bench.status.state, "down");
  });
});

describe("a change of options", () => {
  const agree = (bench: Bench) => {
    bench.hear({ ...UP, final: true });
    bench.hear(UP);
  };

  it("to longer gaps between our packets waits for the peer to know", () => {
    const bench = new Bench().up();
    assert.deepEqual(bench.want({ transmitMs: 400 }), ["send up P diag 0"]);
    assert.equal(bench.sent.at(-1)?.desiredMinTxMicros, 400_000);
    assert.equal(bench.status.transmitIntervalMs, 50);
    agree(bench);
    assert.equal(bench.status.transmitIntervalMs, 400);
  });

  it("to shorter gaps between our packets does not", () => {
    const bench = new Bench({ transmitMs: 400 }).up();
    bench.want({ transmitMs: 50 });
    assert.equal(bench.status.transmitIntervalMs, 50);
  });

  it("to shorter gaps between the peer's waits until it sends them", () => {
    const bench = new Bench({ receiveMs: 400 }).up();
    assert.equal(bench.status.detectionTimeMs, 1_200);
    bench.want({ receiveMs: 50 });
    assert.equal(bench.sent.at(-1)?.requiredMinRxMicros, 50_000);
    assert.equal(bench.status.detectionTimeMs, 1_200);
    agree(bench);
    assert.equal(bench.status.detectionTimeMs, 150);
  });

  it("to longer gaps between the peer's does not", () => {
    const bench = new Bench().up();
    bench.want({ receiveMs: 400 });
    assert.equal(bench.status.detectionTimeMs, 1_200);
  });

  it("of the multiplier needs no poll", () => {
    const bench = new Bench().up();
    assert.deepEqual(bench.want({ detectMultiplier: 5 }), ["send up diag 0"]);
    assert.equal(bench.sent.at(-1)?.detectMultiplier, 5);
  });

  it("that is none is not told", () => {
    assert.deepEqual(new Bench().up().want({}), []);
  });

  it("is polled for until the peer answers, with whatever it was asked first", () => {
    const bench = new Bench().up();
    bench.want({ transmitMs: 400 });
    assert.deepEqual(new Set(bench.runHearing(400, 40, UP)), new Set(["send up P diag 0"]));
    assert.deepEqual(bench.want({ transmitMs: 200 }), [], "the answer could be to either");
    assert.deepEqual(bench.hear({ ...UP, final: true }), [], "a Final may be on its way still");
    assert.deepEqual(bench.hear(UP), ["send up P diag 0"]);
    assert.equal(bench.sent.at(-1)?.desiredMinTxMicros, 200_000);
    assert.equal(bench.status.transmitIntervalMs, 200);
  });

  it("that waits comes into force when nothing is heard any more", () => {
    const bench = new Bench().up();
    bench.want({ transmitMs: 400 });
    bench.want({ transmitMs: 400, receiveMs: 80 });
    bench.run(152);
    assert.deepEqual([bench.sent.at(-1)?.state, bench.sent.at(-1)?.requiredMinRxMicros], ["down", 80_000]);
  });

  it("that has not been told yet is not agreed on by a Final", () => {
    const bench = new Bench();
    bench.run(10);
    bench.hear({ state: "down" });
    bench.hear({ ...UP, poll: true }); // answered with Final; our own poll is still to come
    bench.hear({ ...UP, final: true });
    assert.deepEqual(bench.run(60).slice(0, 1), ["send up P diag 0"]);
  });

  it("that waits comes into force when the session goes down", () => {
    const bench = new Bench().up();
    bench.want({ transmitMs: 400 });
    bench.want({ transmitMs: 400, receiveMs: 80 });
    bench.hear({ state: "down" });
    assert.equal(bench.sent.at(-1)?.requiredMinRxMicros, 80_000);
  });

  it("is not agreed on by a Final that nobody asked for", () => {
    const bench = new Bench().up();
    bench.hear({ ...UP, final: true });
    bench.hear({ state: "up", desiredMinTxMicros: 50_000, final: true });
    bench.hear(UP);
    bench.want({ transmitMs: 400 });
    assert.equal(bench.status.transmitIntervalMs, 50);
  });
});

describe("a session that is not wanted any more", () => {
  it("says so until the peer has confirmed it", () => {
    const bench = new Bench().up();
    assert.deepEqual(bench.wantNone(), [
      "up -> admin-down",
      "down disabled: shut down on this side",
      "send admin-down P diag 7",
    ]);
    const { localDiscriminator } = bench.status;
    bench.run(1_000);
    assert.deepEqual(bench.hear({ state: "down", final: true, yourDiscriminator: localDiscriminator }), [
      "drop admin-down",
      "ended",
    ]);
    assert.deepEqual([...bench.core.statuses()], []);
  });

  it("ends when the peer does not, after some more packets", () => {
    const bench = new Bench().up();
    bench.wantNone();
    const effects = bench.run(10_000);
    assert.deepEqual(effects.at(-1), "ended");
    assert.deepEqual(new Set(effects.slice(0, -1)), new Set(["send admin-down P diag 7"]));
    assert.equal(bench.core.nextWake(), undefined);
  });

  it("ends at once when nobody knows it", () => {
    assert.deepEqual(new Bench().wantNone(), ["down -> admin-down", "send admin-down P diag 7", "ended"]);
  });

  it("makes room for one with another key", () => {
    const bench = new Bench().up();
    let before = bench.status.localDiscriminator;
    const key = Uint8Array.of(1);
    for (const authentication of [
      { kind: "password", keyId: 1, key },
      { kind: "password", keyId: 2, key },
      { kind: "password", keyId: 2, key: Uint8Array.of(2) },
      undefined,
    ] as const) {
      assert.deepEqual(bench.want({ authentication }), ["ended", "send down diag 0"]);
      assert.notEqual(bench.status.localDiscriminator, before);
      before = bench.status.localDiscriminator;
      const same = authentication && { ...authentication, key: authentication.key.slice() };
      assert.deepEqual(bench.want({ authentication: same }), []);
    }
  });

  it("comes back with another discriminator while it says farewell", () => {
    const bench = new Bench().up();
    const before = bench.status.localDiscriminator;
    bench.wantNone();
    assert.deepEqual(bench.want({}), ["ended", "send down diag 0"]);
    assert.notEqual(bench.status.localDiscriminator, before);
    assert.deepEqual([...bench.core.statuses().keys()], [`single ${PATH.remote}%eth0`]);
  });
});
