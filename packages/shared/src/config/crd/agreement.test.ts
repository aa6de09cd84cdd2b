import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CRD_KINDS } from "./kinds.ts";
import { type StructuralSchema, structural } from "./manifest.ts";
import { arbitraryOf } from "./testdata/arbitrary-object.ts";

/** Whether a value is as the schema says, rules aside: what the API server looks at first. */
function isValid(schema: StructuralSchema, value: unknown): boolean {
  switch (schema.type) {
    case "object":
      return isValidObject(schema, value);
    case "array":
      return isValidList(schema, value);
    case "boolean":
      return typeof value === "boolean";
    case "integer": {
      const { minimum = -Infinity, maximum = Infinity } = schema;
      return Number.isInteger(value) && minimum <= Number(value) && Number(value) <= maximum;
    }
    default:
      return isValidText(schema, value);
  }
}

function isValidObject(
  { properties = {}, required = [], additionalProperties }: StructuralSchema,
  value: unknown,
): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return (
    required.every((name) => name in value) &&
    Object.entries(value).every(([name, entry]) => {
      const field = properties[name] ?? additionalProperties;
      return field === undefined || isValid(field, entry);
    })
  );
}

function isValidList(schema: StructuralSchema, value: unknown): boolean {
  const { items, minItems = 0, maxItems = Infinity } = schema;
  if (!Array.isArray(value) || value.length < minItems || value.length > maxItems) return false;
  return value.every((entry) => items === undefined || isValid(items, entry));
}

function isValidText(
  { enum: choices, pattern, minLength = 0, maxLength = Infinity }: StructuralSchema,
  value: unknown,
) {
  if (typeof value !== "string") return false;
  if (choices !== undefined && !choices.includes(value)) return false;
  if (pattern !== undefined && !new RegExp(pattern).test(value)) return false;
  return minLength <= value.length && value.length <= maxLength;
}

describe("a kind's manifest and its parser", () => {
  for (const { kind, versions } of CRD_KINDS) {
    for (const { name, spec } of versions) {
      if (spec === undefined) continue;
      it(`agree on the shape of ${kind} ${name}`, () => {
        const schema = structural(spec);
        let good = 0;
        fc.assert(
          fc.property(arbitraryOf(schema), (value) => {
            const issues = spec.safeParse(value).error?.issues ?? [];
            const isParsed = issues.every(({ code }) => code === "custom"); // rules and texts are tried on a real server
            assert.equal(isValid(schema, value), isParsed, JSON.stringify(issues));
            good += isParsed ? 1 : 0;
          }),
          { numRuns: 500 },
        );
        assert.ok(good > 50, `${good} of 500 were good`);
      });
    }
  }
});
