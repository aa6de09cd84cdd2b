import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { suggest } from "./closest.ts";

describe("suggestions", () => {
  const keys = ["address-pools", "peers", "bfd-profiles", "bgp-communities", "name"];
  for (const { word, guess } of [
    { word: "addres-pools", guess: "address-pools" },
    { word: "adress-pols", guess: "address-pools" },
    { word: "Address-Pools", guess: "address-pools" },
    { word: "peesr", guess: "peers" },
    { word: "nmae", guess: "name" },
    { word: "bgp-comunities", guess: "bgp-communities" },
    { word: "pools", guess: undefined },
    { word: "x", guess: undefined },
    { word: "peers", guess: undefined },
    { word: "p".repeat(100_000), guess: undefined },
  ]) {
    it(`offers ${guess ?? "nothing"} for ${word.slice(0, 20)}`, () => {
      assert.equal(suggest(word, keys), guess === undefined ? "" : `, did you mean "${guess}"?`);
    });
  }
});
