import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import fc from "fast-check";
import { type ControlPacket, decodePacket, encodePacket, packetOctets } from "./packet.ts";
import { PACKET } from "./testdata/arbitraries.ts";

/** Made by hand from the figures of RFC 5880 §4.1, §4.2 and §4.4; the last ones heard from routers. */
const golden: readonly { name: string; bytes: Uint8Array; packet: ControlPacket }[] = [
  {
    name: "the first packet of a session",
    bytes: hex`
      20 40 03 18   # version 1, no diagnostic; down, no flags; three times; 24 octets
      12345678      # my discriminator
      00000000      # your discriminator
      000f4240      # 1 s
      000493e0      # 300 ms
      0000c350      # 50 ms`,
    packet: {
      diagnostic: 0,
      state: "down",
      poll: false,
      final: false,
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: 3,
      myDiscriminator: 0x12345678,
      yourDiscriminator: 0,
      desiredMinTxMicros: 1_000_000,
      requiredMinRxMicros: 300_000,
      requiredMinEchoRxMicros: 50_000,
      authentication: undefined,
    },
  },
  {
    name: "all flags but those that exclude each other, the longest numbers",
    bytes: hex`
      3f ea ff 18   # diagnostic 31; up, P, C, D; 255 times
      ffffffff fffffffe
      ffffffff fffffffd fffffffc`,
    packet: {
      diagnostic: 31,
      state: "up",
      poll: true,
      final: false,
      controlPlaneIndependent: true,
      demand: true,
      detectMultiplier: 255,
      myDiscriminator: 0xffffffff,
      yourDiscriminator: 0xfffffffe,
      desiredMinTxMicros: 0xffffffff,
      requiredMinRxMicros: 0xfffffffd,
      requiredMinEchoRxMicros: 0xfffffffc,
      authentication: undefined,
    },
  },
  {
    name: "a password, and the answer to a poll",
    bytes: hex`
      21 94 01 21   # diagnostic 1; init, F, A; 33 octets
      00000001 00000002 0000c350 0000c350 00000000
      01 09 05      # password, 9 octets, key 5
      736563726574  # secret`,
    packet: {
      diagnostic: 1,
      state: "init",
      poll: false,
      final: true,
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: 1,
      myDiscriminator: 1,
      yourDiscriminator: 2,
      desiredMinTxMicros: 50_000,
      requiredMinRxMicros: 50_000,
      requiredMinEchoRxMicros: 0,
      authentication: { type: 1, data: hex`05 736563726574` },
    },
  },
  {
    name: "one that is shut down, with SHA-1",
    bytes: hex`
      27 04 03 34   # diagnostic 7; admin down, A; 52 octets
      00000001 00000002 000f4240 0000c350 00000000
      04 1c 01 00   # SHA-1, 28 octets, key 1
      00000009      # sequence number
      0102030405060708090a0b0c0d0e0f1011121314`,
    packet: {
      diagnostic: 7,
      state: "admin-down",
      poll: false,
      final: false,
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: 3,
      myDiscriminator: 1,
      yourDiscriminator: 2,
      desiredMinTxMicros: 1_000_000,
      requiredMinRxMicros: 50_000,
      requiredMinEchoRxMicros: 0,
      authentication: {
        type: 4,
        data: hex`01 00 00000009 0102030405060708090a0b0c0d0e0f1011121314`,
      },
    },
  },
  {
    name: "BIRD 2.0.12 that hears the peer, on a segment of its own with this package",
    bytes: hex`2080031844e70cc2c3c5c30a000f42400000c35000000000`,
    packet: {
      diagnostic: 0,
      state: "init",
      poll: false,
      final: false,
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: 3,
      myDiscriminator: 0x44e70cc2,
      yourDiscriminator: 0xc3c5c30a,
      desiredMinTxMicros: 1_000_000,
      requiredMinRxMicros: 50_000,
      requiredMinEchoRxMicros: 0,
      authentication: undefined,
    },
  },
  {
    name: "FRR's bfdd that has come up and polls, likewise",
    bytes: hex`20e00318850af882ce7d966c0000c3500000c3500000c350`,
    packet: {
      diagnostic: 0,
      state: "up",
      poll: true,
      final: false,
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: 3,
      myDiscriminator: 0x850af882,
      yourDiscriminator: 0xce7d966c,
      desiredMinTxMicros: 50_000,
      requiredMinRxMicros: 50_000,
      requiredMinEchoRxMicros: 50_000,
      authentication: undefined,
    },
  },
];

const good = (golden[0] as (typeof golden)[0]).bytes;

/** The golden one with something else at `at`. */
function but(at: number, ...octets: readonly number[]): Uint8Array {
  const bytes = good.slice();
  bytes.set(octets, at);
  return bytes;
}

describe("a control packet", () => {
  for (const { name, bytes, packet } of golden) {
    it(`is decoded: ${name}`, () => assert.deepEqual(decodePacket(bytes), packet));
    it(`is encoded: ${name}`, () => assert.deepEqual(encodePacket(packet), bytes));
  }

  it("ends where it says, and not where the datagram does", () => {
    const padded = Uint8Array.from([...good, 1, 2, 3]);
    assert.deepEqual(decodePacket(padded), decodePacket(good));
    assert.deepEqual(packetOctets(padded), good);
  });

  const refused = [
    { name: "nothing", bytes: hex``, error: "bfd: truncated (need 24, have 0)" },
    { name: "one octet too few", bytes: good.subarray(0, 23), error: "bfd: truncated (need 24, have 23)" },
    { name: "version 0", bytes: but(0, 0x00), error: "bfd.version: unsupported (0, want 1)" },
    { name: "version 2", bytes: but(0, 0x40), error: "bfd.version: unsupported (2, want 1)" },
    { name: "length 23", bytes: but(3, 23), error: "bfd.length: invalid (23, want at least 24)" },
    {
      name: "length 25 with authentication",
      bytes: Uint8Array.from([...but(1, 0x44, 3, 25), 1]),
      error: "bfd.length: invalid (25, want at least 26)",
    },
    { name: "length past the datagram", bytes: but(3, 25), error: "bfd.length: invalid (25, have 24)" },
    { name: "multiplier 0", bytes: but(2, 0), error: "bfd.detect-mult: invalid (0)" },
    { name: "multipoint", bytes: but(1, 0x41), error: "bfd.multipoint: unsupported (1, want 0)" },
    { name: "no discriminator", bytes: but(4, 0, 0, 0, 0), error: "bfd.my-discriminator: invalid (0)" },
    {
      name: "an authentication section longer than the packet",
      bytes: Uint8Array.from([...but(1, 0x44, 3, 28), 1, 5, 0, 0]),
      error: "bfd.auth-len: invalid (5, have 4)",
    },
    {
      name: "an authentication section shorter than the packet",
      bytes: Uint8Array.from([...but(1, 0x44, 3, 28), 1, 3, 0, 0]),
      error: "bfd.auth-len: invalid (3, have 4)",
    },
    {
      name: "more than one mistake by the first",
      bytes: but(0, 0, 1, 0, 0, 0, 0, 0, 0),
      error: "bfd.version: unsupported (0, want 1)",
    },
  ];
  for (const { name, bytes, error } of refused) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => decodePacket(bytes), { name: "DecodeError", message: error });
    });
  }

  it("comes out as it went in", () => {
    fc.assert(
      fc.property(PACKET, (packet) => assert.deepEqual(decodePacket(encodePacket(packet)), packet)),
      { numRuns: 2_000 },
    );
  });
});
