import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import type { ApiObject } from "../cluster/api.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import type { Echo } from "../cluster/echo.ts";
import { clusterName, stateFolder } from "../cluster/folders.ts";
import { Ledger } from "../cluster/ledger.ts";
import { pauseImage, writeImage } from "../cluster/plain-image.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { isAlive } from "../cluster/process-table.ts";
import { whyNot } from "../cluster/requirements.ts";
import { untilEqual } from "./until-equal.ts";

const FOLDER = join(import.meta.dirname, "..", "cluster");
const ECHO = [process.execPath, join(FOLDER, "echo.ts")];
const PROBE = [process.execPath, join(FOLDER, "probe.ts")];

// Names of their own, so that tests and a demo do not meet.
const [PLAIN, OTHER, KILLED, KUBELETS] = ["plain", "other", "killed", "kube"].map(
  (word) => `${clusterName()}-${word}`,
) as [string, string, string, string];

interface NodeObject extends ApiObject {
  readonly spec: { readonly podCIDRs: readonly string[] };
  readonly status: {
    readonly addresses: readonly { readonly type: string; readonly address: string }[];
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
}

interface PodObject extends ApiObject {
  readonly status: { readonly containerStatuses: readonly { readonly containerID: string }[] };
}

interface ServiceObject extends ApiObject {
  readonly spec: {
    readonly clusterIP: string;
    readonly clusterIPs: readonly string[];
    readonly ports: readonly { readonly name: string; readonly nodePort: number }[];
  };
}

/** What is left of a cluster in this machine. */
function leftOf(name: string) {
  const entries = new Ledger(stateFolder(name)).entries();
  return {
    namespaces: execFileSync("ip", ["netns"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.startsWith(`${name}-`)),
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(`${stateFolder(name)}/`)),
    ledger: entries.length,
    files: existsSync(join(stateFolder(name), "etcd")),
  };
}
const NOTHING = { namespaces: [], mounts: [], ledger: 0, files: false };

function processesIn(name: string) {
  return new Ledger(stateFolder(name)).entries().filter((entry) => entry.type === "process");
}

// Given to each test, not to a suite: a runner counts skipped tests, and a skipped suite as nothing.
const noCluster = whyNot({ kubelets: false }) ?? false;
const noKubelets = whyNot({ kubelets: true }) ?? false;

/** Where kube-proxy of a node says how it is. */
function health(address: string): string {
  return `http://${address}:10256/healthz`;
}

/** Only for failing: two other files may have the processors. */
const WITHIN_MS = 60_000;

/** Tries again until it holds; for what nothing announces. */
async function eventually(check: () => Promise<void>): Promise<void> {
  const due = performance.now() + WITHIN_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > due) throw error;
    }
  }
}

