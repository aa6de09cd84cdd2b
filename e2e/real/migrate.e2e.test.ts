import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import { endProbe } from "../bench/crash-cluster.ts";
import type { NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { CommandError } from "../cluster/command.ts";
import type { Running } from "../cluster/launch.ts";
import { buildMetalLb } from "../interop/metallb/build-metallb.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation, NAMESPACE } from "./installation.ts";
import { MetalLbInstallation } from "./metallb-installation.ts";
import { addressesIn, type ServiceObject, service } from "./objects.ts";
import { untilEqual } from "./until-equal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROBE = join(ROOT, "e2e/cluster/probe.ts");
const HERALD = join(ROOT, "packages/cli/src/main.ts");
/** It serves what the others announce. */
const BACKEND: NodeName = "node-1";
const SPEAKERS: readonly NodeName[] = ["node-2", "node-3", "node-4"];
/** By MetalLB's hash each of these is another node's. */
const ASKED = { "web-1": "192.168.1.100", "web-2": "192.168.1.101", "web-3": "192.168.1.106" };
/** Between two questions of who has an address, ms. */
const ASK_EVERY_MS = 50;
/** As docs/migrate.md has it: one label is on the pods of both. */
const ONE_GOSSIP = ["--ml-labels=app.kubernetes.io/component=speaker"];
const { it, before } = clusterTests({ kubelets: false });

/** Each test is a stage of one move, as docs/migrate.md has it. */
describe("a cluster that moves from MetalLB to Herald and back", () => {
  let cluster: Cluster;
  let metallb: MetalLbInstallation;
  let herald: Installation;
  /** By Service; none of them is to change in the whole test. */
  let addresses: Readonly<Record<string, string>>;

  before(async () => {
    const programs = await buildMetalLb(console.log);
    cluster = await startCluster({ name: "migrate", nodes: 1 + SPEAKERS.length });
    // Its roles are those of a Herald that only observes, until it is to do more.
    herald = await Installation.start(cluster, {
      speakers: [],
      controllers: 0,
      values: ["observeOnly=true"],
    });
    metallb = await MetalLbInstallation.install(cluster, programs);
    await cluster.apply([
      object("IPAddressPool", "default", { addresses: ["192.168.1.100-192.168.1.159"] }),
      object("L2Advertisement", "default", { ipAddressPools: ["default"] }),
    ]);
    await Promise.all([
      metallb.startController(),
      herald.startEcho("echo-1", BACKEND, "echo"),
      ...SPEAKERS.map((node) => metallb.startSpeaker(node)),
    ]);
    await herald.createServices(
      Object.entries(ASKED).map(([name, ip]) => ({
        name,
        annotations: { "metallb.io/loadBalancerIPs": ip },
      })),
    );
    addresses = await addressesNow();
    assert.deepEqual(addresses, ASKED);
    await untilHeldOnce();
  });
  after(() => cluster?.stop());

  it("is told that no address would change", async () => {
    const { stdout, code } = await check();
    console.log(stdout);
    assert.match(stdout, /^same +DaemonSet +metallb-system\/metallb-speaker +MetalLB's speaker v0\.14\.9$/m);
    assert.match(stdout, /^same +Secret +metallb-system\/metallb-memberlist +key of the gossip/m);
    assert.match(
      stdout,
      /^0 of 3 addresses would change; of \d+ objects \d+ are the same, 0 differ, 0 are refused\.$/m,
    );
    assert.equal(code, 0);
  });

  it("is told by a controller that only observes, with no right to write", async () => {
    const observer = await herald.startController("observer", ["--observe-only"]);
    await untilEqual(
      async () => {
        const { configured, addresses: count, lost, services } = await would("control-plane");
        return { configured, count, lost, services };
      },
      { configured: true, count: 3, lost: 0, services: [] },
      "nothing would change",
    );
    await observer.stop();
  });

  it("is told by speakers that only observe what MetalLB's announce, and they open nothing", async () => {
    await Promise.all(SPEAKERS.map((node) => herald.startSpeaker(node, ["--observe-only"])));
    await herald.segment.until(async () => {
      const held = JSON.stringify(Object.entries(await holders()).sort());
      return JSON.stringify((await observed()).sort()) === held;
    }, "speakers that observe say what MetalLB's hold");
    for (const node of SPEAKERS) {
      const sockets = await cluster.exec(node, [
        "ss",
        "--no-header",
        "--udp",
        "--packet",
        "--raw",
        "-l",
        "-n",
        "-p",
      ]);
      const ours = sockets.split("\n").filter((line) => line.includes(`pid=${herald.speaker(node).pid},`));
      assert.deepEqual(ours, [], "it neither gossips nor hears frames");
    }
    await Promise.all(SPEAKERS.map((node) => herald.stopSpeaker(node)));
  });

  it("keeps every address when the controller is another, and new Services get theirs", async () => {
    await metallb.stopController();
    await herald.grant([]);
    await herald.startController("controller-1");
    await herald.createServices([{ name: "new" }]);
    assert.deepEqual(await addressesNow(), { ...addresses, new: (await addressesNow())["new"] });
    addresses = await addressesNow();
    await untilHeldOnce();
  });

  for (const node of SPEAKERS) {
    it(`keeps every address, and one holder for each, when ${node} gets Herald's speaker`, async () => {
      await swap(`${node}: MetalLB's speaker goes, Herald's comes`, async () => {
        await metallb.stopSpeaker(node);
        await herald.startSpeaker(node, [...ONE_GOSSIP, `--ml-secret-key-path=${metallb.keyFolder}`]);
        await herald.untilCandidates([node], SPEAKERS.length);
      });
    });
  }

  it("has speakers of Herald's alone, that all know each other", async () => {
    await herald.untilCandidates(SPEAKERS);
    const { stdout } = await check();
    assert.match(stdout, /^0 of 4 addresses would change/m);
  });

  for (const node of SPEAKERS) {
    it(`keeps every address, and one holder for each, when ${node} gets MetalLB's speaker back`, async () => {
      await swap(`${node}: Herald's speaker goes, MetalLB's comes`, async () => {
        await herald.stopSpeaker(node);
        await metallb.startSpeaker(node);
      });
    });
  }

  it("keeps every address when MetalLB's controller is back", async () => {
    await herald.controller("controller-1").stop();
    await metallb.startController();
    await cluster.api.post("/api/v1/namespaces/default/services", service({ name: "last" }));
    await herald.addressed("last");
    const { last: _, ...rest } = await addressesNow();
    assert.deepEqual(rest, addresses);
  });

  /** Watched by a client that uses each address and by one that asks for it all the time; says what either missed. */
  async function swap(what: string, change: () => Promise<void>): Promise<void> {
    const before = await holders();
    const watched = await Promise.all(
      Object.values(addresses).map(async (address) => ({
        address,
        using: await using(address),
        asking: cluster.spawn("client", ["arping", "-i", "eth0", "-W", `${ASK_EVERY_MS / 1000}`, address]),
      })),
    );
    await change();
    await untilHeldOnce();
    const ended = watched.map(async ({ address, using: probe, asking }) => {
      asking.kill("SIGINT");
      return { address, report: await endProbe(probe), silentMs: silenceIn(asking) };
    });
    const reports = await Promise.all(ended);
    const after = await holders();
    const lines = reports.map(({ address, report: { sent, lost, longestGapMs }, silentMs }) => {
      const [from, to] = [before[address], after[address]];
      const place = from === to ? `stays on ${to}` : `${from} → ${to}`;
      const gap = Math.round(longestGapMs);
      return `  ${address} ${place}: ${lost} of ${sent} lost, longest gap ${gap} ms; nobody answered for it for ${silentMs} ms`;
    });
    console.log([what, ...lines].join("\n"));
    assert.deepEqual(await addressesNow(), addresses);
    for (const { report } of reports) assert.deepEqual(Object.keys(report.by), ["echo-1"]);
  }

  /** A client that uses an address from now on; resolves at the first answer. */
  async function using(address: string): Promise<Running> {
    const probe = cluster.spawn("client", [process.execPath, PROBE, "--to", address, "--port", "82"]);
    await cluster.untilLog(probe, "answered", 60_000);
    return probe;
  }

  /** Waits until each address is answered for by one node, and the same twice in a row. */
  async function untilHeldOnce(): Promise<void> {
    let before = "";
    await herald.segment.until(async () => {
      const all = await Promise.all(
        Object.values(addresses).map((address) => herald.segment.whoHas(address)),
      );
      const now = JSON.stringify(all);
      const isSettled = all.every((macs) => macs.length === 1) && now === before;
      before = now;
      return isSettled;
    }, "each address is answered for by one node");
  }

  async function holders(): Promise<Readonly<Record<string, NodeName | undefined>>> {
    const all = Object.values(addresses).map(
      async (address) => [address, await herald.segment.untilHeld(address)] as const,
    );
    return Object.fromEntries(await Promise.all(all));
  }

  async function addressesNow(): Promise<Readonly<Record<string, string>>> {
    const { items } = await cluster.api.get<{
      items: readonly (ServiceObject & { metadata: { name: string } })[];
    }>("/api/v1/namespaces/default/services");
    const served = items.filter((item) => addressesIn(item).length > 0);
    return Object.fromEntries(served.map((item) => [item.metadata.name, addressesIn(item).join()]));
  }

  async function check(): Promise<{ readonly stdout: string; readonly code: number | null }> {
    const argv = [process.execPath, HERALD, "migrate", "--check", `--kubeconfig=${cluster.kubeconfig}`];
    try {
      return { stdout: await cluster.exec("control-plane", argv), code: 0 };
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return { stdout: error.stdout + error.stderr, code: error.code };
    }
  }

  async function would(host: "control-plane" | NodeName): Promise<WouldPage> {
    const url = "http://127.0.0.1:7472/would";
    return JSON.parse(await cluster.exec(host, ["curl", "-sS", "--max-time", "30", url])) as WouldPage;
  }

  /** By address, the node that would announce it. */
  async function observed(): Promise<[string, NodeName][]> {
    const pages = await Promise.all(
      SPEAKERS.map(async (node) => ({ node, services: (await would(node)).services })),
    );
    return pages.flatMap(({ node, services }) =>
      services.flatMap(({ layer2 = [] }) => layer2.map((address): [string, NodeName] => [address, node])),
    );
  }
});

/** The longest time that questions went unanswered, ms. */
function silenceIn(asking: Running): number {
  const runs = readFileSync(asking.logPath, "utf8").matchAll(/(?:^Timeout$\n?)+/gm);
  const longest = Math.max(0, ...[...runs].map(([run]) => run.trim().split("\n").length));
  return longest * ASK_EVERY_MS;
}

interface WouldPage {
  readonly configured?: boolean;
  readonly addresses?: number;
  readonly lost?: number;
  readonly services: readonly { readonly service: string; readonly layer2?: readonly string[] }[];
}

function object(kind: string, name: string, spec: object): object {
  return { apiVersion: "metallb.io/v1beta1", kind, metadata: { namespace: NAMESPACE, name }, spec };
}
