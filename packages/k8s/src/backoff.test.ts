import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { backoffMs } from "./backoff.ts";

const LIMITS = { minMs: 500, maxMs: 30_000 };

describe("back-off", () => {
  it("doubles from the least delay to the most", () => {
    const low = [1, 2, 3, 6, 7, 100, 5000].map((failures) => backoffMs(LIMITS, failures, { next: () => 0 }));
    assert.deepEqual(low, [500, 1000, 2000, 15_000, 15_000, 15_000, 15_000]);
  });

  it("spreads each delay over the upper half of its step", () => {
    const high = [1, 2, 3, 6, 7, 100].map((failures) => backoffMs(LIMITS, failures, { next: () => 1 }));
    assert.deepEqual(high, [1000, 2000, 4000, 30_000, 30_000, 30_000]);
  });
});