describe("a cluster without kubelets", () => {
  let cluster: Cluster;
  before(async () => {
    if (noCluster !== false) return;
    cluster = await startCluster({ name: PLAIN, onProgress: (line) => console.log(line) });
  });
  after(() => cluster?.stop());

  it("has three nodes that are Ready, each with its addresses and its pods' networks", {
    skip: noCluster,
  }, async () => {
    const { items } = await cluster.api.get<{ items: readonly NodeObject[] }>("/api/v1/nodes");
    const seen = items.map(({ metadata, spec, status }) => [
      metadata.name,
      status.conditions.find(({ type }) => type === "Ready")?.status,
      ...status.addresses.map(({ address }) => address),
      ...spec.podCIDRs,
    ]);
    assert.deepEqual(seen, [
      ["node-1", "True", "192.168.1.11", "fd77::11", "node-1", "10.244.1.0/24", "fd44:1::/64"],
      ["node-2", "True", "192.168.1.12", "fd77::12", "node-2", "10.244.2.0/24", "fd44:2::/64"],
      ["node-3", "True", "192.168.1.13", "fd77::13", "node-3", "10.244.3.0/24", "fd44:3::/64"],
    ]);
  });

  describe("with a pod behind a service", () => {
    let service: ServiceObject;
    before(async () => {
      if (noCluster !== false) return;
      await cluster.apply({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "echo" },
        spec: {
          type: "NodePort",
          ipFamilyPolicy: "RequireDualStack",
          selector: { app: "echo" },
          ports: [
            { name: "http", port: 80, targetPort: 8080 },
            { name: "udp", port: 82, targetPort: 8082, protocol: "UDP" },
          ],
        },
      });
      service = await cluster.get<ServiceObject>("service", "echo");
      const labels = { app: "echo" };
      await cluster.fakePod({ name: "echo-1", labels, node: "node-1", argv: ECHO, readyPort: 8080 });
    });

    it("answers at the service's cluster addresses from another node, through kube-proxy", {
      skip: noCluster,
    }, async () => {
      const [ipv4, ipv6] = service.spec.clusterIPs;
      const answers = await Promise.all([
        cluster.fetch("node-2", `http://${ipv4}/four`),
        cluster.fetch("node-3", `http://[${ipv6}]/six`),
      ]);
      const told = answers
        .map((text) => JSON.parse(text) as Echo)
        .map(({ pod, node, path }) => ({ pod, node, path }));
      assert.deepEqual(told, [
        { pod: "echo-1", node: "node-1", path: "/four" },
        { pod: "echo-1", node: "node-1", path: "/six" },
      ]);
    });

    it("answers a client behind the router, whose address the pod's own node keeps under policy Local", {
      skip: noCluster,
    }, async () => {
      await cluster.kubectl([
        "patch",
        "service",
        "echo",
        "--patch",
        '{"spec":{"externalTrafficPolicy":"Local"}}',
      ]);
      const nodePort = service.spec.ports[0]?.nodePort;
      const url = `http://192.168.1.11:${nodePort}/`;
      // kube-proxy applies the new policy within its second; until then it hides who asked.
      await eventually(async () => {
        const { client } = JSON.parse(await cluster.fetch("far-client", url)) as Echo;
        assert.equal(client, "10.99.0.50");
      });
    });

    it("answers every datagram of a probe", { skip: noCluster }, async () => {
      const nodePort = service.spec.ports[1]?.nodePort;
      const words = ["--to", "192.168.1.11", "--port", `${nodePort}`, "--every-ms", "5", "--count", "200"];
      const probe = cluster.spawn("client", [...PROBE, ...words], { log: "probe" });
      await probe.exited;
      const { sent, lost, by } = JSON.parse(
        readFileSync(probe.logPath, "utf8").trim().split("\n").at(-1) ?? "",
      ) as ProbeReport;
      assert.deepEqual({ sent, lost, by }, { sent: 200, lost: 0, by: { "echo-1": 200 } });
    });

    it("hears of a pod's graceful end before its process is gone", { skip: noCluster }, async () => {
      const permit = join(stateFolder(PLAIN), "slow-may-end");
      const waits = `while ! [ -e ${permit} ]; do sleep 0.1; done`;
      const slow = ["sh", "-c", `trap "${waits}; exit 0" TERM; echo trapped; while :; do sleep 0.1; done`];
      const pod = await cluster.fakePod({
        name: "slow",
        labels: { app: "slow" },
        node: "node-2",
        argv: slow,
      });
      await cluster.untilLog(pod.process, "trapped", WITHIN_MS);
      const deleted = pod.delete({ graceSeconds: 120 });
      const path = "/api/v1/namespaces/default/pods/slow";
      await cluster.waitFor<ApiObject>(
        path,
        (object) => object?.metadata.deletionTimestamp !== undefined,
        WITHIN_MS,
        "the end is announced",
      );
      assert.equal(pod.process.exit, undefined);
      writeFileSync(permit, "");
      await deleted;
      assert.deepEqual(pod.process.exit, { code: 0, signal: null });
      await cluster.waitFor(path, (object) => object === undefined, WITHIN_MS, "the object is gone");
    });
  });

  it("gives a service account a kubeconfig with that account's rights and no others", {
    skip: noCluster,
  }, async () => {
    await cluster.waitFor(
      "/api/v1/namespaces/default/serviceaccounts/default",
      Boolean,
      WITHIN_MS,
      "the account is there",
    );
    const kubeconfig = await cluster.kubeconfigFor({ namespace: "default", name: "default" });
    const mayList = ["auth", "can-i", "list", "services", `--kubeconfig=${kubeconfig}`];
    await assert.rejects(cluster.kubectl(mayList), { name: "CommandError", stdout: "no\n" });
    await cluster.kubectl([
      "create",
      "clusterrolebinding",
      "test",
      "--clusterrole=view",
      "--serviceaccount=default:default",
    ]);
    await eventually(async () => assert.equal(await cluster.kubectl(mayList), "yes\n"));
  });

  it("goes on waiting across a restart of the API server", { skip: noCluster }, async () => {
    const path = "/api/v1/namespaces/default/configmaps/late";
    const waiting = cluster.waitFor<ApiObject>(
      path,
      (object) => object !== undefined,
      2 * WITHIN_MS, // the API server may take half of it
      "late is there",
    );
    await cluster.restartApiServer();
    await cluster.api.post("/api/v1/namespaces/default/configmaps", { metadata: { name: "late" } });
    assert.equal((await waiting).metadata.name, "late");
  });

  it("crashes a node, silent and without processes, and starts it again", { skip: noCluster }, async () => {
    // One that has said something is on the node by then, and not on its way there.
    const program = cluster.spawn("node-3", ["sh", "-c", "echo here; exec sleep 1000"]);
    await cluster.untilLog(program, "here", WITHIN_MS);
    await cluster.crashNode("node-3");
    assert.deepEqual(await program.exited, { code: null, signal: "SIGKILL" });
    await assert.rejects(cluster.fetch("client", health("192.168.1.13"), 500), { code: 1 });
    await cluster.restartNode("node-3");
    await cluster.fetch("client", health("192.168.1.13"));
    await cluster.fetch("client", health("[fd77::13]"));
  });

  it("runs beside another of a different name", { skip: noCluster }, async () => {
    const other = await startCluster({ name: OTHER, nodes: 1 });
    const names = async ({ api }: Cluster) =>
      (await api.get<{ items: readonly ApiObject[] }>("/api/v1/nodes")).items.map(
        ({ metadata }) => metadata.name,
      );
    assert.deepEqual(await names(other), ["node-1"]);
    await other.stop();
    assert.deepEqual(await names(cluster), ["node-1", "node-2", "node-3"]);
    assert.deepEqual(leftOf(OTHER), NOTHING);
  });

  it("refuses to be started twice", { skip: noCluster }, async () => {
    await assert.rejects(startCluster({ name: PLAIN }), {
      message: `process ${process.pid} runs cluster ${PLAIN}: stop it, or take another name`,
    });
  });

  it("leaves no namespace, no process and no mount when it stops", { skip: noCluster }, async () => {
    const processes = processesIn(PLAIN);
    await cluster.stop();
    assert.deepEqual(leftOf(PLAIN), NOTHING);
    assert.ok(processes.length >= 7); // four of the control plane, a kube-proxy on each node
    assert.deepEqual(processes.filter(isAlive), []);
  });
});

