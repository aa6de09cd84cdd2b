import { Counter, Gauge, type Registry } from "prom-client";
import type { EpochMs } from "./certificate-plan.ts";

export interface WebhookMetrics {
  answered(allowed: boolean): void;
  /** A question without an answer. */
  failed(reason: WebhookFailure): void;
  /** Where the gauge looks from now on. */
  watch(expiresAt: () => EpochMs | undefined): void;
}

/** Why a question had no answer. A closed set: it is a metric label. */
export type WebhookFailure =
  /** What there is could not be read from the API server. */
  | "unreadable"
  /** It was no question of an API server, or about something else. */
  | "senseless"
  /** Too many at once. */
  | "busy";

export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const registers = [registry];
  let expiresAt = (): EpochMs | undefined => undefined;
  const requests = new Counter({
    name: "herald_controller_webhook_requests_total",
    help: "Changes of objects of metallb.io that the webhook judged, by whether they were let through.",
    labelNames: ["allowed"],
    registers,
  });
  const failures = new Counter({
    name: "herald_controller_webhook_failures_total",
    help: "Requests that the webhook could not judge, by why: the failurePolicy then decided for it.",
    labelNames: ["reason"],
    registers,
  });
  new Gauge({
    name: "herald_controller_webhook_certificate_expiry_timestamp_seconds",
    help: "When the certificate that the webhook shows expires, in seconds since 1970; 0 while it has none. It is replaced when a third of its life is left.",
    registers,
    collect() {
      this.set((expiresAt() ?? 0) / 1000);
    },
  });
  return {
    answered: (allowed) => requests.inc({ allowed: String(allowed) }),
    failed: (reason) => failures.inc({ reason }),
    watch: (look) => {
      expiresAt = look;
    },
  };
}
