import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "@herald/shared/config/load";
import { Registry } from "prom-client";
import { createControllerMetrics } from "./metrics.ts";
import { Reconciler } from "./reconcile.ts";
import { service } from "./testing/views.ts";

const SHARED = { annotations: { "metallb.io/allow-shared-ip": "us" } };

/** Samples of the pool gauges, without their prefix. */
async function poolSamples(registry: Registry): Promise<readonly string[]> {
  const text = await registry.metrics();
  return text
    .split("\n")
    .filter((line) => line.startsWith("metallb_allocator_"))
    .map((line) => line.slice("metallb_allocator_".length));
}

/** With what alerts and dashboards go by. */
const WANTED: Readonly<Record<string, string>> = {
  metallb_allocator_addresses_total: "gauge of pool",
  metallb_allocator_addresses_in_use_total: "gauge of pool",
  metallb_allocator_ipv4_addresses_total: "gauge of pool",
  metallb_allocator_ipv4_addresses_in_use_total: "gauge of pool",
  metallb_allocator_ipv6_addresses_total: "gauge of pool",
  metallb_allocator_ipv6_addresses_in_use_total: "gauge of pool",
  metallb_allocator_services_allocated_total: "gauge of pool",
  metallb_k8s_client_updates_total: "counter",
  metallb_k8s_client_update_errors_total: "counter",
  metallb_k8s_client_config_loaded_bool: "gauge",
  metallb_k8s_client_config_stale_bool: "gauge",
};

describe("metrics under MetalLB's names", () => {
  it("are all there, with its types and labels", () => {
    const registry = new Registry();
    createControllerMetrics(registry);
    const all = registry.getMetricsAsArray() as unknown as readonly {
      readonly name: string;
      readonly type: string;
      readonly labelNames?: readonly string[];
    }[];
    const found = all
      .filter(({ name }) => name.startsWith("metallb_"))
      .map(({ name, type, labelNames = [] }) => [name, [type, ...labelNames].join(" of ")]);
    assert.deepEqual(Object.fromEntries(found), WANTED);
  });

  it("count addresses once and Services each, and go with their pool (MetalLB defect 10)", async () => {
    const registry = new Registry();
    const metrics = createControllerMetrics(registry);
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    const views = [
      service({ key: "default/a", ...SHARED }),
      service({ key: "default/b", ...SHARED, ports: [{ protocol: "TCP", port: 443 }] }),
    ];
    metrics.watch(() => ({
      leading: true,
      reconciler,
      unwritten: 0,
      configLoaded: true,
      configStale: false,
    }));
    const pools = "address-pools: [{name: p, protocol: layer2, addresses: [192.0.2.0/24, 2001:db8::/120]}]";
    reconciler.configure(loadConfig(pools).pools, views);
    assert.deepEqual(await poolSamples(registry), [
      'addresses_total{pool="p"} 512',
      'addresses_in_use_total{pool="p"} 1',
      'ipv4_addresses_total{pool="p"} 256',
      'ipv4_addresses_in_use_total{pool="p"} 1',
      'ipv6_addresses_total{pool="p"} 256',
      'ipv6_addresses_in_use_total{pool="p"} 0',
      'services_allocated_total{pool="p"} 2',
    ]);
    reconciler.configure([], views);
    assert.deepEqual(await poolSamples(registry), []);
  });

  it("tell of work done, of failures and of conflicts", async () => {
    const registry = new Registry();
    const metrics = createControllerMetrics(registry);
    metrics.decided({ services: 3, tookMs: 2 });
    for (const outcome of ["written", "failed", "conflict", "written"] as const) metrics.wrote(outcome);
    metrics.noticed("services", "expired");
    metrics.eventDropped();
    const values = (await registry.metrics()).split("\n").filter((line) => /^[a-z].*_total(\{| )/.test(line));
    assert.deepEqual(values, [
      'herald_controller_status_writes_total{outcome="written"} 2',
      'herald_controller_status_writes_total{outcome="failed"} 1',
      "herald_controller_status_conflicts_total 1",
      'herald_controller_api_notices_total{source="services",type="expired"} 1',
      "herald_controller_events_dropped_total 1",
      "metallb_k8s_client_updates_total 3",
      "metallb_k8s_client_update_errors_total 1",
    ]);
  });
});
