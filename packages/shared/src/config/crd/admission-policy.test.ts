import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { policyValidations } from "./admission-policy.ts";
import type { CrdKind } from "./crd-kind.ts";
import { CRD_KINDS } from "./kinds.ts";
import { IMMUTABLE, ruled, validations } from "./rules.ts";

function kindWith(fields: Record<string, z.ZodType>): CrdKind {
  const spec = z.object(fields);
  const version = { name: "v1beta1", isStored: true, spec, status: undefined, columns: [] } as const;
  return { kind: "Thing", plural: "things", about: "", versions: [version] };
}

const short = z.string().meta(validations([{ cel: "size(self) < 9", message: "want a short one" }]));

describe("the validations of a policy", () => {
  it("say of a field what its rules say of it, with its path and value", () => {
    assert.deepEqual(policyValidations(kindWith({ name: short.optional() })), [
      {
        expression: "!has(object.spec) || (!has(object.spec.name) || (size(object.spec.name) < 9))",
        message: "spec.name: want a short one",
        messageExpression: `"spec.name: '" + object.spec.name + "': want a short one"`,
      },
    ]);
  });

  it("say of each entry of a list what its rules say of it, with the first that is wrong", () => {
    const list = z.array(short).min(1);
    const all = "!has(object.spec) || (!has(object.spec.names) || ";
    const wrong = "object.spec.names.filter(e1, !(size(e1) < 9))[0]";
    assert.deepEqual(policyValidations(kindWith({ names: list })), [
      { expression: `${all}size(object.spec.names) >= 1)`, message: "spec.names: want at least 1" },
      {
        expression: `${all}object.spec.names.all(e1, (size(e1) < 9)))`,
        message: "spec.names[]: want a short one",
        messageExpression: `"spec.names[]: '" + ${wrong} + "': want a short one"`,
      },
    ]);
  });

  it("go into lists of lists, where no value is told", () => {
    const inner = z.object({ names: z.array(short).optional() });
    assert.deepEqual(policyValidations(kindWith({ groups: z.array(inner).optional() })), [
      {
        expression:
          "!has(object.spec) || (!has(object.spec.groups) || object.spec.groups.all(e1, (!has(e1.names) || e1.names.all(e2, (size(e2) < 9)))))",
        message: "spec.groups[].names[]: want a short one",
      },
    ]);
  });

  it("say of what may not change that it is as before, where there was a before", () => {
    const fixed = ruled(z.boolean().optional(), { description: "Fixed." }, [IMMUTABLE]);
    assert.deepEqual(policyValidations(kindWith({ fixed })), [
      {
        expression:
          "!has(object.spec) || (!has(object.spec.fixed) || (oldObject == null || !has(oldObject.spec.fixed) || object.spec.fixed == oldObject.spec.fixed))",
        message: "spec.fixed: the value cannot be changed",
      },
    ]);
  });

  it("say of numbers and sets what bounds them", () => {
    const set = z.array(z.string()).optional().meta({ "x-kubernetes-list-type": "set" });
    const [number, names] = policyValidations(kindWith({ number: z.int().min(1).max(9), names: set }));
    assert.deepEqual(
      [number?.message, names?.message],
      ["spec.number: want a whole number from 1 to 9", "spec.names: an entry stands twice"],
    );
    assert.match(number?.expression ?? "", /\(object\.spec\.number >= 1 && object\.spec\.number <= 9\)/);
  });

  it("leave no rule's own words in any kind", () => {
    const all = CRD_KINDS.flatMap(policyValidations);
    assert.ok(all.length > 40, `${all.length}`);
    assert.deepEqual(
      all.filter(({ expression, messageExpression = "" }) =>
        /\b(old)?[sS]elf\b/.test(expression + messageExpression),
      ),
      [],
    );
  });
});
