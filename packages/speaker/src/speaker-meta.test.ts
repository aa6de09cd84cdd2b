import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { DecodeError } from "@herald/wire/bytes";
import type { MacAddress } from "@herald/wire/mac";
import fc from "fast-check";
import { decodeSpeakerMeta, encodeSpeakerMeta, MACS_MAX } from "./speaker-meta.ts";

const A = "02:00:00:00:00:0a" as MacAddress;
const B = "02:00:00:00:00:0b" as MacAddress;
const golden = hex`
  48524c44 01 02                 # HRLD, version 1, two
  02000000000a 02000000000b`;

describe("the meta of a speaker", () => {
  it("encodes the golden octets, whatever the order", () => {
    assert.deepEqual(encodeSpeakerMeta({ macs: [A, B] }), golden);
    assert.deepEqual(encodeSpeakerMeta({ macs: [B, A, B] }), golden);
  });

  it("decodes the golden octets", () => assert.deepEqual(decodeSpeakerMeta(golden), { macs: [A, B] }));

  it("understands the beginning of a later version", () => {
    const later = hex`48524c44 02 01 02000000000a 00010203`;
    assert.deepEqual(decodeSpeakerMeta(later), { macs: [A] });
  });

  it("has room for no more than memberlist carries", () => {
    const macs = Array.from({ length: 200 }, (_, index) => `02:00:00:00:00:${hexOf(index)}` as MacAddress);
    const bytes = encodeSpeakerMeta({ macs });
    assert.ok(bytes.length <= 512);
    assert.deepEqual(decodeSpeakerMeta(bytes), { macs: macs.slice(0, MACS_MAX) });
  });

  const refused = [
    { name: "what MetalLB says", bytes: hex``, error: "meta.magic: truncated (need 4, have 0)" },
    {
      name: "another magic",
      bytes: hex`00000001 01 00`,
      error: "meta.magic: unsupported (1, want 1213353028)",
    },
    { name: "version 0", bytes: hex`48524c44 00 00`, error: "meta.version: unsupported (0)" },
    { name: "a MAC too few", bytes: golden.subarray(0, 12), error: "meta.mac: truncated (need 6, have 0)" },
    { name: "octets after the end", bytes: hex`48524c44 01 00 00`, error: "meta: trailing (1 octets)" },
    { name: "a group", bytes: hex`48524c44 01 01 ffffffffffff`, error: "meta.mac: invalid (a group)" },
    { name: "too much", bytes: new Uint8Array(513), error: "meta: oversized (513 octets)" },
  ];
  for (const { name, bytes, error } of refused) {
    it(`refuses ${name}`, () =>
      assert.throws(() => decodeSpeakerMeta(bytes), { name: "DecodeError", message: error }));
  }

  it("gives a value or a DecodeError for any octets", () => {
    const some = fc.uint8Array({ maxLength: 40 });
    const begun = some.map((rest) => Uint8Array.of(...golden.subarray(0, 5), ...rest));
    fc.assert(
      fc.property(fc.oneof(some, begun), (bytes) => {
        try {
          decodeSpeakerMeta(bytes);
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
    );
  });
});

function hexOf(octet: number): string {
  return octet.toString(16).padStart(2, "0");
}
