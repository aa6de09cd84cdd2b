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
