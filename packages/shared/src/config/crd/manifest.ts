import { z } from "zod";
import { type Column, type CrdKind, type CrdVersion, GROUP } from "./crd-kind.ts";

/** OpenAPI v3 as the API server wants it of a CustomResourceDefinition: structural, every node with a type. */
export interface StructuralSchema {
  readonly type: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  readonly items?: StructuralSchema;
  readonly additionalProperties?: StructuralSchema;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly "x-kubernetes-validations"?: readonly { readonly rule: string; readonly message: string }[];
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: string;
}

/** A kind as the CustomResourceDefinition that one applies. */
export function crdManifest({ kind, plural, about, versions }: CrdKind): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${GROUP}`,
      // Why: with the definition go all its objects, and with them everybody's addresses.
      annotations: { "helm.sh/resource-policy": "keep" },
    },
    spec: {
      group: GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope: "Namespaced",
      // Why null: a webhook that somebody else put there must go, or the API server refuses to go without one.
      conversion: { strategy: "None", webhook: null },
      versions: versions.map((version) => ({
        name: version.name,
        served: true,
        storage: version.isStored,
        ...deprecation(version),
        ...columnsOf(version.columns),
        schema: { openAPIV3Schema: objectSchema(version, about) },
        subresources: { status: {} },
      })),
    },
  };
}

/** Schema of a whole object: what every kind has, and its spec and status. */
export function objectSchema(
  { spec, needsSpec = false, status }: CrdVersion,
  about: string,
): StructuralSchema {
  return {
    description: about,
    type: "object",
    properties: {
      apiVersion: { type: "string", description: "Group and version of this form of the object." },
      kind: { type: "string", description: "What kind of object it is." },
      metadata: { type: "object" },
      ...(spec === undefined ? {} : { spec: structural(spec) }),
      ...(status === undefined ? {} : { status: structural(status) }),
    },
    ...(needsSpec ? { required: ["spec"] } : {}),
  };
}

/** What users write, in the words of OpenAPI. */
export function structural(schema: z.ZodType): StructuralSchema {
  return keepKnown(z.toJSONSchema(schema, { io: "input" }) as StructuralSchema);
}

function deprecation({ deprecationWarning }: CrdVersion): object {
  return deprecationWarning === undefined ? {} : { deprecated: true, deprecationWarning };
}

function columnsOf(columns: readonly Column[]): object {
  return columns.length === 0 ? {} : { additionalPrinterColumns: columns };
}

/** In the order in which they are written. */
const KEYWORDS = [
  "description",
  "type",
  "default",
  "enum",
  "format",
  "pattern",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "required",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-map-type",
  "x-kubernetes-validations",
] as const satisfies readonly (keyof StructuralSchema)[];

function keepKnown(schema: StructuralSchema): StructuralSchema {
  const kept = KEYWORDS.filter((keyword) => schema[keyword] !== undefined && !isNoBound(schema[keyword]));
  const { properties, items, additionalProperties } = schema;
  return {
    ...Object.fromEntries(kept.map((keyword) => [keyword, schema[keyword]])),
    ...(items === undefined ? {} : { items: keepKnown(items) }),
    ...(properties === undefined ? {} : { properties: mapValues(properties, keepKnown) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: keepKnown(additionalProperties) }),
  } as StructuralSchema;
}

/** Where JavaScript ends and int64 does not. */
function isNoBound(value: unknown): boolean {
  return value === Number.MAX_SAFE_INTEGER || value === Number.MIN_SAFE_INTEGER;
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
