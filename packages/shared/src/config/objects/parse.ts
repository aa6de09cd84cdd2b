import type { z } from "zod";
import type { ConfigMistake } from "../../errors.ts";
import type { LabelSelector } from "../config.ts";
import type { CrdKind } from "../crd/crd-kind.ts";
import { type DocumentPath, formatPath } from "../document.ts";
import { describeIssues, type FieldSchema, fieldSchemaOf } from "../issues.ts";
import type { ConfigObject } from "./config-objects.ts";

/** An object without mistakes of its own. */
export interface Parsed<Spec> {
  readonly kind: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: Spec;
}

export interface ParsedObjects<Spec> {
  /** By name. */
  readonly sound: readonly Parsed<Spec>[];
  readonly mistakes: readonly ConfigMistake[];
}

/** Reads each object for itself. Unknown fields do not count, as the API server drops them. */
export function parseObjects<S extends z.ZodType>(
  { kind }: CrdKind,
  schema: S,
  objects: readonly ConfigObject[],
): ParsedObjects<z.output<S>> {
  const sound: Parsed<z.output<S>>[] = [];
  const mistakes: ConfigMistake[] = [];
  for (const { metadata, spec } of [...objects].sort(byName)) {
    const { name, labels = {}, annotations = {} } = metadata;
    const root = withoutNulls(spec ?? {});
    const { data, error } = schema.safeParse(root);
    if (error === undefined) {
      sound.push({ kind, name, labels, annotations, spec: data });
      continue;
    }
    for (const { path, message, hint } of describeIssues(error.issues, root, fieldsOf(schema))) {
      mistakes.push(mistakeIn({ kind, name }, path, message + (hint?.() ?? "")));
    }
  }
  return { sound, mistakes };
}

/** A mistake in the spec of an object. */
export function mistakeIn(
  { kind, name }: Pick<Parsed<unknown>, "kind" | "name">,
  path: DocumentPath,
  message: string,
): ConfigMistake {
  return { path: placeOf({ kind, name }, path), line: 0, message };
}

/** A mistake in one of its annotations. */
export function mistakeInAnnotation(
  { kind, name }: Pick<Parsed<unknown>, "kind" | "name">,
  { annotation, message }: { readonly annotation: string; readonly message: string },
): ConfigMistake {
  return { path: `${kind} ${name}: metadata.annotations["${annotation}"]`, line: 0, message };
}

/** A mistake that may be none as soon as something else is there. */
export function lackIn(
  object: Pick<Parsed<unknown>, "kind" | "name">,
  path: DocumentPath,
  message: string,
): ConfigMistake {
  return { ...mistakeIn(object, path, message), transient: true };
}

/** `IPAddressPool default: spec.addresses[0]` */
export function placeOf({ kind, name }: Pick<Parsed<unknown>, "kind" | "name">, path: DocumentPath): string {
  return `${kind} ${name}: ${formatPath(["spec", ...path])}`;
}

interface WrittenSelector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?:
    | readonly {
        readonly key: string;
        readonly operator: LabelSelector["matchExpressions"][number]["operator"];
        readonly values?: readonly string[] | undefined;
      }[]
    | undefined;
}

export function toSelector({ matchLabels = {}, matchExpressions = [] }: WrittenSelector): LabelSelector {
  return {
    matchLabels,
    matchExpressions: matchExpressions.map(({ key, operator, values = [] }) => ({ key, operator, values })),
  };
}

const schemas = new Map<z.ZodType, FieldSchema>(); // bounded by the kinds

function fieldsOf(schema: z.ZodType): FieldSchema {
  const known = schemas.get(schema) ?? fieldSchemaOf(schema);
  schemas.set(schema, known);
  return known;
}

function byName(
  { metadata: { name: one } }: ConfigObject,
  { metadata: { name: other } }: ConfigObject,
): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** What is null counts as left out, as in Go. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, entry]) => entry !== null);
  return Object.fromEntries(entries.map(([key, entry]) => [key, withoutNulls(entry)]));
}
