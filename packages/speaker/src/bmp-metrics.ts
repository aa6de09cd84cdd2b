import { Counter, Gauge, type Registry } from "prom-client";

export interface BmpMetrics {
  readonly connected: Gauge<"station">;
  readonly downs: Counter<"station" | "reason">;
}

/** There are no series without a station. */
export function createBmpMetrics(registry: Registry): BmpMetrics {
  const registers = [registry];
  return {
    connected: new Gauge({
      name: "herald_speaker_bmp_connected",
      help: "1 while the monitoring station is told of sessions by BMP, else 0.",
      labelNames: ["station"],
      registers,
    }),
    downs: new Counter({
      name: "herald_speaker_bmp_downs_total",
      help: "Times a connection with the monitoring station ended or came to nothing, by reason (docs/reference/reasons.md).",
      labelNames: ["station", "reason"],
      registers,
    }),
  };
}
