import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NodeName } from "../cluster/addresses.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { CommandError } from "../cluster/command.ts";
import type { Running } from "../cluster/launch.ts";
import { Segment } from "../cluster/segment.ts";
import { ECHO } from "../cluster/workload.ts";
import { addressesIn, type ServiceObject, type ServiceOptions, service } from "./objects.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const NAMESPACE = "metallb-system";
const SPEAKER_LABELS = { "app.kubernetes.io/name": "herald", "app.kubernetes.io/component": "speaker" };
export const HTTP_PORT = 7472;
/** Only for failing: a busy machine takes ten seconds. */
const READY_WITHIN_MS = 60_000;

/** How a program is started, before its flags. */
export interface ProgramCommand {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

type Programs = Readonly<Record<"controller" | "speaker", ProgramCommand>>;

/**
 * For what is not about crashes: at a processor that others use for half a second nobody is taken for dead, and no
 * address changes its node.
 */
export const PATIENT = ["--gossip-profile=lan"];

const FROM_SOURCE: Programs = {
  controller: { argv: [process.execPath, join(ROOT, "packages/controller/src/main.ts")] },
  speaker: { argv: [process.execPath, join(ROOT, "packages/speaker/src/main.ts")] },
};

export interface InstallationOptions {
  readonly speakers?: readonly NodeName[];
  readonly controllers?: number;
  /** For every speaker, each time it starts. */
  readonly speakerFlags?: readonly string[];
  /** From the checkout unless told. */
  readonly programs?: Programs;
  /** Of the chart, `name=value`, as far as they decide about rights. */
  readonly values?: readonly string[];
}

/**
 * Herald on a cluster without kubelets: the programs run from the checkout as processes of their nodes, each with the
 * rights of its service account and no others, as the chart's RBAC gives them. This class is the kubelet of their pods.
 */
export class Installation {
  readonly cluster: Cluster;
  readonly segment: Segment;
  readonly #speakers = new Map<NodeName, Running>();
  readonly #controllers = new Map<string, Running>();
  readonly #kubeconfigs: { readonly controller: string; readonly speaker: string };
  readonly #speakerFlags: readonly string[];
  readonly #programs: Programs;

  static async start(
    cluster: Cluster,
    {
      speakers = cluster.nodes,
      controllers = 1,
      speakerFlags = [],
      programs = FROM_SOURCE,
      values = [],
    }: InstallationOptions = {},
  ): Promise<Installation> {
    await cluster.kubectl(["create", "namespace", NAMESPACE]);
    await applyRights(cluster, values);
    const kubeconfigs = {
      controller: await cluster.kubeconfigFor({ namespace: NAMESPACE, name: "herald-controller" }),
      speaker: await cluster.kubeconfigFor({ namespace: NAMESPACE, name: "herald-speaker" }),
    };
    const installation = new Installation(cluster, kubeconfigs, speakerFlags, programs);
    await Promise.all([
      ...Array.from({ length: controllers }, (_, index) =>
        installation.startController(`controller-${index + 1}`),
      ),
      ...speakers.map((node) => installation.startSpeaker(node)),
    ]);
    // One that knows of nobody begins alone after a second, and gives way when it meets the others.
    await installation.untilCandidates(speakers);
    return installation;
  }

  private constructor(
    cluster: Cluster,
    kubeconfigs: { controller: string; speaker: string },
    speakerFlags: readonly string[],
    programs: Programs,
  ) {
    this.cluster = cluster;
    this.#speakerFlags = speakerFlags;
    this.#programs = programs;
    this.segment = new Segment(cluster);
    this.#kubeconfigs = kubeconfigs;
  }

  /** Gives the programs the rights that the chart gives with these values, and no others any more. */
  grant(values: readonly string[]): Promise<void> {
    return applyRights(this.cluster, values);
  }

