import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import { DecodeError } from "@herald/wire/bytes";
import { keyRing } from "./key-ring.ts";
import { type Encryption, open, seal, sealedOctets, sealedOverhead } from "./sealed.ts";
import { NODE_SEALER } from "./testdata/node-sealer.ts";
import { RECORDING } from "./testdata/vectors.ts";

const KEY = hex`000102030405060708090a0b0c0d0e0f`;
const OTHER_KEY = hex`f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff`;
const NONCE = hex`0a0b0c0d0e0f101112131415`;
const AAD = hex`636c7573746572`;

function encryption(version: 0 | 1, ...[primary = KEY, ...others]: Uint8Array[]): Encryption {
  return {
    ring: keyRing(primary, ...others),
    sealer: NODE_SEALER,
    nonces: { next: () => NONCE },
    version,
    verifyIncoming: true,
    verifyOutgoing: true,
  };
}

describe("encryption", () => {
  for (const { encVersion, key, nonce, aad, plaintext, payload } of RECORDING.gcm) {
    const about = `${plaintext.length / 2} octets, version ${encVersion}, AES-${key.length * 4}, aad "${aad}"`;
    const how = { ...encryption(encVersion, parseHex(key)), nonces: { next: () => parseHex(nonce) } };
    it(`seals as memberlist does: ${about}`, () => {
      assert.deepEqual(seal(how, parseHex(plaintext), parseHex(aad)), parseHex(payload));
    });
    it(`opens what memberlist sealed: ${about}`, () => {
      assert.deepEqual(octets(open(how, parseHex(payload), parseHex(aad))), parseHex(plaintext));
    });
  }

  it("opens either version whichever it seals with", () => {
    const plain = hex`0102`;
    for (const version of [0, 1] as const) {
      const sealed = seal(encryption(version), plain, AAD);
      for (const own of [0, 1] as const) {
        assert.deepEqual(octets(open(encryption(own), sealed, AAD)), plain);
      }
    }
  });

  it("opens with any key of the ring and seals with the first", () => {
    const both = encryption(1, OTHER_KEY, KEY);
    const old = encryption(1, KEY);
    assert.deepEqual(octets(open(both, seal(old, AAD, AAD), AAD)), AAD);
    assert.deepEqual(octets(open(encryption(1, OTHER_KEY), seal(both, AAD, AAD), AAD)), AAD);
    assert.throws(() => open(old, seal(both, AAD, AAD), AAD), { reason: "unauthenticated" });
  });

  it("says how much longer a payload gets", () => {
    for (const version of [0, 1] as const) {
      for (let octets = 0; octets < 40; octets += 1) {
        const { length } = seal(encryption(version), new Uint8Array(octets), AAD);
        assert.equal(sealedOctets(version, octets), length);
        assert.ok(length <= octets + sealedOverhead(version));
      }
    }
  });

  const sealed = seal(encryption(1), AAD, AAD);
  /** Version 0 around blocks as given, padded right or wrong. */
  const padded = (blocks: Uint8Array): Uint8Array =>
    Uint8Array.of(0, ...NONCE, ...NODE_SEALER.seal(KEY, NONCE, blocks, AAD));
  const refused = [
    { name: "nothing", bytes: hex``, error: "sealed.version: truncated (need 1, have 0)" },
    {
      name: "another version",
      bytes: sealed.with(0, 2),
      error: "sealed.version: unsupported (2, want 0 or 1)",
    },
    { name: "less than a tag", bytes: sealed.subarray(0, 28), error: "sealed: truncated (need 29, have 28)" },
    { name: "less than a block", bytes: padded(hex``), error: "sealed: truncated (need 45, have 29)" },
    {
      name: "a changed nonce",
      bytes: sealed.with(1, 0xff),
      error: "sealed.tag: unauthenticated (none of 1 keys fits)",
    },
    {
      name: "a changed octet",
      bytes: sealed.with(14, 0xff),
      error: "sealed.tag: unauthenticated (none of 1 keys fits)",
    },
    {
      name: "a changed tag",
      bytes: sealed.with(-1, 0xff),
      error: "sealed.tag: unauthenticated (none of 1 keys fits)",
    },
    { name: "no padding", bytes: padded(new Uint8Array(16)), error: "sealed.padding: invalid (0)" },
    {
      name: "padding of a block and more",
      bytes: padded(new Uint8Array(32).fill(17)),
      error: "sealed.padding: invalid (17)",
    },
    {
      name: "padding that is not all the same",
      bytes: padded(new Uint8Array(16).with(-1, 2)),
      error: "sealed.padding: invalid (2)",
    },
  ];
  for (const { name, bytes, error } of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(() => open(encryption(1), bytes, AAD), { name: "DecodeError", message: error });
    });
  }

  it("refuses what was sealed for another label", () => {
    assert.throws(
      () => open(encryption(1), sealed, hex`00`),
      new DecodeError("unauthenticated", "sealed.tag", "none of 1 keys fits"),
    );
  });
});

function octets(view: Uint8Array): Uint8Array {
  return new Uint8Array(view);
}
