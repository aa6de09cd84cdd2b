import type { LabelExpression, LabelSelector } from "../config/config.ts";

type Labels = Readonly<Record<string, string>>;

/** Whether labels satisfy every part of a Kubernetes label selector; an empty selector matches everything. */
export function matchesSelector({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every((expression) => matchesExpression(expression, labels))
  );
}

/** A label that is absent satisfies NotIn, as it does in Kubernetes. */
function matchesExpression({ key, operator, values }: LabelExpression, labels: Labels): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
  }
}

/** Only what the object itself has: a label called `constructor` is not there by inheritance. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
