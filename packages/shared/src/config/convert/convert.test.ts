import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import type { Config } from "../config.ts";
import { loadConfig } from "../load.ts";
import { configFromObjects } from "../objects/config-from-objects.ts";
import { type ConfigObject, NO_OBJECTS } from "../objects/config-objects.ts";
import { yamlText } from "../yaml-text.ts";
import { convert } from "./convert.ts";
import { objectName } from "./object-names.ts";
import type { WrittenObject } from "./to-objects.ts";

/** What was written, read as a program would. */
function reread(written: readonly WrittenObject[]): Config {
  const of = (kind: string): readonly ConfigObject[] => written.filter((each) => each.kind === kind);
  return configFromObjects({
    ...NO_OBJECTS,
    pools: of("IPAddressPool"),
    l2Advertisements: of("L2Advertisement"),
    bgpAdvertisements: of("BGPAdvertisement"),
    peers: of("BGPPeer"),
    bfdProfiles: of("BFDProfile"),
    communities: of("Community"),
    secrets: written
      .filter(({ kind }) => kind === "Secret")
      .map(({ metadata, type = "", stringData }) => ({
        name: metadata.name,
        type,
        password: stringData?.["password"],
      })),
  });
}

const metadata = (name: string) => ({ name, namespace: "ns" });
const written = (kind: string, name: string, spec: object, version = "v1beta1") => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: metadata(name),
  spec,
});

