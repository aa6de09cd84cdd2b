import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allocation, allocatorOf, ask, inPool, ip, samplePool } from "./samples.ts";

describe("choosing among pools", () => {
  it("follows the operator's order, the same every time (MetalLB defect 8)", () => {
    const pools = ["z", "a", "m", "b"].map((name, index) => samplePool(name, [`10.0.${index}.0/31`]));
    const given = () => {
      const allocator = allocatorOf(...pools);
      return Array.from({ length: 9 }, (_, index) => ask(allocator, `s${index}`));
    };
    assert.deepEqual(given(), [
      "10.0.0.0 of z",
      "10.0.0.1 of z",
      "10.0.1.0 of a",
      "10.0.1.1 of a",
      "10.0.2.0 of m",
      "10.0.2.1 of m",
      "10.0.3.0 of b",
      "10.0.3.1 of b",
      "pool-exhausted",
    ]);
    assert.deepEqual(given(), given());
  });

  it("goes from pool to pool until all are full, and lets one more in by sharing", () => {
    for (const stack of ["4", "6", "46"] as const) {
      const allocator = allocatorOf(
        samplePool("one", ["1.0.0.0/31", "fd00::/127"]),
        samplePool("kept", ["2.0.0.0/24", "fd01::/120"], { autoAssign: false }),
        samplePool("two", ["3.0.0.0/31", "fd02::/127"]),
      );
      const shared = { stack, annotations: { "metallb.io/allow-shared-ip": "k" } };
      const names = ["a", "b", "c", "d", "e"].map((name) =>
        ask(allocator, name, shared).replace(/.* of /, ""),
      );
      assert.deepEqual(names, ["one", "one", "two", "two", "pool-exhausted"]);
      const beside = ask(allocator, "f", { ...shared, ports: ["TCP/443"] });
      assert.equal(beside, ask(allocator, "a", shared));
    }
  });

  it("follows the order of the ranges in a pool, not that of the addresses", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.9.0/32", "10.0.1.0-10.0.1.1", "10.0.5.0/32"]));
    assert.deepEqual(
      ["a", "b", "c", "d"].map((name) => ask(allocator, name)),
      ["10.0.9.0 of p", "10.0.1.0 of p", "10.0.1.1 of p", "10.0.5.0 of p"],
    );
  });

  it("prefers low priorities, with 0 last and equals in the operator's order (MetalLB defect 8)", () => {
    const pool = (name: string, octet: number, priority: number) =>
      samplePool(name, [`10.0.${octet}.0/32`], allocation({ priority }));
    const allocator = allocatorOf(
      samplePool("open", ["10.0.9.0/32"]),
      pool("zero", 0, 0),
      pool("twenty", 1, 20),
      pool("ten-b", 2, 10),
      pool("ten-a", 3, 10),
    );
    assert.deepEqual(
      Array.from({ length: 5 }, (_, index) => ask(allocator, `s${index}`)),
      [
        "10.0.2.0 of ten-b",
        "10.0.3.0 of ten-a",
        "10.0.1.0 of twenty",
        "10.0.0.0 of zero",
        "10.0.9.0 of open",
      ],
    );
  });

  const byTeam = [{ matchLabels: { team: "metallb" }, matchExpressions: [] }];
  const pinned = [
    { name: "its namespace", rules: { namespaces: new Set(["shop"]) }, labels: {}, allowed: true },
    { name: "another namespace", rules: { namespaces: new Set(["bank"]) }, labels: {}, allowed: false },
    { name: "its label", rules: { serviceSelectors: byTeam }, labels: { team: "metallb" }, allowed: true },
    { name: "another label", rules: { serviceSelectors: byTeam }, labels: { team: "x" }, allowed: false },
    {
      name: "its namespace and label",
      rules: { namespaces: new Set(["shop"]), serviceSelectors: byTeam },
      labels: { team: "metallb" },
      allowed: true,
    },
    {
      name: "its namespace but another label",
      rules: { namespaces: new Set(["shop"]), serviceSelectors: byTeam },
      labels: {},
      allowed: false,
    },
    {
      name: "its label but another namespace",
      rules: { namespaces: new Set(["bank"]), serviceSelectors: byTeam },
      labels: { team: "metallb" },
      allowed: false,
    },
    { name: "everyone", rules: {}, labels: {}, allowed: true },
    {
      name: "namespaces of which none exists (MetalLB defect 4)",
      rules: { namespaces: new Set<string>() },
      labels: {},
      allowed: false,
    },
  ];
  for (const { name, rules, labels, allowed } of pinned) {
    it(`${allowed ? "serves" : "does not serve"} a Service from a pool for ${name}`, () => {
      const allocator = allocatorOf(samplePool("p", ["10.0.0.0/24"], allocation(rules)));
      const want = (address: string) => (allowed ? `${address} of p` : "pool-not-allowed");
      assert.equal(ask(allocator, "auto", { labels }), want("10.0.0.0"));
      assert.equal(ask(allocator, "named", { labels, ...inPool("p") }), want("10.0.0.1"));
      assert.equal(ask(allocator, "exact", { labels, ...ip("10.0.0.9") }), want("10.0.0.9"));
    });
  }

  it("never falls back to a pool that is set aside for others", () => {
    const allocator = allocatorOf(
      samplePool("theirs", ["10.0.0.0/24"], allocation({ namespaces: new Set(["bank"]) })),
      samplePool("ours", ["10.0.1.0/32"]),
    );
    assert.deepEqual([ask(allocator, "a"), ask(allocator, "b")], ["10.0.1.0 of ours", "pool-exhausted"]);
  });

  const prefer = (stack: "46" | "64") => ({ stack, ipFamilyPolicy: "PreferDualStack" }) as const;
  const four = samplePool("four", ["10.0.0.0/30"]);
  const six = samplePool("six", ["fd00::/126"]);
  const dual = samplePool("dual", ["10.0.1.0/30", "fd01::/126"]);
  const preferred = [
    {
      name: "an IPv4 address of an IPv4 pool",
      pools: [four],
      options: prefer("46"),
      want: "10.0.0.0 of four",
    },
    { name: "an IPv6 address of an IPv6 pool", pools: [six], options: prefer("46"), want: "fd00:: of six" },
    {
      name: "both of a pool that has both",
      pools: [four, six, dual],
      options: prefer("46"),
      want: "10.0.1.0 fd01:: of dual",
    },
    {
      name: "its first family of two pools",
      pools: [six, four],
      options: prefer("46"),
      want: "10.0.0.0 of four",
    },
    { name: "its first family, IPv6", pools: [four, six], options: prefer("64"), want: "fd00:: of six" },
    {
      name: "one of a pool set aside rather than both of an open one",
      pools: [dual, { ...four, ...allocation({}) }],
      options: prefer("46"),
      want: "10.0.0.0 of four",
    },
    {
      name: "only what the named pool has",
      pools: [dual, six],
      options: { ...prefer("46"), ...inPool("six") },
      want: "fd00:: of six",
    },
    {
      name: "no second address when the cluster is single stack (MetalLB defect 1)",
      pools: [dual],
      options: { stack: "4", ipFamilyPolicy: "PreferDualStack" },
      want: "10.0.1.0 of dual",
    },
  ] as const;
  for (const { name, pools, options, want } of preferred) {
    it(`gives a Service that prefers dual stack ${name}`, () => {
      const allocator = allocatorOf(...pools);
      assert.equal(ask(allocator, "a", options), want);
      assert.equal(ask(allocator, "a", options), want);
    });
  }
});
