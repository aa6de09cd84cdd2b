import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex, parseHex } from "./hex.ts";

describe("hex", () => {
  it("reads digits with spaces, lines and comments between them", () => {
    const bytes = hex`
      0001 0800   # ethernet, ipv4
      fF`;
    assert.deepEqual(bytes, new Uint8Array([0, 1, 8, 0, 255]));
  });
  it("reads nothing as no bytes", () => assert.deepEqual(hex`# nothing`, new Uint8Array()));
  it("refuses half a byte", () => assert.throws(() => parseHex("001"), { message: "not hex in pairs: 001" }));
  it("refuses what is no digit", () => assert.throws(() => hex`0g`, { message: "not hex in pairs: 0g" }));
});
