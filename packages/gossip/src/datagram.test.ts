import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { SeededRandom } from "@herald/lab/random";
import fc from "fast-check";
import { joinParts } from "./compound.ts";
import { compress } from "./compression.ts";
import { crc32 } from "./crc.ts";
import { decodeDatagram, encodeDatagram } from "./datagram.ts";
import { type Framing, framing } from "./framing.ts";
import { keyRing } from "./key-ring.ts";
import type { User } from "./message.ts";
import { encodeMessage } from "./message-codec.ts";
import type { Encryption } from "./sealed.ts";
import { DATAGRAM_MESSAGE } from "./testdata/arbitraries.ts";
import { NODE_SEALER } from "./testdata/node-sealer.ts";

const CLEAR = framing({ label: "", encryption: undefined, compress: false });
const LABELLED = framing({ label: "east", encryption: undefined, compress: false });
const SEALED = sealed({});
const USER: User = { type: "user", payload: hex`aa` };
const PART = encodeMessage(USER);

function sealed(changes: Partial<Encryption>, label = ""): Framing {
  const encryption: Encryption = {
    ring: keyRing(new Uint8Array(32).fill(1)),
    sealer: NODE_SEALER,
    nonces: { next: () => new Uint8Array(12) },
    version: 1,
    verifyIncoming: true,
    verifyOutgoing: true,
    ...changes,
  };
  return framing({ label, encryption, compress: false });
}

function send(around: Framing, ...parts: Uint8Array[]): Uint8Array {
  return encodeDatagram(parts.length === 0 ? [PART] : parts, { crc: false }, around);
}

describe("a datagram", () => {
  const framings = fc
    .record({
      label: fc.constantFrom("", "east", "ü".repeat(100)),
      key: fc.constantFrom(0, 16, 24, 32),
      version: fc.constantFrom(0 as const, 1 as const),
      compress: fc.boolean(),
    })
    .map(({ label, key, version, compress }) => {
      const around = sealed({ ring: keyRing(new Uint8Array(key || 32)), version }, label);
      return { ...around, compress, encryption: key === 0 ? undefined : around.encryption };
    });

  it("brings what was put in, however it is wrapped", () => {
    const messages = fc.array(DATAGRAM_MESSAGE, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(messages, framings, fc.boolean(), (sent, around, crc) => {
        const bytes = encodeDatagram(sent.map(encodeMessage), { crc }, around);
        assert.deepEqual(decodeDatagram(bytes, around), { messages: sent, refused: [] });
      }),
      { numRuns: 300 },
    );
  });

  it("is the message alone when there is one and nothing around it", () => {
    assert.deepEqual(send(CLEAR), PART);
  });

  it("is compressed only where it has 512 octets or more and that makes it smaller", () => {
    const compressing = { ...CLEAR, compress: true };
    const ofZeros = (octets: number): Uint8Array =>
      encodeMessage({ type: "user", payload: new Uint8Array(octets - 1) });
    const dice = new SeededRandom(1);
    const [short, long] = [ofZeros(511), ofZeros(512)];
    const noise = encodeMessage({
      type: "user",
      payload: Uint8Array.from({ length: 600 }, () => dice.next() * 256),
    });
    assert.deepEqual(send(compressing, short), short);
    assert.equal(send(compressing, long)[0], 9);
    assert.ok(send(compressing, long).length < 100);
    assert.deepEqual(send(compressing, noise), noise);
  });

  it("has a label in the clear, in front of everything", () => {
    assert.deepEqual(send(LABELLED), hex`f4 04 65617374 08 aa`);
    assert.deepEqual([...send(sealed({}, "east")).subarray(0, 7)], [...hex`f4 04 65617374 01`]);
  });

  it("holds 255 messages and no more", () => {
    const parts = Array.from({ length: 255 }, () => PART);
    assert.equal(decodeDatagram(send(CLEAR, ...parts), CLEAR).messages.length, 255);
    assert.throws(() => send(CLEAR, ...parts, PART), new RangeError("256 parts"));
    assert.throws(() => joinParts([]), new RangeError("0 parts"));
    assert.throws(() => joinParts([PART, new Uint8Array(65_536)]), new RangeError("a part of 65536 octets"));
  });

  it("is not encrypted while a cluster moves to encryption, and accepted if it is not", () => {
    const moving = sealed({ verifyIncoming: false, verifyOutgoing: false });
    assert.deepEqual(send(moving), PART);
    assert.deepEqual(decodeDatagram(PART, moving).messages, [USER]);
    assert.deepEqual(decodeDatagram(send(SEALED), moving).messages, [USER]);
  });

  it("gives plain octets when it was read into a Buffer", () => {
    const [message] = decodeDatagram(Buffer.from(PART), CLEAR).messages;
    assert.deepEqual(message, USER);
  });
});

