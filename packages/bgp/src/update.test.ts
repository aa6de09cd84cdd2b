import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import type { IpAddress } from "@herald/shared/ip/address";
import { linkBandwidth } from "./community.ts";
import { decodeNlri, encodeNlri, noNlri } from "./nlri.ts";
import { formatPrefix, type Prefix, parsePrefix } from "./prefix.ts";
import {
  decodeUpdate,
  encodeUpdate,
  endOfRib,
  isEndOfRib,
  type Update,
  type UpdateContext,
} from "./update.ts";

const external: UpdateContext = { asnOctets: 4, external: true, pathIds: [] };
const internal: UpdateContext = { asnOctets: 4, external: false, pathIds: [] };
const address = (text: string): IpAddress => text as IpAddress;
const prefix = (text: string): Prefix => parsePrefix(text) ?? assert.fail(text);
const plain = (...texts: string[]) => texts.map((text) => ({ prefix: prefix(text), pathId: undefined }));

const nothing: Update = {
  type: "update",
  withdrawn: noNlri(4),
  attributes: {},
  announced: noNlri(4),
  reach: undefined,
  unreach: undefined,
};

const golden: readonly { name: string; context: UpdateContext; update: Update; bytes: Uint8Array }[] = [
  {
    name: "IPv4 to another AS",
    context: external,
    bytes: hex`
      0000                          # nothing withdrawn
      001b                          # 27 octets of attributes
      40 01 01 00                   # ORIGIN: IGP
      40 02 06 02 01 0000fc00       # AS_PATH: 64512
      40 03 04 c0000201             # NEXT_HOP: 192.0.2.1
      c0 08 04 fc000064             # COMMUNITIES: 64512:100
      20 cb00710a  18 c63364        # 203.0.113.10/32, 198.51.100.0/24`,
    update: {
      ...nothing,
      attributes: {
        origin: "igp",
        asPath: [{ type: "sequence", asns: [64_512] }],
        nextHop: address("192.0.2.1"),
        communities: ["64512:100"],
      },
      announced: encodeNlri(4, plain("203.0.113.10/32", "198.51.100.0/24")),
    },
  },
  {
    name: "IPv6 within an AS, everything on it",
    context: internal,
    bytes: hex`
      0000 0094
      80 0e 36 0002 01 20           # MP_REACH_NLRI
        20010db8000000000000000000000001 fe800000000000000000000000000001
        00 80 20010db8000000000000000000000010
      40 01 01 02                   # ORIGIN: incomplete
      40 02 00                      # AS_PATH: empty
      80 04 04 00000032             # MULTI_EXIT_DISC: 50
      40 05 04 000000c8             # LOCAL_PREF: 200
      40 06 00                      # ATOMIC_AGGREGATE
      c0 07 08 0000fc00 c0000201    # AGGREGATOR
      80 09 04 c0000202             # ORIGINATOR_ID
      80 0a 08 c0000203 c0000204    # CLUSTER_LIST
      c0 10 08 4004fc00 4cbebc20    # EXTENDED_COMMUNITIES: link bandwidth, 100 MB/s
      c0 20 0c 0000fc00 00000001 00000002
      c0 23 04 0000fc01             # ONLY_TO_CUSTOMER
      e0 63 02 abcd                 # somebody's, passed on by who did not know it`,
    update: {
      ...nothing,
      attributes: {
        origin: "incomplete",
        asPath: [],
        med: 50,
        localPref: 200,
        atomicAggregate: true,
        aggregator: { asn: 64_512, address: address("192.0.2.1") },
        originatorId: address("192.0.2.2"),
        clusterList: [address("192.0.2.3"), address("192.0.2.4")],
        extendedCommunities: [linkBandwidth(64_512, 100_000_000, false)],
        largeCommunities: ["64512:1:2"],
        onlyToCustomer: 64_513,
        unknown: [{ flags: 0xe0, code: 99, value: hex`abcd` }],
      },
      reach: {
        nextHop: { address: address("2001:db8::1"), linkLocal: address("fe80::1") },
        nlri: encodeNlri(6, plain("2001:db8::10/128")),
      },
    },
  },
  {
    name: "IPv4 over an IPv6 next hop (RFC 8950)",
    context: external,
    bytes: hex`
      0000 0029
      80 0e 19 0001 01 10 20010db8000000000000000000000001 00  18 cb0071
      40 01 01 00
      40 02 06 02 01 0000fc00`,
    update: {
      ...nothing,
      attributes: { origin: "igp", asPath: [{ type: "sequence", asns: [64_512] }] },
      reach: {
        nextHop: { address: address("2001:db8::1"), linkLocal: undefined },
        nlri: encodeNlri(4, plain("203.0.113.0/24")),
      },
    },
  },
  {
    name: "an aggregate to a speaker of two octets (RFC 6793)",
    context: { ...external, asnOctets: 2 },
    bytes: hex`
      0000 0035
      40 01 01 00
      40 02 06 02 02 5ba0 fc00      # AS_PATH: AS_TRANS 64512
      40 03 04 c0000201
      c0 07 06 5ba0 c0000201        # AGGREGATOR: AS_TRANS
      c0 11 0a 02 02 fa56ea00 0000fc00
      c0 12 08 fa56ea00 c0000201    # AS4_AGGREGATOR
      18 cb0071`,
    update: {
      ...nothing,
      attributes: {
        origin: "igp",
        asPath: [{ type: "sequence", asns: [4_200_000_000, 64_512] }],
        nextHop: address("192.0.2.1"),
        aggregator: { asn: 4_200_000_000, address: address("192.0.2.1") },
      },
      announced: encodeNlri(4, plain("203.0.113.0/24")),
    },
  },
  {
    name: "withdrawals of both families",
    context: external,
    bytes: hex`
      0004 18 cb0071                # 203.0.113.0/24
      000b 80 0f 08 0002 01 20 20010db8`,
    update: {
      ...nothing,
      withdrawn: encodeNlri(4, plain("203.0.113.0/24")),
      unreach: encodeNlri(6, plain("2001:db8::/32")),
    },
  },
  {
    name: "two paths to one prefix (RFC 7911)",
    context: { ...external, pathIds: [4] },
    bytes: hex`
      0000 0014
      40 01 01 00
      40 02 06 02 01 0000fc00
      40 03 04 c0000201
      00000001 18 cb0071  00000002 18 cb0071`,
    update: {
      ...nothing,
      withdrawn: { ...noNlri(4), pathIds: true },
      attributes: {
        origin: "igp",
        asPath: [{ type: "sequence", asns: [64_512] }],
        nextHop: address("192.0.2.1"),
      },
      announced: encodeNlri(4, [
        { prefix: prefix("203.0.113.0/24"), pathId: 1 },
        { prefix: prefix("203.0.113.0/24"), pathId: 2 },
      ]),
    },
  },
];

