import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseHex } from "@herald/lab/hex";
import { DecodeError } from "@herald/wire/bytes";
import { decodeDatagram, encodeDatagram } from "./datagram.ts";
import { encodeMessage } from "./message-codec.ts";
import { recordedFraming, recordedMessages } from "./testdata/recorded.ts";
import { RECORDING } from "./testdata/vectors.ts";

/** What we refuse on top of, or with other words than, the nodes that were recorded. */
const REFUSED: Readonly<Record<string, string>> = {
  "refute-and-ackpayload-027": "message.type: unsupported (6)",
  "refute-and-ackpayload-028": "message.type: unsupported (200)",
  "decoder-leniency-014": "alive.Incarnation: invalid (0xcb, want an integer)",
  // Wrong case makes unknown keys: memberlist keeps a nameless ghost.
  "decoder-leniency-015": "alive.Addr: invalid (0 octets, want 4 or 16)",
  "decoder-leniency-017": "alive.Incarnation: invalid (-1, want 0 to 4294967295)",
  "decoder-leniency-018": "alive.Incarnation: invalid (4294967296, want 0 to 4294967295)",
  // Memberlist takes it as all zero, and nobody can join from then on.
  "missing-vsn-poisons-pushpull-001": "alive.Vsn: invalid (0 octets, want 6)",
};

/** Compounds of which parts are lost, and how. */
const PARTS_REFUSED: Readonly<Record<string, readonly string[]>> = {
  "refute-and-ackpayload-029": ["compound.part: truncated (need 5, have 2)"],
  "compound-piggyback-overflow-bug-007": [
    "ping: invalid (0x02, want a map)",
    ...Array.from({ length: 44 }, () => "ack: invalid (0x00, want a map)"),
  ],
};

const datagrams = RECORDING.vectors.filter(({ transport }) => transport === "udp");

describe("recorded datagrams", () => {
  it("are all there", () => assert.equal(datagrams.length, 462));

  for (const vector of datagrams) {
    const { id, shape, decoded, exactEncode = true } = vector;
    const bytes = parseHex(vector.hex);
    const around = recordedFraming(vector);
    const refusal = REFUSED[id];
    const parts = PARTS_REFUSED[id];
    if (refusal !== undefined) {
      it(`${id}, ${shape}, is refused`, () => {
        assert.throws(() => decodeDatagram(bytes, around), { name: "DecodeError", message: refusal });
      });
      continue;
    }
    it(`${id}, ${shape}, says what was recorded`, () => {
      const { messages, refused } = decodeDatagram(bytes, around);
      assert.deepEqual(messages, recordedMessages(decoded.message));
      assert.deepEqual(
        refused.map(({ message }) => message),
        parts ?? [],
      );
    });
    if (!exactEncode) continue;
    it(`${id}, ${shape}, comes out octet for octet`, () => {
      const messages = recordedMessages(decoded.message).map(encodeMessage);
      const encoded = encodeDatagram(messages, { crc: shape.includes("crc>") }, around);
      assert.deepEqual(encoded, bytes);
    });
  }

  it("are refused by whoever has another key", () => {
    const sealed = datagrams.filter(({ decoded }) => decoded.encryption !== undefined);
    assert.equal(sealed.length, 206);
    for (const vector of sealed) {
      const { encryption, ...around } = recordedFraming(vector);
      assert.ok(encryption !== undefined);
      const ring = { keys: [new Uint8Array(32)] };
      assert.throws(
        () => decodeDatagram(parseHex(vector.hex), { ...around, encryption: { ...encryption, ring } }),
        new DecodeError("unauthenticated", "sealed.tag", "none of 1 keys fits"),
      );
    }
  });
});
