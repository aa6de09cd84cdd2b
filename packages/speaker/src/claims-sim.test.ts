import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { Village } from "./testdata/village.ts";

const SEEDS = 100;
const FAULTS = 12;

/** Faults at random; then none, and nothing is lost any more. */
function troubled(seed: number): Village {
  const random = new SeededRandom(seed);
  const village = new Village(seed, { nodes: 3 + Math.floor(random.next() * 3) });
  village.run(2_000);
  village.loss = 0.3;
  for (let fault = 0; fault < FAULTS; fault += 1) {
    village.strike(random);
    village.run(Math.floor(random.next() * 900));
  }
  village.loss = 0;
  return village;
}

describe("speakers with claims, whatever happened to them", () => {
  it("have one holder for each address, one detection time after the last fault", () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const village = troubled(seed);
      village.repair();
      village.run(village.boundMs);
      for (let round = 0; round < 20; round += 1) {
        assert.deepEqual(village.faulty(), [], `seed ${seed}\n${village.story()}`);
        village.run(100);
      }
    }
  });

  it("hold every address that one of them could even where they see the cluster differently for good", () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const village = troubled(seed);
      village.mend(); // all but what they see of the API
      village.run(village.boundMs + village.names.length * 1_000);
      for (let round = 0; round < 20; round += 1) {
        assert.deepEqual(village.dark(), [], `seed ${seed}\n${village.story()}`);
        village.run(100);
      }
    }
  });

  it("move nothing while all is well", () => {
    for (let seed = 1; seed <= SEEDS / 5; seed += 1) {
      const village = troubled(seed);
      village.repair();
      village.run(2_000);
      const before = village.holders();
      village.run(20_000);
      assert.deepEqual(village.holders(), before, `seed ${seed}`);
    }
  });
});
