import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Pool } from "../config/config.ts";
import type { IpAddress } from "../ip/address.ts";
import { Allocator } from "./allocator.ts";
import { readPoolRules } from "./pool-rules.ts";
import {
  allocation,
  allocatorOf,
  ask,
  inPool,
  ip,
  type SampleService,
  samplePool,
  sampleService,
  tell,
} from "./samples.ts";

/** A pool with annotations, of which the prefix is left out. */
function ruled(
  annotations: Readonly<Record<string, string>>,
  addresses: readonly string[] = ["10.0.0.0/29"],
  rest: Partial<Pool> = {},
): Pool {
  const entries = Object.entries(annotations).map(([name, text]) => [`herald.io/${name}`, text]);
  const { rules, mistakes } = readPoolRules(Object.fromEntries(entries));
  assert.deepEqual(mistakes, []);
  return samplePool("p", addresses, { rules, ...rest });
}

const shared = (rest: SampleService = {}): SampleService => ({
  ...rest,
  annotations: { ...rest.annotations, "metallb.io/allow-shared-ip": "k" },
});
const bank = { namespace: "bank", ports: ["TCP/443"] };

describe("a sharing key", () => {
  it("means something only inside its namespace (MetalLB defect 29)", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/29"]));
    assert.deepEqual(
      [
        ask(allocator, "a", shared()),
        ask(allocator, "b", shared(bank)),
        ask(allocator, "c", shared({ ports: ["TCP/443"] })),
        tell(allocator, "d", shared({ ...bank, ...ip("10.0.0.0"), ports: ["TCP/1"] })),
      ],
      [
        "10.0.0.0 of p",
        "10.0.0.1 of p",
        "10.0.0.0 of p",
        'sharing-refused: 10.0.0.0 is shared by shop/a, shop/c of another namespace, and pool "p" shares inside a namespace only (annotation herald.io/allow-sharing-across-namespaces)',
      ],
    );
  });

  it("means the same in every namespace where the pool says so, or the whole controller", () => {
    const asMetallb = new Allocator({ sharingAcrossNamespaces: true });
    asMetallb.setPools([samplePool("p", ["10.0.0.0/29"])]);
    const byPool = allocatorOf(ruled({ "allow-sharing-across-namespaces": "true" }));
    for (const allocator of [asMetallb, byPool]) {
      assert.equal(ask(allocator, "a", shared()), "10.0.0.0 of p");
      assert.equal(ask(allocator, "b", shared(bank)), "10.0.0.0 of p");
      assert.equal(ask(allocator, "c", shared({ ...bank, ports: ["TCP/80"] })), "10.0.0.1 of p");
    }
  });

  it("leaves the address to the first in line when the pool stops sharing across namespaces", () => {
    const allocator = allocatorOf(ruled({ "allow-sharing-across-namespaces": "true" }));
    const [young, old] = [sampleService("a", shared()), sampleService("b", shared(bank))];
    for (const view of [young, old]) allocator.hold(view);
    assert.deepEqual(allocator.setPools([ruled({})], [old.key, young.key]), []);
    assert.deepEqual(allocator.hold(old).addresses, ["10.0.0.0"]);
    assert.deepEqual(allocator.hold(young).addresses, ["10.0.0.1"]);
  });
});

describe("an excluded address", () => {
  it("is given to nobody and not counted", () => {
    const allocator = allocatorOf(ruled({ exclude: "network, gateway, 10.0.0.3" }));
    assert.deepEqual(
      [ask(allocator, "a"), ask(allocator, "b"), tell(allocator, "c", ip("10.0.0.1"))],
      [
        "10.0.0.2 of p",
        "10.0.0.4 of p",
        'address-not-in-pool: no pool gives out 10.0.0.1: pool "p" excludes that (annotation herald.io/exclude)',
      ],
    );
    assert.equal(allocator.usage()[0]?.ipv4.total, 5n);
  });

  it("is lost by whoever has it", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/29"]));
    for (const name of ["a", "b"]) ask(allocator, name);
    assert.deepEqual(allocator.setPools([ruled({ exclude: "network" })]), ["shop/a"]);
  });
});

