import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AllocationError } from "../errors.ts";
import type { IpAddress } from "../ip/address.ts";
import { byClaim } from "../service/claim-order.ts";
import { serviceKey } from "../service/view.ts";
import { allocation, allocatorOf, samplePool, sampleService } from "./samples.ts";

describe("adopting what statuses say", () => {
  const pools = [samplePool("p", ["1.0.0.0/24", "fd00::/64"])];

  it("takes the addresses in the order of the status", () => {
    const allocator = allocatorOf(...pools);
    const view = sampleService("a", { stack: "46", status: ["FD00::9", "1.0.0.9"] });
    assert.deepEqual(allocator.adopt(view), { addresses: ["fd00::9", "1.0.0.9"], pool: "p" });
    assert.deepEqual(allocator.hold(view), { addresses: ["fd00::9", "1.0.0.9"], pool: "p" });
  });

  it("has nothing to take from a status without addresses", () => {
    const allocator = allocatorOf(...pools);
    assert.equal(allocator.adopt(sampleService("a", { ingress: [{ hostname: "x.example" }] })), undefined);
  });

  it("takes nothing more for a Service that holds something, whatever its status says by then", () => {
    const allocator = allocatorOf(...pools);
    allocator.adopt(sampleService("a", { status: ["1.0.0.1"] }));
    const again = allocator.adopt(sampleService("a", { status: ["1.0.0.2"] }));
    assert.deepEqual(again, { addresses: ["1.0.0.1"], pool: "p" });
    assert.deepEqual(allocator.usersOf("1.0.0.2" as IpAddress), []);
    assert.equal(allocator.usage()[0]?.ipv4.inUse, 1);
  });

  it("leaves a contested address to the older Service, then to the lower name (MetalLB defect 8)", () => {
    const views = [
      sampleService("young", { status: ["1.0.0.1"], createdAtMs: 20 }),
      sampleService("b", { status: ["1.0.0.2"], createdAtMs: 10 }),
      sampleService("a", { status: ["1.0.0.2"], createdAtMs: 10 }),
      sampleService("old", { status: ["1.0.0.1"], createdAtMs: 10 }),
    ];
    for (const order of [views, views.toReversed()]) {
      const allocator = allocatorOf(...pools);
      const refused = order.toSorted(byClaim).flatMap((view) => {
        try {
          allocator.adopt(view);
          return [];
        } catch (error) {
          assert.ok(error instanceof AllocationError);
          return [`${view.key}: ${error.reason}`];
        }
      });
      assert.deepEqual(refused, ["shop/b: address-in-use", "shop/young: address-in-use"]);
      assert.deepEqual(allocator.usersOf("1.0.0.1" as IpAddress), [serviceKey("shop", "old")]);
    }
  });

  for (const { name, options, reason } of [
    { name: "an address of no pool", options: { status: ["9.9.9.9"] }, reason: "address-not-in-pool" },
    { name: "an address of the wrong family", options: { status: ["fd00::1"] }, reason: "wrong-family" },
    { name: "two of one family", options: { status: ["1.0.0.1", "1.0.0.2"] }, reason: "wrong-family" },
    {
      name: "half of what is required",
      options: { stack: "46", status: ["1.0.0.1"] },
      reason: "wrong-family",
    },
    {
      name: "an address it may not have",
      options: { namespace: "bank", status: ["3.0.0.0"] },
      reason: "pool-not-allowed",
    },
  ] as const) {
    it(`refuses ${name} and takes nothing`, () => {
      const rules = allocation({ namespaces: new Set(["shop"]) });
      const allocator = allocatorOf(...pools, samplePool("shop", ["3.0.0.0/24"], rules));
      const before = allocator.usage();
      assert.throws(() => allocator.adopt(sampleService("a", options)), { name: "AllocationError", reason });
      assert.deepEqual(allocator.usage(), before);
      assert.equal(allocator.heldBy(serviceKey("shop", "a")), undefined);
    });
  }

  it("takes half of what is merely preferred, and the other half later", () => {
    const allocator = allocatorOf(...pools);
    const view = sampleService("a", { stack: "46", ipFamilyPolicy: "PreferDualStack", status: ["fd00::7"] });
    assert.deepEqual(allocator.adopt(view), { addresses: ["fd00::7"], pool: "p" });
    assert.deepEqual(allocator.hold(view), { addresses: ["fd00::7", "1.0.0.0"], pool: "p" });
  });
});