describe("convert", () => {
  it("writes what MetalLB's converter writes, and passwords into Secrets", () => {
    const { objects, differences } = convert(
      `
peers:
- {my-asn: 64512, peer-asn: 64600, peer-address: 1.2.3.4, peer-port: 1179, hold-time: 3m, keepalive-time: 10.7s, source-address: 10.0.0.9, router-id: 10.20.30.40, password: nobody knows, bfd-profile: Fast_1, ebgp-multihop: true, node-selectors: [{match-labels: {rack: "1"}, match-expressions: [{key: spare, operator: DoesNotExist}]}, {}, {}]}
- {my-asn: 64512, peer-asn: 64512, peer-address: fd00::1, peer-port: 0}
bfd-profiles:
- {name: Fast_1, receive-interval: 10, echo-mode: true}
bgp-communities: {zoo: "1:1", no-export: "65535:65281"}
address-pools:
- {name: Public, protocol: bgp, addresses: [10.20.0.0/16, 10.30.0.1 - 10.30.255.255], avoid-buggy-ips: true, auto-assign: false, bgp-advertisements: [{aggregation-length: 24, localpref: 100, communities: [no-export, "1:2"]}, {aggregation-length-v6: 120}]}
- {name: plain, protocol: bgp, addresses: [10.50.0.0/24]}
- {name: near, protocol: layer2, addresses: [10.60.0.0/24]}
`,
      "ns",
    );
    assert.deepEqual(objects, [
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: metadata("peer1-password"),
        type: "kubernetes.io/basic-auth",
        stringData: { username: "", password: "nobody knows" },
      },
      written(
        "BGPPeer",
        "peer1",
        {
          myASN: 64512,
          peerASN: 64600,
          peerAddress: "1.2.3.4",
          sourceAddress: "10.0.0.9",
          peerPort: 1179,
          holdTime: "180s",
          keepaliveTime: "10s",
          routerID: "10.20.30.40",
          nodeSelectors: [
            { matchLabels: { rack: "1" }, matchExpressions: [{ key: "spare", operator: "DoesNotExist" }] },
            {},
          ],
          passwordSecret: { name: "peer1-password" },
          bfdProfile: "fast-1",
          ebgpMultiHop: true,
        },
        "v1beta2",
      ),
      written(
        "BGPPeer",
        "peer2",
        { myASN: 64512, peerASN: 64512, peerAddress: "fd00::1", holdTime: "90s" },
        "v1beta2",
      ),
      written("IPAddressPool", "public", {
        addresses: ["10.20.0.0/16", "10.30.0.1 - 10.30.255.255"],
        autoAssign: false,
        avoidBuggyIPs: true,
      }),
      written("IPAddressPool", "plain", { addresses: ["10.50.0.0/24"] }),
      written("IPAddressPool", "near", { addresses: ["10.60.0.0/24"] }),
      written("BGPAdvertisement", "bgpadvertisement1", {
        ipAddressPools: ["public"],
        aggregationLength: 24,
        localPref: 100,
        communities: ["no-export", "1:2"],
      }),
      written("BGPAdvertisement", "bgpadvertisement2", {
        ipAddressPools: ["public"],
        aggregationLengthV6: 120,
      }),
      written("BGPAdvertisement", "bgpadvertisement3", { ipAddressPools: ["plain"] }),
      written("L2Advertisement", "l2advertisement1", { ipAddressPools: ["near"] }),
      written("BFDProfile", "fast-1", { receiveInterval: 10, echoMode: true }),
      written("Community", "communities", {
        communities: [
          { name: "no-export", value: "65535:65281" },
          { name: "zoo", value: "1:1" },
        ],
      }),
    ]);
    assert.deepEqual(differences, [
      'Pool "Public" is called "public" from now on: Services that ask for it in the annotation address-pool must ask for "public".',
      'BFD profile "Fast_1" is called "fast-1" from now on.',
      "New Services that ask for no pool are served from near, plain in this order, not from plain, near any more. To keep the order, give the pools a serviceAllocation.priority.",
      'The password of peer1 is in Secret "peer1-password" from now on: speakers must be allowed to read it.',
    ]);
  });

  it("has nothing to say of an empty configuration", () => {
    assert.deepEqual(convert("", "ns"), { objects: [], differences: [] });
  });

  const pool = (name: string, net: number, rest = "protocol: layer2") =>
    `- {name: "${name}", addresses: [10.${net}.0.0/24], ${rest}}\n`;
  for (const { name, text, message } of [
    {
      name: "pools that would have one name",
      text: `address-pools:\n${pool("Gold_1", 1)}${pool("gold-1", 2)}`,
      message:
        'address-pools[1].name: pool "gold-1" and pool "Gold_1" would both be called "gold-1": rename one of them first',
    },
    {
      name: "a pool that no object can be called like",
      text: `address-pools:\n${pool("1234", 1)}${pool("ab!", 2)}`,
      message:
        'address-pools[0].name: no object can be called "1234": rename it in the ConfigMap first; address-pools[1].name: no object can be called "ab!": rename it in the ConfigMap first',
    },
    {
      name: "profiles that would have one name",
      text: "bfd-profiles: [{name: _a}, {name: a}]",
      message:
        'bfd-profiles[1].name: BFD profile "a" and BFD profile "_a" would both be called "a": rename one of them first',
    },
    {
      name: "a port that objects do not know",
      text: "peers: [{my-asn: 1, peer-asn: 2, peer-address: 1.2.3.4, peer-port: 20000}]",
      message: "BGPPeer peer1: spec.peerPort: 20000 is not a whole number from 0 to 16384",
    },
    {
      name: "advertisements of one pool that disagree on what routers are to prefer",
      text: `address-pools:\n${pool("a", 1, "protocol: bgp, bgp-advertisements: [{localpref: 1}, {localpref: 2}]")}`,
      message:
        'BGPAdvertisement bgpadvertisement2: spec.localPref: 2 for pool "a", where BGPAdvertisement bgpadvertisement1: spec.localPref says 1 to the same routers',
    },
  ]) {
    it(`refuses ${name}`, () => {
      assert.throws(() => convert(text, "ns"), { name: "ConfigError", message });
    });
  }

  for (const [text, name] of [
    ["default", "default"],
    ["a", "a"],
    ["My_Pool", "my-pool"],
    ["0-pool", "pool"],
    ["east.gold", "east.gold"],
    [`a${"b".repeat(70)}`, `a${"b".repeat(62)}`],
  ] as const) {
    it(`calls ${text} ${name}`, () => assert.deepEqual(objectName(text), { name }));
  }

  it("writes YAML that can be applied, each object a document, and no text that kubectl takes for something else", () => {
    assert.equal(
      yamlText([{ a: ["yes", "0123", "1e3", "on", "1:20", "~", "plain"] }]),
      'a:\n  - "yes"\n  - "0123"\n  - "1e3"\n  - "on"\n  - "1:20"\n  - "~"\n  - plain\n',
    );
    const { objects } = convert(`address-pools:\n${pool("a", 1)}`, "ns");
    assert.equal(
      yamlText(objects),
      `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: a
  namespace: ns
spec:
  addresses:
    - 10.1.0.0/24
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata:
  name: l2advertisement1
  namespace: ns
spec:
  ipAddressPools:
    - a
`,
    );
  });
});

const NAMES = ["gold", "Silver_1", "9lead", "tin.can", "a", "zinc"];
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true });

