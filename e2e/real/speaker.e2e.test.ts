import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import type { NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { clusterTests } from "./cluster-tests.ts";
import { conflictLine } from "./conflict-line.ts";
import { Installation } from "./installation.ts";
import { addressesIn, ISSUE_CONFIG, type ServiceObject } from "./objects.ts";

const { it, before } = clusterTests({ kubelets: false });
const PROBE = fileURLToPath(new URL("../cluster/probe.ts", import.meta.url));
const EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers";
const ADDRESS = "192.168.1.100";

describe("speakers, on a real segment", () => {
  let cluster: Cluster;
  let herald: Installation;

  before(async () => {
    cluster = await startCluster({ name: "speakers" });
    herald = await Installation.start(cluster, { speakerFlags: ["--fail-back-after=0s"] });
    await herald.configure(ISSUE_CONFIG);
    await Promise.all(cluster.nodes.map((node) => herald.startEcho(`echo-${node}`, node, "echo")));
    await herald.createServices([{ name: "echo" }]);
    await herald.segment.untilHeld(ADDRESS);
  });
  after(() => cluster?.stop());

  it("hands an address over without losing a datagram when its speaker is stopped", async () => {
    const owner = await owns(ADDRESS);
    const report = await probing(async () => {
      await herald.stopSpeaker(owner);
      assert.notEqual(await herald.segment.holderOf(ADDRESS), owner);
    });
    assert.equal(report.lost, 0, JSON.stringify(report));
    await herald.startSpeaker(owner);
  });

  it("loses nothing either when the speaker comes back and the address with it", async () => {
    const owner = await owns(ADDRESS);
    await herald.stopSpeaker(owner);
    const report = await probing(async () => {
      await herald.startSpeaker(owner);
      await herald.segment.untilHeld(ADDRESS, (node) => node === owner);
    });
    assert.equal(report.lost, 0, JSON.stringify(report));
  });

  it("moves away from a node that is labelled out of load balancing, and back", async () => {
    const owner = await owns(ADDRESS);
    await cluster.api.patch(`/api/v1/nodes/${owner}`, { metadata: { labels: { [EXCLUDE]: "" } } });
    await herald.segment.untilHeld(ADDRESS, (node) => node !== owner);
    await cluster.api.patch(`/api/v1/nodes/${owner}`, { metadata: { labels: { [EXCLUDE]: null } } });
    await herald.segment.untilHeld(ADDRESS, (node) => node === owner);
  });

  it("follows the endpoints of a Service under policy Local", async () => {
    const first = await herald.startEcho("wanderer-1", "node-1", "wanderer");
    const [found] = await herald.createServices([
      { name: "wanderer", app: "wanderer", spec: { externalTrafficPolicy: "Local" } },
    ]);
    const [address = ""] = addressesIn(found as ServiceObject);
    assert.equal(await herald.segment.untilHeld(address), "node-1");
    await herald.startEcho("wanderer-3", "node-3", "wanderer");
    await first.setReady(false);
    await herald.segment.untilHeld(address, (node) => node === "node-3");
  });

  it("notices within a second of the first question that a second machine answers, too", async () => {
    const [found] = await herald.createServices([{ name: "doubled" }]);
    const [address = ""] = addressesIn(found as ServiceObject);
    const owner = await herald.segment.untilHeld(address);
    await cluster.exec("router", ["ip", "address", "add", `${address}/32`, "dev", "eth0"]);
    // It asks along with others once a second at most, and has just done so; nobody tells when it may again.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const asked = Date.now();
    await herald.segment.whoHas(address);
    const { ts } = await conflictLine(herald, owner, address);
    const afterMs = Date.parse(ts) - asked;
    assert.ok(afterMs < 1_000, `noticed after ${afterMs} ms`);
    await cluster.exec("router", ["ip", "address", "del", `${address}/32`, "dev", "eth0"]);
    await cluster.api.delete("/api/v1/namespaces/default/services/doubled");
  });

  it("is silent about an address as soon as its Service is gone", async () => {
    const [found] = await herald.createServices([{ name: "short-lived" }]);
    const [address = ""] = addressesIn(found as ServiceObject);
    await herald.segment.untilHeld(address);
    await cluster.api.delete("/api/v1/namespaces/default/services/short-lived");
    await until(
      async () => (await herald.segment.whoHas(address)).length === 0,
      `nobody answers for ${address}`,
    );
  });

  it("survives its interface going down, and answers when it is up again", async () => {
    const owner = await owns(ADDRESS);
    const { pid } = herald.speaker(owner);
    await flap(owner);
    await herald.segment.untilHeld(ADDRESS, (node) => node === owner);
    assert.equal(herald.speaker(owner).pid, pid);
    assert.equal(herald.speaker(owner).exit, undefined);
  });

  it("survives an interface vanishing and another of its name appearing", async () => {
    const node = await owns(ADDRESS);
    for (const state of ["add", "del", "add"]) {
      const rest = state === "add" ? ["type", "veth", "peer", "name", "extra-peer"] : [];
      await cluster.exec(node, ["ip", "link", state, "extra0", ...rest]);
      if (state === "add") await cluster.exec(node, ["ip", "link", "set", "extra0", "up"]);
      if (state === "add") await cluster.exec(node, ["ip", "link", "set", "extra-peer", "up"]);
    }
    await herald.segment.untilHeld(ADDRESS, (announcer) => announcer === node);
    assert.equal(herald.speaker(node).exit, undefined);
    await cluster.exec(node, ["ip", "link", "del", "extra0"]);
  });

  it("keeps announcing while the API server is away", async () => {
    const owner = await owns(ADDRESS);
    const report = await probing(async () => {
      await cluster.restartApiServer("SIGKILL");
      await herald.segment.untilHeld(ADDRESS, (node) => node === owner);
    });
    assert.equal(report.lost, 0, JSON.stringify(report));
  });

  it("has the address taken over when a speaker crashes and its pod is no longer ready", async () => {
    const owner = await owns(ADDRESS);
    herald.speaker(owner).kill("SIGKILL");
    await herald.speaker(owner).exited;
    await herald.stopSpeaker(owner);
    await herald.segment.untilHeld(ADDRESS, (node) => node !== owner);
    await herald.startSpeaker(owner);
    await herald.segment.untilHeld(ADDRESS, (node) => node === owner);
  });

  it("spreads 40 addresses over all nodes, one holder each", async () => {
    const names = Array.from({ length: 40 }, (_, index) => ({ name: `spread-${index}` }));
    const found = await herald.createServices(names);
    const holders = await Promise.all(
      found.flatMap(addressesIn).map((address) => herald.segment.untilHeld(address)),
    );
    assert.deepEqual([...new Set(holders)].sort(), cluster.nodes);
  });

  it("counts what it does not answer, by reason", async () => {
    await cluster.exec("client", ["ping", "-c1", "-W1", "192.168.1.99"]).catch(() => {});
    const text = await herald.metrics("node-1");
    const counted = [
      ...text.matchAll(/^herald_speaker_frames_dropped_total\{protocol="arp",reason="([^"]+)".*\} (\d+)$/gm),
    ];
    const heard = counted.filter(([, reason, count]) => reason === "not-announced" && Number(count) > 0);
    assert.equal(heard.length, 1, text);
  });

  async function owns(address: string): Promise<NodeName> {
    return herald.segment.untilHeld(address);
  }

  /** Sends a datagram every 5 ms from the client while something happens. */
  async function probing(happening: () => Promise<void>): Promise<ProbeReport> {
    const log = `probe-${performance.now().toFixed(0)}`;
    const probe = cluster.spawn("client", [process.execPath, PROBE, "--to", ADDRESS, "--port", "82"], {
      log,
    });
    await until(async () => /answered/.test(readFileSync(probe.logPath, "utf8")), "the probe is answered");
    await happening();
    await probe.stop();
    const line =
      readFileSync(join(cluster.logFolder, `${log}.log`), "utf8")
        .trim()
        .split("\n")
        .at(-1) ?? "";
    return JSON.parse(line) as ProbeReport;
  }

  /** Takes the link down and up, and puts back the routes that the kernel forgot with it. */
  async function flap(node: NodeName): Promise<void> {
    const families = ["-4", "-6"] as const;
    const shown = await Promise.all(
      families.map((family) => cluster.exec(node, ["ip", family, "route", "show"])),
    );
    await cluster.exec(node, ["ip", "link", "set", "eth0", "down"]);
    await cluster.exec(node, ["ip", "link", "set", "eth0", "up"]);
    const lost = families.flatMap((family, index) =>
      (shown[index] ?? "")
        .split("\n")
        .filter((line) => line.includes(" via ") && line.includes("eth0"))
        .map((line) => [family, line.trim()] as const),
    );
    for (const [family, line] of lost) {
      const route = line.split(/ +/).filter((word) => word !== "linkdown");
      await cluster.exec(node, ["ip", family, "route", "replace", ...route]).catch(() => {}); // IPv6 may want its address back first
    }
  }
});

/** Asks again and again: for facts of the segment, which no API event tells of. */
async function until(holds: () => Promise<boolean>, what: string, deadlineMs = 15_000): Promise<void> {
  const due = performance.now() + deadlineMs;
  while (!(await holds())) {
    assert.ok(performance.now() < due, `${what}: not within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
