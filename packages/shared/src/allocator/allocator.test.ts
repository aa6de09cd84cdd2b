import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ServiceAllocation } from "../config/config.ts";
import { AllocationError } from "../errors.ts";
import type { IpAddress } from "../ip/address.ts";
import { byClaim } from "../service/claim-order.ts";
import { serviceKey } from "../service/view.ts";
import { Allocator } from "./allocator.ts";
import { saturate } from "./pool-state.ts";
import { type SampleService, samplePool, sampleService } from "./samples.ts";

type Pools = Parameters<Allocator["setPools"]>[0];

function allocatorOf(...pools: Pools): Allocator {
  const allocator = new Allocator();
  allocator.setPools(pools);
  return allocator;
}

/** What the Service gets, as text: its addresses and pool, or the reason of the refusal. */
function ask(allocator: Allocator, name: string, options: SampleService = {}): string {
  try {
    const { addresses, pool } = allocator.hold(sampleService(name, options));
    return `${addresses.join(" ")} of ${pool}`;
  } catch (error) {
    assert.ok(error instanceof AllocationError, String(error));
    return error.reason;
  }
}

function refusal(allocator: Allocator, name: string, options: SampleService = {}): string {
  try {
    allocator.hold(sampleService(name, options));
  } catch (error) {
    assert.ok(error instanceof AllocationError, String(error));
    return `${error.reason}: ${error.message}`;
  }
  return "no refusal";
}

const ip = (address: string) => ({ loadBalancerIp: address });
const ips = (text: string) => ({ annotations: { "metallb.io/loadBalancerIPs": text } });
const inPool = (name: string) => ({ annotations: { "metallb.io/address-pool": name } });
const key = (name: string) => serviceKey("shop", name);
const allocation = (rest: Partial<ServiceAllocation>): { serviceAllocation: ServiceAllocation } => ({
  serviceAllocation: { priority: 0, namespaces: undefined, serviceSelectors: [], ...rest },
});