describe("a harness that dies", () => {
  const script = `
    const { startCluster } = await import(${JSON.stringify(join(FOLDER, "cluster.ts"))});
    const cluster = await startCluster({ name: ${JSON.stringify(KILLED)}, nodes: 1 });
    await cluster.fakePod({ name: "pod", node: "node-1", argv: ["sleep", "1000"] });
    console.log("up");
    setInterval(() => {}, 1000);`;

  async function startHarness() {
    const harness = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(harness, "exit").then(([code]) => assert.fail(`the harness ended early, by ${code}`));
    await Promise.race([once(createInterface(harness.stdout), "line"), ended]);
    ended.catch(() => {}); // that it ends later is what tests are about
    return harness;
  }

  it("takes every program along when it is killed, and does not stop the next one", {
    skip: noCluster,
  }, async () => {
    const harness = await startHarness();
    const processes = processesIn(KILLED);
    harness.kill("SIGKILL");
    await once(harness, "exit");
    assert.ok(processes.length > 5);
    await eventually(async () => assert.deepEqual(processes.filter(isAlive), []));
    assert.notDeepEqual(leftOf(KILLED), NOTHING);
    const cluster = await startCluster({ name: KILLED, nodes: 1 });
    assert.equal((await cluster.get("node", "node-1")).metadata.name, "node-1");
    await cluster.stop();
    assert.deepEqual(leftOf(KILLED), NOTHING);
  });

  it("cleans up when it is told to end", { skip: noCluster }, async () => {
    const harness = await startHarness();
    const processes = processesIn(KILLED);
    harness.kill("SIGTERM");
    assert.deepEqual(await once(harness, "exit"), [143, null]);
    assert.deepEqual(leftOf(KILLED), NOTHING);
    assert.deepEqual(processes.filter(isAlive), []);
  });
});

