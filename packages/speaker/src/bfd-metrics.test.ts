import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pathKey } from "@herald/bfd/effect";
import type { BfdPath } from "@herald/bfd/options";
import { BFD_DROP_REASONS } from "@herald/bfd/reasons";
import type { SessionStatus } from "@herald/bfd/status";
import type { IpAddress } from "@herald/shared/ip/address";
import { Registry } from "prom-client";
import { createBfdMetrics } from "./bfd-metrics.ts";
import type { BfdReport } from "./bfd-protocol.ts";

const path = (remote: string, local?: string, name?: string): BfdPath => ({
  hops: "single",
  remote: remote as IpAddress,
  local: local as IpAddress | undefined,
  interface: name,
});
const sessions = (...paths: readonly BfdPath[]) => paths.map((each) => ({ key: pathKey(each), path: each }));
const drops = Object.fromEntries(
  Object.keys(BFD_DROP_REASONS).map((reason) => [reason, 0]),
) as BfdReport["drops"];
const status = (state: SessionStatus["state"], detectionTimeMs: number, sent: number): SessionStatus => ({
  state,
  since: 0,
  diagnostic: 0,
  localDiscriminator: 1,
  remote: undefined,
  transmitIntervalMs: 50,
  detectionTimeMs,
  counters: { sent, received: 0, up: 0, down: 0 },
});

describe("the metrics of BFD", () => {
  const registry = new Registry();
  const metrics = createBfdMetrics(registry);
  const [near, other, red, link] = [
    path("192.0.2.254"),
    path("192.0.2.254", "192.0.2.2"),
    path("192.0.2.254", undefined, "red"),
    path("fe80::1", undefined, "eth1"),
  ] as const;
  const series = async (name: string): Promise<readonly string[]> => {
    const lines = (await registry.getSingleMetricAsString(name)).split("\n");
    return lines.filter((line) => !line.startsWith("#")).map((line) => line.replace(name, ""));
  };

  it("are of a router and a VRF, and of the link where the address is link-local", async () => {
    metrics.want(sessions(near, red, link));
    const statuses = new Map([near, red, link].map((each) => [pathKey(each), status("up", 150, 7)]));
    metrics.take({ statuses, drops, latestMs: 0 });
    assert.deepEqual(await series("metallb_bfd_session_up"), [
      '{peer="192.0.2.254",vrf="default"} 1',
      '{peer="192.0.2.254",vrf="red"} 1',
      '{peer="fe80::1%eth1",vrf="default"} 1',
    ]);
  });

  it("are as good as the worst of several sessions with one router, and count for all of them", async () => {
    metrics.want(sessions(near, other));
    const both = [
      [pathKey(near), status("up", 150, 7)],
      [pathKey(other), status("down", 900, 3)],
    ] as const;
    for (const statuses of [new Map(both), new Map(both.toReversed())]) {
      metrics.take({ statuses, drops, latestMs: 0 });
      const one = '{peer="192.0.2.254",vrf="default"}';
      assert.deepEqual(await series("metallb_bfd_session_up"), [`${one} 0`]);
      assert.deepEqual(await series("herald_speaker_bfd_detection_time_seconds"), [`${one} 0.9`]);
      assert.deepEqual(await series("metallb_bfd_control_packet_output"), [`${one} 10`]);
    }
  });

  it("are how late the thread was at worst since they were asked for last", async () => {
    for (const latestMs of [2, 9, 4]) metrics.take({ statuses: new Map(), drops, latestMs });
    const late = "herald_speaker_bfd_lateness_seconds";
    assert.deepEqual([await series(late), await series(late)], [[" 0.009"], [" 0"]]);
  });

  it("keep what went down as long as there is one of them", async () => {
    metrics.want(sessions(near, other));
    metrics.down(pathKey(other), "detection-expired");
    metrics.want(sessions(near));
    const line = '{peer="192.0.2.254",vrf="default",reason="detection-expired"} 1';
    assert.deepEqual(await series("herald_speaker_bfd_downs_total"), [line]);
    metrics.want([]);
    assert.deepEqual(await series("herald_speaker_bfd_downs_total"), []);
  });
});
