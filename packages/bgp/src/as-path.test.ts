import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { type AsPath, decodeAsPath, encodeAsPath, mergeAsPaths } from "./as-path.ts";

const sequence = (...asns: number[]) => ({ type: "sequence", asns }) as const;
const set = (...asns: number[]) => ({ type: "set", asns }) as const;
const confederation = (...asns: number[]) => ({ type: "confederation-sequence", asns }) as const;

describe("AS_PATH", () => {
  const path: AsPath = [sequence(64_512, 4_200_000_000), set(1, 2)];
  it("has ASNs of four octets", () => {
    const bytes = hex`02 02 0000fc00 fa56ea00  01 02 00000001 00000002`;
    assert.deepEqual(encodeAsPath(path, 4), bytes);
    assert.deepEqual(decodeAsPath(bytes, 4, "as-path"), path);
  });

  it("has AS_TRANS where only two fit", () => {
    const bytes = hex`02 02 fc00 5ba0  01 02 0001 0002`;
    assert.deepEqual(encodeAsPath(path, 2), bytes);
    assert.deepEqual(decodeAsPath(bytes, 2, "as-path"), [sequence(64_512, 23_456), set(1, 2)]);
  });

  const refused = [
    { name: "an unknown segment", bytes: hex`05 01 0001`, error: "as-path.type: invalid" },
    { name: "an empty segment", bytes: hex`02 00`, error: "as-path.count: invalid (0)" },
    { name: "half a segment", bytes: hex`02 02 0001`, error: "as-path.asns: truncated (need 4, have 2)" },
    { name: "half a head", bytes: hex`02`, error: "as-path.count: truncated (need 1, have 0)" },
  ];
  for (const { name, bytes, error } of refused) {
    it(`refuses ${name}`, () => assert.throws(() => decodeAsPath(bytes, 2, "as-path"), { message: error }));
  }
});

// RFC 6793 §4.2.3
describe("AS_PATH and AS4_PATH together", () => {
  const cases: readonly { name: string; path: AsPath; as4: AsPath; merged: AsPath }[] = [
    {
      name: "are the second when both are as long",
      path: [sequence(23_456, 100)],
      as4: [sequence(70_000, 100)],
      merged: [sequence(70_000, 100)],
    },
    {
      name: "begin with what old speakers put in front",
      path: [sequence(300, 200, 23_456, 100)],
      as4: [sequence(70_000, 100)],
      merged: [sequence(300, 200, 70_000, 100)],
    },
    {
      name: "are the first when the second is longer: somebody cut the first short",
      path: [sequence(23_456)],
      as4: [sequence(70_000, 100)],
      merged: [sequence(23_456)],
    },
    {
      name: "count a set once",
      path: [sequence(300), set(1, 2), sequence(23_456)],
      as4: [sequence(70_000)],
      merged: [sequence(300), set(1, 2), sequence(70_000)],
    },
    {
      name: "count no confederation, and keep the one in front",
      path: [confederation(65_001), sequence(23_456)],
      as4: [sequence(70_000)],
      merged: [confederation(65_001), sequence(70_000)],
    },
  ];
  for (const { name, path, as4, merged } of cases) {
    it(name, () => assert.deepEqual(mergeAsPaths(path, as4), merged));
  }
});
