import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzz } from "@herald/lab/fuzz";
import { WIRE_FUZZ } from "./testdata/fuzz-target.ts";

/** More of them: `npm run fuzz`. */
const INPUTS = 350_000;

describe("the decoders of frames under rubbish", () => {
  it(`survive ${INPUTS} frames in which something changed`, () => {
    const { taken, refused } = fuzz(WIRE_FUZZ, 1, INPUTS);
    assert.ok(taken > INPUTS / 10 && refused > INPUTS / 10, `${taken} taken, ${refused} refused`);
  });
});
