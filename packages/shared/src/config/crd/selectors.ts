import { z } from "zod";
import { quoted } from "../../quoted.ts";
import { labelKey, labelValue } from "../text-field.ts";
import { ruled } from "./rules.ts";

/** Bounds are where the API server stops to believe that it can afford to check what is inside. */
const MAX_SELECTORS = 2_000;
const MAX_EXPRESSIONS = 100;

const expression = ruled(
  z.object({
    key: labelKey,
    operator: z
      .enum(["In", "NotIn", "Exists", "DoesNotExist"])
      .meta({ description: "How the label's value compares with `values`." }),
    values: z.array(labelValue).optional().meta({
      description: "For In and NotIn at least one value, for the others none.",
      "x-kubernetes-list-type": "atomic",
    }),
  }),
  { description: "One condition on a label." },
  [
    {
      cel: "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
      message: "In and NotIn need at least one value, Exists and DoesNotExist take none",
      holds: ({ operator, values = [] }) => (operator === "In" || operator === "NotIn") === values.length > 0,
      at: "values",
    },
  ],
);

/** A label selector as everywhere in Kubernetes. */
export function selector(description: string) {
  return z
    .object({
      matchLabels: z
        .record(labelKey, labelValue)
        .optional()
        .meta({ description: "Labels that there must be." }),
      matchExpressions: z
        .array(expression)
        .max(MAX_EXPRESSIONS)
        .optional()
        .meta({ description: "Conditions that must all hold.", "x-kubernetes-list-type": "atomic" }),
    })
    .meta({ description, "x-kubernetes-map-type": "atomic" });
}

/** Selectors of which one must match. */
export function selectors(description: string) {
  return z
    .array(selector("One that may match; an empty one matches everything."))
    .max(MAX_SELECTORS)
    .optional()
    .check(({ value = [], issues }) => {
      for (const index of repetitions(value.map(meaningOf))) {
        issues.push({ code: "custom", input: value, path: [index], message: "the selector stands twice" });
      }
    })
    .meta({ description });
}

/** Names, each once: the API server sees to it, too. */
export function names(description: string, itemDescription: string) {
  return z
    .array(z.string().min(1).meta({ description: itemDescription }))
    .optional()
    .check(({ value = [], issues }) => {
      for (const index of repetitions(value)) {
        issues.push({
          code: "custom",
          input: value,
          path: [index],
          message: `${quoted(value[index] ?? "")} stands twice`,
        });
      }
    })
    .meta({ description, "x-kubernetes-list-type": "set" });
}

/** Indices of texts that stand further up already. */
function repetitions(texts: readonly string[]): readonly number[] {
  const seen = new Set<string>();
  return texts.flatMap((text, index) => {
    if (seen.has(text)) return [index];
    seen.add(text);
    return [];
  });
}

type Selector = z.output<ReturnType<typeof selector>>;

/** The same text for selectors of the same labels and conditions, whatever order the labels are written in. */
export function meaningOf({ matchLabels = {}, matchExpressions = [] }: Selector): string {
  const conditions = matchExpressions.map(({ key, operator, values = [] }) => [key, operator, values]);
  return JSON.stringify([Object.entries(matchLabels).sort(byKey), conditions]);
}

function byKey([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}
