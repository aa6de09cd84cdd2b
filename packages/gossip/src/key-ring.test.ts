import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addKey, keyRing, removeKey, useKey } from "./key-ring.ts";

const OLD = new Uint8Array(16).fill(1);
const NEW = new Uint8Array(32).fill(2);
const copy = (key: Uint8Array): Uint8Array => new Uint8Array(key);

describe("a key ring", () => {
  it("moves from one key to another", () => {
    const added = addKey(keyRing(OLD), NEW);
    assert.deepEqual(added, { keys: [OLD, NEW] });
    const used = useKey(added, copy(NEW));
    assert.deepEqual(used, { keys: [NEW, OLD] });
    assert.deepEqual(removeKey(used, copy(OLD)), { keys: [NEW] });
  });

  it("holds a key once however often it is added", () => {
    assert.deepEqual(addKey(keyRing(OLD, NEW, copy(NEW)), copy(OLD)), { keys: [OLD, NEW] });
  });

  it("removes what is not there without complaint", () => {
    assert.deepEqual(removeKey(keyRing(OLD), NEW), { keys: [OLD] });
  });

  const refused = [
    {
      name: "keys of other lengths",
      act: () => keyRing(new Uint8Array(20)),
      error: "a key of 20 octets, want 16, 24, 32",
    },
    {
      name: "to use a key it has not",
      act: () => useKey(keyRing(OLD), NEW),
      error: "not a key of this ring",
    },
    {
      name: "to remove the key that encrypts",
      act: () => removeKey(keyRing(OLD, NEW), OLD),
      error: "the key that encrypts cannot be removed",
    },
    {
      name: "more keys than one datagram may cost",
      act: () => keyRing(OLD, ...Array.from({ length: 16 }, (_, index) => new Uint8Array(24).fill(index))),
      error: "more than 16 keys",
    },
  ];
  for (const { name, act, error } of refused) {
    it(`refuses ${name}`, () => assert.throws(act, new RangeError(error)));
  }
});
