import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress, toBigint } from "./address.ts";
import { type IpRange, parseRange, rangeContains, shortestPrefix } from "./range.ts";

function range(text: string): IpRange {
  const parsed = parseRange(text);
  assert.ok("range" in parsed, "mistake" in parsed ? parsed.mistake : "");
  return parsed.range;
}

describe("ranges", () => {
  for (const { text, first, last } of [
    { text: "192.0.2.0/24", first: "192.0.2.0", last: "192.0.2.255" },
    { text: "1.2.3.4/24", first: "1.2.3.0", last: "1.2.3.255" },
    { text: "1.2.3.4/32", first: "1.2.3.4", last: "1.2.3.4" },
    { text: "1.2.3.4/0", first: "0.0.0.0", last: "255.255.255.255" },
    { text: "2001:db8::5/126", first: "2001:db8::4", last: "2001:db8::7" },
    { text: "::ffff:1.2.3.9/120", first: "1.2.3.0", last: "1.2.3.255" },
    { text: "1.2.3.4-1.2.3.9", first: "1.2.3.4", last: "1.2.3.9" },
    { text: " 1.2.3.4 - 1.2.3.4 ", first: "1.2.3.4", last: "1.2.3.4" },
    { text: "1.2.3.0 - 1.2.3.255", first: "1.2.3.0", last: "1.2.3.255" },
    { text: "fd00::1-fd00::ff", first: "fd00::1", last: "fd00::ff" },
  ]) {
    it(`reads ${text}`, () => {
      const parsed = range(text);
      const family = first.includes(":") ? 6 : 4;
      const want = { family, first: toBigint(first as IpAddress), last: toBigint(last as IpAddress), text };
      assert.deepEqual(parsed, want);
    });
  }

  const wanted = 'want "192.0.2.0/24" or "192.0.2.10-192.0.2.40"';
  for (const { text, mistake } of [
    { text: "1.2.3.4", mistake: '"1.2.3.4" is a single address, write "1.2.3.4/32"' },
    { text: "FD00::1", mistake: '"FD00::1" is a single address, write "fd00::1/128"' },
    { text: "", mistake: `not a range of addresses: "", ${wanted}` },
    { text: "1.2.3.0/24/8", mistake: `not a range of addresses: "1.2.3.0/24/8", ${wanted}` },
    { text: "1.2.3.0/", mistake: `not a range of addresses: "1.2.3.0/", ${wanted}` },
    { text: "1.2.3.0/-1", mistake: `not a range of addresses: "1.2.3.0/-1", ${wanted}` },
    { text: "1.2.3.0/33", mistake: '"1.2.3.0/33" has prefix length 33, want 0 to 32' },
    { text: "fd00::/129", mistake: '"fd00::/129" has prefix length 129, want 0 to 128' },
    { text: "::ffff:1.2.3.0/95", mistake: '"::ffff:1.2.3.0/95" has prefix length 95, want 96 to 128' },
    {
      text: "1.2.3.10-1.2.3.1",
      mistake: '"1.2.3.10-1.2.3.1" is reversed: 1.2.3.10 is after 1.2.3.1, want the lower address first',
    },
    { text: "1.2.3.4-9", mistake: '"1.2.3.4-9" ends with "9", want an IPv4 or IPv6 address' },
    { text: "x-1.2.3.4", mistake: '"x-1.2.3.4" starts with "x", want an IPv4 or IPv6 address' },
    {
      text: "1.2.3.4-fc00::1",
      mistake: '"1.2.3.4-fc00::1" runs from IPv4 to IPv6, want both ends of one family',
    },
  ]) {
    const note = text === "1.2.3.4-fc00::1" ? " (MetalLB defect 6)" : "";
    it(`refuses ${JSON.stringify(text)}${note}`, () => assert.deepEqual(parseRange(text), { mistake }));
  }

  it("contains its ends and nothing of the other family", () => {
    const inside = range("1.2.3.4-1.2.3.6");
    const asked = ["1.2.3.3", "1.2.3.4", "1.2.3.6", "1.2.3.7", "::102:304"];
    assert.deepEqual(
      asked.map((text) => rangeContains(inside, parseAddress(text) as IpAddress)),
      [false, true, true, false, false],
    );
  });

  for (const { text, prefix } of [
    { text: "1.2.3.0/24", prefix: 24 },
    { text: "1.2.3.4/32", prefix: 32 },
    { text: "3.3.3.2-3.3.3.254", prefix: 26 },
    { text: "3.3.3.1-3.3.3.2", prefix: 32 },
    { text: "::/0", prefix: 0 },
    { text: "fd00::1-fd00::ff", prefix: 121 },
  ]) {
    it(`has a largest block of /${prefix} in ${text}`, () =>
      assert.equal(shortestPrefix(range(text)), prefix));
  }
});