describe("a cluster with kubelets", () => {
  let cluster: Cluster;
  before(async () => {
    if (noKubelets !== false) return;
    cluster = await startCluster({
      name: KUBELETS,
      kubelets: true,
      onProgress: (line) => console.log(line),
    });
  });
  after(() => cluster?.stop());

  it("has three nodes that their kubelets call Ready", { skip: noKubelets }, async () => {
    const { items } = await cluster.api.get<{ items: readonly NodeObject[] }>("/api/v1/nodes");
    const ready = items.map(({ metadata, status }) => [
      metadata.name,
      status.conditions.find(({ type }) => type === "Ready")?.status,
    ]);
    assert.deepEqual(ready, [
      ["node-1", "True"],
      ["node-2", "True"],
      ["node-3", "True"],
    ]);
  });

  it("runs a Deployment of an image built here, and shows what its pods log", {
    skip: noKubelets,
  }, async () => {
    const archive = join(stateFolder(KUBELETS), "talker.tar");
    const image = "docker.io/herald/talker:dev";
    writeImage({ ...pauseImage(cluster.program("pause")), name: image }, archive);
    await cluster.importImage(archive);
    const labels = { app: "talker" };
    const container = { name: "main", image, imagePullPolicy: "IfNotPresent", args: ["good", "morning"] };
    await cluster.apply({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "talker" },
      spec: {
        replicas: 3,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    });
    await cluster.waitFor<{ status: { readyReplicas?: number } }>(
      "/apis/apps/v1/namespaces/default/deployments/talker",
      (deployment) => deployment?.status.readyReplicas === 3,
      2 * WITHIN_MS, // images are unpacked
      "three talkers are ready",
    );
    // A container is ready when it runs, and talks a moment later.
    const logs = (): Promise<string> => cluster.kubectl(["logs", "--selector=app=talker", "--tail=-1"]);
    await untilEqual(logs, "good morning\n".repeat(3), "each talker has said it");
  });

  it("leaves no namespace, no process, no mount and no control group when it stops, though containers run", {
    skip: noKubelets,
  }, async () => {
    const processes = processesIn(KUBELETS);
    const { items } = await cluster.api.get<{ items: readonly PodObject[] }>(
      "/api/v1/namespaces/default/pods",
    );
    const containers = items.map(({ status }) =>
      status.containerStatuses[0]?.containerID.slice("containerd://".length),
    );
    const controlGroups = () =>
      containers.flatMap((id) => globSync([`/sys/fs/cgroup/*/k8s.io/${id}`, `/sys/fs/cgroup/k8s.io/${id}`]));
    assert.ok(controlGroups().length >= 3);
    await cluster.stop();
    assert.deepEqual(leftOf(KUBELETS), NOTHING);
    assert.deepEqual(controlGroups(), []);
    assert.deepEqual(processes.filter(isAlive), []);
    const shims = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(stateFolder(KUBELETS)));
    assert.deepEqual(shims, []);
  });
});
