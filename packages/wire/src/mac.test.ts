import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import fc from "fast-check";
import { BROADCAST, formatMac, isGroup, macEquals, macOctets, parseMac } from "./mac.ts";

describe("MacAddress", () => {
  const texts = [
    { text: "02:00:5e:00:00:01", parsed: "02:00:5e:00:00:01" },
    { text: "02:00:5E:00:00:01", parsed: "02:00:5e:00:00:01" },
    { text: "02-00-5e-00-00-01", parsed: "02:00:5e:00:00:01" },
    { text: "", parsed: undefined },
    { text: "02:00:5e:00:00", parsed: undefined },
    { text: "02:00:5e:00:00:01:02", parsed: undefined },
    { text: "02:00:5e:00:00:0g", parsed: undefined },
    { text: " 02:00:5e:00:00:01", parsed: undefined },
  ];
  for (const { text, parsed } of texts) {
    it(`parses "${text}" as ${parsed ?? "nothing"}`, () => assert.equal(parseMac(text), parsed));
  }

  const octets = fc.uint8Array({ minLength: 6, maxLength: 6 });
  it("comes back from octets to text to octets", () => {
    fc.assert(fc.property(octets, (mac) => assert.deepEqual(macOctets(formatMac(mac)), mac)));
  });
  it("is canonical: its text parses as itself", () => {
    fc.assert(fc.property(octets, (mac) => assert.equal(parseMac(formatMac(mac)), formatMac(mac))));
  });

  it("is compared where it stands in a frame", () => {
    const frame = hex`ff 020000000001`;
    assert.deepEqual(
      [macEquals(frame, 1, hex`020000000001`), macEquals(frame, 1, hex`020000000002`)],
      [true, false],
    );
  });
  it("belongs to a group when it is multicast or broadcast", () => {
    const macs = [
      macOctets(BROADCAST),
      hex`01005e000001`,
      hex`333300000001`,
      hex`020000000001`,
      hex`000000000000`,
    ];
    assert.deepEqual(macs.map(isGroup), [true, true, true, false, false]);
  });
});
