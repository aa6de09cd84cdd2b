import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Suspicions } from "./suspicion.ts";

const GAP_MS = 20;

/** @param wanted confirmations; @param dead who is no witness any more. */
function suspicions(wanted: number, dead: ReadonlySet<string> = new Set()): Suspicions {
  return new Suspicions({
    span: () => ({ minMs: 200, maxMs: 600, wanted }),
    isAlive: (name) => !dead.has(name),
    callGapMs: GAP_MS,
  });
}

/** Lets time pass in whole ms. @returns when the suspect was called, and when it was given up. */
function story(of: Suspicions, from: number, until: number): { calls: number[]; over: number | undefined } {
  const calls: number[] = [];
  for (let now = from; now <= until; now += 1) {
    calls.push(...of.takeCalls(now).map(() => now));
    if (of.takeExpired(now) !== undefined) return { calls, over: now };
  }
  return { calls, over: undefined };
}

describe("suspicion", () => {
  it("takes the shortest time when nobody is to confirm it, and calls the suspect twice before the end", () => {
    const running = suspicions(0);
    running.start("b", "us", 1_000);
    assert.equal(running.nextDue(), 1_160);
    assert.deepEqual(story(running, 1_000, 2_000), { calls: [1_160, 1_180], over: 1_200 });
    assert.equal(running.size, 0);
  });

  const confirmed: readonly { accusers: readonly string[]; over: number }[] = [
    { accusers: [], over: 600 },
    { accusers: ["us"], over: 600 },
    { accusers: ["c"], over: 347 },
    { accusers: ["c", "c"], over: 347 },
    { accusers: ["c", "d"], over: 200 },
    { accusers: ["c", "d", "e"], over: 200 },
  ];
  for (const { accusers, over } of confirmed) {
    it(`lasts ${over} ms when ${accusers.join(", ") || "nobody"} confirms it`, () => {
      const running = suspicions(2);
      running.start("b", "us", 0);
      for (const accuser of accusers) running.confirm("b", accuser);
      assert.equal(story(running, 0, 1_000).over, over);
    });
  }

  it("hears each accuser once, and no more than it needs", () => {
    const running = suspicions(2);
    running.start("b", "us", 0);
    const heard = ["us", "c", "c", "d", "e"].map((accuser) => running.confirm("b", accuser));
    assert.deepEqual(heard, [false, true, false, true, false]);
    assert.equal(running.confirm("nobody", "c"), false);
  });

  it("listens to the living only, also when they die later", () => {
    const dead = new Set(["c"]);
    const running = suspicions(1, dead);
    running.start("b", "us", 0);
    assert.equal(running.confirm("b", "c"), false);
    assert.equal(running.confirm("b", "d"), true);
    dead.add("d");
    running.invalidate();
    assert.equal(story(running, 0, 1_000).over, 600);
  });

  it("that is confirmed late ends at once, but not before the suspect could answer a call", () => {
    const running = suspicions(1);
    running.start("b", "us", 0);
    running.confirm("b", "c");
    assert.deepEqual(story(running, 400, 1_000), { calls: [400, 401], over: 411 });
  });

  it("has all its time before it again when the suspect answers", () => {
    const running = suspicions(0);
    running.start("b", "us", 0);
    assert.deepEqual(story(running, 0, 190), { calls: [160, 180], over: undefined });
    running.vindicate("b", 190);
    assert.deepEqual(story(running, 191, 1_000), { calls: [350, 370], over: 390 });
  });

  it("is postponed by our own absence, a few times", () => {
    const running = suspicions(0);
    running.start("b", "us", 0);
    for (let absence = 1; absence <= 8; absence += 1) running.postpone(1_000 * absence);
    running.postpone(9_000);
    assert.equal(story(running, 900, 10_000).over, 8_000);
  });

  it("gives up nobody who was not called", () => {
    const running = suspicions(0);
    running.start("b", "us", 0);
    assert.equal(running.takeExpired(500), undefined);
  });

  it("that was dropped does not come to an end", () => {
    const running = suspicions(0);
    running.start("b", "us", 0);
    running.drop("b");
    assert.equal(running.nextDue(), undefined);
    running.start("b", "us", 150);
    assert.equal(story(running, 150, 1_000).over, 350);
  });
});
