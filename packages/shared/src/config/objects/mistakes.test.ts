import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { quoted } from "../../quoted.ts";
import type { ConfigObject, ConfigObjects } from "./config-objects.ts";
import { mistakesIn, object } from "./samples.ts";

interface Case {
  readonly name: string;
  readonly given: Partial<ConfigObjects>;
  readonly mistakes: readonly string[];
}

const pool = (spec: object) => ({ pools: [object("p", { addresses: ["1.0.0.0/24"], ...spec })] });
const range = (...addresses: string[]) => pool({ addresses });
const layer2 = (spec: object) => ({ l2Advertisements: [object("l2", spec)] });
const bgp = (spec: object) => ({ bgpAdvertisements: [object("adv", spec)] });
const PEER = { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1" };
const peer = (spec: object) => ({ peers: [object("r", { ...PEER, ...spec })] });
const profile = (spec: object) => ({ bfdProfiles: [object("f", spec)] });
const community = (...values: string[]) => ({
  communities: [object("c", { communities: values.map((value, index) => ({ name: `n${index}`, value })) })],
});
const secret = (type: string, password?: string) => [{ name: "s", type, password }];
const TWICE = [{ matchLabels: { a: "b", c: "d" } }, { matchLabels: { c: "d", a: "b" } }];

function report(group: string, cases: readonly Case[]): void {
  describe(group, () => {
    for (const { name, given, mistakes } of cases) {
      it(`${mistakes.length === 0 ? "takes" : "refuses"} ${name}`, () => {
        assert.deepEqual(mistakesIn(given), mistakes);
      });
    }
  });
}

report("objects: pools", [
  { name: "a range with spaces", given: range("1.0.0.1 - 1.0.0.9", "fd00::1-fd00::2"), mistakes: [] },
  { name: "host bits in a CIDR", given: range("1.2.3.4/24"), mistakes: [] },
  { name: "fields it does not know", given: pool({ nonsense: { a: 1 } }), mistakes: [] },
  {
    name: "null for what is left out",
    given: pool({ autoAssign: null, serviceAllocation: null }),
    mistakes: [],
  },
  {
    name: "an object without a spec",
    given: { pools: [object("p")] },
    mistakes: ["IPAddressPool p: spec.addresses: missing, want a list with at least one entry"],
  },
  {
    name: "no addresses",
    given: range(),
    mistakes: ["IPAddressPool p: spec.addresses: an empty list is not a list with at least one entry"],
  },
  {
    name: "a bare address",
    given: range("1.2.3.4"),
    mistakes: ['IPAddressPool p: spec.addresses[0]: "1.2.3.4" is a single address, write "1.2.3.4/32"'],
  },
  {
    name: "a reversed range",
    given: range("1.2.3.10-1.2.3.1"),
    mistakes: [
      'IPAddressPool p: spec.addresses[0]: "1.2.3.10-1.2.3.1" is reversed: 1.2.3.10 is after 1.2.3.1, want the lower address first',
    ],
  },
  {
    name: "a range from IPv4 to IPv6 (MetalLB defect 6)",
    given: range("1.2.3.4-fc00::1"),
    mistakes: [
      'IPAddressPool p: spec.addresses[0]: "1.2.3.4-fc00::1" runs from IPv4 to IPv6, want both ends of one family',
    ],
  },
  {
    name: "overlaps in one pool and in two, at the later in the order of names",
    given: {
      pools: [
        object("b", { addresses: ["1.0.0.0/24"] }),
        object("a", { addresses: ["1.0.0.7/32", "2.0.0.0/24", "2.0.0.0/25"] }),
      ],
    },
    mistakes: [
      'IPAddressPool b: spec.addresses[0]: "1.0.0.0/24" overlaps "1.0.0.7/32" (IPAddressPool a: spec.addresses[0])',
      'IPAddressPool a: spec.addresses[2]: "2.0.0.0/25" overlaps "2.0.0.0/24" (IPAddressPool a: spec.addresses[1])',
    ],
  },
  {
    name: "everything wrong at once, in every object",
    given: {
      pools: [
        object("a", { addresses: ["x"], autoAssign: "yes" }),
        object("b", {
          addresses: ["1.0.0.0/24"],
          serviceAllocation: { priority: 1.5, namespaces: ["n", "n"] },
        }),
      ],
    },
    mistakes: [
      'IPAddressPool a: spec.addresses[0]: not a range of addresses: "x", want "192.0.2.0/24" or "192.0.2.10-192.0.2.40"',
      'IPAddressPool a: spec.autoAssign: "yes" is not true or false',
      "IPAddressPool b: spec.serviceAllocation.priority: 1.5 is not a whole number from -2147483648 to 2147483647",
      'IPAddressPool b: spec.serviceAllocation.namespaces[1]: "n" stands twice',
    ],
  },
  {
    name: "selectors that stand twice",
    given: pool({ serviceAllocation: { namespaceSelectors: TWICE, serviceSelectors: TWICE } }),
    mistakes: [
      "IPAddressPool p: spec.serviceAllocation.namespaceSelectors[1]: the selector stands twice",
      "IPAddressPool p: spec.serviceAllocation.serviceSelectors[1]: the selector stands twice",
    ],
  },
]);

const selector = (...matchExpressions: unknown[]) => layer2({ nodeSelectors: [{ matchExpressions }] });
const AT = "L2Advertisement l2: spec.nodeSelectors[0].matchExpressions[0]";

report("objects: layer 2 advertisements", [
  { name: "nothing said", given: { l2Advertisements: [object("l2"), object("m", {})] }, mistakes: [] },
  { name: "pools that do not exist", given: layer2({ ipAddressPools: ["nobody"] }), mistakes: [] },
  { name: "an interface twice", given: layer2({ interfaces: ["eth0", "eth0"] }), mistakes: [] },
  {
    name: "a preference twice, whose weights then sum",
    given: layer2({ preferredNodeSelectors: [1, 1].map((weight) => ({ weight, preference: {} })) }),
    mistakes: [],
  },
  {
    name: "a value twice in one condition",
    given: selector({ key: "a", operator: "In", values: ["b", "b"] }),
    mistakes: [],
  },
  {
    name: "names and selectors that stand twice",
    given: layer2({
      ipAddressPools: ["a", "b", "a"],
      ipAddressPoolSelectors: TWICE,
      nodeSelectors: TWICE,
      serviceSelectors: TWICE,
    }),
    mistakes: [
      'L2Advertisement l2: spec.ipAddressPools[2]: "a" stands twice',
      "L2Advertisement l2: spec.ipAddressPoolSelectors[1]: the selector stands twice",
      "L2Advertisement l2: spec.nodeSelectors[1]: the selector stands twice",
      "L2Advertisement l2: spec.serviceSelectors[1]: the selector stands twice",
    ],
  },
  {
    name: "weights out of range, and a preference without labels to prefer",
    given: layer2({ preferredNodeSelectors: [{ weight: 0, preference: {} }, { weight: 101 }] }),
    mistakes: [
      "L2Advertisement l2: spec.preferredNodeSelectors[0].weight: 0 is not a whole number from 1 to 100",
      "L2Advertisement l2: spec.preferredNodeSelectors[1].weight: 101 is not a whole number from 1 to 100",
      "L2Advertisement l2: spec.preferredNodeSelectors[1].preference: missing, want a map of keys and values",
    ],
  },
  {
    name: "a condition without key and operator",
    given: selector({}),
    mistakes: [
      `${AT}.key: missing, want a text that is not empty`,
      `${AT}.operator: missing, want "In" or "NotIn" or "Exists" or "DoesNotExist"`,
    ],
  },
  {
    name: "an operator that is none",
    given: selector({ key: "a", operator: "Is" }),
    mistakes: [
      `${AT}.operator: "Is" is not "In" or "NotIn" or "Exists" or "DoesNotExist", did you mean "In"?`,
    ],
  },
  {
    name: "operators with too few and too many values",
    given: selector({ key: "a", operator: "In" }, { key: "a", operator: "Exists", values: ["b"] }),
    mistakes: [0, 1].map(
      (index) =>
        `L2Advertisement l2: spec.nodeSelectors[0].matchExpressions[${index}].values: In and NotIn need at least one value, Exists and DoesNotExist take none`,
    ),
  },
]);

const POOLS = {
  pools: [
    object("four", { addresses: ["1.0.0.0/24"] }, { kind: "four" }),
    object("mixed", { addresses: ["2.0.0.0/24", "2.0.1.0/28", "fd00::/120"] }),
    object("range", { addresses: ["3.3.3.2-3.3.3.254"] }),
  ],
};

const aggregation = (name: string, aggregationLength: number, mistakes: readonly string[]): Case => ({
  name: `aggregation to ${aggregationLength} of pool ${name}`,
  given: { ...POOLS, ...bgp({ ipAddressPools: [name], aggregationLength }) },
  mistakes: mistakes.map((text) => `BGPAdvertisement adv: spec.aggregationLength: ${text}`),
});

report("objects: BGP advertisements", [
  { name: "nothing said", given: { ...POOLS, bgpAdvertisements: [object("adv")] }, mistakes: [] },
  { name: "peers that do not exist", given: bgp({ peers: ["nobody"] }), mistakes: [] },
  aggregation("four", 34, ["34 is not a whole number from 1 to 32"]),
  aggregation("four", 24, []),
  aggregation("four", 23, ['23 is wider than "1.0.0.0/24" of pool "four", want at least 24']),
  aggregation("mixed", 26, ['26 is wider than "2.0.1.0/28" of pool "mixed", want at least 28']),
  aggregation("range", 26, []),
  aggregation("range", 24, ['24 is wider than "3.3.3.2-3.3.3.254" of pool "range", want at least 26']),
  {
    name: "aggregation wider than a pool that is selected by label, and than IPv6 addresses",
    given: {
      ...POOLS,
      bgpAdvertisements: [
        object("a", { ipAddressPoolSelectors: [{ matchLabels: { kind: "four" } }], aggregationLength: 16 }),
        object("b", { ipAddressPools: ["mixed"], aggregationLengthV6: 64 }),
      ],
    },
    mistakes: [
      'BGPAdvertisement a: spec.aggregationLength: 16 is wider than "1.0.0.0/24" of pool "four", want at least 24',
      'BGPAdvertisement b: spec.aggregationLengthV6: 64 is wider than "fd00::/120" of pool "mixed", want at least 120',
    ],
  },
  ...[
    { aggregationLength: 32 },
    { aggregationLengthV6: 128 },
    { aggregationLength: 24 },
    { aggregationLengthV6: 120 },
    {},
  ].map((lengths, index): Case => {
    const isBad = index === 2 || index === 3;
    return {
      name: `selectors of Services with ${JSON.stringify(lengths)}`,
      given: bgp({ serviceSelectors: [{}], ...lengths }),
      mistakes: isBad
        ? [
            "BGPAdvertisement adv: spec.serviceSelectors: serviceSelectors choose single addresses: with them aggregationLength must be 32 and aggregationLengthV6 128",
          ]
        : [],
    };
  }),
  {
    name: "a community twice",
    given: bgp({ communities: ["1:2", "1:2"] }),
    mistakes: ['BGPAdvertisement adv: spec.communities[1]: "1:2" stands twice'],
  },
  {
    name: "communities that are none, and names that are none yet",
    given: {
      ...community("64512:1"),
      ...bgp({
        communities: ["n0", "n00", "1:2", "1:70000", "1:2:3", "large:1:2:3", "large:1:2:4294967296"],
      }),
    },
    mistakes: [
      '(yet) BGPAdvertisement adv: spec.communities[1]: no Community object has "n00" yet, did you mean "n0"?',
      'BGPAdvertisement adv: spec.communities[3]: community "1:70000" has 70000, want numbers of 0 to 65535',
      'BGPAdvertisement adv: spec.communities[4]: "1:2:3" is no community, want numbers as in "64512:100" or "large:64512:100:7"',
      'BGPAdvertisement adv: spec.communities[6]: community "large:1:2:4294967296" has 4294967296, want numbers of 0 to 4294967295',
    ],
  },
  {
    name: "lists that say something twice",
    given: bgp({ ipAddressPools: ["a", "a"], peers: ["r", "r"], nodeSelectors: TWICE }),
    mistakes: [
      'BGPAdvertisement adv: spec.ipAddressPools[1]: "a" stands twice',
      "BGPAdvertisement adv: spec.nodeSelectors[1]: the selector stands twice",
      'BGPAdvertisement adv: spec.peers[1]: "r" stands twice',
    ],
  },
]);

const NODES = [
  { name: "a", labels: { node: "a" } },
  { name: "b", labels: { node: "b" } },
];
const on = (node: string) => ({ nodeSelectors: [{ matchLabels: { node } }] });
const two = (pools: string[], a: object, b: object, nodes: ConfigObjects["nodes"] = NODES) => ({
  ...POOLS,
  nodes,
  bgpAdvertisements: [
    object("a", { ipAddressPools: pools, localPref: 100, ...a }),
    object("b", { ipAddressPools: pools, localPref: 200, ...b }),
  ],
});
const disputed = (name: string) => [
  `BGPAdvertisement b: spec.localPref: 200 for pool "${name}", where BGPAdvertisement a: spec.localPref says 100 to the same routers`,
];

const OTHER = { myASN: 64512, peerASN: 64514, peerAddress: "10.0.0.1" };
const EAST = [{ matchLabels: { side: "east" } }];
const WEST = [{ matchLabels: { side: "west" } }];
const LEFT = [{ matchExpressions: [{ key: "side", operator: "In", values: ["west", "left"] }] }];
const peers = (a: object, b: object) => ({
  peers: [object("b", { ...OTHER, ...b }), object("a", { ...PEER, ...a })],
});
const sameRouter = (router = "10.0.0.1 port 179", field = "peerAddress"): readonly string[] => [
  `BGPPeer b: spec.${field}: ${router} is the router of BGPPeer "a" already, on the same nodes: it takes one session from each address, want another sourceAddress or other nodeSelectors`,
];

report("objects: two peers with one router", [
  { name: "one address", given: peers({}, {}), mistakes: sameRouter() },
  {
    name: "one address, written in another way",
    given: peers({}, { peerPort: 179 }),
    mistakes: sameRouter(),
  },
  {
    name: "one interface",
    given: peers({ peerAddress: "", interface: "eth0" }, { peerAddress: "", interface: "eth0" }),
    mistakes: sameRouter("eth0", "interface"),
  },
  {
    name: "one source",
    given: peers({ sourceAddress: "10.0.0.7" }, { sourceAddress: "10.0.0.7" }),
    mistakes: sameRouter(),
  },
  { name: "two sources", given: peers({}, { sourceAddress: "10.0.0.7" }), mistakes: [] },
  { name: "two ports", given: peers({}, { peerPort: 1179 }), mistakes: [] },
  { name: "two VRFs", given: peers({}, { vrf: "red" }), mistakes: [] },
  {
    name: "two links",
    given: peers(
      { peerAddress: "fe80::1", interface: "eth0" },
      { peerAddress: "fe80::1", interface: "eth1" },
    ),
    mistakes: [],
  },
  {
    name: "one for all nodes, while none are known",
    given: peers({}, { nodeSelectors: EAST }),
    mistakes: sameRouter(),
  },
  {
    name: "the same nodes, while none are known",
    given: peers({ nodeSelectors: EAST }, { nodeSelectors: [...WEST, ...EAST] }),
    mistakes: sameRouter(),
  },
  {
    name: "what may be the same nodes, while none are known",
    given: peers({ nodeSelectors: WEST }, { nodeSelectors: LEFT }),
    mistakes: [],
  },
  {
    name: "what are the same nodes",
    given: {
      ...peers({ nodeSelectors: WEST }, { nodeSelectors: LEFT }),
      nodes: [{ name: "iris1", labels: { side: "west" } }],
    },
    mistakes: sameRouter(),
  },
  {
    name: "no node in common",
    given: { ...peers({}, { nodeSelectors: EAST }), nodes: [{ name: "iris1", labels: { side: "west" } }] },
    mistakes: [],
  },
]);

report("objects: two advertisements that disagree on localPref", [
  { name: "same routers, nodes and prefixes", given: two(["four"], {}, {}), mistakes: disputed("four") },
  { name: "the same localPref", given: two(["four"], {}, { localPref: 100 }), mistakes: [] },
  {
    name: "no localPref beside one",
    given: two(["four"], { localPref: 0 }, {}),
    mistakes: [
      'BGPAdvertisement b: spec.localPref: 200 for pool "four", where BGPAdvertisement a: spec.localPref says nothing to the same routers',
    ],
  },
  {
    name: "one beside no localPref",
    given: two(["four"], {}, { localPref: 0 }),
    mistakes: [
      'BGPAdvertisement b: spec.localPref: none for pool "four", where BGPAdvertisement a: spec.localPref says 100 to the same routers',
    ],
  },
  {
    name: "other IPv4 lengths of an IPv4 pool",
    given: two(["four"], { aggregationLength: 24 }, {}),
    mistakes: [],
  },
  {
    name: "other IPv6 lengths of an IPv4 pool",
    given: two(["four"], { aggregationLengthV6: 120 }, {}),
    mistakes: disputed("four"),
  },
  {
    name: "other IPv4 lengths of a mixed pool",
    given: two(["mixed"], { aggregationLength: 28 }, {}),
    mistakes: disputed("mixed"),
  },
  {
    name: "other lengths of both families of a mixed pool",
    given: two(["mixed"], { aggregationLength: 28, aggregationLengthV6: 120 }, {}),
    mistakes: [],
  },
  { name: "different nodes", given: two(["four"], on("a"), on("b")), mistakes: [] },
  { name: "nodes of which one is the same", given: two(["four"], on("a"), {}), mistakes: disputed("four") },
  { name: "nodes that do not exist", given: two(["four"], on("c"), {}), mistakes: [] },
  {
    name: "different nodes while none are known",
    given: two(["four"], on("a"), on("b"), undefined),
    mistakes: [],
  },
  {
    name: "the same nodes while none are known",
    given: two(["four"], on("a"), on("a"), undefined),
    mistakes: disputed("four"),
  },
  { name: "different routers", given: two(["four"], { peers: ["r"] }, { peers: ["s"] }), mistakes: [] },
  {
    name: "routers of which one is the same",
    given: two(["four"], { peers: ["r", "s"] }, { peers: ["s"] }),
    mistakes: disputed("four"),
  },
  { name: "one router beside all", given: two(["four"], { peers: ["r"] }, {}), mistakes: disputed("four") },
  { name: "different pools", given: two(["four"], { ipAddressPools: ["range"] }, {}), mistakes: [] },
  {
    name: "selectors of Services, which are for later",
    given: two(["four"], { serviceSelectors: [{}] }, {}),
    mistakes: [],
  },
]);

const R = "BGPPeer r: spec.";

report("objects: peers", [
  { name: "an address", given: peer({}), mistakes: [] },
  { name: "an interface", given: peer({ peerAddress: "", interface: "eth0" }), mistakes: [] },
  {
    name: "a link-local address, and the interface it is on",
    given: peer({ peerAddress: "FE80::1", interface: "eth0" }),
    mistakes: [],
  },
  { name: "a link-local address alone", given: peer({ peerAddress: "fe80::1" }), mistakes: [] },
  { name: "a number of any other system", given: peer({ peerASN: 0, dynamicASN: "external" }), mistakes: [] },
  {
    name: "no times at all, and none that pass",
    given: peer({ holdTime: "0s", keepaliveTime: "0s" }),
    mistakes: [],
  },
  { name: "a multi-hop router", given: peer({ ebgpMultiHop: true }), mistakes: [] },
  {
    name: "the ConfigMap's sins",
    given: peer({
      myASN: 0,
      peerPort: 16385,
      holdTime: "1s",
      routerID: "ten",
      peerAddress: "300.0.0.1",
      sourceAddress: "x",
    }),
    mistakes: [
      `${R}myASN: 0 is not a whole number from 1 to 4294967295`,
      `${R}peerAddress: "300.0.0.1" is no IPv4 or IPv6 address`,
      `${R}sourceAddress: "x" is no IPv4 or IPv6 address`,
      `${R}holdTime: a hold time of 1s is too short, want 0 or at least 3s`,
      `${R}routerID: "ten" is no IPv4 or IPv6 address`,
      `${R}peerPort: 16385 is not a whole number from 0 to 16384`,
    ],
  },
  {
    name: "both ways to say a number, and to say a place",
    given: peer({ dynamicASN: "internal", interface: "eth0" }),
    mistakes: [
      `${R}peerASN: want either peerASN or dynamicASN`,
      `${R}peerAddress: want either peerAddress or interface, or both where the address is link-local`,
    ],
  },
  {
    name: "neither number nor place",
    given: { peers: [object("r", { myASN: 1 })] },
    mistakes: [
      `${R}peerASN: want either peerASN or dynamicASN`,
      `${R}peerAddress: want either peerAddress or interface, or both where the address is link-local`,
    ],
  },
  {
    name: "a dynamic number that is none",
    given: peer({ peerASN: 0, dynamicASN: "any" }),
    mistakes: [`${R}dynamicASN: "any" is not "internal" or "external"`],
  },
  {
    name: "a keepalive time above the hold time",
    given: peer({ holdTime: "30s", keepaliveTime: "31s" }),
    mistakes: [`${R}keepaliveTime: keepaliveTime is longer than holdTime`],
  },
  {
    name: "a time without unit, and one that BGP cannot say",
    given: peer({ holdTime: "120", keepaliveTime: "100000s" }),
    mistakes: [
      `${R}holdTime: "120" has no unit, want "120s" for seconds`,
      `${R}keepaliveTime: "100000s" is out of range, want "0s" to "65535s"`,
    ],
  },
  ...["0s", "1500ms", "65536s"].map(
    (connectTime, index): Case => ({
      name: `a connect time of ${connectTime}`,
      given: peer({ connectTime }),
      mistakes: [
        index < 2
          ? `${R}connectTime: "${connectTime}" is no whole number of seconds, want at least "1s"`
          : `${R}connectTime: "65536s" is out of range, want "0s" to "65535s"`,
      ],
    }),
  ),
  {
    name: "a multi-hop router of our own system",
    given: peer({ ebgpMultiHop: true, peerASN: 64512 }),
    mistakes: [`${R}ebgpMultiHop: routers of one autonomous system need no ebgpMultiHop: peerASN is myASN`],
  },
  {
    name: "selectors twice",
    given: peer({ nodeSelectors: TWICE }),
    mistakes: [`${R}nodeSelectors[1]: the selector stands twice`],
  },
  {
    name: "a password in two places",
    given: {
      ...peer({ password: "a", passwordSecret: { name: "s" } }),
      secrets: secret("kubernetes.io/basic-auth", "b"),
    },
    mistakes: [`${R}passwordSecret: want either password or passwordSecret`],
  },
  {
    name: "a good Secret",
    given: { ...peer({ passwordSecret: { name: "s" } }), secrets: secret("kubernetes.io/basic-auth", "b") },
    mistakes: [],
  },
  {
    name: "a Secret that is none of its business",
    given: peer({ passwordSecret: { name: "s" } }),
    mistakes: [],
  },
  {
    name: "a Secret that is not there",
    given: { ...peer({ passwordSecret: { name: "s" } }), secrets: [] },
    mistakes: [`(yet) ${R}passwordSecret.name: there is no Secret "s" yet`],
  },
  ...["a=b", "a,metadata.name=b", "Tor", "a..b", "-", "a\n", "s".repeat(254)].map(
    (name): Case => ({
      name: `a Secret that cannot be: ${JSON.stringify(name)}`,
      given: { ...peer({ passwordSecret: { name } }), secrets: [] },
      mistakes: [`${R}passwordSecret.name: no Secret can be called ${quoted(name)}`],
    }),
  ),
  {
    name: "no Secret by an empty name, and one by the longest",
    given: {
      peers: ["", "s".repeat(253)].map(
        (name, index) => peer({ passwordSecret: { name }, peerPort: 179 + index }).peers[0] as ConfigObject,
      ),
    },
    mistakes: [],
  },
  {
    name: "a Secret of another type",
    given: { ...peer({ passwordSecret: { name: "s" } }), secrets: secret("Opaque", "b") },
    mistakes: [`${R}passwordSecret.name: Secret "s" is of type Opaque, want kubernetes.io/basic-auth`],
  },
  {
    name: "a Secret without password",
    given: { ...peer({ passwordSecret: { name: "s" } }), secrets: secret("kubernetes.io/basic-auth") },
    mistakes: [`${R}passwordSecret.name: Secret "s" has no key password`],
  },
  ...[80, 81].map((length): Case => {
    const says = length > 80 ? [`${R}password: has 81 octets, want at most 80`] : [];
    return {
      name: `a password of ${length} octets`,
      given: peer({ password: "b".repeat(length) }),
      mistakes: says,
    };
  }),
  {
    name: "a Secret with a password that is too long",
    given: {
      ...peer({ passwordSecret: { name: "s" } }),
      secrets: secret("kubernetes.io/basic-auth", "ü".repeat(41)),
    },
    mistakes: [`${R}passwordSecret.name: the password in Secret "s" has 82 octets, want at most 80`],
  },
  {
    name: "a profile that is not there",
    given: { ...profile({}), ...peer({ bfdProfile: "g" }) },
    mistakes: [`(yet) ${R}bfdProfile: there is no BFDProfile "g" yet, did you mean "f"?`],
  },
]);

const echo = (address: string, advertisement: ConfigObject) => ({
  ...profile({ echoMode: true }),
  ...peer({ bfdProfile: "f" }),
  pools: [object("p", { addresses: [address] })],
  bgpAdvertisements: [advertisement],
});

report("objects: profiles and communities", [
  { name: "a profile of defaults", given: profile({}), mistakes: [] },
  {
    name: "a profile out of range",
    given: profile({ receiveInterval: 9, transmitInterval: 60_001, detectMultiplier: 1, minimumTtl: 255 }),
    mistakes: [
      "BFDProfile f: spec.receiveInterval: 9 is not a whole number from 10 to 60000",
      "BFDProfile f: spec.transmitInterval: 60001 is not a whole number from 10 to 60000",
      "BFDProfile f: spec.detectMultiplier: 1 is not a whole number from 2 to 255",
      "BFDProfile f: spec.minimumTtl: 255 is not a whole number from 1 to 254",
    ],
  },
  { name: "echoes for IPv4", given: echo("1.0.0.0/24", object("adv")), mistakes: [] },
  {
    name: "echoes for IPv6",
    given: echo("fd00::/120", object("adv", { peers: ["r"] })),
    mistakes: [
      'BFDProfile f: spec.echoMode: BGPPeer "r" is told of pool "p", which has IPv6 addresses: want false',
    ],
  },
  {
    name: "echoes for IPv6 that other routers are told of",
    given: echo("fd00::/120", object("adv", { peers: ["s"] })),
    mistakes: [],
  },
  { name: "good communities", given: community("0:65535", "large:1:2:4294967295"), mistakes: [] },
  {
    name: "communities that are none",
    given: community("1:70000", "1:2:3", "large:1:2", "x"),
    mistakes: [
      'Community c: spec.communities[0].value: community "1:70000" has 70000, want numbers of 0 to 65535',
      ...["1:2:3", "large:1:2", "x"].map(
        (text, index) =>
          `Community c: spec.communities[${index + 1}].value: "${text}" is no community, want numbers as in "64512:100" or "large:64512:100:7"`,
      ),
    ],
  },
  {
    name: "names that stand twice, in one object and in two",
    given: {
      communities: ["c", "d"].map((name) =>
        object(name, { communities: ["one", "one"].map((alias) => ({ name: alias, value: "1:1" })) }),
      ),
    },
    mistakes: [
      'Community c: spec.communities[1].name: "one" has a meaning already (Community c: spec.communities[0].name)',
      'Community d: spec.communities[0].name: "one" has a meaning already (Community c: spec.communities[0].name)',
      'Community d: spec.communities[1].name: "one" has a meaning already (Community c: spec.communities[0].name)',
    ],
  },
]);

describe("objects: passwords", () => {
  it("stand in no mistake", () => {
    const given = { ...peer({ password: 12345, passwordSecret: { name: "s" } }), secrets: [] };
    const told = mistakesIn(given).join();
    assert.match(told, /spec\.password: this is not/);
    assert.doesNotMatch(told, /12345/);
  });
});
