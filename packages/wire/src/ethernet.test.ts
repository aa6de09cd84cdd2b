import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import fc from "fast-check";
import { DecodeError } from "./bytes.ts";
import { decodeEthernet, type EthernetFrame, encodeEthernet } from "./ethernet.ts";

const plainBytes = hex`ffffffffffff 02000000000a 0806 0102`;
const plain: EthernetFrame = {
  destination: hex`ffffffffffff`,
  source: hex`02000000000a`,
  vlan: 0,
  etherType: 0x0806,
  payload: hex`0102`,
};
const taggedBytes = hex`ffffffffffff 02000000000a 8100 0064 0806 0102`;
const tagged: EthernetFrame = { ...plain, vlan: 100 };

describe("Ethernet", () => {
  it("encodes a frame", () => assert.deepEqual(encodeEthernet(plain), plainBytes));
  it("decodes a frame", () => assert.deepEqual(decodeEthernet(plainBytes), plain));
  it("encodes a VLAN tag", () => assert.deepEqual(encodeEthernet(tagged), taggedBytes));
  it("decodes a VLAN tag", () => assert.deepEqual(decodeEthernet(taggedBytes), tagged));
  it("takes a tag that carries only a priority for no tag", () => {
    assert.deepEqual(decodeEthernet(hex`ffffffffffff 02000000000a 8100 e000 0806 0102`), plain);
  });

  const refused = [
    { name: "nothing", bytes: hex``, error: "ethernet.destination: truncated (need 6, have 0)" },
    {
      name: "no source",
      bytes: plainBytes.subarray(0, 11),
      error: "ethernet.source: truncated (need 6, have 5)",
    },
    {
      name: "no type",
      bytes: plainBytes.subarray(0, 13),
      error: "ethernet.type: truncated (need 2, have 1)",
    },
    {
      name: "half a tag",
      bytes: taggedBytes.subarray(0, 15),
      error: "ethernet.tag: truncated (need 2, have 1)",
    },
    {
      name: "no type after a tag",
      bytes: taggedBytes.subarray(0, 16),
      error: "ethernet.type: truncated (need 2, have 0)",
    },
  ];
  for (const { name, bytes, error } of refused) {
    it(`refuses ${name}`, () =>
      assert.throws(() => decodeEthernet(bytes), { name: "DecodeError", message: error }));
  }

  const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
  const frame = fc.record(
    {
      destination: mac,
      source: mac,
      vlan: fc.integer({ min: 0, max: 0xfff }),
      etherType: fc.integer({ min: 0, max: 0xffff }).filter((type) => type !== 0x8100),
      payload: fc.uint8Array({ maxLength: 60 }),
    },
    { noNullPrototype: true },
  );
  it("comes back as it went", () => {
    fc.assert(fc.property(frame, (value) => assert.deepEqual(decodeEthernet(encodeEthernet(value)), value)));
  });
  it("makes a frame or a DecodeError of any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeEthernet(bytes);
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
    );
  });
});
