import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { closest } from "./closest.ts";

const flags = ["port", "pod-name", "log-level", "lb-class"];
const cases = [
  { word: "prot", near: "port" },
  { word: "loglevel", near: "log-level" },
  { word: "lb-clas", near: "lb-class" },
  { word: "webhook-mode", near: undefined },
  { word: "", near: undefined },
];

describe("closest", () => {
  for (const { word, near } of cases) {
    it(`takes "${word}" for ${near ?? "nothing known"}`, () => assert.equal(closest(word, flags), near));
  }
});
