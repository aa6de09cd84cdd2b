import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import { deflateLzw, inflateLzw } from "./lzw.ts";
import { CodeWriter } from "./lzw-codes.ts";
import { RECORDING } from "./testdata/vectors.ts";

const KIB = 1_024;

describe("LZW", () => {
  for (const { name, plain, lzw } of RECORDING.lzw) {
    it(`packs ${name} as Go does`, () => assert.deepEqual(deflateLzw(parseHex(plain)), parseHex(lzw)));
    it(`unpacks ${name}`, () => assert.deepEqual(inflateLzw(parseHex(lzw), 16 * KIB, "f"), parseHex(plain)));
  }

  const refused = [
    { name: "nothing", bytes: hex``, error: "f: truncated (no end code)" },
    { name: "a stream without its end code", bytes: hex`00 03`, error: "f: truncated (no end code)" },
    {
      name: "a code that is not defined yet",
      bytes: hex`00 05 06`,
      error: "f: invalid (code 258, at most 257)",
    },
  ];
  for (const { name, bytes, error } of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(() => inflateLzw(bytes, KIB, "f"), { name: "DecodeError", message: error });
    });
  }

  it("unpacks up to the bound and not an octet further", () => {
    const packed = deflateLzw(new Uint8Array(5_000));
    assert.deepEqual(inflateLzw(packed, 5_000, "f"), new Uint8Array(5_000));
    assert.throws(
      () => inflateLzw(packed, 4_999, "f"),
      new DecodeError("oversized", "f", "unpacks to more than 4999 octets"),
    );
  });

  it("keeps what the table holds once it is full and nobody clears it", () => {
    const codes = new CodeWriter(4_000);
    codes.put(256, 9);
    const plain = Array.from({ length: 3_839 }, (_, index) => index % 251);
    // The second code after a clear defines 258, each code but the first one more; 4095 is the last.
    for (const [index, octet] of plain.entries()) codes.put(octet, widthOf(257 + index));
    for (const code of [1, 2, 4_095, 257]) codes.put(code, 12);
    const expected = Uint8Array.from([...plain, 1, 2, ...plain.slice(-2)]);
    assert.deepEqual(new Uint8Array(inflateLzw(codes.finish(), 8 * KIB, "f")), expected);
  });

  it("stops at the bound of a bomb", () => {
    const bomb = deflateLzw(new Uint8Array(4 * KIB * KIB));
    assert.ok(bomb.length < 16 * KIB, `${bomb.length}`);
    assert.throws(() => inflateLzw(bomb, KIB, "f"), { name: "DecodeError", reason: "oversized" });
  });

  it("unpacks whatever it packed", () => {
    const plain = fc.oneof(
      fc.uint8Array({ maxLength: 2_000 }),
      fc
        .array(fc.integer({ min: 0, max: 3 }), { minLength: 0, maxLength: 20_000, size: "max" })
        .map((few) => Uint8Array.from(few)),
    );
    fc.assert(
      fc.property(plain, (octets) => {
        assert.deepEqual(new Uint8Array(inflateLzw(deflateLzw(octets), 20_000, "f")), octets);
      }),
      { numRuns: 60 },
    );
  });

  it("gives octets or a DecodeError for anything", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: "max" }), (octets) => {
        try {
          inflateLzw(octets, 64 * KIB, "f");
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

/** How wide a code is while `next` is the highest code about to be defined. */
function widthOf(next: number): number {
  return Math.min(12, Math.max(9, Math.floor(Math.log2(next)) + 1));
}
