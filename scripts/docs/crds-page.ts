import type { CrdKind, CrdVersion } from "../../packages/shared/src/config/crd/crd-kind.ts";
import { CRD_KINDS } from "../../packages/shared/src/config/crd/kinds.ts";
import { objectSchema, type StructuralSchema } from "../../packages/shared/src/config/crd/manifest.ts";
import { page, table } from "./markdown.ts";

/** A table for each part of each kind, in the order they are met. */
export function crdsPage(): string {
  return page(
    "Objects of metallb.io",
    "Source: `packages/shared/src/config/crd/`. Kinds, fields and defaults are MetalLB's. The API server refuses what breaks a bound or a rule below; what takes more than one object to see is refused by the programs, see [configuration.md](../configuration.md).",
    CRD_KINDS.map(section),
  );
}

function section({ kind, about, versions }: CrdKind): string {
  const stored = versions.find(({ isStored }) => isStored) as CrdVersion;
  const older = versions.filter(({ isStored }) => !isStored).map(({ name }) => olderText(name));
  const { properties = {}, required = [] } = objectSchema(stored, about);
  const parts = ["spec", "status"].flatMap((part) => {
    const schema = properties[part];
    return schema === undefined ? [] : fields(part, schema);
  });
  const needs = required.includes("spec") ? [] : ["`spec` may be left out."];
  return [`## ${kind}`, [about, `Version ${stored.name}.`, ...older, ...needs].join(" "), ...parts].join(
    "\n\n",
  );
}

function olderText(older: string): string {
  return `Also served as ${older}, which is deprecated and has the same fields, so that nothing is lost between the two.`;
}

/** The tables of an object and of what is in it; none where it has no fields. */
function fields(path: string, schema: StructuralSchema): readonly string[] {
  const { properties = {}, required = [], description = "" } = schema;
  const rows = Object.entries(properties).map(([name, field]) => [
    `\`${name}\``,
    typeOf(field),
    defaultOf(field, required.includes(name)),
    field.description ?? field.items?.description ?? "",
  ]);
  if (rows.length === 0) return [];
  const rules = rulesOf(schema, path).map(({ where, message }) => `- \`${where}\`: ${message}`);
  const nested = Object.entries(properties).flatMap(([name, field]) => {
    if (isSelector(field) || isSelector(field.items)) return [];
    const isList = field.items?.properties !== undefined;
    return fields(`${path}.${name}${isList ? "[]" : ""}`, isList ? (field.items ?? field) : field);
  });
  const own = [
    `### \`${path}\``,
    description,
    table(["field", "type", "default", "meaning"], rows),
    rules.join("\n"),
  ];
  return [...own.filter((part) => part !== ""), ...nested];
}

interface PlacedRule {
  readonly where: string;
  readonly message: string;
}

/** Those of an object and of its fields and lists, but not of objects in it. */
function rulesOf(schema: StructuralSchema, path: string): readonly PlacedRule[] {
  const own = (where: string, of: StructuralSchema | undefined) =>
    (of?.["x-kubernetes-validations"] ?? []).map(({ message }) => ({ where, message }));
  return [
    ...own(path, schema),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
      ...(field.properties === undefined ? own(`${path}.${name}`, field) : []),
      ...(field.items?.properties === undefined ? own(`${path}.${name}[]`, field.items) : []),
    ]),
  ];
}

/** A label selector, which readers know. */
function isSelector(schema: StructuralSchema | undefined): boolean {
  return schema?.properties?.["matchExpressions"] !== undefined;
}

function typeOf(field: StructuralSchema): string {
  const { type, enum: choices, items, minimum, maximum, properties } = field;
  if (isSelector(field)) return "label selector";
  if (isSelector(items)) return "list of label selectors";
  if (choices !== undefined) return choices.map((choice) => `\`${choice}\``).join(" or ");
  if (type === "array")
    return `list of ${items?.properties === undefined ? typeOf(items ?? field) : "entries"}`;
  if (type === "integer" && minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  return properties === undefined ? type : "entries";
}

function defaultOf(field: StructuralSchema, required: boolean): string {
  if (field.default !== undefined) return `\`${JSON.stringify(field.default)}\``;
  return required ? "required" : "";
}
