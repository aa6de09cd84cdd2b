import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { pushPullScale, remainingSuspicionMs, retransmitLimit, suspicionTimeoutMs } from "./formulas.ts";

interface Formulas {
  readonly pushPullScale: readonly { n: number; multiplier: number }[];
  readonly retransmitLimit: readonly { n: number; retransmitMult: number; limit: number }[];
  readonly suspicionTimeout: readonly {
    n: number;
    suspicionMult: number;
    probeIntervalMs: number;
    timeoutNs: number;
  }[];
  readonly remainingSuspicion: readonly {
    k: number;
    minMs: number;
    maxMs: number;
    confirmations: number;
    elapsedMs: number;
    remainingMs: number;
  }[];
}

const { formulas } = JSON.parse(
  readFileSync(new URL("testdata/memberlist.json", import.meta.url), "utf8"),
) as { formulas: Formulas };

describe("formulas as memberlist computes them", () => {
  it("repeat news as often", () => {
    for (const { n, retransmitMult, limit } of formulas.retransmitLimit) {
      assert.equal(retransmitLimit(retransmitMult, n), limit, `n=${n}`);
    }
  });

  it("suspect as long", () => {
    for (const { n, suspicionMult, probeIntervalMs, timeoutNs } of formulas.suspicionTimeout) {
      const timeoutMs = suspicionTimeoutMs(suspicionMult, n, probeIntervalMs);
      assert.equal(Math.round(timeoutMs * 1e6), timeoutNs, `n=${n} mult=${suspicionMult}`);
    }
  });

  it("shorten a suspicion as much with every confirmation", () => {
    for (const { k, minMs, maxMs, confirmations, elapsedMs, remainingMs } of formulas.remainingSuspicion) {
      const span = { minMs, maxMs, wanted: k };
      assert.equal(
        remainingSuspicionMs(span, confirmations, elapsedMs),
        remainingMs,
        `k=${k} c=${confirmations}`,
      );
    }
  });

  it("end a suspicion at once at its shortest when nobody is asked", () => {
    assert.equal(remainingSuspicionMs({ minMs: 200, maxMs: 600, wanted: 0 }, 0, 50), 150);
  });

  it("exchange tables as seldom", () => {
    for (const { n, multiplier } of formulas.pushPullScale) {
      assert.equal(pushPullScale(n), multiplier, `n=${n}`);
    }
  });
});
