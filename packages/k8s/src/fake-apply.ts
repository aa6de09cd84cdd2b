import { LIST_KEYS, mergeByKeys } from "./merge-patch.ts";

/**
 * What managers have applied and nobody else has written: by path, whose it is and what it said. Somebody who wrote the
 * same by other means before owns it, too, and keeps it.
 */
export type Owned = ReadonlyMap<string, { readonly manager: string; readonly value: string }>;

/**
 * Server-side apply by force, as far as the objects that we apply go: what the body names is so, and what this manager
 * has applied before and does not name any more is gone, unless it is another one's as well.
 */
export function applyByForce(
  stored: object,
  body: object,
  manager: string,
  owned: Owned,
): { readonly object: unknown; readonly owned: Owned } {
  const [known, named] = [leavesOf(stored), leavesOf(body)];
  const after = new Map(owned);
  const gone = new Set<string>();
  for (const [path, { manager: owner, value }] of owned) {
    if (owner !== manager || named.has(path)) continue;
    after.delete(path);
    if (known.get(path) === value) gone.add(path);
  }
  for (const [path, value] of named) {
    if (known.get(path) !== value) after.set(path, { manager, value });
    else if (after.get(path)?.manager !== manager) after.delete(path);
  }
  const object = mergeByKeys(stored, body);
  return { object: gone.size === 0 ? object : without(object, [], gone), owned: after };
}

/** By path, an array as JSON; entries of lists that have a key go by that, as `type=Ready`. */
function leavesOf(object: object): ReadonlyMap<string, string> {
  const leaves = new Map<string, string>();
  const { metadata, spec, status } = object as Record<string, unknown>;
  const { annotations, labels } = (metadata ?? {}) as Record<string, unknown>;
  collect({ metadata: { annotations, labels }, spec, status }, [], leaves);
  return leaves;
}

function collect(value: unknown, path: readonly string[], leaves: Map<string, string>): void {
  if (value === undefined || value === null) return;
  const key = LIST_KEYS.get(path.at(-1) ?? "");
  if (key !== undefined && Array.isArray(value)) {
    for (const entry of value) collect(entry, [...path, `${key}=${entry[key]}`], leaves);
  } else if (typeof value === "object" && !Array.isArray(value)) {
    for (const [name, inner] of Object.entries(value)) collect(inner, [...path, name], leaves);
  } else {
    leaves.set(JSON.stringify(path), JSON.stringify(value));
  }
}

/** Without these leaves, and without what has nothing in it then. */
function without(value: unknown, path: readonly string[], gone: ReadonlySet<string>): unknown {
  if (typeof value !== "object" || value === null) return gone.has(JSON.stringify(path)) ? undefined : value;
  const key = LIST_KEYS.get(path.at(-1) ?? "");
  if (Array.isArray(value)) {
    if (key === undefined) return gone.has(JSON.stringify(path)) ? undefined : value;
    const left = value.map((entry) => without(entry, [...path, `${key}=${entry[key]}`], gone));
    return unlessEmptied(
      value,
      left.filter((entry) => entry !== undefined),
    );
  }
  const left = Object.entries(value).map(([name, inner]) => [name, without(inner, [...path, name], gone)]);
  return unlessEmptied(value, Object.fromEntries(left.filter(([, inner]) => inner !== undefined)));
}

function unlessEmptied(before: object, after: object): object | undefined {
  return Object.keys(after).length === 0 && Object.keys(before).length > 0 ? undefined : after;
}
