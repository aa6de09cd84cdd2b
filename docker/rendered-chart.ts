import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { helm } from "../scripts/manifest.ts";

export const root = fileURLToPath(new URL("..", import.meta.url));
/** Folder of the chart. */
export const chart = join(root, "charts/herald");
/** For a test's files; goes away with the process. */
export const scratch = mkdtempSync(join(tmpdir(), "herald-chart-"));
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));

// biome-ignore lint/suspicious/noExplicitAny: rendered objects of every kind, compared whole
export type Rendered = any;

/** Everything the chart makes of these values, in namespace metallb-system. */
export function render(values: object = {}): readonly Rendered[] {
  const file = join(scratch, "values.json");
  writeFileSync(file, JSON.stringify(values));
  const text = helm(["template", "herald", chart, "--namespace=metallb-system", `--values=${file}`]);
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered)
    .filter((object) => object !== null);
}

/** The one object of this kind and name. */
export function one(objects: readonly Rendered[], kind: string, name: string): Rendered {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  assert.equal(found.length, 1, `${found.length} objects ${kind}/${name}`);
  return found[0];
}

/** The only container of a Deployment's or DaemonSet's pods. */
export function container(objects: readonly Rendered[], kind: string, name: string): Rendered {
  const { containers } = one(objects, kind, name).spec.template.spec;
  assert.equal(containers.length, 1);
  return containers[0];
}

export const identity = (object: Rendered): string => `${object.kind}/${object.metadata.name}`;
