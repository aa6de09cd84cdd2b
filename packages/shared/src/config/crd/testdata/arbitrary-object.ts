import fc from "fast-check";
import type { StructuralSchema } from "../manifest.ts";
import { ADDRESS, COMMUNITY, DURATION, RANGE } from "../text-patterns.ts";

/**
 * What somebody may write where a schema is to hold: mostly good, sometimes of another kind, out of bounds, with
 * something missing, twice or too much.
 */
export function arbitraryOf(schema: StructuralSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 40, arbitrary: goodOf(schema) }, { weight: 1, arbitrary: OTHER });
}

const OTHER = fc.constantFrom<unknown>("text", 7, true, -1, 1.5, [], {}, [1], "");

/** Texts that stand for others of their kind; the API server and we must agree on each. */
const TEXTS: readonly (readonly [string, readonly string[]])[] = [
  [
    RANGE,
    ["192.0.2.0/24", "10.0.0.7/32", "10.0.0.1-10.0.0.9", "fd00::/64", " 1.2.3.4/24 ", "1.2.3.4", "10.0.0.0/33", "300.1.1.1/24", "a", ""],
  ],
  [ADDRESS, ["10.0.0.1", "fd00::1", "::", "", "1.2.3.400", "01.2.3.4", "eth0"]],
  [DURATION, ["90s", "1m30s", "0s", "0", "30s", "3s", "2s", "2999ms", "120", "-3s", "-0.5s", "20h", "1500ms", "s", ""]],
  [COMMUNITY, ["64512:1", "0:0", "large:1:2:3", "1:70000", "1:2:3", "large:1:2", "a:b", ""]],
];

function goodOf(schema: StructuralSchema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "object":
      return objectOf(schema);
    case "array":
      return fc.array(arbitraryOf(schema.items ?? schema), { maxLength: 3 });
    case "boolean":
      return fc.boolean();
    case "integer":
      return integerOf(schema);
    default:
      return textOf(schema);
  }
}

function objectOf({ properties = {}, required = [], additionalProperties }: StructuralSchema): fc.Arbitrary<unknown> {
  if (additionalProperties !== undefined) {
    const key = fc.constantFrom("rack", "example.com/zone");
    return fc.dictionary(key, arbitraryOf(additionalProperties), { maxKeys: 2, noNullPrototype: true });
  }
  const fields = Object.entries(properties).map(([name, field]) => {
    const absence = required.includes(name) ? 1 : 30;
    const value = arbitraryOf(field).map((each) => [[name, each] as const]);
    return fc.oneof({ weight: 30, arbitrary: value }, { weight: absence, arbitrary: fc.constant([]) });
  });
  return fc.tuple(...fields).map((entries) => Object.fromEntries(entries.flat()));
}

function integerOf({ minimum = -9, maximum = 9 }: StructuralSchema): fc.Arbitrary<unknown> {
  const bounds = [minimum, maximum, minimum + 1, maximum - 1];
  return fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom(...bounds) },
    { weight: 1, arbitrary: fc.constantFrom(minimum - 1, maximum + 1) },
  );
}

function textOf(schema: StructuralSchema): fc.Arbitrary<unknown> {
  const rules = JSON.stringify(schema["x-kubernetes-validations"] ?? []);
  const [, texts = ["a", "b", "c", "eth0"]] = TEXTS.find(([pattern]) => rules.includes(pattern)) ?? [];
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...texts.slice(0, 2)) },
    { weight: 1, arbitrary: fc.constantFrom(...texts) },
  );
}
