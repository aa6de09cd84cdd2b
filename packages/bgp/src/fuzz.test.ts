import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzz } from "@herald/lab/fuzz";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import { Framer } from "./framer.ts";
import { BGP_FUZZ, judgeMessage } from "./testdata/fuzz-target.ts";

/** More of them: `npm run fuzz`. */
const INPUTS = 1_000_000;

describe("the decoders under rubbish", () => {
  it("refuse every sample that is cut off, or take what is left", () => {
    for (const sample of BGP_FUZZ.samples.filter((_, index) => index % 5 === 0)) {
      for (let end = 1; end < sample.length; end += 1) BGP_FUZZ.judge(sample.subarray(0, end), true);
    }
  });

  it(`survive ${INPUTS} messages in which something changed`, () => {
    const { taken, refused } = fuzz(BGP_FUZZ, 1, INPUTS);
    // Why: were nearly all refused at the first octet, nothing would have been tried.
    assert.ok(taken > INPUTS / 10 && refused > INPUTS / 10, `${taken} taken, ${refused} refused`);
  });

  it("survive anything that comes out of a connection", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 1, max: 5 }), (body, type) => {
        judgeMessage(type, body, true);
        const framer = new Framer();
        framer.push(body);
        try {
          framer.next();
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
