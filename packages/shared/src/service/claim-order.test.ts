import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sampleService } from "../allocator/samples.ts";
import { byClaim } from "./claim-order.ts";

describe("order of claims", () => {
  it("puts the older Service first, then the lower key by code unit", () => {
    const views = [
      sampleService("b", { createdAtMs: 5 }),
      sampleService("a", { createdAtMs: 9 }),
      sampleService("B", { createdAtMs: 5 }),
      sampleService("c", { createdAtMs: 1 }),
      sampleService("a", { createdAtMs: 5, namespace: "Shop" }),
    ];
    assert.deepEqual(
      views.sort(byClaim).map(({ key }) => key),
      ["shop/c", "Shop/a", "shop/B", "shop/b", "shop/a"],
    );
  });

  it("is a strict order: equal only to itself", () => {
    const view = sampleService("a");
    assert.equal(byClaim(view, sampleService("a")), 0);
    assert.equal(Math.sign(byClaim(view, sampleService("b"))), -Math.sign(byClaim(sampleService("b"), view)));
  });
});
