import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "../../ip/address.ts";
import { parseRange } from "../../ip/range.ts";
import type { Config } from "../config.ts";
import { configFromObjects } from "./config-from-objects.ts";
import { object, objects } from "./samples.ts";

function rangeOf(text: string) {
  const parsed = parseRange(text);
  assert.ok("range" in parsed);
  return parsed.range;
}

const at = (text: string) => parseAddress(text) as IpAddress;
const labels = (matchLabels: Record<string, string>) => ({ matchLabels, matchExpressions: [] });

describe("configFromObjects", () => {
  it("reads everything that there is to say", () => {
    const config = configFromObjects(
      objects({
        pools: [
          object(
            "public",
            {
              addresses: ["10.20.0.0/16", "2001:db8::/64"],
              autoAssign: false,
              avoidBuggyIPs: true,
              serviceAllocation: {
                priority: 7,
                namespaces: ["shop"],
                namespaceSelectors: [{ matchLabels: { team: "a" } }],
                serviceSelectors: [{ matchExpressions: [{ key: "tier", operator: "Exists" }] }],
              },
            },
            { zone: "east" },
          ),
          object("plain", { addresses: ["10.50.0.1 - 10.50.0.2"] }),
        ],
        l2Advertisements: [
          object("near", {
            ipAddressPools: ["plain", "nobody"],
            ipAddressPoolSelectors: [{ matchLabels: { zone: "east" } }],
            nodeSelectors: [{ matchLabels: { rack: "1" } }, {}],
            interfaces: ["eth1", "eth0", "eth1"],
            serviceSelectors: [{ matchLabels: { app: "web" } }],
            preferredNodeSelectors: [{ weight: 3, preference: { matchLabels: { fast: "yes" } } }],
          }),
        ],
        bgpAdvertisements: [
          {
            metadata: { name: "far", annotations: { "herald.io/med": "50" } },
            spec: {
              ipAddressPools: ["public"],
              aggregationLength: 24,
              aggregationLengthV6: 120,
              localPref: 100,
              communities: ["no-export", "large:1:2:3", "64512:2"],
              peers: ["tor"],
              nodeSelectors: [{ matchLabels: { rack: "1" } }],
            },
          },
        ],
        peers: [
          object("tor", {
            myASN: 64512,
            peerASN: 4_200_000_000,
            localASN: 64999,
            peerAddress: "fd00::1",
            sourceAddress: "fd00::2",
            peerPort: 1179,
            holdTime: "3m",
            keepaliveTime: "1m30.9s",
            connectTime: "5s",
            routerID: "10.20.30.40",
            nodeSelectors: [{ matchLabels: { rack: "1" } }],
            passwordSecret: { name: "tor" },
            bfdProfile: "fast",
            enableGracefulRestart: true,
            ebgpMultiHop: true,
            vrf: "red",
            dualStackAddressFamily: true,
            disableMP: true,
          }),
        ],
        bfdProfiles: [
          object("fast", {
            receiveInterval: 10,
            transmitInterval: 60_000,
            detectMultiplier: 2,
            echoInterval: 50,
            passiveMode: true,
            minimumTtl: 254,
          }),
          object("plain"),
        ],
        communities: [object("names", { communities: [{ name: "no-export", value: "65535:065281" }] })],
        secrets: [{ name: "tor", type: "kubernetes.io/basic-auth", password: "nobody knows" }],
        namespaces: [
          { name: "a1", labels: { team: "a" } },
          { name: "b1", labels: { team: "b" } },
        ],
      }),
    );
    const want: Config = {
      pools: [
        {
          name: "plain",
          labels: {},
          ranges: [rangeOf("10.50.0.1 - 10.50.0.2")],
          avoidBuggyIps: false,
          autoAssign: true,
          serviceAllocation: undefined,
        },
        {
          name: "public",
          labels: { zone: "east" },
          ranges: [rangeOf("10.20.0.0/16"), rangeOf("2001:db8::/64")],
          avoidBuggyIps: true,
          autoAssign: false,
          serviceAllocation: {
            priority: 7,
            namespaces: new Set(["a1", "shop"]),
            serviceSelectors: [
              { matchLabels: {}, matchExpressions: [{ key: "tier", operator: "Exists", values: [] }] },
            ],
          },
        },
      ],
      l2Advertisements: [
        {
          name: "near",
          pools: ["plain", "public"],
          nodeSelectors: [labels({ rack: "1" }), labels({})],
          serviceSelectors: [labels({ app: "web" })],
          interfaces: ["eth1", "eth0"],
          preferredNodeSelectors: [{ weight: 3, preference: labels({ fast: "yes" }) }],
        },
      ],
      bgpAdvertisements: [
        {
          name: "far",
          pools: ["public"],
          nodeSelectors: [labels({ rack: "1" })],
          serviceSelectors: [],
          aggregationLength: 24,
          aggregationLengthV6: 120,
          localPref: 100,
          communities: ["large:1:2:3", "64512:2", "65535:65281"],
          peers: ["tor"],
          rules: { med: 50, prepend: 0, bandwidthPerEndpoint: false },
        },
      ],
      peers: [
        {
          name: "tor",
          myAsn: 64512,
          peerAsn: 4_200_000_000,
          localAsn: 64999,
          remote: { address: at("fd00::1") },
          sourceAddress: at("fd00::2"),
          peerPort: 1179,
          holdTimeSeconds: 180,
          keepaliveTimeSeconds: 90,
          connectTimeSeconds: 5,
          routerId: at("10.20.30.40"),
          nodeSelectors: [labels({ rack: "1" })],
          password: "nobody knows",
          bfdProfile: "fast",
          gracefulRestart: true,
          ebgpMultihop: true,
          vrf: "red",
          dualStackAddressFamily: true,
        },
      ],
      bfdProfiles: [
        {
          name: "fast",
          receiveIntervalMs: 10,
          transmitIntervalMs: 60_000,
          detectMultiplier: 2,
          echoIntervalMs: 50,
          echoMode: false,
          passiveMode: true,
          minimumTtl: 254,
        },
        {
          name: "plain",
          receiveIntervalMs: undefined,
          transmitIntervalMs: undefined,
          detectMultiplier: undefined,
          echoIntervalMs: undefined,
          echoMode: false,
          passiveMode: false,
          minimumTtl: undefined,
        },
      ],
      communities: { "no-export": "65535:65281" },
    };
    assert.deepEqual(config, want);
  });

  const router = { myASN: 1, peerASN: 2, peerAddress: "10.0.0.1" };
  for (const { given, hold, keepalive } of [
    { given: {}, hold: 90, keepalive: 30 },
    { given: { holdTime: "10s" }, hold: 10, keepalive: 3 },
    { given: { keepaliveTime: "10s" }, hold: 30, keepalive: 10 },
    { given: { keepaliveTime: "9h" }, hold: 65_535, keepalive: 32_400 },
    { given: { holdTime: "0s", keepaliveTime: "0s" }, hold: 0, keepalive: 0 },
    { given: { holdTime: "0s" }, hold: 0, keepalive: 0 },
    { given: { holdTime: "3.9s", keepaliveTime: "3999ms" }, hold: 3, keepalive: 3 },
  ]) {
    it(`holds a session for ${hold}s and tells of itself each ${keepalive}s of ${JSON.stringify(given)}`, () => {
      const { peers } = configFromObjects(objects({ peers: [object("r", { ...router, ...given })] }));
      assert.deepEqual(
        peers.map(({ holdTimeSeconds, keepaliveTimeSeconds }) => [holdTimeSeconds, keepaliveTimeSeconds]),
        [[hold, keepalive]],
      );
    });
  }

  it("takes times that an old BGPPeer leaves out for left out, not for none (MetalLB defect 14)", () => {
    const old = { ...object("r", router), apiVersion: "metallb.io/v1beta1" };
    const [peer] = configFromObjects(objects({ peers: [old] })).peers;
    assert.deepEqual([peer?.holdTimeSeconds, peer?.keepaliveTimeSeconds, peer?.peerPort], [90, 30, 179]);
  });

  it("finds a router by its interface and by any number", () => {
    const spec = { myASN: 1, dynamicASN: "external", interface: "eth0" };
    const [peer] = configFromObjects(objects({ peers: [object("r", spec)] })).peers;
    assert.deepEqual([peer?.remote, peer?.peerAsn], [{ interface: "eth0" }, "external"]);
  });

  it("keeps the interface of a link-local address with it", () => {
    const spec = { ...router, peerAddress: "FE80::1", interface: "eth0" };
    const [peer] = configFromObjects(objects({ peers: [object("r", spec)] })).peers;
    assert.deepEqual(peer?.remote, { address: "fe80::1", interface: "eth0" });
  });

  const allocated = (serviceAllocation: object) =>
    configFromObjects(
      objects({
        pools: [object("p", { addresses: ["1.0.0.0/24"], serviceAllocation })],
        namespaces: [{ name: "a", labels: { team: "a" } }],
      }),
    ).pools[0]?.serviceAllocation;

  it("gives a pool without any restriction to every namespace", () => {
    const want = { priority: 5, namespaces: undefined, serviceSelectors: [] };
    assert.deepEqual(allocated({ priority: 5 }), want);
  });

  it("gives a pool whose selectors match no namespace to nobody (MetalLB defect 4)", () => {
    const want = { priority: 0, namespaces: new Set(), serviceSelectors: [] };
    assert.deepEqual(allocated({ namespaceSelectors: [{ matchLabels: { team: "b" } }] }), want);
  });

  it("leaves a password open that is in a Secret, where no Secrets are read", () => {
    const spec = {
      myASN: 64_512,
      peerASN: 64_513,
      peerAddress: "192.0.2.1",
      passwordSecret: { name: "tor" },
    };
    const { peers } = configFromObjects(objects({ peers: [object("tor", spec)] }));
    assert.deepEqual(
      peers.map(({ password }) => password),
      [undefined],
    );
  });

  const POOLS = [
    object("a", { addresses: ["1.0.0.0/24"] }, { tier: "gold" }),
    object("b", { addresses: ["2.0.0.0/24"] }, { tier: "lead" }),
  ];
  for (const { spec, pools } of [
    { spec: undefined, pools: ["a", "b"] },
    { spec: { ipAddressPools: [] }, pools: ["a", "b"] },
    { spec: { ipAddressPools: ["b"] }, pools: ["b"] },
    { spec: { ipAddressPools: ["c"] }, pools: [] },
    { spec: { ipAddressPoolSelectors: [{ matchLabels: { tier: "tin" } }] }, pools: [] },
    { spec: { ipAddressPoolSelectors: [{}] }, pools: ["a", "b"] },
    {
      spec: { ipAddressPools: ["b"], ipAddressPoolSelectors: [{ matchLabels: { tier: "gold" } }] },
      pools: ["a", "b"],
    },
  ]) {
    const note = pools.length === 0 ? " (MetalLB defect 30: its docs say otherwise)" : "";
    it(`advertises ${pools.join(" and ") || "nothing"} for ${JSON.stringify(spec) ?? "no spec"}${note}`, () => {
      const given = {
        pools: POOLS,
        l2Advertisements: [object("x", spec)],
        bgpAdvertisements: [object("x", spec)],
      };
      const { l2Advertisements, bgpAdvertisements } = configFromObjects(objects(given));
      assert.deepEqual(
        [l2Advertisements, bgpAdvertisements].map(([each]) => each?.pools),
        [pools, pools],
      );
    });
  }
});
