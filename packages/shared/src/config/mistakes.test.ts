import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError, describeMistake } from "../errors.ts";
import { loadConfig } from "./load.ts";

/** The mistakes in a text, each as a line for people. */
function mistakesIn(text: string): readonly string[] {
  try {
    loadConfig(text);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.mistakes.map(describeMistake);
  }
}

const pool = (rest: string) =>
  `address-pools:\n- {name: p, protocol: bgp, addresses: [1.0.0.0/24], ${rest}}\n`;
const advertisement = (rest: string) => pool(`bgp-advertisements: [{${rest}}]`);
const peer = (rest: string) => `peers:\n- {my-asn: 1, peer-asn: 2, peer-address: 1.2.3.4, ${rest}}\n`;
const selector = (rest: string) => peer(`node-selectors: [{${rest}}]`);
const ADVERTISEMENT = "line 2: address-pools[0].bgp-advertisements[0]";
const SELECTOR = "line 2: peers[0].node-selectors[0]";

const refused: readonly { name: string; text: string; mistakes: readonly string[] }[] = [
  {
    name: "a list",
    text: "- a",
    mistakes: ["line 1: the document is a list, want a map of keys and values"],
  },
  {
    name: "a word",
    text: "hello",
    mistakes: ['line 1: the document is "hello", want a map of keys and values'],
  },
  {
    name: "an unknown section",
    text: "addres-pools: []",
    mistakes: ['line 1: addres-pools: unknown key, did you mean "address-pools"?'],
  },
  {
    name: "a section of the wrong kind",
    text: "peers: {}",
    mistakes: ["line 1: peers: a map is not a list"],
  },
  {
    name: "a pool without anything",
    text: "address-pools:\n- {}",
    mistakes: [
      "line 2: address-pools[0].name: missing, want a text that is not empty",
      'line 2: address-pools[0].protocol: missing, want "layer2" or "bgp"',
      "line 2: address-pools[0].addresses: missing, want a list with at least one entry",
    ],
  },
  {
    name: "a pool without addresses",
    text: "address-pools:\n- {name: p, protocol: bgp, addresses: []}",
    mistakes: ["line 2: address-pools[0].addresses: an empty list is not a list with at least one entry"],
  },
  {
    name: "an unknown protocol",
    text: "address-pools:\n- name: p\n  protocol: layer3\n  addresses: [1.0.0.0/24]",
    mistakes: [
      'line 3: address-pools[0].protocol: "layer3" is not "layer2" or "bgp", did you mean "layer2"?',
    ],
  },
  {
    name: "a bare address",
    text: "address-pools:\n- name: p\n  protocol: bgp\n  addresses:\n  - 1.2.3.4",
    mistakes: ['line 5: address-pools[0].addresses[0]: "1.2.3.4" is a single address, write "1.2.3.4/32"'],
  },
  {
    name: "a range from IPv4 to IPv6 (MetalLB defect 6)",
    text: "address-pools:\n- name: p\n  protocol: bgp\n  addresses:\n  - 1.2.3.4-fc00::1",
    mistakes: [
      'line 5: address-pools[0].addresses[0]: "1.2.3.4-fc00::1" runs from IPv4 to IPv6, want both ends of one family',
    ],
  },
  {
    name: "two pools of one name",
    text: "address-pools:\n- {name: p, protocol: bgp, addresses: [1.0.0.0/24]}\n- {name: p, protocol: bgp, addresses: [2.0.0.0/24]}",
    mistakes: ['line 3: address-pools[1].name: another pool is called "p" (line 2)'],
  },
  {
    name: "overlapping addresses, in one pool and in two",
    text: `address-pools:
- name: b
  protocol: layer2
  addresses:
  - 10.0.0.64-10.0.0.70
  - fd00::/64
- name: a
  protocol: layer2
  addresses:
  - 10.0.0.0/24
  - 10.0.0.7/32
  - fd00:0:0:1::/64
`,
    mistakes: [
      'line 10: address-pools[1].addresses[0]: "10.0.0.0/24" of pool "a" overlaps "10.0.0.64-10.0.0.70" of pool "b" (line 5)',
      'line 11: address-pools[1].addresses[1]: "10.0.0.7/32" of pool "a" overlaps "10.0.0.0/24" of pool "a" (line 10)',
    ],
  },
  {
    name: "advertisements of a layer2 pool",
    text: "address-pools:\n- name: p\n  protocol: layer2\n  addresses: [1.0.0.0/24]\n  bgp-advertisements:\n  - {}",
    mistakes: [
      "line 5: address-pools[0].bgp-advertisements: a pool of protocol layer2 has no BGP advertisements, want protocol bgp or none of them",
    ],
  },
  {
    name: "an aggregation length that is none",
    text: advertisement("aggregation-length: 34"),
    mistakes: [`${ADVERTISEMENT}.aggregation-length: 34 is not a whole number from 0 to 32`],
  },
  {
    name: "an aggregation length wider than the pool",
    text: advertisement("aggregation-length: 23"),
    mistakes: [`${ADVERTISEMENT}.aggregation-length: 23 is wider than "1.0.0.0/24", want at least 24`],
  },
  {
    name: "an aggregation length wider than the largest block of a range",
    text: "address-pools:\n- name: p\n  protocol: bgp\n  addresses: [3.3.3.2-3.3.3.254]\n  bgp-advertisements:\n  - aggregation-length: 26\n  - aggregation-length: 24",
    mistakes: [
      'line 7: address-pools[0].bgp-advertisements[1].aggregation-length: 24 is wider than "3.3.3.2-3.3.3.254", want at least 26',
    ],
  },
  {
    name: "an aggregation length wider than one of several ranges",
    text: "address-pools:\n- name: p\n  protocol: bgp\n  addresses: [1.0.0.0/24, 2.0.0.0/28, fd00::/120]\n  bgp-advertisements:\n  - {aggregation-length: 26, aggregation-length-v6: 64}",
    mistakes: [
      'line 6: address-pools[0].bgp-advertisements[0].aggregation-length: 26 is wider than "2.0.0.0/28", want at least 28',
      'line 6: address-pools[0].bgp-advertisements[0].aggregation-length-v6: 64 is wider than "fd00::/120", want at least 120',
    ],
  },
  {
    name: "wrong communities",
    text: `${advertisement("communities: [nope, 1:2:3, 99999999:1, 1:70000, '1:2', '1:2', nomad]")}bgp-communities: {nomadic: "1:1"}`,
    mistakes: [
      `${ADVERTISEMENT}.communities[0]: unknown community "nope", want an alias of bgp-communities or numbers as in "64512:100"`,
      `${ADVERTISEMENT}.communities[1]: "1:2:3" is no community, want numbers as in "64512:100" or "large:64512:100:7"`,
      `${ADVERTISEMENT}.communities[2]: community "99999999:1" has 99999999, want numbers of 0 to 65535`,
      `${ADVERTISEMENT}.communities[3]: community "1:70000" has 70000, want numbers of 0 to 65535`,
      `${ADVERTISEMENT}.communities[5]: "1:2" stands twice`,
      `${ADVERTISEMENT}.communities[6]: unknown community "nomad", did you mean "nomadic"?`,
    ],
  },
  {
    name: "wrong aliases",
    text: "bgp-communities:\n  a: b\n  c: 70000:1",
    mistakes: [
      'line 2: bgp-communities.a: "b" is no community, want numbers as in "64512:100" or "large:64512:100:7"',
      'line 3: bgp-communities.c: community "70000:1" has 70000, want numbers of 0 to 65535',
    ],
  },
  {
    name: "an advertisement that stands twice",
    text: pool("bgp-advertisements: [{localpref: 1}, {}, {localpref: 1}]"),
    mistakes: [
      "line 2: address-pools[0].bgp-advertisements[2]: this advertisement stands twice, first in line 2",
    ],
  },
  {
    name: "a peer without anything",
    text: "peers:\n- {}",
    mistakes: [
      "line 2: peers[0].my-asn: missing, want a whole number from 1 to 4294967295",
      "line 2: peers[0].peer-asn: missing, want a whole number from 1 to 4294967295",
      "line 2: peers[0].peer-address: missing, want a text that is not empty",
    ],
  },
  {
    name: "numbers out of range",
    text: "peers:\n- {my-asn: 0, peer-asn: 4294967296, peer-address: 1.2.3.4, peer-port: 65536}",
    mistakes: [
      "line 2: peers[0].my-asn: 0 is not a whole number from 1 to 4294967295",
      "line 2: peers[0].peer-asn: 4294967296 is not a whole number from 1 to 4294967295",
      "line 2: peers[0].peer-port: 65536 is not a whole number from 0 to 65535",
    ],
  },
  {
    name: "addresses of a peer that are none",
    text: "peers:\n- {my-asn: 1, peer-asn: 2, peer-address: router, source-address: 1.2.3, router-id: x}",
    mistakes: [
      'line 2: peers[0].peer-address: "router" is no IPv4 or IPv6 address',
      'line 2: peers[0].source-address: "1.2.3" is no IPv4 or IPv6 address',
      'line 2: peers[0].router-id: "x" is no IPv4 or IPv6 address',
    ],
  },
  {
    name: "a hold time without unit",
    text: peer("hold-time: 120"),
    mistakes: ['line 2: peers[0].hold-time: "120" has no unit, want "120s" for seconds'],
  },
  {
    name: "a hold time too short to work",
    text: peer("hold-time: 2.9s"),
    mistakes: ["line 2: peers[0].hold-time: a hold time of 2s is too short, want 0 or at least 3s"],
  },
  {
    name: "timers out of range",
    text: peer("hold-time: 19h, keepalive-time: -5s"),
    mistakes: [
      'line 2: peers[0].hold-time: "19h" is out of range, want "0s" to "65535s"',
      'line 2: peers[0].keepalive-time: "-5s" is out of range, want "0s" to "65535s"',
    ],
  },
  {
    name: "a keepalive time longer than the hold time",
    text: peer("hold-time: 30s, keepalive-time: 31s"),
    mistakes: [
      "line 2: peers[0].keepalive-time: a keepalive time of 31s is longer than the hold time of 30s",
    ],
  },
  {
    name: "several hops within one autonomous system",
    text: "peers:\n- {my-asn: 5, peer-asn: 5, peer-address: 1.2.3.4, ebgp-multihop: true}",
    mistakes: [
      "line 2: peers[0].ebgp-multihop: my-asn and peer-asn are both 5: routers of one system need no ebgp-multihop",
    ],
  },
  {
    name: "a peer that stands twice",
    text: `${peer("hold-time: 90s")}- {my-asn: 1, peer-asn: 2, peer-address: 1.2.3.4}`,
    mistakes: ["line 3: peers[1]: this peer stands twice, first in line 2"],
  },
  {
    name: "a BFD profile that does not exist",
    text: `${peer("bfd-profile: fats")}bfd-profiles: [{name: fast}]`,
    mistakes: ['line 2: peers[0].bfd-profile: unknown BFD profile "fats", did you mean "fast"?'],
  },
  {
    name: "wrong BFD profiles",
    text: "bfd-profiles:\n- {name: a, receive-interval: 9, echo-interval: 60001, detect-multiplier: 1, minimum-ttl: 255}\n- {name: b}\n- {name: b}",
    mistakes: [
      "line 2: bfd-profiles[0].receive-interval: 9 is not a whole number from 10 to 60000",
      "line 2: bfd-profiles[0].detect-multiplier: 1 is not a whole number from 2 to 255",
      "line 2: bfd-profiles[0].echo-interval: 60001 is not a whole number from 10 to 60000",
      "line 2: bfd-profiles[0].minimum-ttl: 255 is not a whole number from 1 to 254",
      'line 4: bfd-profiles[2].name: another BFD profile is called "b" (line 3)',
    ],
  },
  {
    name: "a selector of the wrong shape",
    text: selector("match-labels: {a: [b]}"),
    mistakes: [`${SELECTOR}.match-labels.a: a list is not a text that is not empty`],
  },
  {
    name: "labels that cannot be",
    text: selector("match-labels: {'a b': c, d: 'e f'}"),
    mistakes: [
      `${SELECTOR}.match-labels."a b": "a b" is no label key`,
      `${SELECTOR}.match-labels.d: "e f" is no label value`,
    ],
  },
  {
    name: "an expression without key",
    text: selector("match-expressions: [{operator: In, values: [a]}]"),
    mistakes: [`${SELECTOR}.match-expressions[0].key: missing, want a text that is not empty`],
  },
  {
    name: "an expression without operator",
    text: selector("match-expressions: [{key: a, values: [a]}]"),
    mistakes: [
      `${SELECTOR}.match-expressions[0].operator: missing, want "In" or "NotIn" or "Exists" or "DoesNotExist"`,
    ],
  },
  {
    name: "an expression with an unknown operator",
    text: selector("match-expressions: [{key: a, operator: Exist}]"),
    mistakes: [
      `${SELECTOR}.match-expressions[0].operator: "Exist" is not "In" or "NotIn" or "Exists" or "DoesNotExist", did you mean "Exists"?`,
    ],
  },
  {
    name: "expressions with values where none belong, and without where some do",
    text: selector("match-expressions: [{key: a, operator: In}, {key: a, operator: Exists, values: [b]}]"),
    mistakes: [
      `${SELECTOR}.match-expressions[0].values: In needs at least one value`,
      `${SELECTOR}.match-expressions[1].values: Exists takes no values`,
    ],
  },
  {
    name: "a key that stands twice",
    text: "peers: []\naddress-pools: []\npeers: []",
    mistakes: ["line 3: peers: the key stands twice, first in line 1"],
  },
  {
    name: "a second document",
    text: "peers: []\n---\npeers: []",
    mistakes: ["line 2: a second document begins here, want only one"],
  },
  { name: "a key that is a list", text: "? [a]\n: b", mistakes: ["line 1: a key is no text"] },
  { name: "broken YAML", text: "address-pools: [\n", mistakes: ["line 2: the indentation is wrong"] },
  { name: "a tab", text: "peers:\n\t- a", mistakes: ["line 2: a tab indents this line, want spaces"] },
  {
    name: "an alias of nothing",
    text: "peers: *a",
    mistakes: ['line 1: peers: nothing before has the anchor "a"'],
  },
  {
    name: "an anchor that contains itself",
    text: "peers: &a [*a]",
    mistakes: ['line 1: peers[0]: the anchor "a" contains itself'],
  },
];

