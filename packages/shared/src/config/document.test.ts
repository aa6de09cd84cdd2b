import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ConfigError, describeMistake } from "../errors.ts";
import { loadConfig } from "./load.ts";

/** The mistakes in a text, each as a line for people. */
function mistakesIn(text: string): readonly string[] {
  try {
    loadConfig(text);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.mistakes.map(describeMistake);
  }
}

describe("hostile documents", () => {
  const letters = [..."abcdefghijkl"];
  const laughs = letters.map((letter, index) => {
    const before = letters[index - 1];
    return `${letter}: &${letter} [${(before === undefined ? "x," : `*${before},`).repeat(9)}]\n`;
  });
  for (const { name, text, mistake } of [
    { name: "too many aliases", text: laughs.join(""), mistake: "the aliases stand for too much" },
    { name: "endless brackets", text: "[".repeat(5_000), mistake: "the document is nested too deeply" },
    {
      name: "endless nesting by alias",
      text: `a: &a {${"b: {".repeat(40)}${"}".repeat(40)}}`,
      mistake: "the document is nested too deeply",
    },
    { name: "endless closing", text: "]".repeat(100_000), mistake: "this is not expected here" },
    {
      name: "too many values",
      text: `peers: [${"1,".repeat(150_000)}]`,
      mistake: "the document has more than 150000 values",
    },
    {
      name: "endless text",
      text: " ".repeat((1 << 20) + 1),
      mistake: "the document has 1048577 characters, want at most 1048576",
    },
  ]) {
    it(`are refused for ${name}`, () => {
      const [first = ""] = mistakesIn(text);
      assert.ok(first.endsWith(mistake), first);
    });
  }

  it("cannot change what objects are", () => {
    assert.deepEqual(mistakesIn("__proto__: {peers: []}"), [
      "line 1: __proto__: unknown key, want one of address-pools, peers, bfd-profiles, bgp-communities",
    ]);
    assert.deepEqual(mistakesIn("constructor: 1").length, 1);
  });

  it("give a configuration or a list of mistakes, whatever they say", () => {
    const word = fc.constantFrom(
      ..."address-pools name protocol layer2 bgp addresses 1.0.0.0/24 peers my-asn 1 : - { } [ ] , & * a << ! | > # ' \" ~ ? %".split(
        " ",
      ),
      "\n",
      "\n  ",
      ": ",
      "- ",
    );
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 40 }).map((words) => words.join("")),
        (text) => {
          mistakesIn(text);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
