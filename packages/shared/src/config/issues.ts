import { z } from "zod";
import { suggest } from "../closest.ts";
import type { DocumentPath } from "./document.ts";

/** A mistake before it has a line. */
export interface Finding {
  readonly path: DocumentPath;
  readonly message: string;
  /** What to add to the message when somebody is going to read it; costly where there are many. */
  readonly hint?: () => string;
}

/**
 * What the schema found wrong, in words that name the value and what was wanted.
 *
 * @param issues of one parse of `root`.
 * @param schema what `root` is to be.
 */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  root: unknown,
  schema: FieldSchema,
): readonly Finding[] {
  return issues.flatMap((issue) => {
    const field = schemaAt(schema, issue.path);
    if (issue.code !== "unrecognized_keys")
      return [{ path: issue.path, message: describe(issue, root, field) }];
    const known = Object.keys(field?.properties ?? {});
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      message: "unknown key",
      hint: () => suggest(key, known) || `, want one of ${known.join(", ")}`,
    }));
  });
}

/** @returns `undefined` where there is nothing. */
export function valueAt(root: unknown, path: DocumentPath): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** The part of JSON Schema that ours consists of. */
export interface FieldSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly additionalProperties?: FieldSchema | boolean;
  readonly items?: FieldSchema;
}

export function fieldSchemaOf(schema: z.ZodType): FieldSchema {
  return z.toJSONSchema(schema, { io: "input" }) as FieldSchema;
}

/** Never to be shown, not even in part. */
const SECRET_FIELDS: readonly PropertyKey[] = ["password"];

function schemaAt(root: FieldSchema, path: DocumentPath): FieldSchema | undefined {
  let schema: FieldSchema | undefined = root;
  for (const part of path) {
    if (schema === undefined) return undefined;
    const { items, properties = {}, additionalProperties } = schema as FieldSchema;
    const others = typeof additionalProperties === "object" ? additionalProperties : undefined;
    schema = typeof part === "number" ? items : (properties[String(part)] ?? others);
  }
  return schema;
}

function describe(issue: z.core.$ZodIssue, root: unknown, schema: FieldSchema | undefined): string {
  if (issue.code === "custom" || issue.code === "invalid_format") return issue.message;
  if (issue.code === "invalid_key") return issue.issues[0]?.message ?? issue.message;
  const wanted = describeWanted(schema);
  const value = valueAt(root, issue.path);
  if (value === undefined) return `missing, want ${wanted}`;
  if (issue.code === "too_big" && Array.isArray(value)) {
    return `${value.length} entries, want at most ${schema?.maxItems}`;
  }
  if (issue.path.length === 0) return `the document is ${show(value)}, want ${wanted}`;
  const shown = issue.path.some((part) => SECRET_FIELDS.includes(part)) ? "this" : show(value);
  const guess = typeof value === "string" ? suggest(value, schema?.enum ?? []) : "";
  return `${shown} is not ${wanted}${guess}`;
}

function describeWanted(schema: FieldSchema = {}): string {
  const { type, enum: choices, minimum, maximum, minItems = 0 } = schema;
  if (choices !== undefined) return choices.map((choice) => JSON.stringify(choice)).join(" or ");
  switch (type) {
    case "integer":
      return `a whole number from ${minimum} to ${maximum}`;
    case "boolean":
      return "true or false";
    case "array":
      return minItems > 0 ? "a list with at least one entry" : "a list";
    case "object":
      return "a map of keys and values";
    default:
      return "a text that is not empty";
  }
}

const MAX_SHOWN = 64;

function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value === null) return "nothing";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
