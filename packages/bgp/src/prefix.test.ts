import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { familyOf, parseAddress, toOctets } from "@herald/shared/ip/address";
import fc from "fast-check";
import { addressOctets } from "./prefix.ts";

describe("a prefix", () => {
  it("is written with the octets of its address", () => {
    const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => parseAddress(text) ?? assert.fail(text));
    fc.assert(
      fc.property(anyAddress, (address) => {
        assert.deepEqual(addressOctets(familyOf(address), address), toOctets(address));
        const mapped = [...new Uint8Array(10), 0xff, 0xff];
        const six = addressOctets(6, address, new Uint8Array(16).fill(0xa5));
        assert.deepEqual([...six], [...(familyOf(address) === 4 ? mapped : []), ...toOctets(address)]);
      }),
    );
  });
});
