import assert from "node:assert/strict";
import { it } from "node:test";
import { hex } from "@herald/lab/hex";
import { CountedNonces } from "./sealer.ts";

it("counts nonces up behind six octets of chance", () => {
  const nonces = new CountedNonces({ octets: (count) => new Uint8Array(count).fill(0xab) });
  const taken = Array.from({ length: 300 }, () => nonces.next());
  assert.deepEqual(taken[0], hex`abababababab 000000000000`);
  assert.deepEqual(taken[1], hex`abababababab 000000000001`);
  assert.deepEqual(taken[299], hex`abababababab 00000000012b`);
});

it("carries into all six octets of the count and stops at their end", () => {
  const random = { octets: (count: number) => new Uint8Array(count) };
  const nonces = new CountedNonces(random, 2 ** 40 + 2 ** 32 - 1);
  assert.deepEqual(nonces.next(), hex`000000000000 0100ffffffff`);
  assert.deepEqual(nonces.next(), hex`000000000000 010100000000`);
  assert.throws(() => new CountedNonces(random, 2 ** 48).next(), new RangeError("out of nonces"));
});
