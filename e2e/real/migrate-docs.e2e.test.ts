import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import { ApiError } from "../cluster/api.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { CommandError } from "../cluster/command.ts";
import { Segment } from "../cluster/segment.ts";
import { buildMetalLb, type MetalLb } from "../interop/metallb/build-metallb.ts";
import { clusterTests } from "./cluster-tests.ts";
import { NAMESPACE } from "./installation.ts";
import { untilServed } from "./metallb-objects.ts";
import { service } from "./objects.ts";
import { untilEqual } from "./until-equal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ADDRESS = "192.168.1.107";
const WITHOUT_FRR = "--set speaker.frr.enabled=false";
const COMPONENT = "app.kubernetes.io/component";
/** No kubelet runs a pod here, so these would wait or fail; what they are about is in migrate.e2e.test.ts. */
const NEEDS_PODS = /rollout status|proxy\/would|kubectl .* exec|^ {2}-l app\.kubernetes\.io\/name=herald,/;
const { it, before } = clusterTests({ kubelets: false });

/** The blocks of docs/migrate.md by their heading, in order; those in a language are output. */
const SECTIONS = sectionsOf(readFileSync(join(ROOT, "docs/migrate.md"), "utf8"));

describe("docs/migrate.md, command by command, on a real API server", () => {
  const folder = mkdtempSync(join(tmpdir(), "herald-migrate-"));
  let cluster: Cluster;
  let metallb: MetalLb;

  before(async () => {
    for (const name of ["charts", "packages"]) symlinkSync(join(ROOT, name), join(folder, name));
    metallb = await buildMetalLb(console.log);
    cluster = await startCluster({ name: "migrate-docs", nodes: 2 });
    await shell(
      `helm install metallb ${metallb.chart} --namespace ${NAMESPACE} --create-namespace ${WITHOUT_FRR}`,
    );
    await actAsController();
    // A cluster without kubelets has none.
    cluster.spawn("control-plane", [
      cluster.program("kube-controller-manager"),
      ...[`--kubeconfig=${cluster.kubeconfig}`, "--controllers=daemonset-controller"],
      ...["--leader-elect=false", "--secure-port=0"],
    ]);
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("checks, and tells of kinds that would be lost", async () => {
    const [told] = await section("Check");
    assert.match(told ?? "", /^0 of 1 addresses would change/m);
    assert.match(
      told ?? "",
      /^Note: Uninstalling the Helm release metallb in metallb-system deletes bfdprofiles/m,
    );
  });

  it("installs programs that only observe, and takes them away again", async () => {
    await section("Observe");
    assert.deepEqual(await deployed(), ["metallb-controller", "metallb-speaker"]);
  });

  it("converts a ConfigMap", async () => {
    const config = "address-pools:\n- {name: old, protocol: layer2, addresses: [198.51.100.0/24]}\n";
    await cluster.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: NAMESPACE, name: "config" },
      data: { config },
    });
    await section("From a ConfigMap: MetalLB 0.7 to 0.12");
    const objects = readFileSync(join(folder, "objects.yaml"), "utf8");
    await cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], { input: objects });
    assert.deepEqual(
      [...objects.matchAll(/^kind: (.*)$/gm)].map(([, kind]) => kind),
      ["IPAddressPool", "L2Advertisement"],
    );
    await cluster.kubectl(["delete", "configmap", "config", `--namespace=${NAMESPACE}`]);
  });

  it("keeps the kinds and the key", async () => {
    await section("Keep the kinds");
    const [told] = await section("Check");
    assert.doesNotMatch(told ?? "", /^Note: Uninstalling/m);
    const secret = await cluster.api.get<{ metadata: { ownerReferences?: object } }>(
      `/api/v1/namespaces/${NAMESPACE}/secrets/metallb-memberlist`,
    );
    assert.equal(secret.metadata.ownerReferences, undefined);
  });

  it("puts Herald's speaker where the label is, and MetalLB's where it is not", async () => {
    await section("The controller");
    await untilSpeakers({ "node-1": "metallb", "node-2": "metallb" });
    await section("One gossip cluster", "node-1");
    await untilSpeakers({ "node-1": "herald", "node-2": "metallb" });
    await cluster.kubectl(["label", "node", "node-2", "herald.io/speaker=herald"]);
    await untilSpeakers({ "node-1": "herald", "node-2": "herald" });
  });

  it("removes MetalLB, and the kinds, their objects, the key and the addresses stay", async () => {
    await section("The rest");
    assert.deepEqual(await deployed(), ["herald-controller", "herald-speaker"]);
    await untilSpeakers({ "node-1": "herald", "node-2": "herald" });
    await nothingIsLost();
  });

  it("does all at once where that is wanted", async () => {
    await asManifestsLeaveThem();
    await section("All at once");
    await nothingIsLost();
  });

  it("goes back in the same way", async () => {
    await section("And back", "node-1");
    await untilSpeakers({ "node-1": "metallb", "node-2": "herald" });
    await cluster.kubectl(["label", "node", "node-2", "herald.io/speaker-"]);
    await untilSpeakers({ "node-1": "metallb", "node-2": "metallb" });
    await shell(`helm uninstall herald --namespace ${NAMESPACE}`);
    assert.deepEqual(await deployed(), ["metallb-controller", "metallb-speaker"]);
    await nothingIsLost();
  });

  /** The kinds of no release, as those of MetalLB's manifests, and one that names MetalLB's webhook. */
  async function asManifestsLeaveThem(): Promise<void> {
    const webhook = {
      clientConfig: {
        service: { name: "metallb-webhook-service", namespace: NAMESPACE, path: "/convert" },
      },
      conversionReviewVersions: ["v1beta1", "v1beta2"],
    };
    const patch = JSON.stringify({ spec: { conversion: { strategy: "Webhook", webhook } } });
    await shell(`
      helm uninstall herald --namespace ${NAMESPACE}
      kinds=$(kubectl get crd -o name | grep -E '/[a-z0-9]+\\.metallb\\.io$')
      kubectl annotate $kinds meta.helm.sh/release-name- meta.helm.sh/release-namespace-
      kubectl label $kinds app.kubernetes.io/managed-by-
      kubectl patch crd bgppeers.metallb.io --type=merge -p '${patch}'`);
  }

  /** What MetalLB's controller would have made, were there a kubelet to run it. */
  async function actAsController(): Promise<void> {
    const { metadata } = await cluster.api.get<{ metadata: { uid: string } }>(
      `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/metallb-controller`,
    );
    const owner = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      name: "metallb-controller",
      uid: metadata.uid,
    };
    await untilServed(cluster);
    await cluster.kubectl([
      ...["delete", "validatingwebhookconfiguration", "metallb-webhook-configuration", "--wait=false"],
    ]);
    await untilTaken([
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { namespace: NAMESPACE, name: "metallb-memberlist", ownerReferences: [owner] },
        stringData: { secretkey: "ixTzfk3zYAZkVzcVyBtaVQ" },
      },
      {
        apiVersion: "metallb.io/v1beta1",
        kind: "IPAddressPool",
        metadata: { namespace: NAMESPACE, name: "default" },
        spec: { addresses: ["192.168.1.100-192.168.1.159"] },
      },
    ]);
    await cluster.api.post("/api/v1/namespaces/default/services", service({ name: "web" }));
    await cluster.api.patch(
      "/api/v1/namespaces/default/services/web/status",
      { status: { loadBalancer: { ingress: [{ ip: ADDRESS }] } } },
      "strategic-merge",
    );
  }

  /** Applies objects; a webhook that is gone is asked for a moment longer, and nobody answers for it here. */
  async function untilTaken(objects: readonly object[]): Promise<void> {
    await new Segment(cluster).until(async () => {
      try {
        await cluster.apply(objects);
        return true;
      } catch (error) {
        if (error instanceof CommandError && error.stderr.includes("failed calling webhook")) return false;
        throw error;
      }
    }, "the API server asks no webhook any more");
  }

  /** Runs every block of a section. @returns what each said. */
  async function section(heading: string, node = "NODE"): Promise<readonly string[]> {
    const blocks = SECTIONS.get(heading);
    assert.ok(blocks, `there is a section "${heading}" in docs/migrate.md`);
    const said: string[] = [];
    for (const block of blocks) said.push(await shell(runnable(block, node)));
    return said;
  }

  function runnable(block: string, node: string): string {
    return block
      .split("\n")
      .filter((line) => !NEEDS_PODS.test(line) && !line.startsWith("kubectl get --raw"))
      .join("\n")
      .replaceAll("NODE", node)
      .replaceAll("npm run --silent herald --", `${process.execPath} packages/cli/src/main.ts`)
      .replaceAll("--version 0.14.9 ", "")
      .replaceAll("metallb metallb/metallb", `metallb ${metallb.chart} ${WITHOUT_FRR}`);
  }

  function shell(script: string): Promise<string> {
    const programs = ["kubectl", "helm"].map((name) => dirname(cluster.program(name as "kubectl" | "helm")));
    return cluster.exec("control-plane", ["bash", "-e", "-o", "pipefail", "-c", script], {
      cwd: folder,
      timeoutMs: 300_000,
      env: {
        KUBECONFIG: cluster.kubeconfig,
        HOME: folder,
        PATH: [...programs, process.env["PATH"] ?? ""].join(":"),
      },
    });
  }

  /** Names of what is there to run pods. */
  async function deployed(): Promise<readonly string[]> {
    const names = await cluster.kubectl([
      ...["get", "deployments,daemonsets", `--namespace=${NAMESPACE}`, "-o"],
      'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}',
    ]);
    return names.trim().split("\n").sort();
  }

  /** Waits until each node has a pod of this one's speaker, and none of the other's. */
  async function untilSpeakers(wanted: Readonly<Record<string, string>>): Promise<void> {
    await untilEqual(speakers, wanted, "each node has its speaker");
  }

  async function speakers(): Promise<Readonly<Record<string, string>>> {
    const { items } = await cluster.api.get<{ items: readonly SpeakerPod[] }>(
      `/api/v1/namespaces/${NAMESPACE}/pods`,
    );
    const byNode = new Map<string, string[]>();
    for (const pod of items.filter(({ metadata }) => metadata.labels[COMPONENT] === "speaker")) {
      const node = targetOf(pod);
      if (await isCarriedOut(pod, node)) continue;
      byNode.set(node, [...(byNode.get(node) ?? []), pod.metadata.labels["app.kubernetes.io/name"] ?? ""]);
    }
    const sorted = [...byNode].sort(([one], [other]) => (one < other ? -1 : 1));
    return Object.fromEntries(sorted.map(([node, names]) => [node, names.sort().join(" and ")]));
  }

  /**
   * What the scheduler and kubelets do to a pod, which a cluster without kubelets has not: a DaemonSet minds only pods
   * that have a node, and waits for those that are to go. @returns whether it is gone.
   */
  async function isCarriedOut({ metadata, spec }: SpeakerPod, node: string): Promise<boolean> {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${metadata.name}`;
    if (metadata.deletionTimestamp !== undefined) {
      await cluster.api.delete(path, { gracePeriodSeconds: 0 }).catch(unlessGone);
      return true;
    }
    if (spec.nodeName !== undefined) return false;
    const target = { apiVersion: "v1", kind: "Node", name: node };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: metadata.name }, target };
    await cluster.api.post(`${path}/binding`, binding).catch(unlessGone);
    return false;
  }

  async function nothingIsLost(): Promise<void> {
    await cluster.kubectl(["get", "ipaddresspool", "default", `--namespace=${NAMESPACE}`]);
    await cluster.kubectl(["get", "secret", "metallb-memberlist", `--namespace=${NAMESPACE}`]);
    const ip = ["get", "service", "web", "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"];
    assert.equal(await cluster.kubectl(ip), ADDRESS);
  }
});

interface SpeakerPod {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly affinity: {
      readonly nodeAffinity: {
        readonly requiredDuringSchedulingIgnoredDuringExecution: {
          readonly nodeSelectorTerms: readonly {
            readonly matchFields?: readonly { readonly values: readonly string[] }[];
          }[];
        };
      };
    };
  };
}

/** Or on its way: the next look tells. */
function unlessGone(error: unknown): void {
  if (!(error instanceof ApiError && (error.status === 404 || error.status === 409))) throw error;
}

/** The node that a DaemonSet made the pod for. */
function targetOf({ spec }: SpeakerPod): string {
  const { nodeSelectorTerms } = spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution;
  return nodeSelectorTerms[0]?.matchFields?.[0]?.values[0] ?? "";
}

function sectionsOf(text: string): ReadonlyMap<string, readonly string[]> {
  const sections = text.split(/^## /m).slice(1);
  return new Map(
    sections.map((each) => [
      each.slice(0, each.indexOf("\n")),
      [...each.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].flatMap(([, language, block = ""]) =>
        language === "" ? [block] : [],
      ),
    ]),
  );
}
