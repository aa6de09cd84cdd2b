import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import fc from "fast-check";
import { checksumOf, isIntact, pseudoHeaderSum, sumOf } from "./checksum.ts";

describe("checksumOf", () => {
  const sums = [
    // RFC 1071 §3: the words add up to 2ddf0, which folds to ddf2.
    { name: "the example of RFC 1071", bytes: hex`0001 f203 f4f5 f6f7`, checksum: 0x220d },
    { name: "nothing", bytes: hex``, checksum: 0xffff },
    { name: "an odd octet, which is the high one of a word", bytes: hex`01`, checksum: 0xfeff },
    { name: "a sum that carries twice", bytes: hex`ffff ffff 0001`, checksum: 0xfffe },
    {
      name: "64 KiB of the highest words there are",
      bytes: new Uint8Array(65_536).fill(0xff),
      checksum: 0,
    },
  ];
  for (const { name, bytes, checksum } of sums) {
    it(`sums ${name}`, () => assert.equal(checksumOf(sumOf(bytes)), checksum));
  }

  it("makes octets intact that carry it, wherever they are cut in two", () => {
    const words = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(words, fc.nat(40), (values, cut) => {
        const bytes = new Uint8Array(values.flatMap((word) => [word >>> 8, word & 0xff]));
        const checksum = checksumOf(sumOf(bytes));
        const at = 2 * Math.min(cut, values.length);
        assert.ok(isIntact(sumOf(bytes.subarray(0, at)) + sumOf(bytes.subarray(at)) + checksum));
      }),
    );
  });
});

describe("pseudoHeaderSum", () => {
  it("is the sum of the header that RFC 8200 §8.1 draws", () => {
    const source = hex`20010db8000000000000000000000001`;
    const destination = hex`ff0200000000000000000001ff000002`;
    const drawn = new Uint8Array([...source, ...destination, ...hex`00000020 000000 3a`]);
    assert.equal(pseudoHeaderSum(source, destination, 32, 58), sumOf(drawn));
  });
});
