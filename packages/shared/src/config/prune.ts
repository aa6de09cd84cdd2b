import { type DocumentPath, formatPath } from "./document.ts";

/** A value without some of its parts, and where the others stood before. */
export interface Pruned {
  readonly value: unknown;
  /** @param path in `value` */
  originalPath(path: DocumentPath): DocumentPath;
}

/** A copy of maps and lists without what stands at the given paths; lists close up. */
export function prune(root: unknown, paths: readonly DocumentPath[]): Pruned {
  const unwanted = new Set(paths.map(formatPath));
  const keptIndices = new Map<string, readonly number[]>(); // by path of the list in the copy
  const copy = (value: unknown, from: DocumentPath, to: DocumentPath): unknown => {
    if (Array.isArray(value)) {
      const kept = [...value.keys()].filter((index) => !unwanted.has(formatPath([...from, index])));
      keptIndices.set(formatPath(to), kept);
      return kept.map((index, position) => copy(value[index], [...from, index], [...to, position]));
    }
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([key]) => !unwanted.has(formatPath([...from, key])));
    return Object.fromEntries(
      entries.map(([key, entry]) => [key, copy(entry, [...from, key], [...to, key])]),
    );
  };
  return {
    value: copy(root, [], []),
    originalPath: (path) =>
      path.map((part, depth) =>
        typeof part === "number" ? (keptIndices.get(formatPath(path.slice(0, depth)))?.[part] ?? part) : part,
      ),
  };
}