describe("UPDATE", () => {
  for (const { name, context, update, bytes } of golden) {
    it(`encodes ${name}`, () => assert.deepEqual(encodeUpdate(update, context.asnOctets), bytes));
    it(`decodes ${name}`, () =>
      assert.deepEqual(decodeUpdate(bytes, context), {
        update,
        errors: [],
        treatAsWithdraw: false,
        ignored: [],
      }));
  }

  it("ends a family's table in its own way (RFC 4724 §2)", () => {
    assert.deepEqual(encodeUpdate(endOfRib(4), 4), hex`0000 0000`);
    assert.deepEqual(encodeUpdate(endOfRib(6), 4), hex`0000 0006 80 0f 03 0002 01`);
    for (const family of [4, 6] as const) {
      assert.equal(isEndOfRib(decodeUpdate(encodeUpdate(endOfRib(family), 4), external)), family);
    }
  });

  it("does not take the end of a table that we know nothing of for one of ours", () => {
    assert.equal(isEndOfRib(decodeUpdate(hex`0000 0006 80 0f 03 0001 80`, external)), undefined);
  });

  it("reads the prefixes of an IPv4-mapped block as IPv6", () => {
    const [nlri] = decodeNlri({
      family: 6,
      pathIds: false,
      octets: hex`80 00000000000000000000ffffc0000201`,
      count: 1,
    });
    assert.deepEqual(nlri?.prefix, { family: 6, address: "192.0.2.1", length: 128 });
    assert.equal(nlri === undefined ? "" : formatPrefix(nlri.prefix), "::ffff:192.0.2.1/128");
  });

  it("clears the host bits of prefixes", () => {
    const [nlri] = decodeNlri({ family: 4, pathIds: false, octets: hex`14 c0a8ff`, count: 1 });
    assert.deepEqual(nlri?.prefix, prefix("192.168.240.0/20"));
  });
});

describe("a prefix", () => {
  const read = [
    { text: "192.0.2.77/24", is: "192.0.2.0/24" },
    { text: "0.0.0.0/0", is: "0.0.0.0/0" },
    { text: "2001:DB8::1/127", is: "2001:db8::/127" },
    { text: "192.0.2.1/32", is: "192.0.2.1/32" },
  ];
  for (const { text, is } of read) it(`reads ${text}`, () => assert.equal(formatPrefix(prefix(text)), is));
  for (const text of [
    "192.0.2.0",
    "192.0.2.0/33",
    "2001:db8::/129",
    "192.0.2.0/08",
    "x/1",
    "192.0.2.0/24/1",
  ]) {
    it(`does not read ${text}`, () => assert.equal(parsePrefix(text), undefined));
  }
});
