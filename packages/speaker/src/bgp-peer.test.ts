import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PLAIN_OPTIONS } from "@herald/bgp/options";
import type { BgpPeerConfig } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import { readPeers } from "@herald/shared/config/objects/read-peers";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { type BgpIdentity, linkOf, peerLabel, sessionKey, sessionOptions, targetOf } from "./bgp-peer.ts";

const ip = (text: string): IpAddress => parseAddress(text) as IpAddress;
const [base] = loadConfig(
  "peers: [{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512, password: sesame}]",
).peers as [BgpPeerConfig];
const identity: BgpIdentity = { node: "iris1", address: ip("192.0.2.7") };
const optionsOf = (change: Partial<BgpPeerConfig>, who = identity): ReturnType<typeof sessionOptions> =>
  sessionOptions({ ...base, ...change }, who, false);

const ROUTER_IDS: readonly (readonly [name: string, Partial<BgpPeerConfig>, BgpIdentity, string])[] = [
  ["is what was asked for", { routerId: ip("1.1.1.1"), sourceAddress: ip("2.2.2.2") }, identity, "1.1.1.1"],
  ["is the source address, else", { sourceAddress: ip("2.2.2.2") }, identity, "2.2.2.2"],
  ["is the node's address, else", {}, identity, "192.0.2.7"],
  ["passes over IPv6", { sourceAddress: ip("2001:db8::2") }, identity, "192.0.2.7"],
  ["is a hash of the node's name, else", {}, { node: "iris1", address: undefined }, "12.219.185.181"],
];

const ON_LINK = { remote: { interface: "eth0" } } as const;

const TTLS: readonly (readonly [name: string, Partial<BgpPeerConfig>, number])[] = [
  ["a neighbour in another AS", {}, 255],
  ["whatever other AS is next to us", { peerAsn: "external" }, 255],
  ["a router of another AS farther away", { ebgpMultihop: true }, 64],
  ["a router of our AS", { peerAsn: 64_512 }, 64],
  ["a router of the AS that we say we are", { localAsn: 64_513 }, 64],
];