describe("a reserved address", () => {
  const reserve = "10.0.0.0=shop/web, 10.0.0.5=shop/web, 10.0.0.6=shop/one, 10.0.0.6=shop/two";

  it("is given to its Service before any other, and to nobody else", () => {
    const allocator = allocatorOf(ruled({ reserve }));
    assert.deepEqual(
      [
        ask(allocator, "a"),
        ask(allocator, "b", ip("10.0.0.5")),
        tell(allocator, "b", { namespace: "bank", ...ip("10.0.0.0") }),
        ask(allocator, "web"),
        ask(allocator, "web", ip("10.0.0.5")),
      ],
      [
        "10.0.0.1 of p",
        "address-reserved",
        "address-reserved: 10.0.0.0 is kept for shop/web",
        "10.0.0.0 of p",
        "10.0.0.5 of p",
      ],
    );
  });

  it("is set aside again when its Service has left", () => {
    const allocator = allocatorOf(ruled({ reserve }, ["10.0.0.0/32"]));
    assert.equal(ask(allocator, "web"), "10.0.0.0 of p");
    allocator.release(sampleService("web").key);
    assert.deepEqual([ask(allocator, "a"), ask(allocator, "web")], ["pool-exhausted", "10.0.0.0 of p"]);
  });

  it("comes also from a pool that gives out nothing by itself, but not against its rules for whom", () => {
    const others = samplePool("q", ["10.0.1.0/29"]);
    const named = allocatorOf(others, ruled({ reserve }, ["10.0.0.0/29"], { autoAssign: false }));
    assert.equal(ask(named, "web"), "10.0.0.0 of p");
    const forBank = allocation({ namespaces: new Set(["bank"]) });
    const pinned = allocatorOf(others, ruled({ reserve }, ["10.0.0.0/29"], forBank));
    assert.equal(ask(pinned, "web"), "10.0.1.0 of q");
  });

  it("may be for several Services that share it, and for no third one with their key", () => {
    const allocator = allocatorOf(ruled({ reserve }));
    const ports = (port: string) => shared({ ports: [port] });
    assert.deepEqual(
      [
        ask(allocator, "one", ports("TCP/1")),
        ask(allocator, "two", ports("TCP/2")),
        ask(allocator, "three", ports("TCP/3")),
      ],
      ["10.0.0.6 of p", "10.0.0.6 of p", "10.0.0.1 of p"],
    );
    assert.deepEqual(allocator.usersOf("10.0.0.6" as IpAddress), ["shop/one", "shop/two"]);
    allocator.release(sampleService("one").key);
    assert.equal(ask(allocator, "two", ports("TCP/1")), "10.0.0.6 of p");
    assert.equal(ask(allocator, "one", ports("TCP/1")), "10.0.0.1 of p", "the port is taken");
  });

  it("is taken from whoever has it when it is reserved", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/29"]));
    ask(allocator, "a");
    assert.deepEqual(allocator.setPools([ruled({ reserve })]), ["shop/a"]);
    assert.equal(ask(allocator, "web"), "10.0.0.0 of p");
    const status = sampleService("late", { status: ["10.0.0.5"] });
    assert.throws(() => allocator.adopt(status), { reason: "address-reserved" });
  });
});

