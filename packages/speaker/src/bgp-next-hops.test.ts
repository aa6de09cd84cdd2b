import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { nextHopsOf, type OwnAddress, ownOf } from "./bgp-next-hops.ts";

const ip = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

/** @param cidr on the interface 2, there since the machine began. */
const on = (cidr: string, change: Partial<OwnAddress> = {}): OwnAddress => {
  const [address = "", length] = cidr.split("/");
  const plain = { isUsable: true, isDeprecated: false, isSecondary: false, createdMs: 0 };
  return { ...plain, address: ip(address), prefixLength: Number(length), index: 2, ...change };
};

const own = on("192.0.2.2/24");
const ends = { own: own.address, peer: ip("192.0.2.1"), index: undefined };
const node = on("2001:db8::2/64", { createdMs: 5_000 });

describe("the next hop of the other family", () => {
  for (const [what, beside, wanted] of [
    ["none where there is no address", [], undefined],
    ["the one that is there longest", [on("2001:db8::f/64", { createdMs: 9_000 }), node], "2001:db8::2"],
    ["not one that is on another interface", [on("2001:db8::f/64", { index: 3 }), node], "2001:db8::2"],
    ["not a temporary one", [on("2001:db8::f/64", { isSecondary: true }), node], "2001:db8::2"],
    ["not a deprecated one", [on("2001:db8::f/64", { isDeprecated: true }), node], "2001:db8::2"],
    ["not a single host, as addresses are that move about", [on("2001:db8::f/128"), node], "2001:db8::2"],
    ["a single host where there is no other", [on("2001:db8::f/128")], "2001:db8::f"],
    [
      "a deprecated one where there is no other",
      [on("2001:db8::f/64", { isDeprecated: true })],
      "2001:db8::f",
    ],
    ["never one that may be somebody else's", [on("2001:db8::f/64", { isUsable: false })], undefined],
    ["never an address of the link or the loopback", [on("fe80::2/64"), on("::1/128")], undefined],
  ] as const) {
    it(`is ${what}`, () => assert.equal(nextHopsOf(ends, [...beside, own])?.ipv6, wanted));
  }

  it("is an IPv4 address where the connection is IPv6, by the same rule", () => {
    const over6 = { ...ends, own: node.address, peer: ip("2001:db8::1") };
    const newer = on("192.0.2.9/24", { isSecondary: true });
    assert.deepEqual(nextHopsOf(over6, [newer, own, node]), {
      transport: 6,
      ipv4: "192.0.2.2",
      ipv6: "2001:db8::2",
      linkLocal: undefined,
    });
  });

  it("goes with the connection's own address, whatever that is", () => {
    const temporary = on("2001:db8::f/64", { isSecondary: true });
    const over6 = { ...ends, own: temporary.address, peer: ip("2001:db8::1") };
    assert.equal(nextHopsOf(over6, [node, temporary])?.ipv6, "2001:db8::f");
    assert.equal(nextHopsOf(ends, [node]), undefined);
  });
});

describe("the connection's own address", () => {
  const [ipv4, ipv6, linkLocal] = ["192.0.2.2", "2001:db8::2", "fe80::2"].map(ip);
  for (const [peer, transport, wanted] of [
    ["192.0.2.1", 4, ipv4],
    ["2001:db8::1", 6, ipv6],
    ["fe80::1", 6, linkLocal],
  ] as const) {
    it(`is ${wanted} towards ${peer}`, () => {
      assert.equal(ownOf({ transport, ipv4, ipv6, linkLocal }, ip(peer)), wanted);
    });
  }
});

describe("the link-local next hop (RFC 2545 §3)", () => {
  const linkLocal = on("fe80::2/64");
  for (const [peer, wanted] of [
    ["2001:db8::1", "fe80::2"],
    ["fe80::1", "fe80::2"],
    ["2001:db8:f::1", undefined],
  ] as const) {
    it(`is ${wanted === undefined ? "none" : "told"} towards ${peer}`, () => {
      const over6 = { ...ends, own: node.address, peer: ip(peer) };
      assert.equal(nextHopsOf(over6, [node, linkLocal])?.linkLocal, wanted);
    });
  }

  it("is that of the connection's interface, where several have it", () => {
    const both = [linkLocal, on("2001:db8:3::2/64", { index: 3 }), on("fe80::2/64", { index: 3 }), node];
    const onLink = { own: linkLocal.address, peer: ip("fe80::1"), index: 3 };
    assert.deepEqual(nextHopsOf(onLink, both), {
      transport: 6,
      ipv4: undefined,
      ipv6: "2001:db8:3::2",
      linkLocal: "fe80::2",
    });
  });
});