describe("mistakes in a configuration", () => {
  for (const { name, text, mistakes } of refused) {
    it(`are told: ${name}`, () => assert.deepEqual(mistakesIn(text), mistakes));
  }

  it("are told all at once, with the line of each", () => {
    assert.deepEqual(
      mistakesIn(`address-pools:
- name: first
  protocol: layer2
  adresses: []
  addresses:
  - 10.0.0.0/24
  - 10.0.0.500
- name: second
  protocol: arp
  addresses: [10.0.0.0/25]
- name: third
  protocol: layer2
  addresses: [10.0.0.8/30]
  auto-assign: maybe
- name: fourth
  protocol: layer2
  addresses: [10.0.0.16/30]
peers:
- my-asn: 64512
  peer-asn: 64512
  peer-address: 10.0.0.1
  ebgp-multihop: true
- my-asn: many
`),
      [
        'line 4: address-pools[0].adresses: unknown key, did you mean "addresses"?',
        'line 7: address-pools[0].addresses[1]: not a range of addresses: "10.0.0.500", want "192.0.2.0/24" or "192.0.2.10-192.0.2.40"',
        'line 9: address-pools[1].protocol: "arp" is not "layer2" or "bgp"',
        'line 10: address-pools[1].addresses[0]: "10.0.0.0/25" of pool "second" overlaps "10.0.0.0/24" of pool "first" (line 6)',
        'line 13: address-pools[2].addresses[0]: "10.0.0.8/30" of pool "third" overlaps "10.0.0.0/24" of pool "first" (line 6)',
        'line 14: address-pools[2].auto-assign: "maybe" is not true or false',
        'line 17: address-pools[3].addresses[0]: "10.0.0.16/30" of pool "fourth" overlaps "10.0.0.0/24" of pool "first" (line 6)',
        "line 22: peers[0].ebgp-multihop: my-asn and peer-asn are both 64512: routers of one system need no ebgp-multihop",
        'line 23: peers[1].my-asn: "many" is not a whole number from 1 to 4294967295',
        "line 23: peers[1].peer-asn: missing, want a whole number from 1 to 4294967295",
        "line 23: peers[1].peer-address: missing, want a text that is not empty",
      ],
    );
  });

  it("never show a password", () => {
    for (const text of [
      peer("password: [hunter2]"),
      peer('password: !!int "9378422"'),
      peer("pasword: hunter2"),
      `${peer("password: hunter2")}- {my-asn: 1, peer-asn: 2, peer-address: 1.2.3.4, password: hunter2}`,
      peer('password: "hunter2\\q"'),
      "peers:\n- password: hunter2\n password: hunter2",
      "peers:\n- password: @hunter2",
      "peers:\n- password: 'hunter2",
      "peers:\n- password: hunter2: hunter2",
      "peers:\n- password: !hunter2 hunter2",
    ]) {
      const told = mistakesIn(text).join("\n");
      assert.ok(told.length > 0 && !/hunter2|9378422/.test(told), told);
    }
  });

  it("are told up to a hundred, and then counted", () => {
    const mistakes = mistakesIn(Array.from({ length: 250 }, (_, index) => `k${index}: 1`).join("\n"));
    assert.deepEqual([mistakes.length, mistakes.at(-1)], [101, "and 150 more"]);
  });
});