  /** Applies the ConfigMap MetalLB 0.7 users have, with this text under `config`. */
  async configure(config: string): Promise<void> {
    await this.cluster.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: NAMESPACE, name: "config" },
      data: { config },
    });
  }

  /** Starts a controller and waits until it is ready. Several may run; each has a port of its own. */
  async startController(name: string, flags: readonly string[] = []): Promise<Running> {
    const port = HTTP_PORT + this.#controllers.size;
    const { argv, env = {} } = this.#programs.controller;
    const running = this.cluster.spawn(
      "control-plane",
      [
        ...argv,
        `--kubeconfig=${this.#kubeconfigs.controller}`,
        `--namespace=${NAMESPACE}`,
        `--pod-name=${name}`,
        `--port=${port}`,
        "--webhook-port=0", // unless told: they share a host
        ...flags,
      ],
      { log: name, env },
    );
    this.#controllers.set(name, running);
    await this.#untilReady("control-plane", port, running);
    return running;
  }

  controller(name = "controller-1"): Running {
    const running = this.#controllers.get(name);
    assert.ok(running, `controller ${name} was started`);
    return running;
  }

  /** Posts the speaker's pod, starts the process, marks the pod Ready when the process says so. */
  async startSpeaker(node: NodeName, flags: readonly string[] = []): Promise<Running> {
    const { api } = this.cluster;
    await api.post(`/api/v1/namespaces/${NAMESPACE}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: podName(node), labels: SPEAKER_LABELS },
      spec: { nodeName: node, hostNetwork: true, containers: [{ name: "speaker", image: "none" }] },
    });
    const { argv, env = {} } = this.#programs.speaker;
    const running = this.cluster.spawn(
      node,
      [
        ...argv,
        `--kubeconfig=${this.#kubeconfigs.speaker}`,
        `--namespace=${NAMESPACE}`,
        `--node-name=${node}`,
        `--pod-name=${podName(node)}`,
        `--ml-labels=${Object.entries(SPEAKER_LABELS)
          .map((pair) => pair.join("="))
          .join(",")}`,
        `--ml-bindaddr=${this.cluster.addressesOf(node).ipv4}`,
        `--port=${HTTP_PORT}`,
        ...this.#speakerFlags,
        ...flags,
      ],
      { log: `speaker-${node}`, env },
    );
    this.#speakers.set(node, running);
    await this.#untilReady(node, HTTP_PORT, running);
    await this.#setPodReady(node, true);
    return running;
  }

  /** Ends a speaker as a kubelet does: the deletion is announced, then SIGTERM, then the object goes. */
  async stopSpeaker(node: NodeName, graceSeconds = 30): Promise<void> {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${podName(node)}`;
    await this.cluster.api.delete(path, { gracePeriodSeconds: graceSeconds });
    await this.speaker(node).stop(graceSeconds * 1000);
    this.#speakers.delete(node);
    await this.cluster.api.delete(path, { gracePeriodSeconds: 0 });
  }

  speaker(node: NodeName): Running {
    const running = this.#speakers.get(node);
    assert.ok(running, `the speaker of ${node} was started`);
    return running;
  }

  /** What the readiness probe of a speaker would have told the API. */
  async #setPodReady(node: NodeName, ready: boolean): Promise<void> {
    const [status, now] = [ready ? "True" : "False", new Date().toISOString()];
    const { ipv4, ipv6 } = this.cluster.addressesOf(node);
    await this.cluster.api.patch(
      `/api/v1/namespaces/${NAMESPACE}/pods/${podName(node)}/status`,
      {
        status: {
          phase: "Running",
          podIP: ipv4,
          podIPs: [{ ip: ipv4 }, { ip: ipv6 }],
          conditions: ["Ready", "ContainersReady"].map((type) => ({ type, status, lastTransitionTime: now })),
        },
      },
      "strategic-merge",
    );
  }

  /** Creates Services and waits until each has an address. */
  async createServices(
    services: readonly ServiceOptions[],
    deadlineMs = 30_000,
  ): Promise<readonly ServiceObject[]> {
    await Promise.all(
      services.map((options) =>
        this.cluster.api.post("/api/v1/namespaces/default/services", service(options)),
      ),
    );
    return Promise.all(services.map(({ name }) => this.addressed(name, deadlineMs)));
  }

  /** Waits until a Service has an address. */
  addressed(name: string, deadlineMs = 30_000): Promise<ServiceObject> {
    return this.cluster.waitFor<ServiceObject>(
      `/api/v1/namespaces/default/services/${name}`,
      (found) => found !== undefined && addressesIn(found).length > 0,
      deadlineMs,
      `${name} has an address`,
    );
  }

  /** Starts an echo pod on a node, behind the label `app`. */
  startEcho(name: string, node: NodeName, app: string) {
    return this.cluster.fakePod({
      name,
      node,
      labels: { app },
      argv: [process.execPath, join(ROOT, "e2e/cluster/echo.ts")],
      readyPort: ECHO.http,
    });
  }

  /** HTTP to an echo Service, from a host. */
  async ask(
    host: "client" | "far-client" | NodeName,
    address: string,
  ): Promise<{ pod: string; client: string }> {
    return JSON.parse(await this.segment.curlUntilAnswered(host, address)) as { pod: string; client: string };
  }

  /** Prometheus text of a program. */
  metrics(host: "control-plane" | NodeName, port = HTTP_PORT): Promise<string> {
    return this.cluster.exec(host, ["curl", "-sS", "--max-time", "30", `http://127.0.0.1:${port}/metrics`]);
  }

  /** One value of a program's metrics. */
  async metric(host: "control-plane" | NodeName, series: string): Promise<number> {
    const line = (await this.metrics(host)).split("\n").find((text) => text.startsWith(`${series} `));
    assert.ok(line, `${host} reports ${series}`);
    return Number(line.slice(series.length + 1));
  }

  /**
   * Statuses of Services that the first controller has written, once it has nothing to write: a watch tells of a write
   * before the answer to it reaches the controller, which counts it then.
   */
  async statusesWritten(): Promise<number> {
    await this.segment.until(
      async () => (await this.metric("control-plane", "herald_controller_queue_length")) === 0,
      "the controller has nothing to write",
    );
    return this.metric("control-plane", 'herald_controller_status_writes_total{outcome="written"}');
  }

  /** Waits until the speakers of these nodes see so many that may announce: by default each other. */
  untilCandidates(nodes: readonly NodeName[], wanted = nodes.length): Promise<void> {
    return this.segment.until(
      async () => {
        const seen = await Promise.all(nodes.map((node) => this.metric(node, "herald_speaker_candidates")));
        return seen.every((count) => count === wanted);
      },
      `${nodes.join(", ")} see ${wanted} candidates`,
    );
  }

  async readyz(host: "control-plane" | NodeName, port = HTTP_PORT): Promise<number> {
    const status = await this.cluster.exec(host, [
      ...["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10"],
      `http://127.0.0.1:${port}/readyz`,
    ]);
    return Number(status);
  }

  async #untilReady(host: "control-plane" | NodeName, port: number, running: Running): Promise<void> {
    const due = performance.now() + READY_WITHIN_MS;
    for (;;) {
      const status = await this.readyz(host, port).catch((error: unknown) => {
        if (error instanceof CommandError) return 0; // not listening yet
        throw error;
      });
      if (status === 200) return;
      assert.equal(running.exit, undefined, `${running.what} runs; its log is ${running.logPath}`);
      assert.ok(
        performance.now() < due,
        `${running.what} is ready within ${READY_WITHIN_MS} ms (${running.logPath})`,
      );
      await new Promise((resolve) => setTimeout(resolve, 50)); // as a readiness probe asks, only more often
    }
  }
}

async function applyRights(cluster: Cluster, values: readonly string[]): Promise<void> {
  const rights = await cluster.helm([
    ...["template", "herald", join(ROOT, "charts/herald"), `--namespace=${NAMESPACE}`],
    ...["--show-only=templates/rbac.yaml", "--show-only=templates/service-accounts.yaml"],
    ...values.map((value) => `--set=${value}`),
  ]);
  await cluster.kubectl(["apply", `--namespace=${NAMESPACE}`, "-f", "-"], { input: rights });
}

function podName(node: NodeName): string {
  return `speaker-${node}`;
}