describe("a quota", () => {
  it("bounds what one namespace has, and another has its own", () => {
    const allocator = allocatorOf(ruled({ "quota-per-namespace": "2" }));
    assert.deepEqual(
      ["a", "b"].map((name) => ask(allocator, name)),
      ["10.0.0.0 of p", "10.0.0.1 of p"],
    );
    assert.equal(
      tell(allocator, "c"),
      'quota-reached: no available IPs: namespace "shop" has the 2 addresses of pool "p" that it may have',
    );
    assert.equal(ask(allocator, "c", ip("10.0.0.5")), "quota-reached");
    assert.equal(ask(allocator, "c", { namespace: "bank" }), "10.0.0.2 of p");
    allocator.release(sampleService("a").key);
    assert.equal(ask(allocator, "c"), "10.0.0.0 of p");
  });

  it("counts an address that several share once", () => {
    const allocator = allocatorOf(ruled({ "quota-per-namespace": "1" }));
    const ports = (port: string) => shared({ ports: [port] });
    assert.equal(ask(allocator, "a", ports("TCP/1")), "10.0.0.0 of p");
    assert.equal(ask(allocator, "b", ports("TCP/2")), "10.0.0.0 of p");
    assert.equal(ask(allocator, "c", ports("TCP/1")), "quota-reached");
    allocator.release(sampleService("a").key);
    assert.equal(ask(allocator, "c", ports("TCP/1")), "10.0.0.0 of p");
  });

  it("counts both addresses of a dual-stack Service", () => {
    const allocator = allocatorOf(ruled({ "quota-per-namespace": "1" }, ["10.0.0.0/29", "fd00::/125"]));
    assert.equal(ask(allocator, "a", { stack: "46" }), "quota-reached");
    const prefers = { stack: "46", ipFamilyPolicy: "PreferDualStack" } as const;
    assert.equal(ask(allocator, "b", prefers), "10.0.0.0 of p");
  });

  it("sends a Service on to the next pool, and takes nothing away when it shrinks", () => {
    const next = samplePool("q", ["10.0.1.0/29"]);
    const allocator = allocatorOf(ruled({ "quota-per-namespace": "1" }), next);
    const names = ["a", "b", "c"];
    const before = names.map((name) => ask(allocator, name));
    assert.deepEqual(before, ["10.0.0.0 of p", "10.0.1.0 of q", "10.0.1.1 of q"]);
    assert.deepEqual(allocator.setPools([ruled({ "quota-per-namespace": "0" }), next]), []);
    assert.deepEqual(
      names.map((name) => ask(allocator, name)),
      before,
    );
  });
});

describe("a pool disabled for new Services", () => {
  it("leaves everybody what they have and gives out nothing, whatever is asked for", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/29"]));
    ask(allocator, "old");
    const closed = ruled({ "disabled-for-new-services": "true", reserve: "10.0.0.7=shop/web" });
    assert.deepEqual(allocator.setPools([closed]), []);
    assert.deepEqual(allocator.adopt(sampleService("known", { status: ["10.0.0.4"] }))?.addresses, [
      "10.0.0.4",
    ]);
    assert.deepEqual(
      [
        ask(allocator, "old"),
        tell(allocator, "new"),
        ask(allocator, "new", ip("10.0.0.5")),
        ask(allocator, "new", inPool("p")),
        ask(allocator, "web"),
      ],
      [
        "10.0.0.0 of p",
        'pool-closed: no available IPs: pool "p" is disabled for new Services',
        "pool-closed",
        "pool-closed",
        "pool-closed",
      ],
    );
  });
});

