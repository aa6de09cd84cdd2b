import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { VirtualClock } from "./virtual-clock.ts";

describe("VirtualClock", () => {
  it("stands still until it is told to go on", () => {
    const clock = new VirtualClock(5);
    let ran = false;
    clock.at(6, () => {
      ran = true;
    });
    assert.deepEqual([clock.now(), ran], [5, false]);
    clock.advance(1);
    assert.deepEqual([clock.now(), ran], [6, true]);
  });

  it("runs callbacks in the order of time, equals in the order they were asked for", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 }), (dues) => {
        const clock = new VirtualClock();
        const ran: [number, number][] = [];
        dues.forEach((due, index) => {
          clock.at(due, () => ran.push([clock.now(), index]));
        });
        clock.runUntil(50);
        const wanted = dues.map((due, index) => [due, index] as [number, number]);
        assert.deepEqual(
          ran,
          wanted.sort(([a, i], [b, j]) => a - b || i - j),
        );
      }),
    );
  });

  it("runs what a callback asks for within the same span", () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const again = (): void => {
      seen.push(clock.now());
      clock.at(clock.now() + 10, again);
    };
    clock.at(0, again);
    clock.runUntil(35);
    assert.deepEqual([seen, clock.now(), clock.nextDue()], [[0, 10, 20, 30], 35, 40]);
  });

  it("runs what is asked for in the past as soon as it goes on", () => {
    const clock = new VirtualClock(100);
    const seen: number[] = [];
    clock.at(3, () => seen.push(clock.now()));
    clock.advance(0);
    assert.deepEqual(seen, [100]);
  });

  it("never runs what was cancelled, and takes a late cancel calmly", () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const cancelEarly = clock.at(1, () => seen.push("cancelled"));
    const cancelLate = clock.at(2, () => seen.push("ran"));
    cancelEarly();
    clock.runUntil(2);
    cancelLate();
    assert.deepEqual([seen, clock.nextDue()], [["ran"], undefined]);
  });
});
