import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import fc from "fast-check";
import { describeFrame, formatIpv4 } from "./describe.ts";

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

describe("formatIpv4", () => {
  it("writes dotted quads", () => {
    assert.deepEqual([0, 0xc0000201, 0xffffffff].map(formatIpv4), [
      "0.0.0.0",
      "192.0.2.1",
      "255.255.255.255",
    ]);
  });
});