const advertisement = record({
  "aggregation-length": optional(fc.integer({ min: 24, max: 32 })),
  "aggregation-length-v6": optional(fc.integer({ min: 120, max: 128 })),
  localpref: optional(fc.constantFrom(0)),
  communities: optional(
    fc.uniqueArray(fc.constantFrom("1:2", "here", "large:1:2:3", "0:070"), { maxLength: 3 }),
  ),
});
const pool = record({
  protocol: fc.constantFrom("layer2", "bgp"),
  "auto-assign": optional(fc.boolean()),
  "avoid-buggy-ips": optional(fc.boolean()),
  "bgp-advertisements": fc.uniqueArray(advertisement, {
    maxLength: 3,
    selector: (entry) =>
      JSON.stringify([
        entry["aggregation-length"] ?? 32,
        entry["aggregation-length-v6"] ?? 128,
        entry.communities ?? [],
      ]),
  }),
});
const selector = record({
  "match-labels": optional(
    fc.dictionary(fc.constantFrom("rack", "zone"), fc.constantFrom("1", "no"), { noNullPrototype: true }),
  ),
  "match-expressions": optional(
    fc.array(
      fc.constantFrom({ key: "a", operator: "Exists" }, { key: "b", operator: "In", values: ["x", "y"] }),
    ),
  ),
});
const peer = record({
  "my-asn": fc.integer({ min: 1, max: 0xffff_ffff }),
  "peer-asn": fc.constantFrom(1, 4_200_000_000),
  "source-address": optional(fc.constantFrom("", "10.0.0.9")),
  "peer-port": optional(fc.integer({ min: 0, max: 16_384 })),
  "hold-time": optional(fc.constantFrom("0s", "3.5s", "90s", "2m")),
  "keepalive-time": optional(fc.constantFrom("0s")),
  "router-id": optional(fc.constantFrom("1.2.3.4")),
  "node-selectors": optional(
    fc.uniqueArray(selector, { maxLength: 2, selector: (each) => JSON.stringify(each) }),
  ),
  password: optional(fc.constantFrom("", "secret", "true")),
  "bfd-profile": optional(fc.constantFrom("", ...NAMES.slice(0, 2))),
});
const profile = record({
  "receive-interval": optional(fc.integer({ min: 10, max: 60_000 })),
  "detect-multiplier": optional(fc.integer({ min: 2, max: 255 })),
  "passive-mode": optional(fc.boolean()),
  "minimum-ttl": optional(fc.integer({ min: 1, max: 254 })),
});
const document = record({
  pools: fc.array(pool, { maxLength: NAMES.length }),
  peers: fc.array(peer, { maxLength: 12 }),
  profile,
}).map(({ pools, peers, profile: settings }) => ({
  "address-pools": pools.map((each, index) => ({
    ...each,
    name: NAMES[index],
    addresses: [`10.${index}.0.0/24`, `fd00:${index}::-fd00:${index}::ff`],
    "bgp-advertisements": each.protocol === "bgp" ? each["bgp-advertisements"] : undefined,
  })),
  peers: peers.map((each, index) => ({ ...each, "peer-address": `192.0.2.${index}` })),
  "bfd-profiles": NAMES.slice(0, 2).map((name) => ({ name, ...settings })),
  "bgp-communities": { here: "64512:7" },
}));

/** Without what is meant to be different: order, repetition, and names of what has none in a ConfigMap. */
function essence({
  pools,
  l2Advertisements,
  bgpAdvertisements,
  peers,
  bfdProfiles,
  communities,
}: Config): object {
  const sorted = (values: readonly object[]) =>
    values.map((value) => inspect(value, { depth: null, sorted: true })).sort();
  const nameOf = (name: string) => objectName(name.replace("configmap/", ""));
  const unnamed = (values: Config["l2Advertisements"] | Config["bgpAdvertisements"]) =>
    sorted(values.map(({ name: _, pools: names, ...rest }) => ({ ...rest, pools: names.map(nameOf) })));
  return {
    pools: sorted(pools.map((each) => ({ ...each, name: nameOf(each.name) }))),
    layer2: unnamed(l2Advertisements),
    bgp: unnamed(bgpAdvertisements),
    peers: sorted(
      peers.map(({ name, bfdProfile, nodeSelectors, ...rest }) => ({
        ...rest,
        nodeSelectors: [...new Set(sorted(nodeSelectors))],
        name: nameOf(name),
        bfdProfile: bfdProfile === undefined ? undefined : nameOf(bfdProfile),
      })),
    ),
    profiles: sorted(bfdProfiles.map((each) => ({ ...each, name: nameOf(each.name) }))),
    communities,
  };
}

describe("convert: law", () => {
  it("keeps what the ConfigMap says, whatever it says", () => {
    fc.assert(
      fc.property(document, (given) => {
        const text = JSON.stringify(given);
        assert.deepEqual(essence(reread(convert(text, "ns").objects)), essence(loadConfig(text)));
      }),
    );
  });
});
