import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "../ip/address.ts";
import { parseRange } from "../ip/range.ts";
import type { BgpAdvertisementConfig, BgpPeerConfig, Config, Pool } from "./config.ts";
import { configFromConfigMap, loadConfig } from "./load.ts";

function rangeOf(text: string) {
  const parsed = parseRange(text);
  assert.ok("range" in parsed);
  return parsed.range;
}

const EMPTY: Config = {
  pools: [],
  l2Advertisements: [],
  bgpAdvertisements: [],
  peers: [],
  bfdProfiles: [],
  communities: {},
};
const POOL: Pool = {
  name: "default",
  labels: {},
  ranges: [],
  avoidBuggyIps: false,
  autoAssign: true,
  serviceAllocation: undefined,
};
const EVERYWHERE = { nodeSelectors: [], serviceSelectors: [] };
const BGP_ADVERTISEMENT: Omit<BgpAdvertisementConfig, "name" | "pools"> = {
  ...EVERYWHERE,
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: undefined,
  communities: [],
  peers: [],
};
const layer2 = (pool: string) => ({
  ...EVERYWHERE,
  name: `configmap/${pool}`,
  pools: [pool],
  interfaces: [],
  preferredNodeSelectors: [],
});
const at = (text: string) => ({ remote: { address: parseAddress(text) as IpAddress } });
const PEER: Omit<BgpPeerConfig, "name" | "remote"> = {
  myAsn: 64512,
  peerAsn: 64513,
  localAsn: undefined,
  sourceAddress: undefined,
  peerPort: 179,
  holdTimeSeconds: 90,
  keepaliveTimeSeconds: 30,
  connectTimeSeconds: undefined,
  routerId: undefined,
  nodeSelectors: [],
  password: "",
  bfdProfile: undefined,
  gracefulRestart: false,
  ebgpMultihop: false,
  vrf: undefined,
  dualStackAddressFamily: false,
};

