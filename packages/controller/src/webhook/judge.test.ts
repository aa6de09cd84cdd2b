import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigSources } from "@herald/shared/config/config-sources";
import { loadConfig } from "@herald/shared/config/load";
import {
  type ConfigObject,
  type ConfigObjects,
  NO_OBJECTS,
} from "@herald/shared/config/objects/config-objects";
import { describeMistake } from "@herald/shared/errors";
import { type Change, type Plural, type World, withChange } from "./change.ts";
import { judge } from "./judge.ts";
import { mistakesIn } from "./mistakes.ts";

const HOME = "metallb-system";

function object(name: string, spec: unknown = {}, labels: Record<string, string> = {}): ConfigObject {
  return { metadata: { name, labels }, spec };
}

const pool = (name: string, ...addresses: string[]) => object(name, { addresses });
function annotated({ metadata, spec }: ConfigObject, annotations: Record<string, string>): ConfigObject {
  return { metadata: { ...metadata, annotations }, spec };
}
const ROUTER = { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1" };
const peer = (name: string, spec: object = {}) => object(name, { ...ROUTER, ...spec });
const aliases = (name: string, ...names: string[]) =>
  object(name, { communities: names.map((alias, index) => ({ name: alias, value: `1:${index}` })) });

interface Case {
  readonly name: string;
  readonly before?: Partial<ConfigObjects>;
  readonly configMap?: string;
  readonly change: readonly [Change["operation"], Plural, ConfigObject];
  readonly refused?: readonly string[];
  readonly warned?: readonly string[];
}

function worldOf({ before = {}, configMap }: Pick<Case, "before" | "configMap">): World {
  return {
    configMap: configMap === undefined ? undefined : loadConfig(configMap),
    objects: { ...NO_OBJECTS, ...before },
  };
}

const CASES: readonly Case[] = [
  { name: "a good pool", change: ["CREATE", "ipaddresspools", pool("a", "192.0.2.0/24")] },
  {
    name: "a pool that overlaps another",
    before: { pools: [pool("a", "192.0.2.0/24")] },
    change: ["CREATE", "ipaddresspools", pool("b", "192.0.2.7/32")],
    refused: [
      'IPAddressPool b: spec.addresses[0]: "192.0.2.7/32" overlaps "192.0.2.0/24" (IPAddressPool a: spec.addresses[0])',
    ],
  },
  {
    name: "a pool that overlaps one of the ConfigMap's",
    configMap: "address-pools: [{name: old, protocol: layer2, addresses: [192.0.2.0/24]}]",
    change: ["CREATE", "ipaddresspools", pool("b", "192.0.2.7/32")],
    warned: [
      `IPAddressPool b: spec.addresses[0]: "192.0.2.7/32" overlaps "192.0.2.0/24" of pool "old" in the ConfigMap's address-pools`,
    ],
  },
  {
    name: "a pool that the ConfigMap has, too",
    configMap: "address-pools: [{name: old, protocol: layer2, addresses: [192.0.2.0/24]}]",
    change: ["CREATE", "ipaddresspools", pool("old", "198.51.100.0/24")],
    warned: ['IPAddressPool old: the ConfigMap has a pool "old" in its address-pools, too'],
  },
  {
    name: "a router that the ConfigMap has, too",
    configMap: "peers: [{my-asn: 64512, peer-asn: 64513, peer-address: 10.0.0.1}]",
    change: ["CREATE", "bgppeers", peer("tor")],
    warned: ["BGPPeer tor: the ConfigMap has the same router among its peers, as configmap/peer1"],
  },
  {
    name: "what a schema cannot see: a range from IPv4 to IPv6 (MetalLB's defect 6)",
    change: ["CREATE", "ipaddresspools", pool("a", "192.0.2.1-fd00::1")],
    refused: [
      'IPAddressPool a: spec.addresses[0]: "192.0.2.1-fd00::1" runs from IPv4 to IPv6, want both ends of one family',
    ],
  },
  {
    name: "a pool that shrinks below an aggregation length (MetalLB's defect 13)",
    before: {
      pools: [pool("a", "192.0.2.0/24")],
      bgpAdvertisements: [object("adv", { aggregationLength: 26 })],
    },
    change: ["UPDATE", "ipaddresspools", pool("a", "192.0.2.0/28")],
    refused: [
      'BGPAdvertisement adv: spec.aggregationLength: 26 is wider than "192.0.2.0/28" of pool "a", want at least 28',
    ],
  },
  {
    name: "an advertisement that is wider than a pool",
    before: { pools: [pool("a", "192.0.2.0/28")] },
    change: ["CREATE", "bgpadvertisements", object("adv", { aggregationLength: 26 })],
    refused: [
      'BGPAdvertisement adv: spec.aggregationLength: 26 is wider than "192.0.2.0/28" of pool "a", want at least 28',
    ],
  },
  {
    name: "two words on the preference of one prefix",
    before: {
      pools: [pool("a", "192.0.2.0/24")],
      bgpAdvertisements: [object("one", { localPref: 100 })],
      nodes: [{ name: "n", labels: {} }],
    },
    change: ["CREATE", "bgpadvertisements", object("two", { localPref: 200 })],
    refused: [
      'BGPAdvertisement two: spec.localPref: 200 for pool "a", where BGPAdvertisement one: spec.localPref says 100 to the same routers',
    ],
  },
  {
    name: "a misspelt annotation of ours",
    change: [
      "CREATE",
      "ipaddresspools",
      annotated(pool("a", "192.0.2.0/24"), { "herald.io/exlude": "network" }),
    ],
    warned: [
      'IPAddressPool a: metadata.annotations["herald.io/exlude"]: not known, does nothing, did you mean "herald.io/exclude"?',
    ],
  },
  {
    name: "an annotation that is for another kind, beside those of others",
    change: [
      "UPDATE",
      "bgppeers",
      annotated(peer("tor"), { "herald.io/med": "7", "example.com/role": "spine" }),
    ],
    warned: [
      'BGPPeer tor: metadata.annotations["herald.io/med"]: does nothing on a BGPPeer, it is for a BGPAdvertisement',
    ],
  },
  {
    name: "a reservation of an address that is not in the pool",
    before: { pools: [annotated(pool("b", "198.51.100.0/24"), { "herald.io/reserve": "10.0.0.1=shop/b" })] },
    change: [
      "CREATE",
      "ipaddresspools",
      annotated(pool("a", "192.0.2.0/28"), { "herald.io/reserve": "192.0.2.3=shop/a,192.0.20.3=shop/web" }),
    ],
    warned: [
      'IPAddressPool a: metadata.annotations["herald.io/reserve"]: 192.0.20.3 is not in the pool, nobody is given it',
    ],
  },
  {
    name: "nothing of annotations where the object goes",
    before: { pools: [annotated(pool("a", "192.0.2.0/24"), { "herald.io/exlude": "network" })] },
    change: [
      "DELETE",
      "ipaddresspools",
      annotated(pool("a", "192.0.2.0/24"), { "herald.io/exlude": "network" }),
    ],
  },
  {
    name: "a second peer for one router on a node, from one address",
    before: {
      peers: [peer("one")],
      nodes: [{ name: "n", labels: { rack: "a" } }],
    },
    change: ["CREATE", "bgppeers", peer("two", { nodeSelectors: [{ matchLabels: { rack: "a" } }] })],
    refused: [
      'BGPPeer two: spec.peerAddress: 10.0.0.1 port 179 is the router of BGPPeer "one" already, on the same nodes: it takes one session from each address, want another sourceAddress or other nodeSelectors',
    ],
  },
  {
    name: "a second peer for one router, on other nodes",
    before: {
      peers: [peer("one", { nodeSelectors: [{ matchLabels: { rack: "a" } }] })],
      nodes: [
        { name: "n", labels: { rack: "a" } },
        { name: "m", labels: { rack: "b" } },
      ],
    },
    change: ["CREATE", "bgppeers", peer("two", { nodeSelectors: [{ matchLabels: { rack: "b" } }] })],
  },
  {
    name: "a community that is none",
    change: ["CREATE", "bgpadvertisements", object("adv", { communities: ["1:70000"] })],
    refused: [
      'BGPAdvertisement adv: spec.communities[0]: community "1:70000" has 70000, want numbers of 0 to 65535',
    ],
  },
  {
    name: "a name for a community that has another meaning",
    before: { communities: [aliases("a", "x")] },
    change: ["CREATE", "communities", aliases("b", "x")],
    refused: [
      'Community b: spec.communities[0].name: "x" has a meaning already (Community a: spec.communities[0].name)',
    ],
  },
  {
    name: "a profile with echo for a peer that is told of IPv6",
    before: {
      pools: [pool("six", "fd00::/64")],
      bgpAdvertisements: [object("adv")],
      peers: [peer("tor", { bfdProfile: "fast" })],
    },
    change: ["CREATE", "bfdprofiles", object("fast", { echoMode: true })],
    refused: [
      'BFDProfile fast: spec.echoMode: BGPPeer "tor" is told of pool "six", which has IPv6 addresses: want false',
    ],
  },
  {
    name: "a peer whose profile is not there yet",
    change: ["CREATE", "bgppeers", peer("tor", { bfdProfile: "fast" })],
    warned: ['BGPPeer tor: spec.bfdProfile: there is no BFDProfile "fast" yet'],
  },
  {
    name: "an advertisement of what is not there yet",
    before: { pools: [pool("gold", "192.0.2.0/24")], peers: [peer("tor")] },
    change: [
      "CREATE",
      "bgpadvertisements",
      object("adv", { ipAddressPools: ["gold", "golt"], peers: ["tor", "x"], communities: ["vip"] }),
    ],
    warned: [
      'BGPAdvertisement adv: spec.communities[0]: no Community object has "vip" yet',
      'BGPAdvertisement adv: spec.ipAddressPools[1]: there is no IPAddressPool "golt", did you mean "gold"?',
      'BGPAdvertisement adv: spec.peers[1]: there is no BGPPeer "x"',
    ],
  },
  {
    name: "disableMP, and looks at all else all the same (MetalLB's defect 13)",
    change: ["CREATE", "bgppeers", peer("tor", { disableMP: true })],
    warned: ["BGPPeer tor: spec.disableMP: does nothing any more, use dualStackAddressFamily"],
  },
  {
    name: "a bad peer with disableMP (MetalLB's defect 13)",
    change: ["CREATE", "bgppeers", peer("tor", { disableMP: true, holdTime: "1s" })],
    refused: ["BGPPeer tor: spec.holdTime: a hold time of 1s is too short, want 0 or at least 3s"],
  },
  {
    name: "the deletion of a profile that a peer names",
    before: { bfdProfiles: [object("fast")], peers: [peer("tor", { bfdProfile: "fast" })] },
    change: ["DELETE", "bfdprofiles", object("fast")],
    refused: ["BFDProfile fast: cannot be deleted while it is named by BGPPeer tor: spec.bfdProfile"],
  },
  {
    name: "the deletion of a profile that nobody names",
    before: { bfdProfiles: [object("fast"), object("slow")], peers: [peer("tor", { bfdProfile: "slow" })] },
    change: ["DELETE", "bfdprofiles", object("fast")],
  },
  {
    name: "the deletion of a pool that an advertisement names",
    before: {
      pools: [pool("a", "192.0.2.0/24")],
      l2Advertisements: [
        object("l2", { ipAddressPools: ["a"] }),
        object("old", { ipAddressPools: ["gone"] }),
      ],
    },
    change: ["DELETE", "ipaddresspools", pool("a", "192.0.2.0/24")],
    warned: ['L2Advertisement l2: spec.ipAddressPools[0]: there is no IPAddressPool "a"'],
  },
  {
    name: "the deletion of a Community whose name is used",
    before: { communities: [aliases("c", "x")], bgpAdvertisements: [object("adv", { communities: ["x"] })] },
    change: ["DELETE", "communities", aliases("c", "x")],
    warned: ['BGPAdvertisement adv: spec.communities[0]: no Community object has "x" yet'],
  },
  {
    name: "the deletion of one of three that overlap, though it brings to light how the others do",
    before: { pools: [pool("a", "192.0.2.0/24"), pool("b", "192.0.2.0/25"), pool("c", "192.0.2.0/26")] },
    change: ["DELETE", "ipaddresspools", pool("a", "192.0.2.0/24")],
  },
  {
    name: "a change that takes one of three out of the overlap, though the others overlap still",
    before: { pools: [pool("a", "192.0.2.0/24"), pool("b", "192.0.2.0/25"), pool("c", "192.0.2.0/26")] },
    change: ["UPDATE", "ipaddresspools", pool("a", "198.51.100.0/24")],
  },
  {
    name: "a good object beside bad ones",
    before: { pools: [pool("a", "nonsense")], peers: [object("tor")] },
    change: ["CREATE", "ipaddresspools", pool("b", "192.0.2.0/24")],
  },
  {
    name: "a label on an object that is bad already, and says what is wrong",
    before: { pools: [pool("a", "nonsense")] },
    change: ["UPDATE", "ipaddresspools", object("a", { addresses: ["nonsense"] }, { team: "x" })],
    warned: [
      'IPAddressPool a: spec.addresses[0]: not a range of addresses: "nonsense", want "192.0.2.0/24" or "192.0.2.10-192.0.2.40"',
    ],
  },
];

function lines(mistakes: Parameters<typeof describeMistake>[0][]): readonly string[] {
  return mistakes.map(describeMistake);
}

describe("judge", () => {
  for (const { name, before = {}, configMap, change, refused = [], warned = [] } of CASES) {
    const word = refused.length > 0 ? "refuses" : warned.length > 0 ? "warns of" : "lets through";
    it(`${word} ${name}`, () => {
      const world = worldOf({ before, ...(configMap === undefined ? {} : { configMap }) });
      const [operation, plural, subject] = change;
      const verdict = judge({ operation, plural, namespace: HOME, object: subject }, world, HOME);
      assert.deepEqual(
        { refused: lines([...verdict.refused]), warned: lines([...verdict.warned]) },
        { refused, warned },
      );
    });
  }

  it("refuses to create what nobody reads, and lets go what is there", () => {
    const stranger = {
      plural: "ipaddresspools",
      namespace: "default",
      object: pool("a", "nonsense"),
    } as const;
    const world = worldOf({});
    assert.deepEqual(judge({ ...stranger, operation: "CREATE" }, world, HOME), {
      refused: [
        {
          path: "IPAddressPool a: metadata.namespace",
          line: 0,
          message: '"default" is read by nobody, want "metallb-system"',
        },
      ],
      warned: [],
    });
    for (const operation of ["UPDATE", "DELETE"] as const) {
      assert.deepEqual(judge({ ...stranger, operation }, world, HOME), { refused: [], warned: [] });
    }
  });
});

describe("the webhook and the programs", () => {
  for (const { name, before, configMap, change } of CASES) {
    it(`find the same wrong after ${name}`, () => {
      const world = worldOf({ ...(before && { before }), ...(configMap === undefined ? {} : { configMap }) });
      const [operation, plural, subject] = change;
      const { objects } = withChange(world, { operation, plural, namespace: HOME, object: subject });
      const { refused } = new ConfigSources().offer({
        // Why: without any, and without pools, the programs wait before they look at the rest.
        configMap: { config: configMap ?? "" },
        objects,
      });
      const found = [...refused.values()].flat().map(describeMistake).sort();
      const ours = mistakesIn({ configMap: loadConfig(configMap ?? ""), objects })
        .map(describeMistake)
        .sort();
      assert.deepEqual(ours, found);
    });
  }
});
