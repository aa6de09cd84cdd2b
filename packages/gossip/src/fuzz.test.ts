import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzz } from "@herald/lab/fuzz";
import { parseHex } from "@herald/lab/hex";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import { decodeDatagram } from "./datagram.ts";
import { type Framing, framing } from "./framing.ts";
import { GOSSIP_FUZZ, judgeGossip } from "./testdata/fuzz-target.ts";
import { recordedFraming } from "./testdata/recorded.ts";
import { RECORDING, type Vector } from "./testdata/vectors.ts";

const CLEAR = framing({ label: "", encryption: undefined, compress: false });

/** More of them: `npm run fuzz`. */
const INPUTS = 100_000;

const { vectors } = RECORDING;

/** What was sent. */
interface Sample {
  readonly transport: Vector["transport"];
  readonly bytes: Uint8Array;
  readonly around: Framing;
}

const sent: readonly Sample[] = vectors.map((vector) => ({
  transport: vector.transport,
  bytes: parseHex(vector.hex),
  around: recordedFraming(vector),
}));
describe("the codec under rubbish", () => {
  it("refuses recordings that are cut off anywhere, or takes what is left", () => {
    const oneOfEachShape = new Map(vectors.map(({ shape }, index) => [shape, index])).values();
    for (const index of oneOfEachShape) {
      const sample = sent[index] as Sample;
      const { length } = sample.bytes;
      for (let end = 0; end < Math.min(length, 700); end += 1) {
        judgeGossip(sample.transport, sample.bytes.subarray(0, end), sample.around, true);
      }
    }
  });

  it("refuses encrypted recordings in which one bit changed", () => {
    const sealed = sent.filter(
      ({ around, transport }) => around.encryption !== undefined && transport === "udp",
    );
    for (const { bytes, around } of sealed.filter((_, index) => index % 10 === 0)) {
      const version = around.labelHeader.length; // the one octet that encryption does not cover
      for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
        const at = bit >> 3;
        const changed = bytes.with(at, (bytes[at] as number) ^ (1 << (bit & 7)));
        if (at === version) judgeGossip("udp", changed, around, true);
        else assert.throws(() => decodeDatagram(changed, around), DecodeError);
      }
    }
  });

  it(`gives a value or a DecodeError for ${INPUTS} recordings with something changed`, () => {
    const { taken, refused } = fuzz(GOSSIP_FUZZ, 1, INPUTS);
    // Why: were nearly all refused at the first octet, nothing would have been tried.
    assert.ok(taken > INPUTS / 10 && refused > INPUTS / 10, `${taken} taken, ${refused} refused`);
  });

  it("gives a value or a DecodeError for any octets", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), fc.nat(13), (octets, type) => {
        for (const transport of ["udp", "tcp"] as const) {
          judgeGossip(transport, octets, CLEAR, true);
          judgeGossip(transport, Uint8Array.of(type, ...octets), CLEAR, true);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
