// node scripts/docs.ts [--check]: writes everything that is generated, or says what is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CONVERT } from "../packages/cli/src/convert.ts";
import { MIGRATE } from "../packages/cli/src/migrate.ts";
import { PROGRAM as CONTROLLER } from "../packages/controller/src/env.ts";
import { createControllerMetrics } from "../packages/controller/src/metrics.ts";
import { createObserverMetrics as observingController } from "../packages/controller/src/observe-metrics.ts";
import { program as SPEAKER } from "../packages/speaker/src/env.ts";
import { createSpeakerMetrics } from "../packages/speaker/src/metrics.ts";
import { createObserverMetrics as observingSpeaker } from "../packages/speaker/src/observe-metrics.ts";
import { annotationsPage } from "./docs/annotations-page.ts";
import { configPage } from "./docs/config-page.ts";
import { CRD_FILES } from "./docs/crd-files.ts";
import { crdsPage } from "./docs/crds-page.ts";
import { flagsPage } from "./docs/flags-page.ts";
import { metricsPage } from "./docs/metrics-page.ts";
import { policyFile } from "./docs/policy-file.ts";
import { reasonsPage } from "./docs/reasons-page.ts";
import { routersPage } from "./docs/routers-page.ts";
import { renderManifest } from "./manifest.ts";
import { valuesSchema } from "./values-schema.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** By path below the root. Later ones may read what earlier ones wrote. */
const GENERATED: readonly (readonly [string, () => string | Promise<string>])[] = [
  ["docs/reference/annotations.md", annotationsPage],
  ["docs/reference/config.md", configPage],
  ["docs/reference/crds.md", crdsPage],
  ...CRD_FILES,
  ["charts/herald/files/admission-policy.yaml", policyFile],
  ["docs/reference/flags.md", () => flagsPage([CONTROLLER, SPEAKER, CONVERT, MIGRATE])],
  [
    "docs/reference/metrics.md",
    () =>
      metricsPage({
        controller: createControllerMetrics,
        speaker: createSpeakerMetrics,
        "controller that observes only": observingController,
        "speaker that observes only": observingSpeaker,
      }),
  ],
  ["docs/reference/reasons.md", reasonsPage],
  ["docs/reference/routers.md", routersPage],
  ["charts/herald/values.schema.json", valuesSchema],
  ["herald.yaml", renderManifest],
];

const check = process.argv.includes("--check");
for (const folder of ["docs/reference", "charts/herald/files/crds"]) {
  mkdirSync(`${root}${folder}`, { recursive: true });
}
const stale: string[] = [];
for (const [path, render] of GENERATED) {
  const fresh = await render();
  const file = `${root}${path}`;
  if (existsSync(file) && readFileSync(file, "utf8") === fresh) continue;
  stale.push(path);
  if (!check) writeFileSync(file, fresh);
}
if (check && stale.length > 0) {
  process.stderr.write(`stale, run npm run docs: ${stale.join(", ")}\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(
    stale.length === 0 ? "everything generated is fresh\n" : `wrote ${stale.join(", ")}\n`,
  );
}
