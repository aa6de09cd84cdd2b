import type { z } from "zod";

/** What must hold of a value: told to the API server in CEL, and done by ourselves in TypeScript. */
export interface Rule<T> {
  /** CEL; `self` is the value. What API servers of Kubernetes 1.25 know, no more. */
  readonly cel: string;
  /** What is wrong, and what was wanted. */
  readonly message: string;
  /** The same for our parser; `undefined`: the rule is about a change, of which a parser knows nothing. */
  readonly holds?: (value: T) => boolean;
  /** Field that our parser points at, below the value. */
  readonly at?: string;
}

/** Adds rules to a schema, and what else is to stand in the manifest: `description` at least. */
export function ruled<S extends z.ZodType>(
  schema: S,
  meta: Readonly<Record<string, unknown>>,
  rules: readonly Rule<z.output<S>>[],
): S {
  const checked = schema.check(({ value, issues }) => {
    for (const { holds, message, at } of rules) {
      if (holds === undefined || holds(value)) continue;
      issues.push({ code: "custom", input: value, message, path: at === undefined ? [] : [at] });
    }
  });
  return checked.meta({ ...meta, ...validations(rules) });
}

/** The rules as the manifest says them, for `meta`. */
export function validations(
  rules: readonly Pick<Rule<never>, "cel" | "message">[],
): Readonly<Record<string, unknown>> {
  return { "x-kubernetes-validations": rules.map(({ cel, message }) => ({ rule: cel, message })) };
}

/** Of a field that keeps the value it was created with. */
export const IMMUTABLE: Rule<unknown> = { cel: "self == oldSelf", message: "the value cannot be changed" };
