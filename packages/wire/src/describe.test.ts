import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import fc from "fast-check";
import { describeFrame, formatIpv4, formatIpv6 } from "./describe.ts";

const capture = (name: string): Uint8Array =>
  parseHex(readFileSync(new URL(`testdata/${name}.hex`, import.meta.url), "utf8"));

describe("describeFrame", () => {
  const lines = [
    {
      name: "linux-request",
      line: "02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff, ARP, Request who-has 192.0.2.2 tell 192.0.2.1",
    },
    {
      name: "linux-reply",
      line: "02:00:00:00:00:0b > 02:00:00:00:00:0a, ARP, Reply 192.0.2.2 is-at 02:00:00:00:00:0b",
    },
    {
      name: "linux-announcement",
      line: "02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff, ARP, Announcement 192.0.2.1",
    },
    { name: "arping-probe", line: "02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff, ARP, Probe 192.0.2.2" },
    {
      name: "linux-ns",
      line: "02:00:00:00:00:0a > 33:33:ff:00:00:02, NDP, Solicitation who-has 2001:db8::2 tell 2001:db8::1",
    },
    { name: "linux-ns-dad", line: "02:00:00:00:00:0a > 33:33:ff:00:00:01, NDP, Probe 2001:db8::1" },
    {
      name: "linux-na",
      line: "02:00:00:00:00:0b > 02:00:00:00:00:0a, NDP, Advertisement 2001:db8::2 is-at 02:00:00:00:00:0b, solicited, override",
    },
    {
      name: "linux-na-nud",
      line: "02:00:00:00:00:0b > 02:00:00:00:00:0a, NDP, Advertisement 2001:db8::2 is-at here, solicited",
    },
    {
      name: "linux-mld-report",
      line: "02:00:00:00:00:0b > 33:33:00:00:00:16, IPv6, fe80::ff:fe00:b > ff02::16, ICMPv6 type 143, length 28",
    },
  ];
  for (const { name, line } of lines) {
    it(`tells ${name} in a line`, () => assert.equal(describeFrame(capture(name)), line));
  }

  const others = [
    {
      name: "another protocol",
      bytes: hex`02000000000b 02000000000a 0800 4500`,
      line: "02:00:00:00:00:0a > 02:00:00:00:00:0b, ethertype 0x0800, length 2",
    },
    {
      name: "a VLAN",
      bytes: hex`02000000000b 02000000000a 8100 0007 0800`,
      line: "02:00:00:00:00:0a > 02:00:00:00:00:0b, vlan 7, ethertype 0x0800, length 0",
    },
    {
      name: "broken ARP",
      bytes: hex`02000000000b 02000000000a 0806 0001`,
      line: "02:00:00:00:00:0a > 02:00:00:00:00:0b, ARP, arp.ptype: truncated (need 2, have 0)",
    },
    {
      name: "NDP changed on its way",
      bytes: capture("linux-ns").with(80, 1),
      line: "02:00:00:00:00:0a > 33:33:ff:00:00:02, NDP, icmpv6.checksum: checksum",
    },
    {
      name: "broken IPv6",
      bytes: capture("linux-ns").subarray(0, 20),
      line: "02:00:00:00:00:0a > 33:33:ff:00:00:02, ipv6.nextHeader: truncated (need 1, have 0)",
    },
    { name: "no frame at all", bytes: hex`02`, line: "ethernet.destination: truncated (need 6, have 1)" },
  ];
  for (const { name, bytes, line } of others) {
    it(`tells ${name} in a line`, () => assert.equal(describeFrame(bytes), line));
  }

  it("has a line for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) =>
        assert.ok(!describeFrame(bytes).includes("\n")),
      ),
    );
  });
});

describe("formatIpv6", () => {
  // RFC 5952 §4 and its examples.
  const texts = [
    { octets: hex`20010db8000000000000000000020001`, text: "2001:db8::2:1" },
    { octets: hex`20010db8000000010001000100010001`, text: "2001:db8:0:1:1:1:1:1" },
    { octets: hex`20010000000000010000000000000001`, text: "2001:0:0:1::1" },
    { octets: hex`20010db8000000000001000000000001`, text: "2001:db8::1:0:0:1" },
    { octets: hex`00000000000000000000000000000000`, text: "::" },
    { octets: hex`00000000000000000000000000000001`, text: "::1" },
    { octets: hex`fe800000000000000000000000000000`, text: "fe80::" },
  ];
  for (const { octets, text } of texts) it(`writes ${text}`, () => assert.equal(formatIpv6(octets), text));
});

describe("formatIpv4", () => {
  it("writes dotted quads", () => {
    assert.deepEqual([0, 0xc0000201, 0xffffffff].map(formatIpv4), [
      "0.0.0.0",
      "192.0.2.1",
      "255.255.255.255",
    ]);
  });
});
