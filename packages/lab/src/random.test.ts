import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { happens, SeededRandom } from "./random.ts";

const first = (seed: number, count: number): number[] => {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

describe("SeededRandom", () => {
  it("repeats itself for the same seed", () => assert.deepEqual(first(7, 100), first(7, 100)));
  it("differs for another seed", () => assert.notDeepEqual(first(7, 3), first(8, 3)));

  for (const seed of [0, 1, 2, -1, 0x9e3779b9, 2 ** 31]) {
    it(`spreads evenly over [0, 1) from seed ${seed}`, () => {
      const buckets = new Array<number>(10).fill(0);
      for (const value of first(seed, 10_000))
        buckets[Math.floor(value * 10)] = (buckets[Math.floor(value * 10)] ?? 0) + 1;
      assert.equal(buckets.length, 10);
      assert.deepEqual(
        buckets.filter((count) => count < 850 || count > 1150),
        [],
      );
    });
  }

  it("lets the impossible never happen and the certain always", () => {
    const random = new SeededRandom(3);
    const outcomes = Array.from({ length: 1000 }, () => [happens(random, 0), happens(random, 1)]);
    assert.deepEqual([...new Set(outcomes.map(String))], ["false,true"]);
  });
});
