import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Deadlines } from "./deadlines.ts";

describe("Deadlines", () => {
  it("gives out what is due, in order of time, and keeps the rest", () => {
    const deadlines = new Deadlines<string>();
    for (const [key, due] of [
      ["c", 3],
      ["a", 1],
      ["d", 4],
      ["b", 2],
    ] as const)
      deadlines.set(key, due);
    deadlines.set("a", 5);
    deadlines.delete("b");
    assert.equal(deadlines.earliest(), 3);
    assert.deepEqual(deadlines.take(4), [
      { key: "c", due: 3 },
      { key: "d", due: 4 },
    ]);
    assert.equal(deadlines.earliest(), 5);
  });

  it("does as a map that is searched would, whatever happens", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
        const both = [new Deadlines<number>(), new SearchedMap()] as const;
        for (const one of steps) {
          const [is, wanted] = both.map((deadlines) => play(one, deadlines));
          assert.deepEqual(is, wanted);
        }
      }),
    );
  });
});

const key = fc.nat(9);
const due = fc.nat(50);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("set" as const), key, due }) },
  fc.record({ type: fc.constant("delete" as const), key, due }),
  fc.record({ type: fc.constant("take" as const), key, due }),
);

class SearchedMap {
  readonly #dues = new Map<number, number>();

  set(which: number, at: number): void {
    this.#dues.set(which, at);
  }

  delete(which: number): void {
    this.#dues.delete(which);
  }

  take(now: number): readonly { readonly key: number; readonly due: number }[] {
    const taken = [...this.#dues].filter(([, at]) => at <= now);
    for (const [which] of taken) this.#dues.delete(which);
    return taken.map(([which, at]) => ({ key: which, due: at }));
  }

  earliest(): number | undefined {
    return this.#dues.size === 0 ? undefined : Math.min(...this.#dues.values());
  }
}

/** @returns all that can be seen of it; what is due at one instant comes in any order. */
function play(
  one: { type: "set" | "delete" | "take"; key: number; due: number },
  deadlines: Deadlines<number> | SearchedMap,
): unknown {
  if (one.type === "set") deadlines.set(one.key, one.due);
  if (one.type === "delete") deadlines.delete(one.key);
  const taken = one.type === "take" ? deadlines.take(one.due) : [];
  const times = taken.map((entry) => entry.due);
  const isSorted = times.every((time, index) => index === 0 || (times[index - 1] ?? 0) <= time);
  const ordered = [...taken].sort((a, b) => a.due - b.due || a.key - b.key);
  return { earliest: deadlines.earliest(), ordered, isSorted: isSorted || deadlines instanceof SearchedMap };
}
