import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AllocationError, ConfigError, describeMistake } from "./errors.ts";

describe("errors", () => {
  for (const { mistake, text } of [
    { mistake: { line: 4, path: "peers[0]", message: "missing" }, text: "line 4: peers[0]: missing" },
    { mistake: { line: 0, path: "data", message: "missing" }, text: "data: missing" },
    { mistake: { line: 1, path: "", message: "a list" }, text: "line 1: a list" },
    { mistake: { line: 0, path: "", message: "and 3 more" }, text: "and 3 more" },
  ]) {
    it(`describes a mistake as "${text}"`, () => assert.equal(describeMistake(mistake), text));
  }

  it("tells all mistakes of a configuration in one message and one by one", () => {
    const mistakes = [
      { line: 1, path: "a", message: "wrong" },
      { line: 2, path: "b", message: "worse" },
    ];
    const error = new ConfigError(mistakes);
    assert.deepEqual(
      [error.name, error.message, error.mistakes],
      ["ConfigError", "line 1: a: wrong; line 2: b: worse", mistakes],
    );
  });

  it("carries the reason of a refused allocation beside its message", () => {
    const error = new AllocationError("no-pools", "no pools are configured");
    assert.deepEqual(
      [error.name, error.reason, error.message],
      ["AllocationError", "no-pools", "no pools are configured"],
    );
  });
});
