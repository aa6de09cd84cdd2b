import { monitorEventLoopDelay } from "node:perf_hooks";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

const RESOLUTION_MS = 10;
const PERCENTILES = [50, 99, 100];

/** A registry with the process's own metrics in it: memory, CPU, open files, event loop lag, GC. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  return registry;
}

/**
 * Adds a gauge of how late the event loop of this thread ran since the last scrape, seconds, by quantile. Reset at every
 * scrape: the worst since the last one is what tells of a blocked loop.
 */
export function addLoopLag(registry: Registry, name: string, help: string): void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const lag = new Gauge({
    name,
    help,
    labelNames: ["quantile"],
    registers: [registry],
    collect: () => {
      for (const percentile of PERCENTILES) {
        const nanos = percentile === 100 ? delay.max : delay.percentile(percentile);
        lag.set({ quantile: String(percentile / 100) }, Math.max(0, nanos / 1e9 - RESOLUTION_MS / 1_000));
      }
      delay.reset();
    },
  });
}
