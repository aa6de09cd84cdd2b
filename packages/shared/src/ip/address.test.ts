import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  familyOf,
  fromBigint,
  fromOctets,
  type IpAddress,
  parseAddress,
  toBigint,
  toOctets,
} from "./address.ts";

describe("addresses", () => {
  for (const { text, address } of [
    { text: "192.0.2.1", address: "192.0.2.1" },
    { text: "0.0.0.0", address: "0.0.0.0" },
    { text: "2001:DB8:0:0:1:0:0:1", address: "2001:db8::1:0:0:1" },
    { text: "1:0:2:3:4:5:6:7", address: "1:0:2:3:4:5:6:7" },
    { text: "1:2:3:4:5:6:7::", address: "1:2:3:4:5:6:7:0" },
    { text: "0:0:1:0:0:0:0:1", address: "0:0:1::1" },
    { text: "::", address: "::" },
    { text: "::ffff:192.0.2.1", address: "192.0.2.1" },
    { text: "::ffff:c000:201", address: "192.0.2.1" },
    { text: "::192.0.2.1", address: "::c000:201" },
    { text: "64:ff9b::192.0.2.1", address: "64:ff9b::c000:201" },
  ]) {
    it(`reads ${text} as ${address}`, () => assert.equal(parseAddress(text), address));
  }

  for (const text of [
    "",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "0x1.2.3.4",
    "256.1.1.1",
    "1.2.3.4 ",
    "1.2.3.4\n",
    "1.2.3.4:80",
    "1.2.3.4/32",
    "[::1]",
    "fe80::1%eth0",
    "1::2::3",
    "1:2:3:4:5:6:7:8::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::ffff:01.2.3.4",
    "::1.2.3",
    "00001::",
    "1:".repeat(100_000),
  ]) {
    it(`takes ${JSON.stringify(text.slice(0, 40))} for no address`, () => {
      assert.equal(parseAddress(text), undefined);
    });
  }

  it("keeps an address through octets, number and text", () => {
    const octets = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc
        .array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
        .map((all) => Uint8Array.from(all)),
    );
    fc.assert(
      fc.property(octets, (given) => {
        const address = fromOctets(given);
        const family = familyOf(address);
        assert.equal(parseAddress(address), address);
        assert.equal(fromBigint(family, toBigint(address)), address);
        assert.equal(toOctets(address).length, family === 4 ? 4 : 16);
        if (family === 6 || given.length === 4) assert.deepEqual(toOctets(address), given);
      }),
    );
  });

  it("orders numbers as addresses are counted", () => {
    const numbers = ["0.0.0.1", "0.0.1.0", "255.255.255.255"].map((text) => toBigint(text as IpAddress));
    assert.deepEqual(numbers, [1n, 256n, 0xffff_ffffn]);
    assert.equal(toBigint("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" as IpAddress), (1n << 128n) - 1n);
  });
});
