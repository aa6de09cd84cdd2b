import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BfdProfileConfig, BgpPeerConfig } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import type { IpAddress } from "@herald/shared/ip/address";
import { type BfdWish, bfdWishes } from "./bfd-wishes.ts";

const ip = (text: string): IpAddress => text as IpAddress;
const { peers, bfdProfiles } = loadConfig(`
peers: [{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512, bfd-profile: fast}]
bfd-profiles: [{name: fast, receive-interval: 50, transmit-interval: 60, detect-multiplier: 4, minimum-ttl: 100}]`);
const [base] = peers as [BgpPeerConfig];
const [fast] = bfdProfiles as [BfdProfileConfig];
const ROUTER = ip("fe80::1");
const wishes = (
  changes: readonly Partial<BgpPeerConfig>[],
  isNear = true,
  local?: IpAddress,
): readonly BfdWish[] =>
  bfdWishes(
    changes.map((change) => ({ ...base, ...change })),
    [fast, { ...fast, name: "slow", transmitIntervalMs: 1_000 }],
    () => isNear,
    (peer) => (peer === base.name ? { remote: ROUTER, local } : undefined),
  );

const PATHS: readonly (readonly [
  name: string,
  Partial<BgpPeerConfig>,
  isNear: boolean,
  key: string | undefined,
])[] = [
  ["a neighbour in another AS: over one hop", {}, false, "single 192.0.2.254"],
  ["one in whatever other AS", { peerAsn: "external" }, false, "single 192.0.2.254"],
  ["one farther away: over many", { ebgpMultihop: true }, true, "multi 192.0.2.254"],
  ["one of our AS on the segment: over one", { peerAsn: 64_512 }, true, "single 192.0.2.254"],
  ["one of our AS elsewhere: over many", { peerAsn: "internal" }, false, "multi 192.0.2.254"],
  ["one by IPv6", { remote: { address: ip("2001:db8::1") } }, true, "single 2001:db8::1"],
  ["from the source address", { sourceAddress: ip("192.0.2.2") }, true, "single 192.0.2.254 from 192.0.2.2"],
  ["in its VRF", { vrf: "red" }, true, "single 192.0.2.254%red"],
  ["none that names no profile", { bfdProfile: undefined }, true, undefined],
  ["none whose password is not known: there is no session with it", { password: undefined }, true, undefined],
  ["the router found on an interface", { remote: { interface: "eth1" } }, false, "single fe80::1%eth1"],
  ["none whose router is not found yet", { name: "other", remote: { interface: "eth1" } }, false, undefined],
  [
    "a link-local address on its link, in our AS, too",
    { remote: { address: ip("fe80::2"), interface: "eth1" }, peerAsn: "internal", vrf: "red" },
    false,
    "single fe80::2%eth1",
  ],
];

describe("BFD watches", () => {
  for (const [name, change, isNear, key] of PATHS) {
    it(name, () => assert.equal(wishes([change], isNear)[0]?.key, key));
  }

  it("as the profile says", () => {
    assert.deepEqual(wishes([{}]), [
      {
        key: "single 192.0.2.254",
        peers: ["configmap/peer1"],
        session: {
          path: { hops: "single", remote: "192.0.2.254", local: undefined, interface: undefined },
          options: {
            transmitMs: 60,
            receiveMs: 50,
            detectMultiplier: 4,
            passive: false,
            echoReceiveMs: 0,
            minimumTtl: 100,
            authentication: undefined,
          },
          disabled: false,
        },
      },
    ]);
  });

  it("between the ends that BGP has, and from a sourceAddress before all", () => {
    const [one, other] = ["192.0.2.2", "192.0.2.3"].map(ip);
    const watched = wishes(
      [{}, { sourceAddress: other }, { name: "unknown" }, { sourceAddress: one }],
      true,
      one,
    );
    assert.deepEqual(
      watched.map(({ key, peers: names }) => [key, names.length]),
      [
        ["single 192.0.2.254 from 192.0.2.2", 2],
        ["single 192.0.2.254 from 192.0.2.3", 1],
        ["single 192.0.2.254", 1],
      ],
    );
  });

  it("once for peers of one address, as the first one's profile says", () => {
    const [one, ...others] = wishes([{ name: "a" }, { name: "b", peerPort: 1_179, bfdProfile: "slow" }]);
    assert.deepEqual([one?.peers, one?.session.options.transmitMs, others], [["a", "b"], 60, []]);
  });
});