describe("holding addresses", () => {
  const pools = [samplePool("test", ["1.2.3.4/31", "1000::4/127"])];

  it("gives the lowest address first and the same again when asked again", () => {
    const allocator = allocatorOf(...pools);
    assert.deepEqual(
      ["a", "b", "a", "c"].map((name) => ask(allocator, name)),
      ["1.2.3.4 of test", "1.2.3.5 of test", "1.2.3.4 of test", "pool-exhausted"],
    );
  });

  it("denies an address that another Service holds until that one lets go, both ways", () => {
    const allocator = allocatorOf(...pools);
    assert.equal(ask(allocator, "a", ip("1.2.3.5")), "1.2.3.5 of test");
    assert.equal(ask(allocator, "b", ip("1.2.3.5")), "address-in-use");
    assert.equal(allocator.release(key("a")), true);
    assert.equal(allocator.release(key("a")), false);
    assert.equal(ask(allocator, "b", ip("1.2.3.5")), "1.2.3.5 of test");
    assert.equal(ask(allocator, "a", ip("1.2.3.5")), "address-in-use");
  });

  it("gives one of each family to a dual stack Service, IPv4 first", () => {
    for (const stack of ["46", "64"] as const) {
      assert.equal(ask(allocatorOf(...pools), "a", { stack }), "1.2.3.4 1000::4 of test");
    }
  });

  it("never combines addresses of two pools", () => {
    const allocator = allocatorOf(...pools, samplePool("other", ["1.2.4.0/24", "2000::/120"]));
    assert.equal(ask(allocator, "a", { stack: "46", ...ips("1.2.4.1,1000::4") }), "address-not-in-pool");
    assert.equal(ask(allocator, "a", { stack: "46", ...ips("1.2.3.4,1000::4") }), "1.2.3.4 1000::4 of test");
    const split = allocatorOf(samplePool("four", ["1.2.3.4/31"]), samplePool("six", ["1000::4/127"]));
    assert.equal(ask(split, "a", { stack: "46" }), "wrong-family");
  });

  it("takes requested addresses from pools that are not assigned automatically", () => {
    const allocator = allocatorOf(samplePool("test", ["1.2.3.4/31", "1000::4/127"], { autoAssign: false }));
    assert.deepEqual(
      [
        ask(allocator, "a"),
        ask(allocator, "b", { stack: "6" }),
        ask(allocator, "c", { stack: "46" }),
        ask(allocator, "d", ip("1.2.3.5")),
        ask(allocator, "e", inPool("test")),
        ask(allocator, "f", { stack: "6", annotations: { "metallb.universe.tf/address-pool": "test" } }),
      ],
      [
        "pool-not-allowed",
        "pool-not-allowed",
        "pool-not-allowed",
        "1.2.3.5 of test",
        "1.2.3.4 of test",
        "1000::4 of test",
      ],
    );
  });

  it("names each pool it tried and what was wrong with it", () => {
    const allocator = allocatorOf(
      samplePool("full", ["1.2.3.4/32"]),
      samplePool("six", ["1000::/64"]),
      samplePool("manual", ["2.0.0.0/24"], { autoAssign: false }),
      samplePool("team", ["3.0.0.0/24"], allocation({ namespaces: new Set(["bank"]) })),
    );
    ask(allocator, "a");
    assert.equal(
      refusal(allocator, "b"),
      'pool-exhausted: no available IPs: pool "full" has no free IPv4 address; pool "six" has no IPv4 ' +
        'addresses; pool "manual" serves only Services that name it; pool "team" does not serve namespace "shop"',
    );
  });

  it("keeps the sentence short when there are very many pools", () => {
    const pools = Array.from({ length: 500 }, (_, index) => samplePool(`p${index}`, [`fd00:${index}::/64`]));
    const message = refusal(allocatorOf(...pools), "a");
    assert.ok(message.endsWith("; and 494 more pools") && message.length < 1024, message);
  });

  const refused = [
    { name: "a pool that does not exist", options: inPool("nope"), reason: "unknown-pool" },
    { name: "an address of no pool", options: ip("9.9.9.9"), reason: "address-not-in-pool" },
    { name: "text that is no address", options: ip("1.2.3"), reason: "invalid-request" },
    { name: "an address in the wrong way to write it", options: ip("01.2.3.4"), reason: "invalid-request" },
    { name: "an IPv6 address for an IPv4 Service", options: ip("1000::4"), reason: "wrong-family" },
    { name: "two addresses for one family", options: ips("1.2.3.4,1000::4"), reason: "wrong-family" },
    { name: "two addresses of one family", options: ips("1.2.3.4,1.2.3.5"), reason: "invalid-request" },
    { name: "three addresses", options: ips("1.2.3.4,1000::4,1000::5"), reason: "invalid-request" },
    { name: "an empty place in a list", options: ips("1.2.3.4,"), reason: "invalid-request" },
    {
      name: "an address both ways at once",
      options: { ...ip("1.2.3.4"), ...ips("1.2.3.4") },
      reason: "invalid-request",
    },
    {
      name: "an address of another pool than the one named",
      options: {
        annotations: { "metallb.io/address-pool": "empty", "metallb.io/loadBalancerIPs": "1.2.3.4" },
      },
      reason: "address-not-in-pool",
    },
    {
      name: "one address for a Service with two families",
      options: { stack: "46", ...ip("1.2.3.4") },
      reason: "wrong-family",
    },
    {
      name: "one address even where a second would be a luxury",
      options: { stack: "46", ipFamilyPolicy: "PreferDualStack", ...ip("1.2.3.4") },
      reason: "wrong-family",
    },
    {
      name: "dual stack for a Service with one cluster address",
      options: { ipFamilyPolicy: "RequireDualStack" },
      reason: "wrong-family",
    },
    {
      name: "single stack for a Service with two cluster addresses",
      options: { stack: "46", ipFamilyPolicy: "SingleStack" },
      reason: "wrong-family",
    },
    {
      name: "anything for a Service without cluster address",
      options: { stack: "" },
      reason: "wrong-family",
    },
  ] as const satisfies readonly { name: string; options: SampleService; reason: string }[];
  for (const { name, options, reason } of refused) {
    it(`refuses ${name}`, () => {
      const allocator = allocatorOf(...pools, samplePool("empty", ["8.8.8.0/31"]));
      assert.equal(ask(allocator, "a", options), reason);
      assert.equal(ask(allocator, "b"), "1.2.3.4 of test");
    });
  }

  it("refuses everybody while there are no pools", () => {
    assert.equal(refusal(new Allocator(), "a"), "no-pools: no pools are configured");
    assert.equal(ask(new Allocator(), "a", ip("1.2.3.4")), "no-pools");
  });

  it("reads requests under both prefixes, the newer one first, with spaces", () => {
    const allocator = allocatorOf(...pools);
    const annotations = {
      "metallb.universe.tf/loadBalancerIPs": "1.2.3.4",
      "metallb.io/loadBalancerIPs": " 1.2.3.5 ",
    };
    assert.equal(ask(allocator, "a", { annotations }), "1.2.3.5 of test");
    const old = { annotations: { "metallb.universe.tf/loadBalancerIPs": "1.2.3.4" } };
    assert.equal(ask(allocator, "b", old), "1.2.3.4 of test");
  });

  it("never changes the pools it was given", () => {
    const given = [samplePool("test", ["1.2.4.0/24", "1000::/120"], { avoidBuggyIps: true })];
    const copy = structuredClone(given);
    const allocator = allocatorOf(...given);
    for (const name of ["a", "b"]) ask(allocator, name, { stack: "46" });
    allocator.release(key("a"));
    assert.deepEqual(given, copy);
  });
});

