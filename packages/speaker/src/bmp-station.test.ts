import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatStation, parseStation } from "./bmp-station.ts";

describe("a monitoring station's place", () => {
  for (const text of ["192.0.2.9:11019", "[2001:db8::9]:5000", "192.0.2.9:65535"]) {
    it(`may be ${text}`, () => {
      const station = parseStation(text) ?? assert.fail();
      assert.equal(formatStation(station), text);
    });
  }
  for (const text of [
    "192.0.2.9",
    "2001:db8::9:5000",
    "[192.0.2.9]:1",
    "192.0.2.9:0",
    "192.0.2.9:65536",
    "tor:1",
  ]) {
    it(`may not be ${text}`, () => assert.equal(parseStation(text), undefined));
  }
});
