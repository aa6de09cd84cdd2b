import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "@herald/shared/config/load";
import {
  type ConfigObject,
  type ConfigObjects,
  NO_OBJECTS,
} from "@herald/shared/config/objects/config-objects";
import { describeMistake } from "@herald/shared/errors";
import type { Change, Plural } from "./change.ts";
import { type DanglingReferences, judge } from "./judge.ts";

const HOME = "metallb-system";

function object(name: string, spec: unknown = {}, labels: Record<string, string> = {}): ConfigObject {
  return { metadata: { name, labels }, spec };
}

const pool = (name: string, ...addresses: string[]) => object(name, { addresses });
const peer = (name: string, spec: object) =>
  object(name, { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1", ...spec });
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

const CASES: readonly Case[] = [
  {
    name: "a name that no pool has",
    before: { pools: [pool("gold", "192.0.2.0/24")] },
    change: ["CREATE", "l2advertisements", object("l2", { ipAddressPools: ["gold", "god"] })],
    refused: [
      'L2Advertisement l2: spec.ipAddressPools[1]: there is no IPAddressPool "god", did you mean "gold"?',
    ],
  },
  {
    name: "a pool and a peer that are not there, both at once",
    change: ["CREATE", "bgpadvertisements", object("adv", { ipAddressPools: ["a"], peers: ["tor"] })],
    refused: [
      'BGPAdvertisement adv: spec.ipAddressPools[0]: there is no IPAddressPool "a"',
      'BGPAdvertisement adv: spec.peers[0]: there is no BGPPeer "tor"',
    ],
  },
  {
    name: "a profile that is not there",
    change: ["CREATE", "bgppeers", peer("tor", { bfdProfile: "fast" })],
    refused: ['BGPPeer tor: spec.bfdProfile: there is no BFDProfile "fast" yet'],
  },
  {
    name: "a name of a community that is not there",
    change: ["CREATE", "bgpadvertisements", object("adv", { communities: ["x"] })],
    refused: ['BGPAdvertisement adv: spec.communities[0]: no Community object has "x" yet'],
  },
  {
    name: "a change that names what is not there, instead of what is",
    before: {
      pools: [pool("a", "192.0.2.0/24")],
      l2Advertisements: [object("l2", { ipAddressPools: ["a"] })],
    },
    change: ["UPDATE", "l2advertisements", object("l2", { ipAddressPools: ["b"] })],
    refused: ['L2Advertisement l2: spec.ipAddressPools[0]: there is no IPAddressPool "b", did you mean "a"?'],
  },
  {
    name: "the deletion of a pool that is named",
    before: {
      pools: [pool("a", "192.0.2.0/24")],
      l2Advertisements: [object("l2", { ipAddressPools: ["a"] })],
    },
    change: ["DELETE", "ipaddresspools", pool("a", "192.0.2.0/24")],
    refused: [
      "IPAddressPool a: cannot be deleted while it is named by L2Advertisement l2: spec.ipAddressPools[0]",
    ],
  },
  {
    name: "an object that drops an alias that is named",
    before: {
      communities: [aliases("a", "x", "y")],
      bgpAdvertisements: [object("adv", { communities: ["x"] })],
    },
    change: ["UPDATE", "communities", aliases("a", "y")],
    refused: [
      'BGPAdvertisement adv: spec.communities[0]: no Community object has "x" yet, did you mean "y"?',
    ],
  },
  {
    name: "what named nothing before, though now the name of another pool is near",
    before: { l2Advertisements: [object("l2", { ipAddressPools: ["god"] })] },
    change: ["CREATE", "ipaddresspools", pool("gold", "192.0.2.0/24")],
  },
  {
    name: "a label on an object that named nothing before",
    before: { l2Advertisements: [object("l2", { ipAddressPools: ["a"] })] },
    change: ["UPDATE", "l2advertisements", object("l2", { ipAddressPools: ["a"] }, { team: "x" })],
    warned: ['L2Advertisement l2: spec.ipAddressPools[0]: there is no IPAddressPool "a"'],
  },
  {
    name: "the deletion of what names nothing, and of what nobody names",
    before: {
      pools: [pool("a", "192.0.2.0/24")],
      l2Advertisements: [object("l2", { ipAddressPools: ["b"] })],
    },
    change: ["DELETE", "ipaddresspools", pool("a", "192.0.2.0/24")],
  },
  {
    name: "what the ConfigMap has, too",
    configMap: "address-pools: [{name: old, protocol: layer2, addresses: [192.0.2.0/24]}]",
    change: ["CREATE", "ipaddresspools", pool("old", "198.51.100.0/24")],
    warned: ['IPAddressPool old: the ConfigMap has a pool "old" in its address-pools, too'],
  },
];

function verdictOn({ before = {}, configMap, change }: Case, danglingReferences: DanglingReferences) {
  const [operation, plural, subject] = change;
  const world = {
    configMap: configMap === undefined ? undefined : loadConfig(configMap),
    objects: { ...NO_OBJECTS, ...before },
  };
  const asked = { operation, plural, namespace: HOME, object: subject };
  const { refused, warned } = judge(asked, world, HOME, danglingReferences);
  return { refused: refused.map(describeMistake), warned: warned.map(describeMistake) };
}

describe("judge, where references must not dangle", () => {
  for (const each of CASES) {
    const { name, refused = [], warned = [] } = each;
    const word = refused.length > 0 ? "refuses" : warned.length > 0 ? "warns of" : "lets through";
    it(`${word} ${name}`, () => {
      assert.deepEqual(verdictOn(each, "Refuse"), { refused, warned });
    });

    it(`elsewhere refuses nothing, and says as much: ${name}`, () => {
      const verdict = verdictOn(each, "Warn");
      assert.deepEqual(verdict.refused, []);
      assert.equal(verdict.warned.length, Math.max(refused.length, warned.length));
    });
  }
});
