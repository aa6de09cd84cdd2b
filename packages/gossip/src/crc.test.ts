import assert from "node:assert/strict";
import { it } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { crc32 } from "./crc.ts";
import { encodeUtf8 } from "./text.ts";

it("computes the CRC-32 everybody checks theirs with", () => {
  assert.equal(crc32(encodeUtf8("123456789")), 0xcbf43926);
});

it("computes what zlib computes", () => {
  fc.assert(fc.property(fc.uint8Array(), (octets) => assert.equal(crc32(octets), zlibCrc32(octets))));
});
