import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AddressSet } from "./address-set.ts";

describe("address set", () => {
  it("starts empty, its lowest gap where the search starts", () => {
    const set = new AddressSet(100n);
    assert.deepEqual(
      [set.isEmpty, set.has(0n), set.lowestMember(0n), set.lowestGap(0n), set.lowestGap(99n)],
      [true, false, undefined, 0n, 99n],
    );
  });

  it("has no gap past its end, even when it is full", () => {
    for (const size of [0n, 1n, 31n, 32n, 33n, 1024n, 1025n]) {
      const set = new AddressSet(size);
      for (let member = 0n; member < size; member += 1n) set.add(member);
      assert.deepEqual([size, set.lowestGap(0n), set.lowestGap(size)], [size, undefined, undefined]);
    }
  });

  it("finds the one gap of a full /16", () => {
    const set = new AddressSet(65_536n);
    for (let member = 0n; member < 65_536n; member += 1n) set.add(member);
    set.delete(54_321n);
    assert.deepEqual([set.lowestGap(0n), set.lowestGap(54_322n)], [54_321n, undefined]);
  });

  it("reaches to the end of all IPv6 addresses", () => {
    const set = new AddressSet(1n << 128n);
    const last = (1n << 128n) - 1n;
    set.add(last);
    assert.deepEqual(
      [set.has(last), set.lowestMember(1n), set.lowestGap(last), set.lowestGap(last - 1n)],
      [true, last, undefined, last - 1n],
    );
  });

  const step = fc.record(
    { add: fc.boolean(), member: fc.bigInt(0n, 99n), from: fc.bigInt(0n, 105n) },
    { noNullPrototype: true },
  );
  it("answers as a sorted list would, whatever was added and deleted", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom(100n, 1n << 64n), (steps, size) => {
        const set = new AddressSet(size);
        const members = new Set<bigint>();
        for (const { add, member, from } of steps) {
          for (const each of [set, members]) each[add ? "add" : "delete"](member);
          assert.deepEqual(
            [set.has(member), set.isEmpty, set.lowestMember(from), set.lowestGap(from)],
            [
              members.has(member),
              members.size === 0,
              lowestMember(members, from),
              lowestGap(members, from, size),
            ],
          );
        }
      }),
    );
  });
});

function lowestMember(members: ReadonlySet<bigint>, from: bigint): bigint | undefined {
  return [...members].filter((other) => other >= from).sort((a, b) => Number(a - b))[0];
}

function lowestGap(members: ReadonlySet<bigint>, from: bigint, size: bigint): bigint | undefined {
  let gap = from;
  while (members.has(gap)) gap += 1n;
  return gap < size ? gap : undefined;
}
