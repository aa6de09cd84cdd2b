// node scripts/values-schema.ts [--check]: puts the configuration's schema into that of the chart's values.
import { readFileSync, writeFileSync } from "node:fs";
import { ConfigSchema } from "../packages/shared/src/config/schema.ts";

const path = new URL("../charts/herald/values.schema.json", import.meta.url);

/** The values' schema, which is written by hand, with `configInline` as the programs will read it. */
export function valuesSchema(): string {
  const schema = JSON.parse(readFileSync(path, "utf8")) as { properties: Record<string, unknown> };
  const { $schema: _, ...config } = ConfigSchema.toJSONSchema({ io: "input" });
  const description =
    "The configuration, for the chart to make the ConfigMap of; empty to keep one of your own.";
  schema.properties["configInline"] = { ...config, description };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

if (import.meta.main) {
  const fresh = valuesSchema();
  if (!process.argv.includes("--check")) writeFileSync(path, fresh);
  else if (fresh !== readFileSync(path, "utf8")) {
    process.stderr.write("charts/herald/values.schema.json is stale: node scripts/values-schema.ts\n");
    process.exitCode = 1;
  }
}