describe("sticky addresses", () => {
  const view = (name: string, rest: SampleService = {}) => sampleService(name, rest);

  it("wait for a Service of the same name, and for no other", () => {
    const allocator = allocatorOf(ruled({ sticky: "10m" }));
    for (const name of ["a", "b"]) ask(allocator, name);
    allocator.retire(view("a"), 1_000);
    assert.equal(allocator.nextExpiry, 601_000);
    assert.equal(tell(allocator, "c", ip("10.0.0.0")), "address-reserved: 10.0.0.0 is kept for shop/a");
    assert.equal(ask(allocator, "c"), "10.0.0.2 of p");
    assert.equal(ask(allocator, "a"), "10.0.0.0 of p");
    assert.equal(allocator.nextExpiry, undefined);
    allocator.release(view("a").key);
    assert.equal(ask(allocator, "d"), "10.0.0.0 of p");
  });

  it("are free again when the time is over", () => {
    const allocator = allocatorOf(ruled({ sticky: "10m" }));
    ask(allocator, "a");
    allocator.retire(view("a"), 0);
    const { openings } = allocator;
    allocator.expire(599_999);
    assert.equal(allocator.openings, openings);
    allocator.expire(600_000);
    assert.ok(allocator.openings > openings);
    assert.deepEqual([ask(allocator, "c"), ask(allocator, "a")], ["10.0.0.0 of p", "10.0.0.1 of p"]);
  });

  it("are what the Service itself says, within what its pool allows", () => {
    const sticky = (text: string) => view("a", { annotations: { "herald.io/sticky": text } });
    for (const [pool, service, expiry] of [
      ["10m", "0", undefined],
      ["10m", "1s", 1_000],
      ["10m", "11m", 600_000],
      ["0", "1s", undefined],
      ["", "1s", 1_000],
      ["", "720h", 3_600_000],
      ["", "nonsense", undefined],
      ["10m", "nonsense", 600_000],
    ] as const) {
      const allocator = allocatorOf(ruled({ sticky: pool }));
      allocator.hold(sticky(service));
      allocator.retire(sticky(service), 0);
      assert.equal(allocator.nextExpiry, expiry);
    }
  });

  it("outlive a change of the pools that still have them", () => {
    const allocator = allocatorOf(ruled({ sticky: "10m" }));
    ask(allocator, "a");
    allocator.retire(view("a"), 0);
    allocator.setPools([ruled({}, ["10.0.0.0/30"])]);
    assert.deepEqual([ask(allocator, "b"), ask(allocator, "a")], ["10.0.0.1 of p", "10.0.0.0 of p"]);
  });

  it("count in the quota of the namespace until nobody is awaited any more", () => {
    const pools = [ruled({ sticky: "10m", "quota-per-namespace": "1" })];
    const allocator = allocatorOf(...pools);
    for (const refresh of [false, true]) {
      ask(allocator, "a");
      allocator.retire(view("a"), 0);
      if (refresh) allocator.setPools(pools);
      assert.equal(ask(allocator, "b"), "quota-reached");
      assert.equal(ask(allocator, "b", ip("10.0.0.5")), "quota-reached");
      assert.equal(ask(allocator, "b", { namespace: "bank" }), "10.0.0.1 of p");
      assert.equal(ask(allocator, "a"), "10.0.0.0 of p");
      assert.equal(ask(allocator, "b"), "quota-reached");
    }
    allocator.retire(view("a"), 0);
    const { openings } = allocator;
    allocator.expire(600_000);
    assert.ok(allocator.openings > openings);
    assert.equal(ask(allocator, "b"), "10.0.0.0 of p");
  });

  it("do not count against the Service that they wait for", () => {
    const allocator = allocatorOf(ruled({ sticky: "10m", "quota-per-namespace": "1" }));
    ask(allocator, "a");
    allocator.retire(view("a"), 0);
    assert.equal(ask(allocator, "a", ip("1.1.1.1")), "address-not-in-pool");
    assert.equal(
      tell(allocator, "b"),
      'quota-reached: no available IPs: namespace "shop" has the 1 addresses of pool "p" that it may have (1 kept for deleted Services, annotation herald.io/sticky)',
    );
    assert.equal(ask(allocator, "a", ip("10.0.0.5")), "10.0.0.5 of p");
    allocator.release(view("a").key);
    assert.equal(ask(allocator, "b"), "10.0.0.0 of p");
  });

  it("are not kept from those who share them already", () => {
    const allocator = allocatorOf(ruled({ sticky: "10m" }));
    const ports = (port: string) => shared({ ports: [port] });
    for (const [name, port] of [
      ["a", "TCP/1"],
      ["b", "TCP/2"],
    ] as const) {
      ask(allocator, name, ports(port));
    }
    allocator.retire(view("a", ports("TCP/1")), 0);
    assert.equal(ask(allocator, "c", ports("TCP/3")), "10.0.0.0 of p");
    assert.equal(ask(allocator, "a", ports("TCP/1")), "10.0.0.0 of p");
  });

  it("are not given back against a request of the Service or a pool that it names", () => {
    const allocator = allocatorOf(ruled({ sticky: "10m" }), samplePool("q", ["10.0.1.0/29"]));
    ask(allocator, "a");
    allocator.retire(view("a"), 0);
    assert.equal(ask(allocator, "a", inPool("q")), "10.0.1.0 of q");
    assert.equal(ask(allocator, "b"), "10.0.0.0 of p");
  });
});
