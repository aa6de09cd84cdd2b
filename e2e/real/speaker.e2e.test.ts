import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import { type Digest, rank } from "@herald/layer2/election";
import type { IpAddress } from "@herald/shared/ip/address";
import { Wire } from "../bench/wire.ts";
import type { NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { clusterTests } from "./cluster-tests.ts";
import { conflictLine } from "./conflict-line.ts";
import { Installation, PATIENT } from "./installation.ts";
import { addressesIn, ISSUE_CONFIG, type ServiceObject } from "./objects.ts";
import { untilEqual } from "./until-equal.ts";

const { it, before } = clusterTests({ kubelets: false });
const PROBE = fileURLToPath(new URL("../cluster/probe.ts", import.meta.url));
const EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers";
const ADDRESS = "192.168.1.100";
const sha256: Digest = (text) => hash("sha256", text, "buffer");

describe("speakers, on a real segment", () => {
  let cluster: Cluster;
  let herald: Installation;

  before(async () => {
    cluster = await startCluster({ name: "speakers" });
    herald = await Installation.start(cluster, { speakerFlags: [...PATIENT, "--fail-back-after=0s"] });
    await herald.configure(ISSUE_CONFIG);
    await Promise.all(cluster.nodes.map((node) => herald.startEcho(`echo-${node}`, node, "echo")));
    await herald.createServices([{ name: "echo" }]);
    await owner();
  });
  after(() => cluster?.stop());

  it("hands an address over without losing a datagram when its speaker is stopped", async () => {
    const node = await owner();
    const report = await probing(async () => {
      await herald.stopSpeaker(node);
      await herald.segment.untilHeld(ADDRESS, (other) => other !== node);
    });
    assert.equal(report.lost, 0, JSON.stringify(report));
    await herald.startSpeaker(node);
  });

  it("loses nothing either when the speaker comes back and the address with it", async () => {
    const node = await owner();
    await herald.stopSpeaker(node);
    const report = await probing(async () => {
      await herald.startSpeaker(node);
      await owner();
    });
    assert.equal(report.lost, 0, JSON.stringify(report));
  });

  it("moves away from a node that is labelled out of load balancing, and back", async () => {
    const node = await owner();
    await cluster.api.patch(`/api/v1/nodes/${node}`, { metadata: { labels: { [EXCLUDE]: "" } } });
    await herald.segment.untilHeld(ADDRESS, (other) => other !== node);
    await cluster.api.patch(`/api/v1/nodes/${node}`, { metadata: { labels: { [EXCLUDE]: null } } });
    await owner();
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
    const node = await herald.segment.untilHeld(address);
    const wire = await Wire.listen(cluster);
    await cluster.exec("router", ["ip", "address", "add", `${address}/32`, "dev", "eth0"]);
    // It asks along with others once a second at most, and has just done so; nobody tells when it may again.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await herald.segment.whoHas(address);
    const { ts, mac } = await conflictLine(herald, node, address);
    // As the kernel saw it: a program that asks takes its time to start, and the kernel of the second machine none to answer.
    const { atMs } = await wire.until(
      `${mac} answers for ${address}`,
      0,
      (claim) => claim.mac === mac && claim.address === address,
    );
    wire.stop();
    const afterMs = Date.parse(ts) - atMs;
    console.log(`  noticed ${afterMs.toFixed(0)} ms after the first answer`);
    assert.ok(afterMs < 1_000, `noticed after ${afterMs} ms`);
    await cluster.exec("router", ["ip", "address", "del", `${address}/32`, "dev", "eth0"]);
    await cluster.api.delete("/api/v1/namespaces/default/services/doubled");
  });

  it("is silent about an address as soon as its Service is gone", async () => {
    const [found] = await herald.createServices([{ name: "short-lived" }]);
    const [address = ""] = addressesIn(found as ServiceObject);
    await herald.segment.untilHeld(address);
    await cluster.api.delete("/api/v1/namespaces/default/services/short-lived");
    await untilEqual(() => herald.segment.whoHas(address), [], `nobody answers for ${address}`);
  });

  it("survives its interface going down, and answers when it is up again", async () => {
    const node = await owner();
    const { pid } = herald.speaker(node);
    await flap(node);
    await owner();
    assert.equal(herald.speaker(node).pid, pid);
    assert.equal(herald.speaker(node).exit, undefined);
  });

  it("survives an interface vanishing and another of its name appearing", async () => {
    const node = await owner();
    for (const state of ["add", "del", "add"]) {
      const rest = state === "add" ? ["type", "veth", "peer", "name", "extra-peer"] : [];
      await cluster.exec(node, ["ip", "link", state, "extra0", ...rest]);
      if (state === "add") await cluster.exec(node, ["ip", "link", "set", "extra0", "up"]);
      if (state === "add") await cluster.exec(node, ["ip", "link", "set", "extra-peer", "up"]);
    }
    await owner();
    assert.equal(herald.speaker(node).exit, undefined);
    await cluster.exec(node, ["ip", "link", "del", "extra0"]);
  });

  it("keeps announcing while the API server is away", async () => {
    await owner();
    const report = await probing(async () => {
      await cluster.restartApiServer("SIGKILL");
      await owner();
    });
    assert.equal(report.lost, 0, JSON.stringify(report));
  });

  it("has the address taken over when a speaker crashes and its pod is no longer ready", async () => {
    const node = await owner();
    herald.speaker(node).kill("SIGKILL");
    await herald.speaker(node).exited;
    await herald.stopSpeaker(node);
    await herald.segment.untilHeld(ADDRESS, (other) => other !== node);
    await herald.startSpeaker(node);
    await owner();
  });

  it("spreads 40 addresses over all nodes, one holder each", async () => {
    const names = Array.from({ length: 40 }, (_, index) => ({ name: `spread-${index}` }));
    const addresses = (await herald.createServices(names)).flatMap(addressesIn);
    const holders = await Promise.all(
      addresses.map((address) => herald.segment.untilHeld(address, (node) => node === winnerOf(address))),
    );
    assert.deepEqual([...new Set(holders)].sort(), cluster.nodes);
  });

  it("counts what it does not answer, by reason", async () => {
    const before = await unanswered("node-1");
    assert.deepEqual(await herald.segment.whoHas("192.168.1.99"), []);
    await herald.segment.until(async () => (await unanswered("node-1")) > before, "node-1 counts a question");
  });

  /** Questions by ARP that a node has heard for what it does not announce. */
  async function unanswered(node: NodeName): Promise<number> {
    const series = /^herald_speaker_frames_dropped_total\{protocol="arp",reason="not-announced".*\} (\d+)$/gm;
    const text = await herald.metrics(node);
    const [[, count] = [], ...others] = [...text.matchAll(series)];
    assert.ok(count !== undefined && others.length === 0, text);
    return Number(count);
  }

  /** Once all speakers know each other, the node that the hash says holds the address: it takes it back at once. @returns it. */
  async function owner(): Promise<NodeName> {
    await herald.untilCandidates(cluster.nodes);
    return herald.segment.untilHeld(ADDRESS, (node) => node === winnerOf(ADDRESS));
  }

  function winnerOf(address: string): string | undefined {
    return rank(address as IpAddress, cluster.nodes, sha256)[0];
  }

  /** Sends a datagram every 5 ms from the client while something happens. */
  async function probing(happening: () => Promise<void>): Promise<ProbeReport> {
    const log = `probe-${performance.now().toFixed(0)}`;
    const probe = cluster.spawn("client", [process.execPath, PROBE, "--to", ADDRESS, "--port", "82"], {
      log,
    });
    await cluster.untilLog(probe, "answered", 40_000);
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
      const replaced = cluster.exec(node, ["ip", family, "route", "replace", ...route]);
      if (family === "-4") await replaced;
      else await replaced.catch(() => {}); // it may want its address back first
    }
  }
});
