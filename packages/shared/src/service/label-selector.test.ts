import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LabelExpression } from "../config/config.ts";
import { matchesSelector } from "./label-selector.ts";

const labels = { team: "metallb", tier: "" };

describe("label selectors", () => {
  it("match everything when empty", () => {
    assert.equal(matchesSelector({ matchLabels: {}, matchExpressions: [] }, {}), true);
  });

  for (const { matchLabels, matches } of [
    { matchLabels: { team: "metallb" }, matches: true },
    { matchLabels: { team: "metallb", tier: "" }, matches: true },
    { matchLabels: { team: "metallb", zone: "a" }, matches: false },
    { matchLabels: { team: "other" }, matches: false },
    { matchLabels: { toString: "x" }, matches: false },
  ]) {
    it(`${matches ? "match" : "do not match"} by labels ${JSON.stringify(matchLabels)}`, () => {
      assert.equal(matchesSelector({ matchLabels, matchExpressions: [] }, labels), matches);
    });
  }

  const expressions: readonly { expression: LabelExpression; matches: boolean }[] = [
    { expression: { key: "team", operator: "In", values: ["x", "metallb"] }, matches: true },
    { expression: { key: "team", operator: "In", values: ["x"] }, matches: false },
    { expression: { key: "zone", operator: "In", values: ["x"] }, matches: false },
    { expression: { key: "team", operator: "NotIn", values: ["x"] }, matches: true },
    { expression: { key: "team", operator: "NotIn", values: ["metallb"] }, matches: false },
    { expression: { key: "zone", operator: "NotIn", values: ["x"] }, matches: true },
    { expression: { key: "tier", operator: "Exists", values: [] }, matches: true },
    { expression: { key: "constructor", operator: "Exists", values: [] }, matches: false },
    { expression: { key: "zone", operator: "DoesNotExist", values: [] }, matches: true },
    { expression: { key: "tier", operator: "DoesNotExist", values: [] }, matches: false },
  ];
  for (const { expression, matches } of expressions) {
    const { key, operator, values } = expression;
    it(`${matches ? "match" : "do not match"} by ${key} ${operator} [${values}]`, () => {
      assert.equal(matchesSelector({ matchLabels: {}, matchExpressions: [expression] }, labels), matches);
    });
  }

  it("match only when labels and all expressions do", () => {
    const matchExpressions: LabelExpression[] = [
      { key: "team", operator: "Exists", values: [] },
      { key: "zone", operator: "Exists", values: [] },
    ];
    assert.equal(matchesSelector({ matchLabels: { team: "metallb" }, matchExpressions }, labels), false);
  });
});
