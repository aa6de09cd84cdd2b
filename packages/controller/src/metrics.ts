import { addLoopLag } from "@herald/daemon/metrics";
import type { LeaseNotice } from "@herald/k8s/lease-core";
import type { OptionalNotice } from "@herald/k8s/optional-reflector";
import { saturate } from "@herald/shared/allocator/pool-state";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Reconciler } from "./reconcile.ts";
import type { WriteOutcome } from "./status-writer.ts";
import { createWebhookMetrics, type WebhookMetrics } from "./webhook/webhook-metrics.ts";

/** What is read when metrics are asked for. */
export interface ControllerState {
  readonly leading: boolean;
  /** Of the term; `undefined` while following. */
  readonly reconciler: Reconciler | undefined;
  readonly unwritten: number;
  readonly configLoaded: boolean;
  readonly configStale: boolean;
}

export interface ControllerMetrics {
  /** Where the gauges look from now on. */
  watch(state: () => ControllerState): void;
  decided(change: { readonly services: number; readonly tookMs: number }): void;
  wrote(outcome: WriteOutcome | "conflict"): void;
  noticed(source: string, type: OptionalNotice["type"] | LeaseNotice["type"]): void;
  eventDropped(): void;
  readonly webhook: WebhookMetrics;
}

export function createControllerMetrics(registry: Registry): ControllerMetrics {
  const registers = [registry];
  let state = (): ControllerState => NOTHING_YET;
  addGauges(registry, () => state());
  addPoolGauges(registry, () => state());
  addLoopLag(
    registry,
    "herald_controller_event_loop_lag_seconds",
    "How late the event loop ran since the last scrape; a second here is a second that every Service waits.",
  );
  const decisionSeconds = new Histogram({
    name: "herald_controller_decision_duration_seconds",
    help: "Time to decide for the Services of one change; seconds here delay every other Service.",
    buckets: [0.0001, 0.001, 0.01, 0.1, 1, 10],
    registers,
  });
  const writes = new Counter({
    name: "herald_controller_status_writes_total",
    help: "Requests to bring a Service's status to what was decided, by how they ended.",
    labelNames: ["outcome"],
    registers,
  });
  const conflicts = new Counter({
    name: "herald_controller_status_conflicts_total",
    help: "Statuses decided anew because somebody else had changed the Service first.",
    registers,
  });
  const notices = new Counter({
    name: "herald_controller_api_notices_total",
    help: "What the connection to the API server went through, by what was read or held and what happened.",
    labelNames: ["source", "type"],
    registers,
  });
  const eventsDropped = new Counter({
    name: "herald_controller_events_dropped_total",
    help: "Events that could not be written; users miss an explanation then, nothing else.",
    registers,
  });
  const updates = new Counter({
    name: "metallb_k8s_client_updates_total",
    help: "Services whose changes were processed. MetalLB's name.",
    registers,
  });
  const updateErrors = new Counter({
    name: "metallb_k8s_client_update_errors_total",
    help: "Statuses that could not be written at the first try. MetalLB's name.",
    registers,
  });
  return {
    watch: (look) => {
      state = look;
    },
    decided: ({ services, tookMs }) => {
      decisionSeconds.observe(tookMs / 1000);
      updates.inc(services);
    },
    wrote: (outcome) => {
      if (outcome === "conflict") conflicts.inc();
      else writes.inc({ outcome });
      if (outcome === "failed") updateErrors.inc();
    },
    noticed: (source, type) => notices.inc({ source, type }),
    eventDropped: () => eventsDropped.inc(),
    webhook: createWebhookMetrics(registry),
  };
}

const NOTHING_YET: ControllerState = {
  leading: false,
  reconciler: undefined,
  unwritten: 0,
  configLoaded: false,
  configStale: false,
};

function addGauges(registry: Registry, state: () => ControllerState): void {
  new Gauge({
    name: "herald_controller_services",
    help: "Services that ask for addresses, by how they fare: addressed, or why they are not.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [name, count] of state().reconciler?.census() ?? []) this.set({ state: name }, count);
    },
  });
  addGauge(
    registry,
    "herald_controller_queue_length",
    "Statuses waiting to be written.",
    () => state().unwritten,
  );
  addGauge(registry, "herald_controller_leader", "1 while this replica gives out addresses.", () =>
    Number(state().leading),
  );
  const loaded = (): number => Number(state().configLoaded);
  const stale = (): number => Number(state().configStale);
  const loadedHelp = "1 once a good configuration is in force.";
  const staleHelp =
    "1 while the ConfigMap is bad or gone, or IPAddressPools are bad, and what was good last stays in force.";
  addGauge(registry, "herald_config_loaded", loadedHelp, loaded);
  addGauge(registry, "herald_config_stale", staleHelp, stale);
  addGauge(registry, "metallb_k8s_client_config_loaded_bool", `${loadedHelp} MetalLB's name.`, loaded);
  addGauge(registry, "metallb_k8s_client_config_stale_bool", `${staleHelp} MetalLB's name.`, stale);
}

/** MetalLB's names; the series of a pool go with the pool. */
function addPoolGauges(registry: Registry, state: () => ControllerState): void {
  const usages = (): ReturnType<Reconciler["usage"]> => state().reconciler?.usage() ?? [];
  type Usage = ReturnType<typeof usages>[number];
  const gauges: readonly [name: string, help: string, value: (usage: Usage) => number][] = [
    ["addresses_total", "Addresses of the pool.", (u) => saturate(u.ipv4.total + u.ipv6.total)],
    ["addresses_in_use_total", "Addresses of the pool in use.", (u) => u.ipv4.inUse + u.ipv6.inUse],
    ["ipv4_addresses_total", "IPv4 addresses of the pool.", (u) => saturate(u.ipv4.total)],
    ["ipv4_addresses_in_use_total", "IPv4 addresses of the pool in use.", (u) => u.ipv4.inUse],
    ["ipv6_addresses_total", "IPv6 addresses of the pool.", (u) => saturate(u.ipv6.total)],
    ["ipv6_addresses_in_use_total", "IPv6 addresses of the pool in use.", (u) => u.ipv6.inUse],
    ["services_allocated_total", "Services with addresses of the pool.", (u) => u.services],
  ];
  for (const [name, help, value] of gauges) {
    new Gauge({
      name: `metallb_allocator_${name}`,
      help: `${help} MetalLB's name.`,
      labelNames: ["pool"],
      registers: [registry],
      collect() {
        this.reset();
        for (const usage of usages()) this.set({ pool: usage.pool }, value(usage));
      },
    });
  }
}

function addGauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}
