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
 * The same, but conditions are told apart by their type and webhooks by their name, and one with `$patch: delete` is
 * removed: what strategic merge and server-side apply make of the lists that we write.
 */
export function mergeByKeys(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    const key = LIST_KEYS.get(name);
    if (value === null) delete merged[name];
    else if (key !== undefined && Array.isArray(value)) merged[name] = mergeList(merged[name], value, key);
    else merged[name] = mergeByKeys(merged[name], value);
  }
  return merged;
}

/** What entries of a list are told apart by. */
export const LIST_KEYS: ReadonlyMap<string, string> = new Map([
  ["conditions", "type"],
  ["webhooks", "name"],
]);

type Entry = Readonly<Record<string, unknown>>;

function mergeList(target: unknown, patch: readonly Entry[], key: string): readonly Entry[] {
  const known = Array.isArray(target) ? (target as Entry[]) : [];
  const merged = new Map(known.map((each) => [each[key], each]));
  for (const { $patch, ...entry } of patch) {
    const id = entry[key];
    if ($patch === "delete") merged.delete(id);
    else merged.set(id, mergeByKeys(merged.get(id), entry) as Entry);
  }
  return [...merged.values()];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
