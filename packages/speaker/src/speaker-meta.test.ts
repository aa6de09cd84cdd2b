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
  02000000000a 02000000000b
  02 04 65746830 05 76c3bc3130   # two: eth0, vü10`;
const said = { macs: [A, B], interfaces: new Set(["eth0", "vü10"]) };

describe("the meta of a speaker", () => {
  it("encodes the golden octets, whatever the order", () => {
    assert.deepEqual(encodeSpeakerMeta(said), golden);
    const shuffled = { macs: [B, A, B], interfaces: new Set(["vü10", "eth0"]) };
    assert.deepEqual(encodeSpeakerMeta(shuffled), golden);
  });

  it("decodes the golden octets", () => assert.deepEqual(decodeSpeakerMeta(golden), said));

  it("understands the beginning of a later version", () => {
    const later = hex`48524c44 02 01 02000000000a 01 02 6531 00010203`;
    assert.deepEqual(decodeSpeakerMeta(later), { macs: [A], interfaces: new Set(["e1"]) });
  });

  it("has room for no more than memberlist carries", () => {
    const macs = Array.from({ length: 200 }, (_, index) => `02:00:00:00:00:${hexOf(index)}` as MacAddress);
    const bytes = encodeSpeakerMeta({ macs, interfaces: new Set(["eth0"]) });
    assert.ok(bytes.length <= 512);
    assert.deepEqual(decodeSpeakerMeta(bytes), { macs: macs.slice(0, MACS_MAX), interfaces: "all" });
  });

  it("leaves out the last of more MACs than there is room for", () => {
    const macs = Array.from(
      { length: 200 },
      (_, index) => `02:00:00:00:00:${hexOf(255 - index)}` as MacAddress,
    );
    const said = decodeSpeakerMeta(encodeSpeakerMeta({ macs, interfaces: new Set() }));
    assert.deepEqual(said.macs, macs.slice(0, MACS_MAX).sort());
  });

  it("says all names of interfaces or none, so that those that are not said count as there", () => {
    const names = Array.from({ length: 63 }, (_, index) => `eth${hexOf(index)}xx`);
    const through = (interfaces: readonly string[]) =>
      decodeSpeakerMeta(encodeSpeakerMeta({ macs: [], interfaces: new Set(interfaces) })).interfaces;
    assert.deepEqual(through(names), new Set(names)); // 7 + 63 * 8 = 511 octets
    assert.deepEqual(through([...names, "x"]), "all");
    assert.deepEqual(through([]), new Set());
  });

  const refused = [
    { name: "what MetalLB says", bytes: hex``, error: "meta.magic: truncated (need 4, have 0)" },
    {
      name: "another magic",
      bytes: hex`00000001 01 00`,
      error: "meta.magic: unsupported (1, want 1213353028)",
    },
    { name: "version 0", bytes: hex`48524c44 00 00`, error: "meta.version: unsupported (0)" },
    {
      name: "a MAC too few",
      bytes: hex`48524c44 01 02 02000000000a`,
      error: "meta.mac: truncated (need 6, have 0)",
    },
    { name: "octets after the end", bytes: hex`48524c44 01 00 00 00`, error: "meta: trailing (1 octets)" },
    { name: "no names", bytes: golden.subarray(0, 18), error: "meta.names: truncated (need 1, have 0)" },
    { name: "half a name", bytes: golden.subarray(0, 22), error: "meta.name: truncated (need 4, have 2)" },
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
