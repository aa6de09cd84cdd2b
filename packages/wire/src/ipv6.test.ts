import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import fc from "fast-check";
import { DecodeError } from "./bytes.ts";
import { decodeEthernet } from "./ethernet.ts";
import { decodeIpv6, encodeIpv6, type Ipv6Packet, isMulticast, isUnspecified } from "./ipv6.ts";

const capture = (name: string): Uint8Array =>
  decodeEthernet(parseHex(readFileSync(new URL(`testdata/${name}.hex`, import.meta.url), "utf8"))).payload;

const captures: { name: string; packet: Ipv6Packet }[] = [
  {
    name: "ndisc6-ns",
    packet: {
      trafficClass: 0,
      flowLabel: 0xe33d3,
      hopLimit: 255,
      source: hex`fe80000000000000000000fffe00000a`,
      destination: hex`ff0200000000000000000001ff000002`,
      hopByHop: undefined,
      nextHeader: 58,
      payload: hex`87004c4d00000000 20010db8000000000000000000000002 0101 02000000000a`,
    },
  },
  {
    name: "linux-mld-report",
    packet: {
      trafficClass: 0,
      flowLabel: 0,
      hopLimit: 1,
      source: hex`fe80000000000000000000fffe00000b`,
      destination: hex`ff020000000000000000000000000016`,
      hopByHop: hex`0502 0000 0100`, // router alert: multicast listener discovery (RFC 2711); padding
      nextHeader: 58,
      payload: hex`8f0071f300000001 04000000 ff0200000000000000000001ff00000b`,
    },
  },
];

describe("IPv6", () => {
  for (const { name, packet } of captures) {
    it(`decodes the capture ${name}`, () => assert.deepEqual(decodeIpv6(capture(name)), packet));
    it(`encodes the capture ${name}`, () => assert.deepEqual(encodeIpv6(packet), capture(name).slice()));
  }

  it("takes what is behind the packet for padding", () => {
    const { packet } = captures[0] as (typeof captures)[0];
    assert.deepEqual(decodeIpv6(new Uint8Array([...encodeIpv6(packet), 1, 2, 3])), packet);
  });

  const report = capture("linux-mld-report");
  const refused = [
    { name: "nothing", bytes: hex``, error: "ipv6.version: truncated (need 4, have 0)" },
    { name: "IPv4", bytes: report.with(0, 0x45), error: "ipv6.version: unsupported (4, want 6)" },
    {
      name: "half a header",
      bytes: report.subarray(0, 39),
      error: "ipv6.destination: truncated (need 16, have 15)",
    },
    {
      name: "less than the header promises",
      bytes: report.subarray(0, report.length - 1),
      error: "ipv6.payload: truncated (need 36, have 35)",
    },
    {
      name: "an extension that ends behind the packet",
      bytes: report.with(41, 4),
      error: "ipv6.hopByHop.options: truncated (need 38, have 34)",
    },
    {
      name: "an extension within the extension",
      bytes: report.with(40, 0),
      error: "ipv6.hopByHop.nextHeader: invalid (a second one)",
    },
  ];
  for (const { name, bytes, error } of refused) {
    it(`refuses ${name}`, () =>
      assert.throws(() => decodeIpv6(bytes), { name: "DecodeError", message: error }));
  }

  const octets = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });
  const packet = fc.record<Ipv6Packet>(
    {
      trafficClass: fc.nat(0xff),
      flowLabel: fc.nat(0xfffff),
      hopLimit: fc.nat(0xff),
      source: octets(16),
      destination: octets(16),
      hopByHop: fc.option(fc.oneof(octets(6), octets(14)), { nil: undefined }),
      nextHeader: fc.integer({ min: 1, max: 255 }), // 0 would be a hop-by-hop header
      payload: octets(0, 60),
    },
    { noNullPrototype: true },
  );
  it("comes back as it went", () => {
    fc.assert(fc.property(packet, (value) => assert.deepEqual(decodeIpv6(encodeIpv6(value)), value)));
  });

  it("makes a packet or a DecodeError of any bytes", () => {
    const nearly = fc
      .record({ octets: fc.nat(76), changes: fc.array(fc.tuple(fc.nat(75), fc.nat(255)), { maxLength: 3 }) })
      .map(({ octets: length, changes }) => {
        const bytes = report.slice();
        for (const [at, value] of changes) bytes[at] = value;
        return bytes.subarray(0, length);
      });
    fc.assert(
      fc.property(fc.oneof(nearly, fc.uint8Array({ maxLength: 80 })), (bytes) => {
        try {
          decodeIpv6(bytes);
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("knows groups and the address of those who have none", () => {
    const { source, destination } = (captures[0] as (typeof captures)[0]).packet;
    assert.deepEqual([source, destination].map(isMulticast), [false, true]);
    assert.deepEqual([source, new Uint8Array(16)].map(isUnspecified), [false, true]);
  });
});