describe("a datagram's parts", () => {
  const incomplete = [
    {
      name: "one with rubbish in it",
      bytes: hex`07 03 0002 0002 0002 08aa c801 08aa`,
      error: "message.type: unsupported (200)",
    },
    {
      name: "an empty one",
      bytes: hex`07 03 0002 0000 0002 08aa 08aa`,
      error: "message.type: truncated (need 1, have 0)",
    },
    {
      name: "one that is cut off, the last then",
      bytes: hex`07 04 0002 0002 0003 0002 08aa 08aa 08aa`,
      error: "compound.part: truncated (need 3, have 2)",
    },
  ];
  for (const { name, bytes, error } of incomplete) {
    it(`count without ${name}`, () => {
      const { messages, refused } = decodeDatagram(bytes, CLEAR);
      assert.deepEqual(messages, [USER, USER]);
      assert.deepEqual(
        refused.map(({ message }) => message),
        [error],
      );
    });
  }

  it("end where the compound says so", () => {
    assert.deepEqual(decodeDatagram(hex`07 01 0002 08aa c8`, CLEAR), { messages: [USER], refused: [] });
    assert.deepEqual(decodeDatagram(hex`07 00 c8`, CLEAR), { messages: [], refused: [] });
  });

  it("may be compounds and compressed messages, four deep at most", () => {
    const compound = (inner: Uint8Array): Uint8Array =>
      Uint8Array.of(7, 1, inner.length >> 8, inner.length, ...inner);
    const three = compress(compound(compress(PART)));
    assert.deepEqual(decodeDatagram(three, CLEAR), { messages: [USER], refused: [] });
    const { messages, refused } = decodeDatagram(compress(three), CLEAR);
    assert.deepEqual(
      [messages, refused.map(({ message }) => message)],
      [[], ["message: oversized (more than 4 deep)"]],
    );
  });

  it("are not looked at after 64 that are rubbish", () => {
    const parts = [...Array.from({ length: 100 }, () => hex`c8`), PART];
    const { messages, refused } = decodeDatagram(joinParts(parts), CLEAR);
    assert.deepEqual([messages.length, refused.length], [0, 64]);
  });

  it("are 1,024 at most, whatever they are packed in", () => {
    const full = joinParts(Array.from({ length: 255 }, () => PART));
    const { messages, refused } = decodeDatagram(joinParts(Array.from({ length: 20 }, () => full)), CLEAR);
    assert.deepEqual([messages.length, refused.length], [1_024, 64]);
  });

  it("unpack to a mebioctet at most, taken together", () => {
    const half = compress(encodeMessage({ type: "user", payload: new Uint8Array(400_000) }));
    const { messages, refused } = decodeDatagram(joinParts([half, half, half, PART]), CLEAR);
    assert.equal(messages.length, 3);
    assert.deepEqual(
      refused.map(({ message }) => message),
      ["compress.Buf: oversized (unpacks to more than 248574 octets)"],
    );
  });
});

describe("a datagram is refused", () => {
  const crc = Uint8Array.of(12, ...hex`00000000`, ...PART);
  const actual = crc32(PART).toString(16);
  const refused = [
    {
      name: "when it is empty",
      bytes: hex``,
      around: CLEAR,
      error: "message.type: truncated (need 1, have 0)",
    },
    {
      name: "with a label where there is none",
      bytes: send(LABELLED),
      around: CLEAR,
      error: 'label: unsupported ("east", want "")',
    },
    {
      name: "without a label where there is one",
      bytes: PART,
      around: LABELLED,
      error: 'label: unsupported ("", want "east")',
    },
    {
      name: "with another label",
      bytes: hex`f4 04 77657374 08`,
      around: LABELLED,
      error: 'label: unsupported ("west", want "east")',
    },
    {
      name: "with a longer label",
      bytes: hex`f4 05 6561737431 08`,
      around: LABELLED,
      error: 'label: unsupported ("east1", want "east")',
    },
    {
      name: "with a label that is no text",
      bytes: hex`f4 01 ff`,
      around: CLEAR,
      error: 'label: unsupported (1 octets, want "")',
    },
    { name: "with an empty label", bytes: hex`f4 00 08`, around: CLEAR, error: "label.length: invalid (0)" },
    {
      name: "with half a label",
      bytes: hex`f4 04 6561`,
      around: LABELLED,
      error: "label: truncated (need 4, have 2)",
    },
    {
      name: "with a label's first octet alone",
      bytes: hex`f4`,
      around: LABELLED,
      error: "label.length: truncated (need 1, have 0)",
    },
    {
      name: "in the clear where it must be encrypted",
      bytes: PART,
      around: SEALED,
      error: "sealed.version: unsupported (8, want 0 or 1)",
    },
    {
      name: "encrypted where there are no keys",
      bytes: send(SEALED),
      around: CLEAR,
      error: "indirect-ping: invalid (0x00, want a map)",
    },
    {
      name: "encrypted under another label",
      bytes: Uint8Array.of(...LABELLED.labelHeader, ...send(sealed({}, "west")).subarray(6)),
      around: sealed({}, "east"),
      error: "sealed.tag: unauthenticated (none of 1 keys fits)",
    },
    { name: "with another CRC", bytes: crc, around: CLEAR, error: `crc: checksum (0, want ${actual})` },
    {
      name: "with half a CRC",
      bytes: crc.subarray(0, 4),
      around: CLEAR,
      error: "crc: truncated (need 4, have 3)",
    },
    {
      name: "without all lengths of its parts",
      bytes: hex`07 02 0001`,
      around: CLEAR,
      error: "compound.lengths: truncated (need 4, have 2)",
    },
    {
      name: "compressed in a way nobody knows",
      bytes: compress(PART).with(7, 1),
      around: CLEAR,
      error: "compress.Algo: unsupported (1, want 0)",
    },
    {
      name: "with a CRC inside compression",
      bytes: compress(crc),
      around: CLEAR,
      error: "message.type: unsupported (12)",
    },
    {
      name: "compressed out of nothing",
      bytes: compress(hex``),
      around: CLEAR,
      error: "message.type: truncated (need 1, have 0)",
    },
  ];
  for (const { name, bytes, around, error } of refused) {
    it(name, () => {
      assert.throws(() => decodeDatagram(bytes, around), { name: "DecodeError", message: error });
    });
  }

  it("when its label is too long to send", () => {
    assert.throws(
      () => framing({ label: "ü".repeat(128), encryption: undefined, compress: false }),
      new RangeError("a label of 256 octets"),
    );
  });
});
