import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import fc from "fast-check";
import type { Clock, Core, Instant } from "./core.ts";
import { type Driven, drive } from "./driver.ts";

/** Says each word now, and again after its delay. */
class Echo implements Core<{ readonly word: string; readonly afterMs: number }, string> {
  #pending: { readonly due: Instant; readonly word: string }[] = [];

  handle({ word, afterMs }: { word: string; afterMs: number }, now: Instant): readonly string[] {
    this.#pending.push({ due: now + afterMs, word });
    return [word];
  }

  wake(now: Instant): readonly string[] {
    const due = this.#pending.filter((entry) => entry.due <= now);
    this.#pending = this.#pending.filter((entry) => entry.due > now);
    return due.map(({ word }) => `${word} again`);
  }

  nextWake(): Instant | undefined {
    return this.#pending.length === 0 ? undefined : Math.min(...this.#pending.map(({ due }) => due));
  }
}

function echoing(): {
  clock: VirtualClock;
  said: string[];
  driven: Driven<{ word: string; afterMs: number }>;
} {
  const clock = new VirtualClock(1_000);
  const said: string[] = [];
  const driven = drive(new Echo(), clock, (effect: string) => {
    said.push(`${clock.now()} ${effect}`);
  });
  return { clock, said, driven };
}

describe("driver", () => {
  it("performs effects in order and wakes the core when it is due", () => {
    const { clock, said, driven } = echoing();
    driven.feed({ word: "late", afterMs: 300 });
    driven.feed({ word: "soon", afterMs: 100 });
    clock.advance(99);
    assert.deepEqual(said, ["1000 late", "1000 soon"]);
    clock.advance(1_000);
    assert.deepEqual(said.slice(2), ["1100 soon again", "1300 late again"]);
  });

  it("has one timer armed at a time, for the earliest deadline", () => {
    const { clock, driven } = echoing();
    assert.equal(clock.nextDue(), undefined);
    driven.feed({ word: "late", afterMs: 300 });
    assert.equal(clock.nextDue(), 1_300);
    driven.feed({ word: "soon", afterMs: 100 });
    assert.equal(clock.nextDue(), 1_100);
    clock.advance(100);
    assert.equal(clock.nextDue(), 1_300);
    clock.advance(200);
    assert.equal(clock.nextDue(), undefined);
  });

  it("leaves the timer alone while the deadline is the same, however much arrives", () => {
    const clock = new VirtualClock(1_000);
    const armed: Instant[] = [];
    const counting: Clock = {
      now: () => clock.now(),
      at: (due, callback) => {
        armed.push(due);
        return clock.at(due, callback);
      },
    };
    const driven = drive(new Echo(), counting, () => {});
    driven.feed({ word: "first", afterMs: 100 });
    for (const word of ["and", "many", "more"]) driven.feed({ word, afterMs: 500 });
    assert.deepEqual(armed, [1_100]);
    clock.advance(200);
    assert.deepEqual(armed, [1_100, 1_500]);
  });

  it("never enters a core twice at once: inputs fed by an effect wait until the others are performed", () => {
    const clock = new VirtualClock();
    const said: string[] = [];
    let inside = false;
    const core: Core<number, number> = {
      handle: (input) => {
        assert.equal(inside, false);
        inside = true;
        const effects = input < 10 ? [input * 10, input * 10 + 1] : [];
        inside = false;
        said.push(`handled ${input}`);
        return effects;
      },
      wake: () => [],
      nextWake: () => undefined,
    };
    const driven = drive(core, clock, (effect: number) => {
      driven.feed(effect);
      said.push(`performed ${effect}`);
    });
    driven.feed(1);
    assert.deepEqual(said, ["handled 1", "performed 10", "performed 11", "handled 10", "handled 11"]);
  });

  it("does nothing more once stopped", () => {
    const { clock, said, driven } = echoing();
    driven.feed({ word: "last", afterMs: 100 });
    driven.stop();
    driven.feed({ word: "too late", afterMs: 0 });
    clock.advance(1_000);
    assert.deepEqual([said, clock.nextDue()], [["1000 last"], undefined]);
  });

  it("arms no timer when an effect stops it", () => {
    const clock = new VirtualClock();
    const driven = drive(new Echo(), clock, () => driven.stop());
    driven.feed({ word: "stop", afterMs: 100 });
    assert.equal(clock.nextDue(), undefined);
  });

  it("says every word twice, at its time, whatever comes when", () => {
    const words = fc.array(
      fc.record({ waitMs: fc.nat(50), afterMs: fc.nat(200) }, { noNullPrototype: true }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(words, (steps) => {
        const { clock, said, driven } = echoing();
        const expected: string[] = [];
        for (const [index, { waitMs, afterMs }] of steps.entries()) {
          clock.advance(waitMs);
          driven.feed({ word: `w${index}`, afterMs });
          expected.push(`${clock.now()} w${index}`, `${clock.now() + afterMs} w${index} again`);
        }
        clock.advance(1_000);
        assert.deepEqual(said.toSorted(), expected.toSorted());
      }),
    );
  });
});