describe("requests of a Service that holds an address already", () => {
  const pools = [samplePool("one", ["1.0.0.0/30"]), samplePool("two", ["2.0.0.0/30"])];

  it("moves it to another pool when it names one, and leaves it alone when it names its own", () => {
    const allocator = allocatorOf(...pools);
    assert.equal(ask(allocator, "a"), "1.0.0.0 of one");
    assert.equal(ask(allocator, "a", inPool("one")), "1.0.0.0 of one");
    assert.equal(ask(allocator, "a", inPool("two")), "2.0.0.0 of two");
    assert.equal(ask(allocator, "a"), "2.0.0.0 of two");
  });

  it("takes its address away when the one it asks for cannot be had", () => {
    const allocator = allocatorOf(...pools);
    ask(allocator, "a");
    ask(allocator, "b");
    assert.equal(ask(allocator, "b", ip("1.0.0.0")), "address-in-use");
    assert.equal(allocator.heldBy(key("b")), undefined);
    assert.equal(ask(allocator, "c"), "1.0.0.1 of one");
  });

  it("keeps its address while its request is no address at all", () => {
    const allocator = allocatorOf(...pools);
    ask(allocator, "a");
    assert.equal(ask(allocator, "a", ip("nonsense")), "invalid-request");
    assert.deepEqual(allocator.heldBy(key("a")), { addresses: ["1.0.0.0"], pool: "one" });
  });

  it("takes an address away that no pool has, even while its request is no address at all", () => {
    const allocator = allocatorOf(samplePool("one", ["1.0.0.0/30"], allocation({})));
    ask(allocator, "a");
    allocator.setPools([samplePool("one", ["1.0.0.0/30"], allocation({ namespaces: new Set(["bank"]) }))]);
    assert.equal(ask(allocator, "a", ip("nonsense")), "invalid-request");
    assert.equal(allocator.heldBy(key("a")), undefined);
  });

  it("keeps the order of requested addresses, and changes it with the request (MetalLB defect 3)", () => {
    const allocator = allocatorOf(samplePool("dual", ["192.168.1.0/24", "fd00::/64"]));
    const first = { stack: "46", ...ips("fd00::1,192.168.1.9") } as const;
    assert.equal(ask(allocator, "a", first), "fd00::1 192.168.1.9 of dual");
    assert.equal(ask(allocator, "a", first), "fd00::1 192.168.1.9 of dual");
    const swapped = { stack: "46", ...ips("192.168.1.9, fd00::1") } as const;
    assert.equal(ask(allocator, "a", swapped), "192.168.1.9 fd00::1 of dual");
  });

  it("gives addresses of the right family when the cluster addresses change family", () => {
    const allocator = allocatorOf(samplePool("dual", ["1.0.0.0/30", "fd00::/64"]));
    assert.equal(ask(allocator, "a", { stack: "46" }), "1.0.0.0 fd00:: of dual");
    assert.equal(ask(allocator, "a", { stack: "6" }), "fd00:: of dual");
    assert.equal(ask(allocator, "b"), "1.0.0.0 of dual");
  });
});

