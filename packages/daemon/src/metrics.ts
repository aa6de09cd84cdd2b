import { collectDefaultMetrics, Registry } from "prom-client";

/** A registry with the process's own metrics in it: memory, CPU, open files, event loop lag, GC. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  return registry;
}
