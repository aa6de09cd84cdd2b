import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { onPath } from "../e2e/cluster/requirements.ts";
import { identity, one, type Rendered, render, scratch } from "./rendered-chart.ts";

describe("chart: monitoring", () => {
  const { skip } = {
    skip: onPath("promtool") === undefined && "promtool (package prometheus) is not installed",
  };
  const rules = () =>
    one(
      render({
        prometheus: { prometheusRule: { enabled: true, addressPoolUsage: { excludePools: "test-.*" } } },
      }),
      "PrometheusRule",
      "herald",
    );

  it("has an alert for each thing an operator must do something about", () => {
    const [{ rules: alerts }] = rules().spec.groups;
    assert.deepEqual(
      alerts.map(({ alert, for: since, labels }: Rendered) => [alert, since, labels.severity]),
      [
        ["MetalLBStaleConfig", "1m", "warning"],
        ["MetalLBConfigNotLoaded", "1m", "warning"],
        ["MetalLBAddressPoolExhausted", "1m", "critical"],
        ["MetalLBBGPSessionDown", "1m", "critical"],
        ["MetalLBAddressPoolUsage75Percent", undefined, "warning"],
        ["MetalLBAddressPoolUsage85Percent", undefined, "warning"],
        ["MetalLBAddressPoolUsage95Percent", undefined, "critical"],
      ],
    );
  });

  it("has alerts that promtool accepts, and that fire when they should", { skip }, () => {
    writeFileSync(join(scratch, "rules.json"), JSON.stringify(rules().spec));
    const series = (name: string, pool: string, value: number) => ({
      series: `${name}{pool="${pool}",instance="c"}`,
      values: `${value}x10`,
    });
    const gauges = (pool: string, used: number) => [
      series("metallb_allocator_addresses_in_use_total", pool, used),
      series("metallb_allocator_addresses_total", pool, 100),
    ];
    const firing = (alertname: string, ...pools: readonly string[]) => ({
      alertname,
      eval_time: "5m",
      exp_alerts: pools.map((pool) => ({
        exp_labels: { pool, instance: "c", severity: alertname.includes("75") ? "warning" : "critical" },
      })),
    });
    const stripped = rules().spec.groups.map((group: Rendered) => ({
      ...group,
      rules: group.rules.map(({ annotations: _, ...rule }: Rendered) => rule),
    }));
    writeFileSync(join(scratch, "bare.json"), JSON.stringify({ groups: stripped }));
    const alert_rule_test = [
      firing("MetalLBAddressPoolExhausted", "full", "test-1"),
      firing("MetalLBAddressPoolUsage75Percent", "full", "busy"),
      {
        alertname: "MetalLBBGPSessionDown",
        eval_time: "5m",
        exp_alerts: [{ exp_labels: { peer: "192.0.2.7:179", severity: "critical" } }],
      },
    ];
    const input_series = [
      ...gauges("full", 100),
      ...gauges("busy", 80),
      ...gauges("quiet", 10),
      ...gauges("test-1", 100),
      { series: 'metallb_bgp_session_up{peer="192.0.2.7:179"}', values: "0x10" },
      { series: 'metallb_bgp_session_up{peer="192.0.2.8:179"}', values: "1x10" },
    ];
    const test = {
      rule_files: ["bare.json"],
      evaluation_interval: "1m",
      tests: [{ interval: "1m", input_series, alert_rule_test }],
    };
    writeFileSync(join(scratch, "test.json"), JSON.stringify(test));
    for (const args of [
      ["check", "rules", "rules.json"],
      ["test", "rules", "test.json"],
    ]) {
      const { status, stdout, stderr } = spawnSync("promtool", args, { cwd: scratch, encoding: "utf8" });
      assert.equal(status, 0, `${stdout}${stderr}`);
    }
  });

  it("lets Prometheus find both programs by either kind of monitor", () => {
    for (const [value, kind] of [
      ["podMonitor", "PodMonitor"],
      ["serviceMonitor", "ServiceMonitor"],
    ] as const) {
      const objects = render({ prometheus: { [value]: { enabled: true } } });
      const found = objects.filter((object) => object.kind === kind);
      assert.deepEqual(found.map(identity), [`${kind}/herald-controller`, `${kind}/herald-speaker`]);
      for (const monitor of found) {
        const [{ port }] = monitor.spec.podMetricsEndpoints ?? monitor.spec.endpoints;
        assert.equal(port, "monitoring");
      }
    }
  });
});
