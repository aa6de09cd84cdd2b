import { createRegistry } from "../../packages/daemon/src/metrics.ts";
import { page, table } from "./markdown.ts";

type Factory = (registry: ReturnType<typeof createRegistry>) => unknown;

/** A table for each program: ours first, then those under MetalLB's names. */
export function metricsPage(factories: Readonly<Record<string, Factory>>): string {
  return page(
    "Metrics",
    "Source: `metrics.ts` of each program. Both also report their process (`process_*`, `nodejs_*`). Names that begin with `metallb_` are MetalLB's, with its labels, so that its alerts and dashboards go on working.",
    Object.entries(factories).map(([program, create]) => `## ${program}\n\n${metricsOf(create)}`),
  );
}

function metricsOf(create: Factory): string {
  const registry = createRegistry();
  registry.clear(); // what every process reports is not for this page
  create(registry);
  const rows = registry.getMetricsAsArray().map((metric) => {
    const { name, help, type, labelNames = [] } = metric as unknown as Described;
    return [`\`${name}\``, String(type), labelNames.map((label) => `\`${label}\``).join(", "), help];
  });
  const ours = rows.filter(([name]) => !name?.includes("metallb_")).sort(byName);
  const theirs = rows.filter(([name]) => name?.includes("metallb_")).sort(byName);
  return table(["metric", "type", "labels", "what it tells"], [...ours, ...theirs]);
}

interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames?: readonly string[];
}

function byName([a = ""]: readonly string[], [b = ""]: readonly string[]): number {
  return a.localeCompare(b);
}
