import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Pool } from "../config/config.ts";
import { serviceKey } from "../service/view.ts";
import { saturate } from "./pool-state.ts";
import { allocation, allocatorOf, ask, samplePool } from "./samples.ts";

describe("changing the pools", () => {
  const start = () => {
    const allocator = allocatorOf(samplePool("test", ["1.2.3.0/30", "1000::/126"]));
    ask(allocator, "s1");
    ask(allocator, "s2", { stack: "6" });
    return allocator;
  };
  const changes = [
    {
      name: "the same pools",
      pools: [samplePool("test", ["1.2.3.0/30", "1000::/126"])],
      s1: "test",
      s2: "test",
    },
    {
      name: "a larger pool",
      pools: [samplePool("test", ["1.2.3.0/24", "1000::/120"])],
      s1: "test",
      s2: "test",
    },
    {
      name: "a smaller pool",
      pools: [samplePool("test", ["1.2.3.0/32", "1000::/128"])],
      s1: "test",
      s2: "test",
    },
    { name: "other IPv4 addresses", pools: [samplePool("test", ["1.2.3.1/32", "1000::/126"])], s2: "test" },
    { name: "other IPv6 addresses", pools: [samplePool("test", ["1.2.3.0/30", "1000::1/128"])], s1: "test" },
    { name: "another name", pools: [samplePool("new", ["1.2.3.0/30", "1000::/126"])], s1: "new", s2: "new" },
    {
      name: "two pools",
      pools: [samplePool("six", ["1000::/126"]), samplePool("four", ["1.2.3.0/30"])],
      s1: "four",
      s2: "six",
    },
    {
      name: "a pool that avoids buggy addresses",
      pools: [samplePool("test", ["1.2.3.0/30", "1000::/126"], { avoidBuggyIps: true })],
      s2: "test",
    },
    {
      name: "a pool that others are to use",
      pools: [samplePool("test", ["1.2.3.0/30", "1000::/126"], { autoAssign: false })],
      s1: "test",
      s2: "test",
    },
    { name: "no pools", pools: [] },
  ] as const satisfies readonly { name: string; pools: readonly Pool[]; s1?: string; s2?: string }[];
  for (const { name, pools, ...after } of changes) {
    const want: { readonly s1?: string; readonly s2?: string } = after;
    it(`keeps what can be kept under ${name}`, () => {
      const allocator = start();
      const lost = allocator.setPools(pools);
      assert.deepEqual(
        [allocator.heldBy(serviceKey("shop", "s1"))?.pool, allocator.heldBy(serviceKey("shop", "s2"))?.pool],
        [want.s1, want.s2],
      );
      assert.deepEqual(
        lost,
        [want.s1 ?? serviceKey("shop", "s1"), want.s2 ?? serviceKey("shop", "s2")].filter((name) =>
          name.includes("/"),
        ),
      );
    });
  }

  it("takes both addresses of a dual stack Service whose pool is split between them", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/24", "fd00::/64"]));
    ask(allocator, "a", { stack: "46" });
    assert.deepEqual(
      allocator.setPools([samplePool("four", ["1.0.0.0/24"]), samplePool("six", ["fd00::/64"])]),
      [serviceKey("shop", "a")],
    );
  });

  it("moves a Service out of a pool that no longer serves it", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/24"]), samplePool("q", ["2.0.0.0/24"]));
    ask(allocator, "a");
    const rules = allocation({ namespaces: new Set(["bank"]) });
    allocator.setPools([samplePool("p", ["1.0.0.0/24"], rules), samplePool("q", ["2.0.0.0/24"])]);
    assert.equal(ask(allocator, "a"), "2.0.0.0 of q");
  });

  it("leaves a Service where it is when better pools appear", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/24"]));
    ask(allocator, "a");
    allocator.setPools([
      samplePool("better", ["2.0.0.0/24"], allocation({ priority: 1 })),
      samplePool("p", ["1.0.0.0/24"]),
    ]);
    assert.equal(ask(allocator, "a"), "1.0.0.0 of p");
  });

  it("keeps sharers together, and others out", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/32"]));
    const annotations = { "metallb.io/allow-shared-ip": "k" };
    for (const [index, name] of ["a", "b"].entries())
      ask(allocator, name, { annotations, ports: [`TCP/${index}`] });
    assert.deepEqual(allocator.setPools([samplePool("q", ["1.0.0.0/31"])]), []);
    assert.equal(ask(allocator, "c", { annotations, ports: ["TCP/1"] }), "1.0.0.1 of q");
    assert.equal(ask(allocator, "d", { annotations, ports: ["TCP/2"] }), "1.0.0.0 of q");
  });
});

describe("counting addresses", () => {
  const totals = (...pools: readonly Pool[]) =>
    allocatorOf(...pools)
      .usage()
      .map(({ ipv4, ipv6 }) => [ipv4.total, ipv6.total]);

  it("counts what may be given out", () => {
    assert.deepEqual(
      totals(
        samplePool("a", ["1.2.3.0/24"]),
        samplePool("b", ["2.2.3.0/24", "2.3.4.128/25"]),
        samplePool("c", ["3.2.3.0/24", "3.3.4.128/25"], { avoidBuggyIps: true }),
        samplePool("d", ["4.0.0.0/31", "4000::/127"], { avoidBuggyIps: true }),
        samplePool("e", ["5.0.0.5-5.0.0.9", "5.1.0.255-5.1.1.0"], { avoidBuggyIps: true }),
      ),
      [
        [256n, 0n],
        [384n, 0n],
        [381n, 0n],
        [1n, 2n],
        [5n, 0n],
      ],
    );
  });

  it("never comes out negative, wherever a huge IPv6 range stands (MetalLB defect 5)", () => {
    const huge = "fd00::/64";
    assert.deepEqual(totals(samplePool("p", [huge, "1.0.0.0/24"]), samplePool("q", ["2.0.0.0/24", "::/1"])), [
      [256n, 1n << 64n],
      [256n, 1n << 127n],
    ]);
    const [usage] = allocatorOf(samplePool("p", [huge, "1.0.0.0/24"])).usage();
    assert.equal(saturate((usage?.ipv4.total ?? 0n) + (usage?.ipv6.total ?? 0n)), Number.MAX_SAFE_INTEGER);
    assert.equal(saturate(256n), 256);
  });

  it("counts a shared address once, and forgets it with its last user", () => {
    const allocator = allocatorOf(
      samplePool("p", ["1.0.0.0/24", "fd00::/120"]),
      samplePool("q", ["2.0.0.0/24"]),
    );
    const annotations = { "metallb.io/allow-shared-ip": "k" };
    for (const name of ["1", "2", "3"]) ask(allocator, name, { annotations, ports: [`TCP/${name}`] });
    ask(allocator, "six", { stack: "6" });
    const inUse = () => allocator.usage().map(({ pool, ipv4, ipv6 }) => [pool, ipv4.inUse, ipv6.inUse]);
    assert.deepEqual(inUse(), [
      ["p", 1, 1],
      ["q", 0, 0],
    ]);
    for (const name of ["1", "2"]) allocator.release(serviceKey("shop", name));
    assert.deepEqual(inUse()[0], ["p", 1, 1]);
    allocator.release(serviceKey("shop", "3"));
    assert.deepEqual(inUse()[0], ["p", 0, 1]);
    allocator.setPools([]);
    assert.deepEqual(allocator.usage(), []);
  });
});