describe("buggy addresses", () => {
  it("are neither given out nor granted on request", () => {
    const allocator = allocatorOf(
      samplePool("test2", ["1.2.4.0/24", "1000::4:0/120"], { avoidBuggyIps: true }),
    );
    assert.deepEqual(
      ["1.2.4.0", "1.2.4.255", "1.2.4.254"].map((address) => ask(allocator, `s${address}`, ip(address))),
      ["address-not-in-pool", "address-not-in-pool", "1.2.4.254 of test2"],
    );
    assert.equal(
      refusal(allocator, "b", ip("1.2.4.0")),
      'address-not-in-pool: no pool gives out 1.2.4.0: pool "test2" avoids buggy IPs (.0 and .255)',
    );
    assert.equal(ask(allocator, "a"), "1.2.4.1 of test2");
    assert.equal(ask(allocator, "six", { stack: "6" }), "1000::4:0 of test2");
  });

  it("leave six of eight addresses when one of two pools avoids them", () => {
    const allocator = allocatorOf(
      samplePool("plain", ["1.2.3.0/31", "1.2.3.254/31"]),
      samplePool("careful", ["1.2.4.0/31", "1.2.4.254/31"], { avoidBuggyIps: true }),
    );
    assert.deepEqual(
      Array.from({ length: 7 }, (_, index) => ask(allocator, `s${index}`)),
      [
        "1.2.3.0 of plain",
        "1.2.3.1 of plain",
        "1.2.3.254 of plain",
        "1.2.3.255 of plain",
        "1.2.4.1 of careful",
        "1.2.4.254 of careful",
        "pool-exhausted",
      ],
    );
  });
});

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

