import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeName } from "../cluster/addresses.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { CommandError } from "../cluster/command.ts";
import type { Running } from "../cluster/launch.ts";
import type { MetalLb } from "../interop/metallb/build-metallb.ts";
import { NAMESPACE } from "./installation.ts";
import { untilServed } from "./metallb-objects.ts";

const LABELS = { "app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": "speaker" };
/** Not ours: both run on one node while one is observed. */
const HTTP_PORT = 7572;
/** As MetalLB's controller makes it: 16 octets, unpadded. */
export const GOSSIP_SECRET = "ixTzfk3zYAZkVzcVyBtaVQ";
const READY_WITHIN_MS = 60_000;

/**
 * MetalLB on a cluster without kubelets: its own kinds, its own programs as processes of their nodes, each with the
 * rights that its chart gives it. Its DaemonSet and Deployment are there as objects, which nothing carries out.
 */
export class MetalLbInstallation {
  readonly #cluster: Cluster;
  readonly #metallb: MetalLb;
  readonly #kubeconfigs: { readonly controller: string; readonly speaker: string };
  readonly #speakers = new Map<NodeName, Running>();
  #controller: Running | undefined;
  /** Where the key of the gossip is, as a kubelet would mount it. */
  readonly keyFolder: string;

  /** The namespace has to be there. */
  static async install(cluster: Cluster, metallb: MetalLb): Promise<MetalLbInstallation> {
    await cluster.kubectl(["apply", "--server-side", "-f", "-"], { input: withoutWebhook(metallb.kinds) });
    await untilServed(cluster);
    const objects = await cluster.helm([
      ...[
        "template",
        "metallb",
        metallb.chart,
        `--namespace=${NAMESPACE}`,
        "--set=crds.enabled=false",
        "--set=speaker.frr.enabled=false",
      ],
      ...["rbac", "service-accounts", "controller", "speaker"].map(
        (name) => `--show-only=templates/${name}.yaml`,
      ),
    ]);
    await cluster.kubectl(["apply", `--namespace=${NAMESPACE}`, "-f", "-"], { input: objects });
    await cluster.apply({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: NAMESPACE, name: "metallb-memberlist" },
      stringData: { secretkey: GOSSIP_SECRET },
    });
    const keyFolder = join(cluster.logFolder, "..", "metallb-key");
    mkdirSync(keyFolder, { recursive: true });
    writeFileSync(join(keyFolder, "secretkey"), GOSSIP_SECRET);
    const account = (name: string) => cluster.kubeconfigFor({ namespace: NAMESPACE, name });
    const kubeconfigs = {
      controller: await account("metallb-controller"),
      speaker: await account("metallb-speaker"),
    };
    return new MetalLbInstallation(cluster, metallb, kubeconfigs, keyFolder);
  }

  private constructor(
    cluster: Cluster,
    metallb: MetalLb,
    kubeconfigs: { controller: string; speaker: string },
    keyFolder: string,
  ) {
    this.#cluster = cluster;
    this.#metallb = metallb;
    this.#kubeconfigs = kubeconfigs;
    this.keyFolder = keyFolder;
  }

  async startController(): Promise<void> {
    this.#controller = this.#cluster.spawn(
      "control-plane",
      [
        this.#metallb.controller,
        `--kubeconfig=${this.#kubeconfigs.controller}`,
        `--namespace=${NAMESPACE}`,
        `--port=${HTTP_PORT}`,
        "--webhook-mode=disabled",
        "--disable-cert-rotation",
      ],
      { log: "metallb-controller" },
    );
    await this.#untilServing("control-plane", this.#controller);
  }

  async stopController(): Promise<void> {
    await this.#controller?.stop();
  }

  async startSpeaker(node: NodeName): Promise<void> {
    const { api } = this.#cluster;
    const { ipv4 } = this.#cluster.addressesOf(node);
    const name = podName(node);
    await api.post(`/api/v1/namespaces/${NAMESPACE}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels: LABELS },
      spec: { nodeName: node, hostNetwork: true, containers: [{ name: "speaker", image: "none" }] },
    });
    await api.patch(
      `/api/v1/namespaces/${NAMESPACE}/pods/${name}/status`,
      { status: { phase: "Running", podIP: ipv4, podIPs: [{ ip: ipv4 }] } },
      "strategic-merge",
    );
    const running = this.#cluster.spawn(
      node,
      [
        this.#metallb.speaker,
        `--kubeconfig=${this.#kubeconfigs.speaker}`,
        `--namespace=${NAMESPACE}`,
        `--node-name=${node}`,
        `--pod-name=${name}`,
        `--port=${HTTP_PORT}`,
        `--ml-bindaddr=${ipv4}`,
        `--ml-labels=${Object.entries(LABELS)
          .map((pair) => pair.join("="))
          .join(",")}`,
        `--ml-secret-key-path=${this.keyFolder}`,
      ],
      { log: `metallb-speaker-${node}` },
    );
    this.#speakers.set(node, running);
    await this.#untilServing(node, running);
  }

  /** As a kubelet ends it, which waits two seconds even where the pod grants none. */
  async stopSpeaker(node: NodeName): Promise<void> {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${podName(node)}`;
    await this.#speakers.get(node)?.stop(2_000);
    this.#speakers.delete(node);
    await this.#cluster.api.delete(path, { gracePeriodSeconds: 0 });
  }

  async #untilServing(host: "control-plane" | NodeName, running: Running): Promise<void> {
    const due = performance.now() + READY_WITHIN_MS;
    for (;;) {
      try {
        await this.#cluster.exec(host, [
          "curl",
          "-sS",
          "--max-time",
          "2",
          `http://127.0.0.1:${HTTP_PORT}/metrics`,
        ]);
        return;
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
      }
      assert.equal(running.exit, undefined, `${running.what} runs; its log is ${running.logPath}`);
      assert.ok(performance.now() < due, `${running.what} serves (${running.logPath})`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function podName(node: NodeName): string {
  return `metallb-speaker-${node}`;
}

/** Nobody serves conversions here, and nobody asks for any. */
function withoutWebhook(kinds: string): string {
  return kinds.replace(/^ {2}conversion:\n(?: {4}.*\n)+/m, "");
}
