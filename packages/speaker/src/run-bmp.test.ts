import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { Registry } from "prom-client";
import { createBmpMetrics } from "./bmp-metrics.ts";
import type { StationListeners } from "./bmp-port.ts";
import { parseStation } from "./bmp-station.ts";
import { BmpMonitor } from "./run-bmp.ts";

describe("the monitor", () => {
  it("says once why the station is not there, however often it is tried, and when it is", async () => {
    const clock = new VirtualClock();
    const registry = new Registry();
    const lines: string[] = [];
    const dials: StationListeners[] = [];
    const sent: number[] = [];
    const monitor = new BmpMonitor(
      { station: parseStation("192.0.2.9:11019") ?? assert.fail(), node: "iris1", version: "1" },
      {
        clock,
        random: new SeededRandom(1),
        epochMs: () => clock.now(),
        dial: (_, listeners) => {
          dials.push(listeners);
          return { send: (bytes) => sent.push(bytes[5] ?? -1), close: () => sent.push(-2) };
        },
        log: createLog({ level: "info", program: "test", write: (line) => lines.push(line) }),
        metrics: createBmpMetrics(registry),
      },
      { told: () => [].values(), families: () => [], count: () => ({ 4: 0, 6: 0 }) },
    );
    const connected = async () =>
      (await registry.getSingleMetricAsString("herald_speaker_bmp_connected")).split("\n").at(-1);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      dials.at(-1)?.onClosed("refused");
      clock.runUntil(clock.now() + 10_000);
    }
    assert.equal(await connected(), 'herald_speaker_bmp_connected{station="192.0.2.9:11019"} 0');
    dials.at(-1)?.onConnected();
    assert.equal(await connected(), 'herald_speaker_bmp_connected{station="192.0.2.9:11019"} 1');
    dials.at(-1)?.onClosed(""); // as when the station ends it in order
    clock.runUntil(clock.now() + 10_000);
    dials.at(-1)?.onConnected();
    monitor.stop();
    assert.deepEqual(sent, [4, 4, 5, -2]); // Initiation, once more, Termination, the end
    assert.deepEqual(
      lines.map((line) => {
        const { msg, reason = "" } = JSON.parse(line) as { msg: string; reason?: string };
        return `${msg} ${reason}`.trim();
      }),
      [
        "BMP station is told nothing connect-failed",
        "BMP station connected",
        "BMP station is told nothing closed",
        "BMP station connected",
      ],
    );
    assert.equal(dials.length, 5);
  });
});
