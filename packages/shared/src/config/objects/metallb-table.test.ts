import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { configFromObjects } from "./config-from-objects.ts";
import type { ConfigObject, ConfigObjects } from "./config-objects.ts";
import { mistakesIn, object, objects } from "./samples.ts";

// What MetalLB's own tables of its parser try and the other tests do not.

const pool = (...addresses: string[]) => ({ pools: [object("p", { addresses })] });
const router = { myASN: 64512, peerASN: 64513, peerAddress: "10.0.0.1" };
const peer = (spec: object) => ({ peers: [object("r", { ...router, ...spec })] });
const bgp = (spec: object) => ({ bgpAdvertisements: [object("adv", spec)] });
const layer2 = (spec: object) => ({ l2Advertisements: [object("l2", spec)] });
const TWICE = [{ matchLabels: { a: "b" } }, { matchLabels: { a: "b" } }];
const PREFERENCE = "L2Advertisement l2: spec.preferredNodeSelectors[0].preference.matchExpressions[0]";

const refused: readonly {
  readonly name: string;
  readonly given: Partial<ConfigObjects>;
  readonly mistakes: readonly string[];
}[] = [
  {
    name: "the same range twice, in one pool and in two",
    given: {
      pools: ["a", "b"].map((name) => object(name, { addresses: ["1.0.0.0/24", "1.0.0.0-1.0.0.255"] })),
    },
    mistakes: [
      'IPAddressPool a: spec.addresses[1]: "1.0.0.0-1.0.0.255" overlaps "1.0.0.0/24" (IPAddressPool a: spec.addresses[0])',
      'IPAddressPool b: spec.addresses[0]: "1.0.0.0/24" overlaps "1.0.0.0/24" (IPAddressPool a: spec.addresses[0])',
      'IPAddressPool b: spec.addresses[1]: "1.0.0.0-1.0.0.255" overlaps "1.0.0.0/24" (IPAddressPool a: spec.addresses[0])',
    ],
  },
  {
    name: "a range whose ends are reversed, of IPv6",
    given: pool("fd00::9-fd00::1"),
    mistakes: [
      'IPAddressPool p: spec.addresses[0]: "fd00::9-fd00::1" is reversed: fd00::9 is after fd00::1, want the lower address first',
    ],
  },
  {
    name: "numbers of systems out of range",
    given: peer({ myASN: 4_294_967_296, peerASN: 4_294_967_296, localASN: 0 }),
    mistakes: [
      "BGPPeer r: spec.myASN: 4294967296 is not a whole number from 1 to 4294967295",
      "BGPPeer r: spec.peerASN: 4294967296 is not a whole number from 0 to 4294967295",
      "BGPPeer r: spec.localASN: 0 is not a whole number from 1 to 4294967295",
    ],
  },
  {
    name: "what is wrong beside disableMP (MetalLB defect 13)",
    given: peer({ disableMP: true, peerAddress: "router", holdTime: "1s" }),
    mistakes: [
      'BGPPeer r: spec.peerAddress: "router" is no IPv4 or IPv6 address',
      "BGPPeer r: spec.holdTime: a hold time of 1s is too short, want 0 or at least 3s",
    ],
  },
  {
    name: "an echo interval and a multiplier above their bounds",
    given: { bfdProfiles: [object("f", { echoInterval: 60_001, detectMultiplier: 256 })] },
    mistakes: [
      "BFDProfile f: spec.detectMultiplier: 256 is not a whole number from 2 to 255",
      "BFDProfile f: spec.echoInterval: 60001 is not a whole number from 10 to 60000",
    ],
  },
  {
    name: "a community of a system above 65535",
    given: { communities: [object("c", { communities: [{ name: "a", value: "70000:1" }] })] },
    mistakes: [
      'Community c: spec.communities[0].value: community "70000:1" has 70000, want numbers of 0 to 65535',
    ],
  },
  {
    name: "selectors of pools and of Services that stand twice",
    given: bgp({ ipAddressPoolSelectors: TWICE, serviceSelectors: TWICE }),
    mistakes: [
      "BGPAdvertisement adv: spec.ipAddressPoolSelectors[1]: the selector stands twice",
      "BGPAdvertisement adv: spec.serviceSelectors[1]: the selector stands twice",
    ],
  },
  {
    name: "an IPv6 length above 128",
    given: bgp({ aggregationLengthV6: 129 }),
    mistakes: ["BGPAdvertisement adv: spec.aggregationLengthV6: 129 is not a whole number from 0 to 128"],
  },
  {
    name: "an operator that is none, in a preference",
    given: layer2({
      preferredNodeSelectors: [
        { weight: 1, preference: { matchExpressions: [{ key: "a", operator: "Gt", values: ["1"] }] } },
      ],
    }),
    mistakes: [`${PREFERENCE}.operator: "Gt" is not "In" or "NotIn" or "Exists" or "DoesNotExist"`],
  },
];

