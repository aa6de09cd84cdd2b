import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import type { NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation } from "./installation.ts";
import { addressesIn, ISSUE_CONFIG, type ServiceObject } from "./objects.ts";

const { it, before } = clusterTests({ kubelets: false });
const PROBE = fileURLToPath(new URL("../cluster/probe.ts", import.meta.url));
/** HERALD_CRASHES=50 for the figures in docs/benchmarks.md. */
const CRASHES = Number(process.env["HERALD_CRASHES"] ?? 6);
/** What a client may have to wait, ms. */
const P99_MS = 500;

describe("a crash, as a client sees it", () => {
  let cluster: Cluster;
  let herald: Installation;
  let address = "";
  let owner: NodeName;

  before(async () => {
    cluster = await startCluster({ name: "failover" });
    herald = await Installation.start(cluster);
    await herald.configure(ISSUE_CONFIG);
    // The endpoints live where the address does not, so that its node takes nothing else with it.
    await herald.startEcho("echo-1", "node-1", "echo");
    const [found] = await herald.createServices([{ name: "echo" }]);
    [address = ""] = addressesIn(found as ServiceObject);
    owner = await herald.segment.untilHeld(address);
    const others = cluster.nodes.filter((node) => node !== owner && node !== "node-1");
    await Promise.all(others.map((node) => herald.startEcho(`echo-on-${node}`, node, "echo")));
    if (owner === "node-1") await moveAwayFrom("node-1");
  });
  after(() => cluster?.stop());

  it(`is over within half a second when a node loses its power, ${CRASHES} times`, async () => {
    const gaps: number[] = [];
    for (let crash = 0; crash < CRASHES; crash += 1) {
      const probe = await startProbe(`crash-${crash}`);
      await cluster.crashNode(owner);
      await herald.segment.untilHeld(address, (node) => node !== owner);
      gaps.push((await endProbe(probe)).longestGapMs);
      await cluster.restartNode(owner);
      await herald.stopSpeaker(owner);
      await herald.startSpeaker(owner);
      await herald.segment.untilHeld(address, (node) => node === owner);
    }
    tell(gaps);
    assert.ok(percentile(gaps, 99) <= P99_MS, gaps.join(", "));
  });

  it("is not noticed at all when only the speaker is killed: its node still forwards", async () => {
    const probe = await startProbe("killed");
    herald.speaker(owner).kill("SIGKILL");
    await herald.segment.untilHeld(address, (node) => node !== owner);
    assert.equal((await endProbe(probe)).lost, 0);
  });

  /** The first pod must not go down with the address. */
  async function moveAwayFrom(node: NodeName): Promise<void> {
    const pod = `/api/v1/namespaces/default/pods/echo-1`;
    await cluster.api.delete(pod, { gracePeriodSeconds: 0 });
    assert.equal(owner, node);
  }

  async function startProbe(name: string) {
    const probe = cluster.spawn("client", [process.execPath, PROBE, "--to", address, "--port", "82"], {
      log: `probe-${name}`,
    });
    await herald.segment.until(
      () => readFileSync(probe.logPath, "utf8").includes("answered"),
      "the probe is answered",
    );
    return probe;
  }

  async function endProbe(probe: Awaited<ReturnType<typeof startProbe>>): Promise<ProbeReport> {
    await probe.stop();
    return JSON.parse(readFileSync(probe.logPath, "utf8").trim().split("\n").at(-1) ?? "{}") as ProbeReport;
  }
});

function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

/** A histogram in steps of 50 ms, and the figures that are quoted. */
function tell(gaps: readonly number[]): void {
  const steps = new Map<number, number>();
  for (const gap of gaps)
    steps.set(Math.floor(gap / 50) * 50, (steps.get(Math.floor(gap / 50) * 50) ?? 0) + 1);
  for (const [from, count] of [...steps].sort(([a], [b]) => a - b)) {
    console.log(`  ${`${from}`.padStart(5)}–${from + 49} ms  ${"#".repeat(count)}`);
  }
  const figures = [50, 90, 99].map((percent) => `p${percent} ${percentile(gaps, percent)} ms`);
  console.log(`  longest wait for an answer over ${gaps.length} crashes: ${figures.join(", ")}`);
}
