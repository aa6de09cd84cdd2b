import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRange } from "./ip/range.ts";
import { quoted } from "./quoted.ts";

describe("quoted", () => {
  it("cuts what is longer than 100 characters", () => {
    assert.equal(quoted("x".repeat(100)), `"${"x".repeat(100)}"`);
    assert.equal(quoted("x".repeat(101)), `"${"x".repeat(99)}…"`);
  });

  it("keeps a mistake short whatever somebody wrote", () => {
    const parsed = parseRange("x".repeat(1_000_000));
    assert.ok("mistake" in parsed && parsed.mistake.length < 300);
  });
});
