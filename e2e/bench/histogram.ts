const STEP_MS = 25;

/** Nearest rank: a value that was measured. NaN without any. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

/** Lines of a histogram in steps of 25 ms; none for what never occurred at either end. */
export function histogram(valuesMs: readonly number[]): readonly string[] {
  const steps = valuesMs.map((value) => Math.floor(value / STEP_MS));
  const lines: string[] = [];
  for (let step = Math.min(...steps); step <= Math.max(...steps); step += 1) {
    const from = step * STEP_MS;
    const count = steps.filter((other) => other === step).length;
    lines.push(`${`${from}`.padStart(5)}–${from + STEP_MS - 1} ms  ${"#".repeat(count)}`.trimEnd());
  }
  return lines;
}

/** "p50 270 ms, p90 296 ms, p99 301 ms". */
export function quantiles(valuesMs: readonly number[]): string {
  return [50, 90, 99]
    .map((percent) => `p${percent} ${percentile(valuesMs, percent).toFixed(0)} ms`)
    .join(", ");
}
