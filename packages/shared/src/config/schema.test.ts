import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { ConfigSchema } from "./schema.ts";

interface Field {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly items?: Field;
  readonly additionalProperties?: Field | boolean;
}

/** Paths of fields that a reader of the documentation would learn nothing about. */
function undescribed(field: Field, path: string): readonly string[] {
  const { properties = {}, items, additionalProperties } = field;
  return [
    ...(field.description === undefined ? [path] : []),
    ...Object.entries(properties).flatMap(([name, each]) => undescribed(each, `${path}.${name}`)),
    ...(items === undefined ? [] : undescribed(items, `${path}[]`)),
    ...(typeof additionalProperties === "object" ? undescribed(additionalProperties, `${path}.*`) : []),
  ];
}

describe("schema of the configuration", () => {
  const schema = z.toJSONSchema(ConfigSchema, { io: "input" }) as Field;

  it("describes every field", () => {
    assert.deepEqual(undescribed(schema, ""), []);
  });

  it("has defaults in the form that users write", () => {
    const peer = schema.properties?.["peers"]?.items?.properties?.["hold-time"];
    assert.deepEqual(peer, {
      type: "string",
      description:
        "How long the router may be silent before the session counts as lost, as a duration like `90s`: 0 for never, else at least 3s.",
      default: "90s",
    });
  });
});
