import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Clock } from "@herald/shared/core";
import { SlicedWork } from "./sliced-work.ts";

/** Every look at it takes a millisecond; callbacks run when the test says so. */
class SlowClock implements Clock {
  readonly callbacks: (() => void)[] = [];
  #now = 0;
  now(): number {
    this.#now += 1;
    return this.#now;
  }

  at(_due: number, callback: () => void): () => void {
    this.callbacks.push(callback);
    return () => this.callbacks.splice(this.callbacks.indexOf(callback), 1);
  }

  turn(): void {
    this.callbacks.shift()?.();
  }
}

function start(settlesIn: number) {
  const clock = new SlowClock();
  const done: string[] = [];
  const work = new SlicedWork(clock, () => steps("settle", settlesIn));
  function* steps(name: string, count: number): Generator<void> {
    for (let step = 1; step <= count; step += 1) {
      done.push(`${name} ${step}`);
      yield;
    }
  }
  return { clock, done, work, steps };
}

describe("sliced work", () => {
  it("stops after a slice and goes on in the next turn", () => {
    const { clock, done, work, steps } = start(0);
    work.add(steps("a", 6));
    clock.turn();
    assert.deepEqual(done, ["a 1", "a 2", "a 3", "a 4"]);
    clock.turn();
    assert.deepEqual(done.slice(4), ["a 5", "a 6"]);
  });

  it("takes what comes in before it settles, and settles once", () => {
    const { clock, done, work, steps } = start(1);
    work.add(steps("a", 1));
    work.add(steps("b", 1));
    for (let turn = 0; turn < 5; turn += 1) clock.turn();
    assert.deepEqual(done, ["a 1", "b 1", "settle 1"]);
    assert.deepEqual(clock.callbacks, []);
  });

  it("does nothing more once stopped", () => {
    const { clock, done, work, steps } = start(1);
    work.add(steps("a", 9));
    clock.turn();
    work.stop();
    clock.turn();
    work.add(steps("b", 1));
    clock.turn();
    assert.deepEqual(done, ["a 1", "a 2", "a 3", "a 4"]);
  });
});
