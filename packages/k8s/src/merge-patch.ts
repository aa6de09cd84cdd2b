/** Applies a JSON merge patch: null removes, objects merge, everything else replaces (RFC 7386 §2). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

/**
 * The same, but conditions are told apart by their type, and one with `$patch: delete` is removed: what strategic
 * merge and server-side apply make of the lists that we write.
 */
export function mergeByKeys(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else if (name === "conditions" && Array.isArray(value))
      merged[name] = mergeConditions(merged[name], value);
    else merged[name] = mergeByKeys(merged[name], value);
  }
  return merged;
}

function mergeConditions(target: unknown, patch: readonly Condition[]): readonly Condition[] {
  const merged = new Map(
    (Array.isArray(target) ? (target as Condition[]) : []).map((each) => [each.type, each]),
  );
  for (const { $patch, ...condition } of patch) {
    if ($patch === "delete") merged.delete(condition.type);
    else merged.set(condition.type, condition);
  }
  return [...merged.values()];
}

interface Condition {
  readonly type: string;
  readonly $patch?: string;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