describe("the rest of MetalLB's table of objects", () => {
  for (const { name, given, mistakes } of refused) {
    it(`refuses ${name}`, () => assert.deepEqual(mistakesIn(given), mistakes));
  }

  for (const { name, given } of [
    {
      name: "both default lengths beside selectors of Services",
      given: bgp({ serviceSelectors: [{}], aggregationLength: 32, aggregationLengthV6: 128 }),
    },
    { name: "a number of its own for one router", given: peer({ localASN: 64_999, disableMP: true }) },
    { name: "one selector that matches everything", given: peer({ nodeSelectors: [{}] }) },
    {
      name: "several routers at one address, whatever their ports, numbers and identifiers",
      given: {
        peers: [
          object("a", { ...router, routerID: "1.1.1.1" }),
          object("b", { ...router, peerPort: 1179, myASN: 64_999 }),
          object("c", { ...router, vrf: "red" }),
        ],
      },
    },
    {
      name: "an advertisement that says the same as another",
      given: { ...layer2({}), bgpAdvertisements: ["a", "b"].map((name) => object(name, { localPref: 7 })) },
    },
  ]) {
    it(`takes ${name}`, () => assert.deepEqual(mistakesIn(given), []));
  }

  it("attaches an advertisement once to a pool that it names and selects as well", () => {
    const pools = [object("a", { addresses: ["1.0.0.0/24"] }, { name: "a" })];
    const spec = { ipAddressPools: ["a"], ipAddressPoolSelectors: [{ matchLabels: { name: "a" } }, {}] };
    const given = { pools, ...bgp(spec), ...layer2(spec) };
    const { l2Advertisements, bgpAdvertisements } = configFromObjects(objects(given));
    assert.deepEqual(
      [...l2Advertisements, ...bgpAdvertisements].map(({ pools }) => pools),
      [["a"], ["a"]],
    );
  });

  it("says the same in whatever order the objects come", () => {
    const named = (names: readonly string[], spec: (index: number) => object) =>
      names.map((name, index) => object(name, spec(index)));
    const all: Partial<ConfigObjects> = {
      pools: named(["c", "a", "b"], (index) => ({ addresses: [`1.0.${index}.0/24`] })),
      l2Advertisements: named(["z", "y", "x"], (index) => ({ interfaces: [`eth${index}`] })),
      bgpAdvertisements: named(["z", "y", "x"], () => ({ localPref: 100, communities: ["n1", "n0"] })),
      peers: named(["t", "s", "r"], (index) => ({ ...router, peerAddress: `10.0.0.${index}` })),
      bfdProfiles: named(["g", "f"], () => ({})),
      communities: named(["d", "c"], (index) => ({
        communities: [{ name: `n${index}`, value: `1:${index}` }],
      })),
    };
    const want = configFromObjects(objects(all));
    const shuffled = fc.record(
      Object.fromEntries(
        Object.entries(all).map(([kind, list]) => [
          kind,
          fc.shuffledSubarray([...(list as readonly ConfigObject[])], { minLength: list?.length ?? 0 }),
        ]),
      ),
      { noNullPrototype: true },
    );
    fc.assert(fc.property(shuffled, (given) => assert.deepEqual(configFromObjects(objects(given)), want)));
    assert.deepEqual(
      want.pools.map(({ name }) => name),
      ["a", "b", "c"],
    );
  });
});
