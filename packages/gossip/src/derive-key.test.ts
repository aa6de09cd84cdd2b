import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { describe, it } from "node:test";
import { parseHex } from "@herald/lab/hex";
import fc from "fast-check";
import { deriveKey, type HmacSha256, metallbKey } from "./derive-key.ts";
import { RECORDING } from "./testdata/vectors.ts";
import { encodeUtf8 } from "./text.ts";

const hmac: HmacSha256 = (key, octets) => createHmac("sha256", key).update(octets).digest();

describe("MetalLB's key (its defect 28, for the sake of its speakers)", () => {
  for (const { secretFileContent, aesKey, aesKeyBefore_0_14_2 } of RECORDING.metallbKeys) {
    const secret = encodeUtf8(secretFileContent);
    it(`is its own for ${JSON.stringify(secretFileContent)}`, () => {
      assert.deepEqual(metallbKey(secret), parseHex(aesKey));
      assert.deepEqual(metallbKey(secret, 16), parseHex(aesKeyBefore_0_14_2));
    });
  }

  it("is SHA-256 of nothing for an empty secret", () => {
    assert.deepEqual(
      metallbKey(new Uint8Array(0)),
      parseHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    );
  });
});

describe("our key", () => {
  it("is HKDF's", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (secret) => {
        const key = hkdfSync("sha256", secret, "", "herald gossip v1", 32);
        assert.deepEqual(deriveKey(secret, hmac), new Uint8Array(key));
      }),
    );
  });

  it("depends on every octet of a long secret", () => {
    const secret = new Uint8Array(64).fill(7);
    assert.notDeepEqual(deriveKey(secret, hmac), deriveKey(secret.with(63, 8), hmac));
    assert.deepEqual(metallbKey(secret), metallbKey(secret.with(63, 8)));
  });
});
