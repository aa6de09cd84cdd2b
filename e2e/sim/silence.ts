import type { Log } from "@herald/daemon/log";

/**
 * Stands for metrics of any shape and counts nothing: whatever it is asked for, it answers with itself. Thousands
 * of registries would cost more than the speakers they belong to.
 */
export function silentMetrics<Metrics extends object>(): Metrics {
  const silence: unknown = new Proxy(() => {}, {
    get: (_target, name) => (name === "then" || typeof name === "symbol" ? undefined : silence),
    apply: () => silence,
  });
  return silence as Metrics;
}

/** @param write gets every line but those of level debug; `undefined`: nobody reads them. */
export function storyLog(write: ((text: string) => void) | undefined): Log {
  const line = (message: string, fields: object = {}): void => {
    if (write === undefined) return;
    const data = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`);
    write([message, ...data].join(" "));
  };
  const log: Log = { debug: () => {}, info: line, warn: line, error: line, with: () => log };
  return log;
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === "string" ? value : JSON.stringify(value);
}
