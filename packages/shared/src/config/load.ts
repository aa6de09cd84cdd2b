import type { z } from "zod";
import { ConfigError, type ConfigMistake } from "../errors.ts";
import { toConfig } from "./build.ts";
import { checkConfig } from "./check.ts";
import type { Config } from "./config.ts";
import { type DocumentPath, formatPath, readDocument, type YamlDocument } from "./document.ts";
import { describeIssues, type Finding, fieldSchemaOf, valueAt } from "./issues.ts";
import { type Pruned, prune } from "./prune.ts";
import { ConfigSchema, type ParsedConfig } from "./schema.ts";

/**
 * Reads a configuration in the format of MetalLB 0.7 to 0.12. An empty document is one without pools.
 *
 * @throws {ConfigError} with every mistake that can be told apart, each with its path and line. Never says a
 *   password.
 */
export function loadConfig(text: string): Config {
  return toConfig(parseConfig(text));
}

/** As `loadConfig`, with the document as it is written: sections, names and defaults are those of the format. */
export function parseConfig(text: string): ParsedConfig {
  const document = readDocument(text);
  const root = withTextWherePlain(document);
  const { data, error } = ConfigSchema.safeParse(root);
  const findings =
    data === undefined
      ? [...describeIssues(error.issues, root, FIELDS), ...checkSoundParts(root, error.issues, document)]
      : checkConfig(data, root, document.lineOf);
  if (data !== undefined && findings.length === 0) return data;
  throw new ConfigError(toMistakes(findings, document));
}

/**
 * Reads the configuration out of a ConfigMap.
 *
 * @param data the ConfigMap's, `undefined` when it has none.
 * @throws {ConfigError} as `loadConfig`, and when the key `config` is missing.
 */
export function configFromConfigMap(data: Readonly<Record<string, string>> | undefined): Config {
  const text = data !== undefined && Object.hasOwn(data, CONFIG_KEY) ? data[CONFIG_KEY] : undefined;
  if (text !== undefined) return loadConfig(text);
  const found = Object.keys(data ?? {});
  const instead = found.length === 0 ? "it has none at all" : `it has ${found.slice(0, 5).join(", ")}`;
  const message = `the ConfigMap has no key "${CONFIG_KEY}" with the configuration in it, ${instead}`;
  throw new ConfigError([{ path: "data", line: 0, message }]);
}

const CONFIG_KEY = "config";
const FIELDS = fieldSchemaOf(ConfigSchema);

/** What anybody reads, and what an Event, a log line and a page can hold. */
const MAX_MISTAKES = 100;

/** In the order of the document. */
function toMistakes(findings: readonly Finding[], { lineOf }: YamlDocument): readonly ConfigMistake[] {
  const placed = findings
    .map((finding) => ({ finding, line: lineOf(finding.path) }))
    .sort((one, other) => one.line - other.line);
  const mistakes = placed.slice(0, MAX_MISTAKES).map(({ finding: { path, message, hint }, line }) => {
    return { path: formatPath(path), line, message: message + (hint?.() ?? "") };
  });
  const rest = placed.length - mistakes.length;
  return rest === 0 ? mistakes : [...mistakes, { path: "", line: 0, message: `and ${rest} more` }];
}

/** Looks at what the schema had no issue with, so that one slip of the pen does not hide what else is wrong. */
function checkSoundParts(
  root: unknown,
  issues: readonly z.core.$ZodIssue[],
  document: YamlDocument,
): readonly Finding[] {
  const fields = issues.flatMap(unsoundPaths);
  const { value, originalPath } = pruneWhatStands(root, [...fields, ...entriesThatNeed(fields, root)]);
  const { data } = ConfigSchema.safeParse(value);
  if (data === undefined) return [];
  const lineOf = (path: DocumentPath) => document.lineOf(originalPath(path));
  return checkConfig(data, root, lineOf).map((finding) => ({ ...finding, path: originalPath(finding.path) }));
}

function unsoundPaths(issue: z.core.$ZodIssue): readonly DocumentPath[] {
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
}

/** A pool without its protocol still has a name and addresses: it is taken for one that the rest of it could be of. */
function pruneWhatStands(root: unknown, paths: readonly DocumentPath[]): Pruned {
  const pruned = prune(root, paths);
  const pools = valueAt(pruned.value, ["address-pools"]);
  for (const pool of Array.isArray(pools) ? pools : []) {
    if (typeof pool !== "object" || pool === null || Object.hasOwn(pool, "protocol")) continue;
    pool.protocol = Object.hasOwn(pool, "bgp-advertisements") ? "bgp" : "layer2";
  }
  return pruned;
}

/** Entries of lists that are none without a field that goes. */
function entriesThatNeed(fields: readonly DocumentPath[], root: unknown): readonly DocumentPath[] {
  const { value, originalPath } = pruneWhatStands(root, fields);
  return (ConfigSchema.safeParse(value).error?.issues ?? []).map(({ path }) => {
    const entry = path.findLastIndex((part) => typeof part === "number");
    return originalPath(entry < 0 ? path : path.slice(0, entry + 1));
  });
}

/**
 * The document's value where numbers and truth values stand for text if the schema wants text, and `yes`,
 * `no`, `on` and `off` for truth values: what MetalLB's YAML 1.1 reader makes of plain scalars.
 */
function withTextWherePlain(document: YamlDocument): unknown {
  const root = document.value ?? {};
  const { error } = ConfigSchema.safeParse(root);
  for (const issue of error?.issues ?? []) {
    if (issue.code !== "invalid_type" && issue.code !== "invalid_key") continue;
    const text = document.plainTextAt(issue.path);
    const parent = valueAt(root, issue.path.slice(0, -1));
    const value = text === undefined ? undefined : reread(issue, text);
    const last = issue.path.at(-1);
    if (value === undefined || last === undefined || typeof parent !== "object" || parent === null) continue;
    (parent as Record<PropertyKey, unknown>)[last] = value;
  }
  return root;
}

function reread(issue: z.core.$ZodIssue, text: string): string | boolean | undefined {
  if (issue.code !== "invalid_type") return undefined;
  if (issue.expected === "string") return text;
  if (issue.expected !== "boolean") return undefined;
  if (/^(?:y|Y|yes|Yes|YES|on|On|ON)$/.test(text)) return true;
  return /^(?:n|N|no|No|NO|off|Off|OFF)$/.test(text) ? false : undefined;
}