describe("loading a configuration", () => {
  it("accepts what users of MetalLB 0.7 have", () => {
    const text = `
address-pools:
- name: default
  protocol: layer2
  addresses:
  - 192.168.1.100-192.168.1.159
`;
    const want = {
      ...EMPTY,
      pools: [{ ...POOL, ranges: [rangeOf("192.168.1.100-192.168.1.159")] }],
      l2Advertisements: [layer2("default")],
    };
    assert.deepEqual(loadConfig(text), want);
    assert.deepEqual(configFromConfigMap({ config: text }), want);
  });

  it("accepts everything that there is to say", () => {
    const config = loadConfig(`
peers:
- my-asn: 64512
  peer-asn: 64600
  peer-address: 1.2.3.4
  source-address: 10.0.0.9
  peer-port: 1179
  hold-time: 3m
  keepalive-time: 1m30.9s
  router-id: 10.20.30.40
  password: nobody knows
  bfd-profile: fast
  ebgp-multihop: true
  node-selectors:
  - match-labels: {rack: frontend}
    match-expressions:
    - {key: kubernetes.io/hostname, operator: NotIn, values: [host1, host2]}
    - {key: spare, operator: DoesNotExist}
  - {}
- {my-asn: 64512, peer-asn: 64513, peer-address: fd00::1}
- {my-asn: 64512, peer-asn: 64513, peer-address: 2.3.4.5, hold-time: 0s, peer-port: 0}
- {my-asn: 64512, peer-asn: 64513, peer-address: 3.4.5.6, hold-time: 10s}
- {my-asn: 64512, peer-asn: 64513, peer-address: 4.5.6.7, hold-time: 3s, keepalive-time: 3s}
- {my-asn: 64512, peer-asn: 64513, peer-address: 5.6.7.8, keepalive-time: 20s}
- {my-asn: 64512, peer-asn: 64513, peer-address: 6.7.8.9, hold-time: 0s, keepalive-time: 0s}
bfd-profiles:
- {name: plain}
- name: fast
  receive-interval: 10
  transmit-interval: 60000
  detect-multiplier: 2
  echo-interval: 50
  echo-mode: true
  passive-mode: true
  minimum-ttl: 254
bgp-communities:
  no-export: 65535:65281
  low: 64512:0100
address-pools:
- name: public
  protocol: bgp
  avoid-buggy-ips: true
  auto-assign: false
  addresses: [10.20.0.0/16, 2001:db8::/64]
  bgp-advertisements:
  - aggregation-length: 24
    aggregation-length-v6: 120
    localpref: 100
    communities: [no-export, "large:0:1:2", "64512:2", low, "64512:100", "large:4227858440:0:0"]
  - {localpref: 0}
- {name: plain, protocol: bgp, addresses: ["10.50.0.0/24", "10.60.0.1 - 10.60.0.2"]}
- {name: near, protocol: layer2, addresses: ["10.70.0.0/24"]}
`);
    const everyone = { matchLabels: {}, matchExpressions: [] };
    assert.deepEqual(config, {
      pools: [
        {
          ...POOL,
          name: "public",
          ranges: [rangeOf("10.20.0.0/16"), rangeOf("2001:db8::/64")],
          avoidBuggyIps: true,
          autoAssign: false,
        },
        {
          ...POOL,
          name: "plain",
          ranges: [rangeOf("10.50.0.0/24"), rangeOf("10.60.0.1 - 10.60.0.2")],
        },
        { ...POOL, name: "near", ranges: [rangeOf("10.70.0.0/24")] },
      ],
      l2Advertisements: [layer2("near")],
      bgpAdvertisements: [
        {
          ...BGP_ADVERTISEMENT,
          name: "configmap/public/1",
          pools: ["public"],
          aggregationLength: 24,
          aggregationLengthV6: 120,
          localPref: 100,
          communities: ["large:0:1:2", "64512:2", "large:4227858440:0:0", "64512:100", "65535:65281"],
        },
        { ...BGP_ADVERTISEMENT, name: "configmap/public/2", pools: ["public"] },
        { ...BGP_ADVERTISEMENT, name: "configmap/plain/1", pools: ["plain"] },
      ],
      peers: [
        {
          ...PEER,
          ...at("1.2.3.4"),
          name: "configmap/peer1",
          peerAsn: 64600,
          sourceAddress: parseAddress("10.0.0.9"),
          peerPort: 1179,
          holdTimeSeconds: 180,
          keepaliveTimeSeconds: 90,
          routerId: parseAddress("10.20.30.40"),
          password: "nobody knows",
          bfdProfile: "fast",
          ebgpMultihop: true,
          nodeSelectors: [
            {
              matchLabels: { rack: "frontend" },
              matchExpressions: [
                { key: "kubernetes.io/hostname", operator: "NotIn", values: ["host1", "host2"] },
                { key: "spare", operator: "DoesNotExist", values: [] },
              ],
            },
            everyone,
          ],
        },
        { ...PEER, ...at("fd00::1"), name: "configmap/peer2" },
        { ...PEER, ...at("2.3.4.5"), name: "configmap/peer3", holdTimeSeconds: 0, keepaliveTimeSeconds: 0 },
        { ...PEER, ...at("3.4.5.6"), name: "configmap/peer4", holdTimeSeconds: 10, keepaliveTimeSeconds: 3 },
        { ...PEER, ...at("4.5.6.7"), name: "configmap/peer5", holdTimeSeconds: 3, keepaliveTimeSeconds: 3 },
        { ...PEER, ...at("5.6.7.8"), name: "configmap/peer6", keepaliveTimeSeconds: 20 },
        { ...PEER, ...at("6.7.8.9"), name: "configmap/peer7", holdTimeSeconds: 0, keepaliveTimeSeconds: 0 },
      ],
      bfdProfiles: [
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
        {
          name: "fast",
          receiveIntervalMs: 10,
          transmitIntervalMs: 60_000,
          detectMultiplier: 2,
          echoIntervalMs: 50,
          echoMode: true,
          passiveMode: true,
          minimumTtl: 254,
        },
      ],
      communities: { "no-export": "65535:65281", low: "64512:100" },
    });
  });

  for (const text of [
    "",
    "# nothing yet\n",
    "---\n",
    "{}",
    "address-pools:\n",
    "address-pools: []\npeers: ~\n",
  ]) {
    it(`takes ${JSON.stringify(text)} for a configuration without pools`, () => {
      assert.deepEqual(loadConfig(text), EMPTY);
    });
  }

  it("reads plain scalars as MetalLB's YAML 1.1 reader does, by what the field wants", () => {
    const config = loadConfig(`
address-pools:
- {name: 0123, protocol: layer2, addresses: [1.0.0.0/24], avoid-buggy-ips: yes, auto-assign: Off}
- {name: true, protocol: layer2, addresses: [2.0.0.0/24]}
peers:
- my-asn: 64512
  peer-asn: 64513
  peer-address: 1.2.3.4
  password: 0042
  hold-time: 0
  source-address: ""
  router-id: ""
  bfd-profile: ""
  keepalive-time: ""
  node-selectors: [{match-labels: {rack: 1, spare: no}}]
`);
    assert.deepEqual(config.pools, [
      { ...POOL, name: "0123", ranges: [rangeOf("1.0.0.0/24")], avoidBuggyIps: true, autoAssign: false },
      { ...POOL, name: "true", ranges: [rangeOf("2.0.0.0/24")] },
    ]);
    assert.deepEqual(config.peers, [
      {
        ...PEER,
        ...at("1.2.3.4"),
        name: "configmap/peer1",
        password: "0042",
        holdTimeSeconds: 0,
        keepaliveTimeSeconds: 0,
        nodeSelectors: [{ matchLabels: { rack: "1", spare: "no" }, matchExpressions: [] }],
      },
    ]);
  });

  it("reads whole numbers as YAML 1.1 writes them, and text that looks like one as text", () => {
    const [peer] = loadConfig(`
peers:
- my-asn: 64_512
  peer-asn: 0100
  peer-port: 0b10_11
  peer-address: 1.2.3.4
  password: 010
  node-selectors: [{match-labels: {rack: 1_0, row: !!str 07, shelf: "07"}}]
`).peers;
    assert.deepEqual(
      [peer?.myAsn, peer?.peerAsn, peer?.peerPort, peer?.password, peer?.nodeSelectors[0]?.matchLabels],
      [64_512, 64, 11, "010", { rack: "1_0", row: "07", shelf: "07" }],
    );
    for (const [text, asn] of [
      ["09", 9],
      ["+7", 7],
      ["0x10", 16],
      ["0o10", 8],
      ["0_17", 15],
      ["1_000_000", 1_000_000],
    ] as const) {
      const [{ myAsn } = { myAsn: 0 }] = loadConfig(
        `peers: [{my-asn: ${text}, peer-asn: 1, peer-address: 1.2.3.4}]`,
      ).peers;
      assert.equal(myAsn, asn, text);
    }
  });

  it("follows anchors, aliases and merge keys", () => {
    const { pools, l2Advertisements } = loadConfig(`
address-pools:
- &base {name: a, protocol: &p layer2, addresses: [1.0.0.0/24], auto-assign: false}
- {<<: *base, name: b, addresses: [2.0.0.0/24]}
- {name: c, protocol: *p, addresses: [3.0.0.0/24]}
`);
    assert.deepEqual(
      pools.map(({ name, autoAssign }) => [name, autoAssign]),
      [
        ["a", false],
        ["b", false],
        ["c", true],
      ],
    );
    assert.deepEqual(l2Advertisements, ["a", "b", "c"].map(layer2));
  });

  it("takes everything from a ConfigMap's key config, and says when it is missing", () => {
    assert.deepEqual(configFromConfigMap({ config: "" }), EMPTY);
    for (const [data, instead] of [
      [undefined, "it has none at all"],
      [{}, "it has none at all"],
      [{ "config.yaml": "", other: "" }, "it has config.yaml, other"],
    ] as const) {
      const message = `data: the ConfigMap has no key "config" with the configuration in it, ${instead}`;
      assert.throws(() => configFromConfigMap(data), { name: "ConfigError", message });
    }
  });
});
