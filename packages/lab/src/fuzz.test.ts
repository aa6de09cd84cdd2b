import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FuzzFailure, type FuzzTarget, fuzz, inputOf } from "./fuzz.ts";
import { parseHex } from "./hex.ts";

const SAMPLE = Uint8Array.from({ length: 40 }, (_, index) => index);
const ALL: FuzzTarget = { name: "t", samples: [SAMPLE], judge: () => "taken" };

/** Refuses what is short, and stumbles over an octet. */
const stumbles: FuzzTarget = {
  ...ALL,
  judge: (input) => {
    if (input.includes(0xee)) throw new RangeError("an ee");
    return input.length < 40 ? "refused" : "taken";
  },
};

describe("fuzzing", () => {
  it("tries the same inputs for the same seeds", () => {
    const inputs = (first: number): readonly Uint8Array[] =>
      Array.from({ length: 100 }, (_, index) => inputOf(ALL, first + index));
    assert.deepEqual(inputs(1), inputs(1));
    assert.notDeepEqual(inputs(1), inputs(1_000));
  });

  it("changes, leaves out, doubles and cuts off, and hardly ever nothing", () => {
    const lengths = new Set<number>();
    let same = 0;
    for (let seed = 0; seed < 2_000; seed += 1) {
      const input = inputOf(ALL, seed);
      lengths.add(input.length);
      if (Buffer.compare(input, SAMPLE) === 0) same += 1;
    }
    assert.deepEqual([lengths.has(0), lengths.has(40), lengths.has(48)], [true, true, true]);
    assert.ok(Math.max(...lengths) <= 72 && same < 100, `${Math.max(...lengths)}, ${same}`);
  });

  it("counts outcomes, and looks closer at one in sixteen", () => {
    const thorough: boolean[] = [];
    const counting: FuzzTarget = {
      ...ALL,
      judge: (input, isThorough) => {
        thorough.push(isThorough);
        return input.length < 40 ? "refused" : "taken";
      },
    };
    const { taken, refused } = fuzz(counting, 0, 160);
    assert.deepEqual([taken + refused, thorough.filter(Boolean).length], [160, 10]);
    assert.ok(taken > 20 && refused > 20, `${taken}, ${refused}`);
  });

  it("stops at what is neither, with all it takes to try that again", () => {
    const failure = (() => {
      try {
        fuzz(stumbles, 7, 100_000);
      } catch (error) {
        if (error instanceof FuzzFailure) return error;
      }
      return assert.fail("nothing failed");
    })();
    assert.deepEqual(failure.input, inputOf(stumbles, failure.seed));
    const [, hex = ""] = /^t, seed \d+, input ([0-9a-f]+): RangeError: an ee$/.exec(failure.message) ?? [];
    assert.deepEqual(parseHex(hex), failure.input);
    assert.ok(Error.stackTraceLimit > 0, "and stack traces are as before");
  });
});
