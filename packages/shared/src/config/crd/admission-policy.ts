import type { CrdKind } from "./crd-kind.ts";
import { type StructuralSchema, structural } from "./manifest.ts";

/** One of a ValidatingAdmissionPolicy. */
export interface Validation {
  /** CEL over `object` and `oldObject`. */
  readonly expression: string;
  /** Field and cause. */
  readonly message: string;
  /** The same in CEL, with the value. */
  readonly messageExpression?: string;
}

/**
 * What our definition of a kind asks for, for API servers on which somebody else has defined it: the rules, bounds and
 * sets of the schema. What it says of the shape of an object, every definition of the kind does.
 */
export function policyValidations({ versions }: CrdKind): readonly Validation[] {
  const stored = versions.find(({ isStored }) => isStored);
  if (stored?.spec === undefined) return [];
  return validationsOf(structural(stored.spec), {
    value: "object.spec",
    before: "oldObject.spec",
    path: "spec",
    within: (expression) => `!has(object.spec) || ${expression}`,
    depth: 0,
  });
}

/** A part of the object, in CEL. */
interface Place {
  readonly value: string;
  /** The same before the change; `undefined` inside lists, where nothing says which entry was which. */
  readonly before: string | undefined;
  /** For people. */
  readonly path: string;
  /** Says something of the part, where there is one, or of each where there are several. */
  readonly within: (expression: string) => string;
  /** Of lists around it. */
  readonly depth: number;
  /** The list of which it is an entry, if it is one of a list that stands in no other. */
  readonly list?: string;
}

function validationsOf(schema: StructuralSchema, place: Place): readonly Validation[] {
  return [
    ...claimsOf(schema, place).map((claim) => toValidation(claim, schema, place)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
      validationsOf(field, fieldOf(place, name)),
    ),
    ...(schema.items === undefined ? [] : validationsOf(schema.items, entryOf(place))),
  ];
}

function fieldOf({ value, before, path, within, depth }: Place, name: string): Place {
  return {
    value: `${value}.${name}`,
    before: before && `${before}.${name}`,
    path: `${path}.${name}`,
    within: (expression) => within(`(!has(${value}.${name}) || ${expression})`),
    depth,
  };
}

function entryOf({ value, path, within, depth }: Place): Place {
  const entry = `e${depth + 1}`;
  return {
    value: entry,
    before: undefined,
    path: `${path}[]`,
    within: (expression) => within(`${value}.all(${entry}, ${expression})`),
    depth: depth + 1,
    ...(depth === 0 ? { list: value } : {}),
  };
}

/** What must hold of a value that is there. */
interface Claim {
  readonly holds: string;
  readonly message: string;
}

function claimsOf(schema: StructuralSchema, { value, before }: Place): readonly Claim[] {
  const rules = schema["x-kubernetes-validations"] ?? [];
  return [
    ...rules.flatMap(({ rule, message }) => {
      if (!rule.includes("oldSelf")) return [{ holds: `(${rule.replaceAll(/\bself\b/g, value)})`, message }];
      if (before === undefined) return [];
      const same = rule.replaceAll(/\bself\b/g, value).replaceAll("oldSelf", before);
      return [{ holds: `(oldObject == null || !has(${before}) || ${same})`, message }];
    }),
    ...boundsOf(schema, value),
    ...(schema["x-kubernetes-list-type"] === "set"
      ? [{ holds: `${value}.all(x, ${value}.exists_one(y, y == x))`, message: "an entry stands twice" }]
      : []),
    ...(schema.minItems === undefined
      ? []
      : [{ holds: `size(${value}) >= ${schema.minItems}`, message: `want at least ${schema.minItems}` }]),
  ];
}

const INT32 = [-0x8000_0000, 0x7fff_ffff];

function boundsOf({ type, minimum, maximum }: StructuralSchema, value: string): readonly Claim[] {
  const isBound = (bound: number | undefined): bound is number =>
    bound !== undefined && !INT32.includes(bound);
  if (type !== "integer" || !isBound(minimum) || !isBound(maximum)) return [];
  return [
    {
      holds: `(${value} >= ${minimum} && ${value} <= ${maximum})`,
      message: `want a whole number from ${minimum} to ${maximum}`,
    },
  ];
}

/** With the value in the message where it is a text, or the first that is wrong in a list of texts. */
function toValidation({ holds, message }: Claim, { type }: StructuralSchema, place: Place): Validation {
  const { path, within, value, depth, list } = place;
  const validation = { expression: within(holds), message: `${path}: ${message}` };
  const wrong = depth === 0 ? value : list && `${list}.filter(${value}, !${holds})[0]`;
  if (type !== "string" || wrong === undefined) return validation;
  const [before, after] = [`${path}: '`, `': ${message}`].map((text) => JSON.stringify(text));
  return { ...validation, messageExpression: `${before} + ${wrong} + ${after}` };
}