describe("sharing an address", () => {
  const shared = (sharingKey: string, rest: SampleService = {}): SampleService => ({
    ...rest,
    annotations: { ...rest.annotations, "metallb.io/allow-shared-ip": sharingKey },
  });
  const local = { externalTrafficPolicy: "Local", selector: { app: "web" } } as const;
  for (const { family, stack, cidr, first, other } of [
    { family: "IPv4", stack: "4", cidr: "1.2.4.0/24", first: "1.2.4.3", other: "1.2.4.254" },
    { family: "IPv6", stack: "6", cidr: "1000::4:0/120", first: "1000::4:3", other: "1000::4:fe" },
  ] as const) {
    it(`follows the script of an ${family} address that two Services come to share`, () => {
      const allocator = allocatorOf(samplePool("test2", [cidr]));
      const at = (address: string, sharingKey: string, rest: SampleService = {}) =>
        shared(sharingKey, { stack, ...local, ...ip(address), ...rest });
      assert.deepEqual(
        [
          ask(allocator, "s4", at(first, "sharing")),
          ask(allocator, "s4", at(first, "share")), // alone, may change its key
          ask(allocator, "s3", at(first, "share")), // same port
          ask(allocator, "s3", at(first, "other", { ports: ["TCP/443"] })),
          ask(allocator, "s3", at(first, "share", { ports: ["TCP/443"], selector: { app: "x" } })),
          ask(allocator, "s3", at(first, "", { ports: ["TCP/443"] })),
          ask(allocator, "s3", at(first, "share", { ports: ["TCP/443"] })),
          ask(allocator, "s3", at(first, "share", { ports: ["UDP/53"] })), // may change its port
          ask(allocator, "s4", at(other, "fresh")), // may leave
          ask(allocator, "s3", at(first, "changed", { selector: {} })), // alone now
        ],
        [
          `${first} of test2`,
          `${first} of test2`,
          "sharing-refused",
          "sharing-refused",
          "sharing-refused",
          "address-in-use",
          `${first} of test2`,
          `${first} of test2`,
          `${other} of test2`,
          `${first} of test2`,
        ],
      );
      assert.deepEqual(allocator.usersOf(first as IpAddress), [key("s3")]);
    });
  }

  it("does not let a sharer change its terms while others are there", () => {
    for (const changed of [
      shared("other", { ...local, ports: ["TCP/443"] }),
      shared("share", { ...local, ports: ["TCP/443"], selector: { app: "x" } }),
      shared("share", { ...local, ports: ["TCP/443"], externalTrafficPolicy: "Cluster" }),
      { ...local, ports: ["TCP/443"] },
      shared("share", { ...local, ports: ["TCP/80"] }),
    ]) {
      const allocator = allocatorOf(samplePool("p", ["10.0.0.0/24"]));
      ask(allocator, "s4", shared("share", local));
      assert.equal(ask(allocator, "s3", shared("share", { ...local, ports: ["TCP/443"] })), "10.0.0.0 of p");
      assert.equal(ask(allocator, "s3", changed), "10.0.0.1 of p");
      assert.deepEqual(allocator.usersOf("10.0.0.0" as IpAddress), [key("s4")]);
    }
  });

  it("says who is in the way", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/32"]));
    ask(allocator, "a", shared("k"));
    assert.deepEqual(
      [
        refusal(allocator, "b", shared("k", ip("10.0.0.0"))),
        refusal(allocator, "b", shared("other", ip("10.0.0.0"))),
        refusal(allocator, "b", ip("10.0.0.0")),
      ],
      [
        "sharing-refused: port TCP/80 of 10.0.0.0 is in use by shop/a",
        "sharing-refused: 10.0.0.0 is shared by shop/a under another sharing key, externalTrafficPolicy or selector",
        "address-in-use: 10.0.0.0 is in use by shop/a",
      ],
    );
  });

  it("packs Services with one key onto the lowest address whose ports are free", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/24"]));
    const ports = [
      ["TCP/80"],
      ["TCP/80"],
      ["TCP/443"],
      ["UDP/80", "TCP/443"],
      ["UDP/53"],
      ["TCP/80", "UDP/53"],
    ];
    assert.deepEqual(
      ports.map((wanted, index) => ask(allocator, `s${index}`, shared("k", { ports: wanted }))),
      ["10.0.0.0 of p", "10.0.0.1 of p", "10.0.0.0 of p", "10.0.0.1 of p", "10.0.0.0 of p", "10.0.0.2 of p"],
    );
  });

  it("uses a shared address when it is lower than the lowest free one, and the free one when that is", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/24"]));
    ask(allocator, "low");
    ask(allocator, "a", shared("k"));
    assert.equal(ask(allocator, "b", shared("k", { ports: ["TCP/1"] })), "10.0.0.1 of p");
    allocator.release(key("low"));
    assert.equal(ask(allocator, "c", shared("k", { ports: ["TCP/2"] })), "10.0.0.0 of p");
  });

  it("lets a Service into a full pool by sharing, in every family", () => {
    for (const stack of ["4", "6", "46"] as const) {
      const allocator = allocatorOf(
        samplePool("p", ["1.0.0.0/31", "1.0.1.0/31", "fd00::/127", "fd00::8/127"]),
      );
      const names = ["s1", "s2", "s3", "s4", "s5", "s6"];
      const held = names.map((name) => ask(allocator, name, { stack }));
      assert.deepEqual(held.slice(4), ["pool-exhausted", "pool-exhausted"]);
      assert.equal(new Set(held.slice(0, 4)).size, 4);
      allocator.release(key("s1"));
      assert.equal(ask(allocator, "s5", { stack }), held[0]);
      assert.equal(ask(allocator, "s6", { stack }), "pool-exhausted");
      assert.equal(ask(allocator, "s5", shared("k", { stack })), held[0]);
      assert.equal(ask(allocator, "s6", shared("k", { stack, ports: ["TCP/443"] })), held[0]);
    }
  });

  it("counts sharers without ports as users (MetalLB defect 7)", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/32"]));
    for (const name of ["a", "b"]) ask(allocator, name, shared("k", { ports: [] }));
    allocator.release(key("a"));
    assert.equal(ask(allocator, "c"), "pool-exhausted");
    assert.deepEqual(allocator.usersOf("10.0.0.0" as IpAddress), [key("b")]);
  });

  it("never shares between Local with an empty selector and Cluster (MetalLB defect 7)", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/32"]));
    ask(allocator, "a", shared("k", { externalTrafficPolicy: "Local", selector: {} }));
    const cluster = shared("k", { ports: ["TCP/443"], selector: {} });
    assert.equal(ask(allocator, "b", cluster), "pool-exhausted");
    const alike = { ports: ["TCP/443"], externalTrafficPolicy: "Local", selector: {} } as const;
    assert.equal(ask(allocator, "c", shared("k", alike)), "10.0.0.0 of p");
  });

  it("tells equal selectors by their content, not by the order of their keys", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/32"]));
    const policy = { externalTrafficPolicy: "Local" } as const;
    ask(allocator, "a", shared("k", { ...policy, selector: { x: "1", y: "2" } }));
    const same = shared("k", { ...policy, selector: { y: "2", x: "1" }, ports: ["TCP/2"] });
    assert.equal(ask(allocator, "b", same), "10.0.0.0 of p");
    const tricky = shared("k", { ...policy, selector: { x: "1,y=2" }, ports: ["TCP/3"] });
    assert.equal(ask(allocator, "c", tricky), "pool-exhausted");
  });
});

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
  ] as const satisfies readonly { name: string; pools: Pools; s1?: string; s2?: string }[];
  for (const { name, pools, ...after } of changes) {
    const want: { readonly s1?: string; readonly s2?: string } = after;
    it(`keeps what can be kept under ${name}`, () => {
      const allocator = start();
      const lost = allocator.setPools(pools);
      assert.deepEqual(
        [allocator.heldBy(key("s1"))?.pool, allocator.heldBy(key("s2"))?.pool],
        [want.s1, want.s2],
      );
      assert.deepEqual(
        lost,
        [want.s1 ?? key("s1"), want.s2 ?? key("s2")].filter((name) => name.includes("/")),
      );
    });
  }

  it("takes both addresses of a dual stack Service whose pool is split between them", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/24", "fd00::/64"]));
    ask(allocator, "a", { stack: "46" });
    assert.deepEqual(
      allocator.setPools([samplePool("four", ["1.0.0.0/24"]), samplePool("six", ["fd00::/64"])]),
      [key("a")],
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
      assert.deepEqual(allocator.usersOf("1.0.0.1" as IpAddress), [key("old")]);
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
      assert.equal(allocator.heldBy(key("a")), undefined);
    });
  }

  it("takes half of what is merely preferred, and the other half later", () => {
    const allocator = allocatorOf(...pools);
    const view = sampleService("a", { stack: "46", ipFamilyPolicy: "PreferDualStack", status: ["fd00::7"] });
    assert.deepEqual(allocator.adopt(view), { addresses: ["fd00::7"], pool: "p" });
    assert.deepEqual(allocator.hold(view), { addresses: ["fd00::7", "1.0.0.0"], pool: "p" });
  });
});

describe("counting addresses", () => {
  const totals = (...pools: Pools) =>
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
    for (const name of ["1", "2"]) allocator.release(key(name));
    assert.deepEqual(inUse()[0], ["p", 1, 1]);
    allocator.release(key("3"));
    assert.deepEqual(inUse()[0], ["p", 0, 1]);
    allocator.setPools([]);
    assert.deepEqual(allocator.usage(), []);
  });
});
