import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "../ip/address.ts";
import { Allocator } from "./allocator.ts";
import { NO_RULES } from "./pool-rules.ts";
import { allocatorOf, ask, samplePool, sampleService } from "./samples.ts";

const POOL = samplePool("p", ["10.0.0.0/29"], { rules: { ...NO_RULES, stickyMs: 600_000 } });

describe("sticky addresses of those who left before anything was known", () => {
  it("wait in the order they left, and as long as they were to", () => {
    const before = allocatorOf(POOL);
    for (const name of ["a", "b", "c"]) ask(before, name);
    before.retire(sampleService("b"), 1_000);
    before.retire(sampleService("a"), 2_000);
    const after = new Allocator();
    for (const departure of before.departures) after.expectBack(departure, new Set());
    after.setPools([POOL]);
    after.adopt(sampleService("c", { status: ["10.0.0.2"] }));
    assert.deepEqual(after.departures, before.departures);
    assert.deepEqual(
      after.departures.map(({ key, until }) => [key, until]),
      [
        ["shop/b", 601_000],
        ["shop/a", 602_000],
      ],
    );
    assert.deepEqual([ask(after, "d"), ask(after, "a")], ["10.0.0.3 of p", "10.0.0.0 of p"]);
    after.expire(601_000);
    assert.deepEqual([ask(after, "e"), after.nextExpiry], ["10.0.0.1 of p", undefined]);
  });

  it("are not kept from those whose status has them, nor from itself", () => {
    const allocator = new Allocator();
    for (const [name, address] of [
      ["gone", "10.0.0.1"],
      ["back", "10.0.0.2"],
    ] as const) {
      const departure = { key: sampleService(name).key, addresses: [address as IpAddress], until: 1_000 };
      allocator.expectBack(departure, new Set(["10.0.0.1", "10.0.0.2"] as IpAddress[]));
    }
    allocator.setPools([POOL]);
    for (const [name, address] of [
      ["heir", "10.0.0.1"],
      ["back", "10.0.0.2"],
    ] as const) {
      assert.deepEqual(allocator.adopt(sampleService(name, { status: [address] }))?.addresses, [address]);
    }
    assert.deepEqual(
      allocator.departures.map(({ key }) => key),
      ["shop/gone"],
    );
    assert.equal(ask(allocator, "gone"), "10.0.0.0 of p");
  });

  it("of who is named twice are those named last", () => {
    const allocator = new Allocator();
    const departure = (address: string, until: number) => ({
      key: sampleService("a").key,
      addresses: [address as IpAddress],
      until,
    });
    allocator.expectBack(departure("10.0.0.0", 1_000), new Set());
    allocator.expectBack(departure("10.0.0.1", 2_000), new Set());
    allocator.setPools([POOL]);
    assert.deepEqual([ask(allocator, "b"), ask(allocator, "a")], ["10.0.0.0 of p", "10.0.0.1 of p"]);
  });
});
