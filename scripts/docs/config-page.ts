import { ConfigSchema } from "../../packages/shared/src/config/schema.ts";
import { page, table } from "./markdown.ts";

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A table for each kind of entry, in the order they are met. */
export function configPage(): string {
  const schema = ConfigSchema.toJSONSchema({ io: "input" }) as JsonSchema;
  return page(
    "Configuration",
    "Source: `packages/shared/src/config/schema.ts`. The text under the key `config` of the ConfigMap `config`, in YAML. Unknown fields, values out of range and contradictions are refused, all at once and with their lines; the last good configuration then stays in force.",
    sections("", schema),
  );
}

function sections(path: string, schema: JsonSchema): readonly string[] {
  const { properties = {}, required = [] } = schema;
  const rows = Object.entries(properties).map(([name, field]) => [
    `\`${name}\``,
    typeOf(field),
    defaultOf(field, required.includes(name)),
    field.description ?? "",
  ]);
  const title = path === "" ? "The document" : `\`${path}\``;
  const own = [`## ${title}`, schema.description ?? "", table(["field", "type", "default", "meaning"], rows)];
  const nested = Object.entries(properties).flatMap(([name, field]) => {
    const entry = field.items?.properties === undefined ? undefined : field.items;
    return entry === undefined ? [] : sections(`${path === "" ? "" : `${path}.`}${name}[]`, entry);
  });
  return [own.join("\n\n"), ...nested];
}

function typeOf({ type, enum: choices, items, minimum, maximum, additionalProperties }: JsonSchema): string {
  if (choices !== undefined) return choices.map((choice) => `\`${choice}\``).join(" or ");
  if (type === "array") return `list of ${items?.properties === undefined ? typeOf(items ?? {}) : "entries"}`;
  if (type === "object" && typeof additionalProperties === "object")
    return `map to ${typeOf(additionalProperties)}`;
  if (type === "integer" && minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  return type ?? "text";
}

function defaultOf(field: JsonSchema, required: boolean): string {
  if (field.default !== undefined) return `\`${JSON.stringify(field.default)}\``;
  return required ? "required" : "";
}
