import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseHex } from "@herald/lab/hex";
import fc from "fast-check";
import { encodeDatagram } from "./datagram.ts";
import { framing } from "./framing.ts";
import { keyRing } from "./key-ring.ts";
import { gossipRoom, packParts, partCost, piggybackRoom } from "./packing.ts";
import { NODE_SEALER } from "./testdata/node-sealer.ts";

const CLEAR = framing({ label: "", encryption: undefined, compress: false });

function sealed(version: 0 | 1, label: string) {
  const encryption = {
    ring: keyRing(new Uint8Array(16)),
    sealer: NODE_SEALER,
    nonces: { next: () => parseHex("000000000000000000000000") },
    version,
    verifyIncoming: true,
    verifyOutgoing: true,
  };
  return framing({ label, encryption, compress: false });
}

describe("packing", () => {
  const rooms = [
    { name: "nothing", around: CLEAR, room: 1_398 },
    { name: "a label", around: framing({ ...CLEAR, label: "east" }), room: 1_392 },
    { name: "encryption", around: sealed(1, ""), room: 1_369 },
    { name: "encryption of the old kind", around: sealed(0, ""), room: 1_353 },
    { name: "a label and encryption", around: sealed(1, "east"), room: 1_363 },
  ];
  for (const { name, around, room } of rooms) {
    it(`leaves ${room} octets for news with ${name} around it`, () => {
      assert.equal(gossipRoom(around, 1_400), room);
      assert.equal(piggybackRoom(around, 1_400, new Uint8Array(60)), room - 60);
    });
  }

  it("begins a datagram when one is full, by size or by number", () => {
    const part = (octets: number): Uint8Array => new Uint8Array(octets).fill(8);
    assert.deepEqual(packParts([], 100), []);
    assert.deepEqual(packParts([part(48), part(48), part(1)], 100), [[part(48), part(48)], [part(1)]]);
    assert.deepEqual(packParts([part(1), part(99), part(1)], 100), [[part(1)], [part(99)], [part(1)]]);
    const many = Array.from({ length: 300 }, () => part(1));
    assert.deepEqual(
      packParts(many, 1_400).map(({ length }) => length),
      [255, 45],
    );
  });

  it("loses nothing, keeps the order and keeps to the room", () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 400, size: "max" });
    fc.assert(
      fc.property(
        lengths,
        fc.integer({ min: 302, max: 1_400 }),
        fc.constantFrom(CLEAR, sealed(0, "east")),
        (octets, size, around) => {
          const parts = octets.map((length, index) => new Uint8Array(length).fill(index));
          const room = Math.max(302, gossipRoom(around, size));
          const datagrams = packParts(parts, room);
          assert.deepEqual(datagrams.flat(), parts);
          for (const datagram of datagrams) {
            assert.ok(datagram.length >= 1 && datagram.length <= 255);
            assert.ok(datagram.reduce((sum, part) => sum + partCost(part), 0) <= room);
            const bytes = encodeDatagram(datagram, { crc: true }, around);
            assert.ok(bytes.length <= room + 1_400 - gossipRoom(around, 1_400) + 5);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
