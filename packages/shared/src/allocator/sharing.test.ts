import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "../ip/address.ts";
import { serviceKey } from "../service/view.ts";
import { allocatorOf, ask, ip, type SampleService, samplePool, tell } from "./samples.ts";

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
      assert.deepEqual(allocator.usersOf(first as IpAddress), [serviceKey("shop", "s3")]);
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
      assert.deepEqual(allocator.usersOf("10.0.0.0" as IpAddress), [serviceKey("shop", "s4")]);
    }
  });

  it("says who is in the way", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/32"]));
    ask(allocator, "a", shared("k"));
    assert.deepEqual(
      [
        tell(allocator, "b", shared("k", ip("10.0.0.0"))),
        tell(allocator, "b", shared("other", ip("10.0.0.0"))),
        tell(allocator, "b", ip("10.0.0.0")),
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

  it("lets a port be taken again once its Service has left", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/24"]));
    for (const port of ["TCP/1", "TCP/2"]) ask(allocator, port, shared("k", { ports: [port] }));
    allocator.release(serviceKey("shop", "TCP/1"));
    assert.equal(ask(allocator, "next", shared("k", { ports: ["TCP/1"] })), "10.0.0.0 of p");
    assert.equal(ask(allocator, "last", shared("k", { ports: ["TCP/1"] })), "10.0.0.1 of p");
  });

  it("uses a shared address when it is lower than the lowest free one, and the free one when that is", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/24"]));
    ask(allocator, "low");
    ask(allocator, "a", shared("k"));
    assert.equal(ask(allocator, "b", shared("k", { ports: ["TCP/1"] })), "10.0.0.1 of p");
    allocator.release(serviceKey("shop", "low"));
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
      allocator.release(serviceKey("shop", "s1"));
      assert.equal(ask(allocator, "s5", { stack }), held[0]);
      assert.equal(ask(allocator, "s6", { stack }), "pool-exhausted");
      assert.equal(ask(allocator, "s5", shared("k", { stack })), held[0]);
      assert.equal(ask(allocator, "s6", shared("k", { stack, ports: ["TCP/443"] })), held[0]);
    }
  });

  it("counts sharers without ports as users (MetalLB defect 7)", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/32"]));
    for (const name of ["a", "b"]) ask(allocator, name, shared("k", { ports: [] }));
    allocator.release(serviceKey("shop", "a"));
    assert.equal(ask(allocator, "c"), "pool-exhausted");
    assert.deepEqual(allocator.usersOf("10.0.0.0" as IpAddress), [serviceKey("shop", "b")]);
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
