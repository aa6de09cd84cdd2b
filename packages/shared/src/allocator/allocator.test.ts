import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serviceKey } from "../service/view.ts";
import { Allocator } from "./allocator.ts";
import {
  allocation,
  allocatorOf,
  ask,
  inPool,
  ip,
  ips,
  type SampleService,
  samplePool,
  tell,
} from "./samples.ts";

describe("holding addresses", () => {
  const pools = [samplePool("test", ["1.2.3.4/31", "1000::4/127"])];

  it("gives the lowest address first and the same again when asked again", () => {
    const allocator = allocatorOf(...pools);
    assert.deepEqual(
      ["a", "b", "a", "c"].map((name) => ask(allocator, name)),
      ["1.2.3.4 of test", "1.2.3.5 of test", "1.2.3.4 of test", "pool-exhausted"],
    );
  });

  it("takes the addresses at either end of a range for its own and those beside for nobody's", () => {
    const asked = ["1.2.3.3", "1.2.3.4", "1.2.3.5", "1.2.3.6"].map((address) =>
      ask(allocatorOf(...pools), "a", ip(address)),
    );
    assert.deepEqual(asked, [
      "address-not-in-pool",
      "1.2.3.4 of test",
      "1.2.3.5 of test",
      "address-not-in-pool",
    ]);
  });

  it("denies an address that another Service holds until that one lets go, both ways", () => {
    const allocator = allocatorOf(...pools);
    assert.equal(ask(allocator, "a", ip("1.2.3.5")), "1.2.3.5 of test");
    assert.equal(ask(allocator, "b", ip("1.2.3.5")), "address-in-use");
    assert.equal(allocator.release(serviceKey("shop", "a")), true);
    assert.equal(allocator.release(serviceKey("shop", "a")), false);
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
      tell(allocator, "b"),
      'pool-exhausted: no available IPs: pool "full" has no free IPv4 address; pool "six" has no IPv4 ' +
        'addresses; pool "manual" serves only Services that name it; pool "team" does not serve namespace "shop"',
    );
  });

  it("keeps the sentence short when there are very many pools", () => {
    const pools = Array.from({ length: 500 }, (_, index) => samplePool(`p${index}`, [`fd00:${index}::/64`]));
    const message = tell(allocatorOf(...pools), "a");
    assert.ok(message.endsWith("; and 495 more pools") && message.length < 1024, message);
  });

  it("names the pool that was meant most likely, when there is none of the name", () => {
    const allocator = allocatorOf(samplePool("default", ["1.0.0.0/24"]), samplePool("x", ["2.0.0.0/24"]));
    const asking = (name: string) => tell(allocator, "a", inPool(name));
    assert.equal(
      asking("defualt"),
      'unknown-pool: the Service asks for pool "defualt", which does not exist, but "default" does',
    );
    assert.equal(asking("prod"), 'unknown-pool: the Service asks for pool "prod", which does not exist');
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
    assert.equal(tell(new Allocator(), "a"), "no-pools: no pools are configured");
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
    allocator.release(serviceKey("shop", "a"));
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
    assert.equal(allocator.heldBy(serviceKey("shop", "b")), undefined);
    assert.equal(ask(allocator, "c"), "1.0.0.1 of one");
  });

  it("keeps its address while its request is no address at all", () => {
    const allocator = allocatorOf(...pools);
    ask(allocator, "a");
    assert.equal(ask(allocator, "a", ip("nonsense")), "invalid-request");
    assert.deepEqual(allocator.heldBy(serviceKey("shop", "a")), { addresses: ["1.0.0.0"], pool: "one" });
  });

  it("takes an address away that no pool has, even while its request is no address at all", () => {
    const allocator = allocatorOf(samplePool("one", ["1.0.0.0/30"], allocation({})));
    ask(allocator, "a");
    allocator.setPools([samplePool("one", ["1.0.0.0/30"], allocation({ namespaces: new Set(["bank"]) }))]);
    assert.equal(ask(allocator, "a", ip("nonsense")), "invalid-request");
    assert.equal(allocator.heldBy(serviceKey("shop", "a")), undefined);
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

  it("gives a Service that becomes dual stack what it requests, in the order of the request", () => {
    const allocator = allocatorOf(samplePool("dual", ["1.0.0.0/30", "fd00::/127"]));
    ask(allocator, "a");
    assert.equal(ask(allocator, "a", { stack: "46", ...ips("fd00::, 1.0.0.0") }), "fd00:: 1.0.0.0 of dual");
  });

  it("keeps the address of the one family when the other comes or goes", () => {
    const allocator = allocatorOf(samplePool("dual", ["1.0.0.0/30", "fd00::/127"]));
    ask(allocator, "first");
    assert.equal(ask(allocator, "a"), "1.0.0.1 of dual");
    allocator.release(serviceKey("shop", "first"));
    assert.deepEqual(
      [
        ask(allocator, "a", { stack: "46" }),
        ask(allocator, "six", { stack: "6" }),
        ask(allocator, "a"),
        ask(allocator, "other six", { stack: "6" }),
        ask(allocator, "a", { stack: "46" }), // nothing is left to go with it
      ],
      ["1.0.0.1 fd00:: of dual", "fd00::1 of dual", "1.0.0.1 of dual", "fd00:: of dual", "pool-exhausted"],
    );
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
      tell(allocator, "b", ip("1.2.4.0")),
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
