import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import fc from "fast-check";
import { type Alive, type DatagramMessage, FULL_VERSIONS } from "./message.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { DATAGRAM_MESSAGE } from "./testdata/arbitraries.ts";

const NONE = new Uint8Array(0);
const ENDPOINT = { address: hex`c0000201`, port: 7946 };

const ALIVE: Alive = {
  type: "alive",
  incarnation: 1,
  node: "a",
  endpoint: ENDPOINT,
  meta: NONE,
  versions: FULL_VERSIONS,
};

/** The same as a capture shows it, key by key. */
const aliveBytes = hex`
  04 86
  a4 41646472                 a4 c0000201         # Addr
  ab 496e6361726e6174696f6e   01                  # Incarnation
  a4 4d657461                 c0                  # Meta
  a4 4e6f6465                 a1 61               # Node
  a4 506f7274                 cd 1f0a             # Port
  a3 56736e                   a6 010502000000     # Vsn`;

describe("a message", () => {
  it("encodes with its keys in order, in the shortest old forms", () => {
    assert.deepEqual(encodeMessage(ALIVE), aliveBytes);
  });

  it("comes back as it went", () => {
    fc.assert(
      fc.property(DATAGRAM_MESSAGE, (message) => {
        assert.deepEqual(decodeMessage(encodeMessage(message)), message);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is a copy of what it came in", () => {
    const bytes = new Uint8Array(aliveBytes);
    const decoded = decodeMessage(bytes);
    bytes.fill(0);
    assert.deepEqual(decoded, ALIVE);
  });

  it("never has the new forms of strings and octets, nor versions of another length", () => {
    fc.assert(
      fc.property(
        DATAGRAM_MESSAGE.filter(({ type }) => type === "alive"),
        (message) => {
          const bytes = encodeMessage({ ...message, meta: NONE, incarnation: 0 } as Alive);
          const vsn = Buffer.from(bytes).lastIndexOf("Vsn");
          assert.equal(bytes[vsn + 3], 0xa6);
          assert.equal(bytes.length, vsn + 3 + 7);
        },
      ),
    );
    for (const length of [31, 32, 33, 255]) {
      const bytes = encodeMessage({ type: "dead", incarnation: 0, node: "n".repeat(length), from: "" });
      const head = length < 32 ? [0xa0 | length] : [0xda, 0, length];
      const at = Buffer.from(bytes).indexOf("Node") + 4;
      assert.deepEqual([...bytes.subarray(at, at + head.length)], head);
    }
  });

  const sizes: readonly { name: string; message: DatagramMessage; octets: number }[] = [
    {
      name: "a ping",
      octets: 57 + 1 + 1,
      message: { type: "ping", sequence: 127, node: "b", source: ENDPOINT, sourceNode: "a" },
    },
    { name: "an ack", octets: 18, message: { type: "ack", sequence: 127, payload: NONE } },
    { name: "a nack", octets: 9, message: { type: "nack", sequence: 127 } },
    { name: "a nack with a large sequence", octets: 13, message: { type: "nack", sequence: 65_536 } },
    {
      name: "an indirect ping",
      octets: 83 + 1 + 1,
      message: {
        type: "indirect-ping",
        sequence: 1,
        target: ENDPOINT,
        node: "b",
        wantsNack: true,
        source: ENDPOINT,
        sourceNode: "a",
      },
    },
    { name: "an alive", octets: 56 + 1, message: ALIVE },
    {
      name: "a suspect",
      octets: 27 + 1 + 1,
      message: { type: "suspect", incarnation: 1, node: "b", from: "a" },
    },
    { name: "a dead", octets: 27 + 1 + 1, message: { type: "dead", incarnation: 1, node: "b", from: "a" } },
    { name: "a user message", octets: 4, message: { type: "user", payload: hex`010203` } },
  ];
  for (const { name, message, octets } of sizes) {
    it(`takes ${octets} octets as ${name}`, () => assert.equal(encodeMessage(message).length, octets));
  }

  const lenient: readonly { name: string; bytes: Uint8Array; message: DatagramMessage }[] = [
    { name: "missing keys as zero", bytes: hex`0b 80`, message: { type: "nack", sequence: 0 } },
    { name: "nil as zero", bytes: hex`0b 81 a5 5365714e6f c0`, message: { type: "nack", sequence: 0 } },
    {
      name: "a struct as an array, cut short",
      bytes: hex`05 92 07 a1 61`,
      message: { type: "dead", incarnation: 7, node: "a", from: "" },
    },
    { name: "more array than it knows", bytes: hex`0b 93 07 c3 80`, message: { type: "nack", sequence: 7 } },
    { name: "an int8", bytes: hex`0b 81 a5 5365714e6f d0 07`, message: { type: "nack", sequence: 7 } },
    { name: "an int16", bytes: hex`0b 81 a5 5365714e6f d1 0107`, message: { type: "nack", sequence: 263 } },
    {
      name: "an int64",
      bytes: hex`0b 81 a5 5365714e6f d3 00000000 ffffffff`,
      message: { type: "nack", sequence: 0xffff_ffff },
    },
    {
      name: "a map with 32 bits of size",
      bytes: hex`0b df00000001 a5 5365714e6f 07`,
      message: { type: "nack", sequence: 7 },
    },
    {
      name: "half a source as none",
      bytes: hex`00 81 aa 536f7572636541646472 a4 7f000001`,
      message: { type: "ping", sequence: 0, node: "", source: undefined, sourceNode: "" },
    },
    {
      name: "the last of one key twice, and every type where it knows none",
      bytes: hex`0b 8a a5 5365714e6f 01  a1 61 c3  a1 62 ca 00000000  a1 63 cb 0000000000000000  a1 64 92 01 81 a1 78 c0
                 a1 65 c4 02 aaaa  a1 66 d6 01 aaaaaaaa  a1 67 c7 01 05 aa  a1 68 ff  a5 5365714e6f 07`,
      message: { type: "nack", sequence: 7 },
    },
  ];
  for (const { name, bytes, message } of lenient) {
    it(`takes ${name}`, () => assert.deepEqual(decodeMessage(bytes), message));
  }

  const deep = [...Array.from({ length: 9 }, () => 0x91), 0xc0];
  const refused = [
    { name: "nothing", bytes: hex``, error: "message.type: truncated (need 1, have 0)" },
    { name: "a type alone", bytes: hex`00`, error: "ping: truncated (need 1, have 0)" },
    { name: "nil instead of a map", bytes: hex`00 c0`, error: "ping: invalid (0xc0, want a map)" },
    { name: "an unknown type", bytes: hex`0e 80`, error: "message.type: unsupported (14)" },
    { name: "a table, which needs a stream", bytes: hex`06 80`, error: "message.type: unsupported (6)" },
    { name: "an error, which needs a stream", bytes: hex`0d 80`, error: "message.type: unsupported (13)" },
    { name: "a CRC inside", bytes: hex`0c 00000000 0b 80`, error: "message.type: unsupported (12)" },
    {
      name: "more entries than any struct has",
      bytes: hex`00 de 0041`,
      error: "ping: oversized (65 entries, at most 64)",
    },
    { name: "fewer entries than announced", bytes: hex`0b 81`, error: "nack: truncated (need 1, have 0)" },
    { name: "a key that is a number", bytes: hex`0b 81 01 01`, error: "nack: invalid (0x01, want a string)" },
    {
      name: "a float",
      bytes: hex`0b 81 a5 5365714e6f ca 00000000`,
      error: "nack.SeqNo: invalid (0xca, want an integer)",
    },
    {
      name: "a negative number",
      bytes: hex`0b 81 a5 5365714e6f d0 ff`,
      error: "nack.SeqNo: invalid (-1, want 0 to 4294967295)",
    },
    {
      name: "a negative number in 16 bits",
      bytes: hex`0b 81 a5 5365714e6f d1 ffff`,
      error: "nack.SeqNo: invalid (-1, want 0 to 4294967295)",
    },
    {
      name: "an array of more octets than an address has",
      bytes: hex`04 81 a4 41646472 dc 0011`,
      error: "alive.Addr: oversized (17 octets, at most 16)",
    },
    {
      name: "a number for a name",
      bytes: hex`05 81 a4 4e6f6465 07`,
      error: "dead.Node: invalid (0x07, want a string)",
    },
    {
      name: "an array for a name",
      bytes: hex`05 81 a4 4e6f6465 91 61`,
      error: "dead.Node: invalid (0x91, want a string)",
    },
    {
      name: "a name that is not UTF-8",
      bytes: hex`05 81 a4 4e6f6465 a1 ff`,
      error: "dead.Node: invalid (not UTF-8)",
    },
    {
      name: "a name that is cut off",
      bytes: hex`05 81 a4 4e6f6465 a4 61`,
      error: "dead.Node: truncated (need 4, have 1)",
    },
    {
      name: "a name longer than any node's",
      bytes: Uint8Array.of(...hex`05 81 a4 4e6f6465 da 0100`, ...new Uint8Array(256)),
      error: "dead.Node: oversized (256 octets, at most 255)",
    },
    {
      name: "an array of octets that has a large one",
      bytes: hex`02 81 a7 5061796c6f6164 92 01 cd0100`,
      error: "ack.Payload: invalid (256, want 0 to 255)",
    },
    {
      name: "a boolean that is a number",
      bytes: hex`01 81 a4 4e61636b 01`,
      error: "indirect-ping.Nack: invalid (0x01, want a boolean)",
    },
    {
      name: "a port past 16 bits",
      bytes: hex`04 81 a4 506f7274 ce 00010000`,
      error: "alive.Port: invalid (65536, want 0 to 65535)",
    },
    {
      name: "an alive of which nothing is known",
      bytes: hex`04 80`,
      error: "alive.Addr: invalid (0 octets, want 4 or 16)",
    },
    {
      name: "versions that crash others",
      bytes: Uint8Array.of(...aliveBytes.subarray(0, -7), 0xa3, 1, 5, 2),
      error: "alive.Vsn: invalid (3 octets, want 6)",
    },
    {
      name: "an unknown value that nests too deep",
      bytes: Uint8Array.of(...hex`0b 81 a1 61`, ...deep),
      error: "nack: oversized (nested too far)",
    },
    {
      name: "an unknown value of very many",
      bytes: Uint8Array.of(...hex`0b 81 a1 61 dc 0400`, ...new Uint8Array(1_024)),
      error: "nack: oversized (nested too far)",
    },
    {
      name: "the one octet that means nothing",
      bytes: hex`0b 81 a1 61 c1`,
      error: "nack: invalid (0xc1, want MessagePack)",
    },
  ];
  for (const { name, bytes, error } of refused) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => decodeMessage(bytes), { name: "DecodeError", message: error });
    });
  }
});