describe("a session with a peer", () => {
  for (const [name, change, who, wanted] of ROUTER_IDS) {
    it(`has a router ID that ${name}`, () => assert.equal(optionsOf(change, who).routerId, wanted));
  }

  for (const [name, change, wanted] of TTLS) {
    it(`goes ${wanted} hops at most to ${name}`, () =>
      assert.equal(targetOf({ ...base, ...change })?.ttl, wanted));
  }

  it("demands the TTL that it is to demand, and sends with 255 then (RFC 5082 §3)", () => {
    const ttls = [{}, { minimumTtl: 254, ebgpMultihop: true }].map((change) => {
      const { ttl, minimumTtl } = targetOf({ ...base, ...change }) ?? assert.fail("a target");
      return [ttl, minimumTtl];
    });
    assert.deepEqual(ttls, [
      [255, undefined],
      [255, 254],
    ]);
  });

  it("is made up of what the peer's object says and its annotations", () => {
    const said = {
      gracefulRestart: true,
      longLivedSeconds: 3_600,
      advertisementIntervalMs: 5_000,
      delayOpenMs: 1_000,
      role: "customer",
      strictRole: true,
    } as const;
    const kept = { restartTimeSeconds: 120, forwarding: true, notifications: true, restarting: false };
    assert.deepEqual(optionsOf(said), {
      ...PLAIN_OPTIONS,
      asn: 64_512,
      peerAsn: 64_513,
      routerId: "192.0.2.7",
      keepaliveSeconds: 30,
      advertisementIntervalMs: 5_000,
      delayOpenMs: 1_000,
      families: [4],
      gracefulRestart: { ...kept, longLivedSeconds: 3_600 },
      role: "customer",
      strictRole: true,
    });
  });

  it("waits for as long as its connect time at most, or 10 s", () =>
    assert.deepEqual(
      [{}, { connectTimeSeconds: 0 }, { connectTimeSeconds: 60 }].map(
        (change) => optionsOf(change).retryMaxMs,
      ),
      [10_000, 10_000, 60_000],
    ));

  it("has neither a role nor routes that outlive it unless the peer's object says so", () => {
    const { gracefulRestart, role, strictRole } = optionsOf({});
    assert.deepEqual([gracefulRestart, role, strictRole], [undefined, undefined, false]);
    assert.equal(optionsOf({ gracefulRestart: true }).gracefulRestart?.longLivedSeconds, undefined);
  });

  it("carries the family of its addresses, or both (MetalLB defect 16: IPv4 alone)", () => {
    const remote = { address: ip("2001:db8::1") };
    const families = [{}, { remote }, { dualStackAddressFamily: true }, ON_LINK].map(
      (change) => optionsOf(change).families,
    );
    assert.deepEqual(families, [[4], [6], [4, 6], [4, 6]]);
  });

  it("says it is the local AS where there is one (MetalLB defect 15)", () => {
    assert.deepEqual([optionsOf({}).asn, optionsOf({ localAsn: 64_999 }).asn], [64_512, 64_999]);
  });

  it("goes out from its source address where there is one (MetalLB defect 15)", () => {
    const sources = [{}, { sourceAddress: ip("192.0.2.9") }].map(
      (change) => targetOf({ ...base, ...change })?.source,
    );
    assert.deepEqual(sources, [undefined, "192.0.2.9"]);
  });

  it("goes out from its source port where there is one, and begins anew from another", () => {
    const ports = [{}, { sourcePort: 20_179 }].map((change) => targetOf({ ...base, ...change })?.sourcePort);
    assert.deepEqual(ports, [undefined, 20_179]);
    assert.notEqual(sessionKey({ ...base, sourcePort: 20_179 }), sessionKey(base));
  });

  it("takes IPv4 with an IPv6 next hop to a router that is known by its interface (RFC 8950)", () =>
    assert.deepEqual(
      [optionsOf({}), optionsOf(ON_LINK)].map((each) => each.extendedNextHop),
      [false, true],
    ));

  it("has no target for a peer on an interface until its router is known there", () => {
    const peer = { ...base, ...ON_LINK };
    const router = targetOf(peer, ip("fe80::1"));
    assert.deepEqual([targetOf(peer), router?.address, router?.interface], [undefined, "fe80::1", "eth0"]);
  });

  for (const [remote, label, link] of [
    [{ address: ip("192.0.2.254") }, "192.0.2.254:179", undefined],
    [ON_LINK.remote, "eth0:179", "eth0"],
    [{ address: ip("fe80::1"), interface: "eth0" }, "fe80::1%eth0:179", undefined],
  ] as const) {
    it(`is called ${label}`, () =>
      assert.deepEqual([peerLabel({ ...base, remote }), linkOf({ ...base, remote })], [label, link]));
  }

  it("has no target for a peer whose password is in a Secret that was not read", () =>
    assert.equal(targetOf({ ...base, password: undefined }), undefined));

  for (const [what, change, stays] of [
    ["other nodes or another BFD profile are selected", { nodeSelectors: [], bfdProfile: "fast" }, true],
    ["it has another name", { name: "tor" }, true],
    ["its timers are others", { holdTimeSeconds: 9, keepaliveTimeSeconds: 2, connectTimeSeconds: 30 }, true],
    ["it has other intervals", { advertisementIntervalMs: 5_000, delayOpenMs: 1_000 }, true],
    ["it may be farther away, or not any more", { ebgpMultihop: true, minimumTtl: 250 }, true],
    ["the password is another", { password: "simsalabim" }, false],
  ] as const) {
    it(`${stays ? "stays the same" : "is another one"} when ${what}`, () =>
      assert.equal(sessionKey({ ...base, ...change }) === sessionKey(base), stays));
  }

  it("stays the same when a peer of a ConfigMap moves to an object, whatever it says", () => {
    const spec = {
      ...{ peerAddress: "192.0.2.254", myASN: 64_512, peerASN: 64_513, password: "sesame", peerPort: 1_179 },
      ...{ sourceAddress: "192.0.2.7", holdTime: "30s", routerID: "192.0.2.9", ebgpMultiHop: true },
    };
    const configMap = `peers: [{peer-address: 192.0.2.254, my-asn: 64512, peer-asn: 64513, password: sesame, peer-port: 1179,
      source-address: 192.0.2.7, hold-time: 30s, router-id: 192.0.2.9, ebgp-multihop: true}]`;
    const both = [
      ...loadConfig(configMap).peers,
      ...readPeers({ peers: [{ metadata: { name: "tor" }, spec }], secrets: [] }, new Set()).peers,
    ];
    assert.deepEqual([both.length, new Set(both.map(sessionKey)).size], [2, 1]);
  });
});
