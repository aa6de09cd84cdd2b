import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ApiObject } from "../cluster/api.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Images } from "../cluster/images.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { Segment } from "../cluster/segment.ts";
import { BROKEN_CONFIG_MAP, CONFIG_MAP, SERVICES, WORKLOAD } from "./objects.ts";
import { quote, say, step, typed } from "./say.ts";

const CHART = fileURLToPath(new URL("../../charts/herald", import.meta.url));
const PROBE = fileURLToPath(new URL("../cluster/probe.ts", import.meta.url));
const NAMESPACE = "metallb-system";
const IMAGE_VALUES = ["controller", "speaker"].flatMap((name) => [
  `--set=${name}.image.repository=docker.io/herald/${name}`,
  `--set=${name}.image.tag=dev`,
  `--set=${name}.image.pullPolicy=IfNotPresent`,
]);

/** Only for failing. */
const WITHIN_MS = 60_000;
/** For commands that wait themselves for up to two minutes. */
const PATIENT = { timeoutMs: 150_000 };

export interface ServiceObject extends ApiObject {
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

interface PodObject extends ApiObject {
  readonly spec: { readonly nodeName: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface EventObject extends ApiObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

/** The steps of the demo, in order. Each shows what it does and stops the demo when it does not come out as told. */
export class DemoSteps {
  readonly cluster: Cluster;
  readonly segment: Segment;
  readonly #images: Images;

  constructor(cluster: Cluster, images: Images) {
    this.cluster = cluster;
    this.segment = new Segment(cluster);
    this.#images = images;
  }

  async install(): Promise<void> {
    step("Herald, installed from its chart");
    say("importing the images on every node …");
    for (const archive of [this.#images.controller, this.#images.speaker, this.#images.echo]) {
      await this.cluster.importImage(archive);
    }
    typed(`helm install herald charts/herald --namespace ${NAMESPACE} --create-namespace`);
    const notes = await this.cluster.helm([
      ...[
        "install",
        "herald",
        CHART,
        `--namespace=${NAMESPACE}`,
        "--create-namespace",
        "--wait",
        "--timeout=240s",
      ],
      ...IMAGE_VALUES,
    ]);
    quote(notes.slice(notes.indexOf("NOTES:")));
    await this.#show(["get", "pods", `--namespace=${NAMESPACE}`, "--output=wide"]);
  }

  async configure(): Promise<void> {
    step("The configuration MetalLB 0.7.2 users have, unchanged");
    typed("kubectl apply -f -");
    quote(CONFIG_MAP);
    await this.cluster.apply(CONFIG_MAP);
    await this.#quoteEvent("Normal", "an Event on the ConfigMap says that it is in force");
  }

  async createServices(): Promise<void> {
    step("Three pods and three Services of type LoadBalancer");
    await this.cluster.apply(WORKLOAD);
    await this.cluster.kubectl(["rollout", "status", "deployment/echo", "--timeout=120s"], PATIENT);
    const from = performance.now();
    await this.cluster.apply(SERVICES);
    await this.cluster.waitFor<{ items: readonly ServiceObject[] }>(
      "/api/v1/namespaces/default/services",
      (list) => (list?.items ?? []).filter((item) => addressOf(item) !== "").length === 3,
      WITHIN_MS,
      "three Services have addresses",
    );
    say(`all addressed ${(performance.now() - from).toFixed(0)} ms after the command began`);
    await this.#show(["get", "services", "--output=wide"]);
  }

  async ask(): Promise<void> {
    step("Another host on the segment asks, and one behind a router");
    for (const host of ["client", "far-client"] as const) {
      for (const name of ["web", "local"]) {
        const address = await this.addressOf(name);
        typed(`curl http://${address}/    # ${name}, from ${host} (${this.cluster.addressesOf(host).ipv4})`);
        quote(await this.segment.curlUntilAnswered(host, address));
      }
    }
    const address = await this.addressOf("web");
    say(`${address} is answered for by ${await this.segment.untilHeld(address)}, and by no other node.`);
  }

  async refuseMistake(): Promise<void> {
    step("A mistake in the configuration is refused, and nothing changes");
    const before = await this.cluster.kubectl(["get", "services", "--no-headers"]);
    typed('kubectl apply -f -    # "layer3", and a range that ends before it begins');
    await this.cluster.apply(BROKEN_CONFIG_MAP);
    await this.#quoteEvent("Warning", "an Event on the ConfigMap names the mistakes");
    const after = await this.cluster.kubectl(["get", "services", "--no-headers"]);
    if (withoutAge(before) !== withoutAge(after)) throw new Error(`services changed:\n${before}\n${after}`);
    say("Every Service has the address it had. Putting the configuration right again.");
    await this.cluster.apply(CONFIG_MAP);
  }

  async handOver(): Promise<void> {
    step("The announcing speaker is stopped while a client sends every 10 ms");
    const address = await this.addressOf("web");
    const probe = this.cluster.spawn(
      "client",
      [process.execPath, PROBE, "--to", address, "--port", "82", "--every-ms", "10"],
      {
        log: "demo-probe",
      },
    );
    await this.segment.until(
      () => readFileSync(probe.logPath, "utf8").includes("answered"),
      "the probe is answered",
    );
    const heard = await this.segment.listenForTakeover(address);
    const owner = await this.segment.untilHeld(address); // as late as can be, and what comes after it is heard
    const pod = await this.#speakerOn(owner);
    typed(`kubectl delete pod ${pod} --namespace ${NAMESPACE}    # on ${owner}`);
    const deletion = ["delete", "pod", pod, `--namespace=${NAMESPACE}`, "--wait=true", "--timeout=120s"];
    await this.cluster.kubectl(deletion, PATIENT);
    const next = await heard(owner);
    await this.segment.untilHeld(address);
    await probe.stop(WITHIN_MS);
    const report = JSON.parse(
      readFileSync(probe.logPath, "utf8").trim().split("\n").at(-1) ?? "{}",
    ) as ProbeReport;
    say(`${address} went from ${owner} to ${next}; it returns when the new speaker of ${owner} serves.`);
    say(
      `Of ${report.sent} datagrams ${report.lost} were lost; the longest wait for an answer was ${report.longestGapMs} ms.`,
    );
    if (report.lost > 0) throw new Error(`lost ${report.lost} datagrams`);
  }

  async addressOf(name: string): Promise<string> {
    return addressOf(
      await this.cluster.api.get<ServiceObject>(`/api/v1/namespaces/default/services/${name}`),
    );
  }

  async #speakerOn(node: string): Promise<string> {
    const { items } = await this.cluster.api.get<{ items: readonly PodObject[] }>(
      `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fcomponent%3Dspeaker`,
    );
    const pod = items.find(({ spec }) => spec.nodeName === node);
    if (pod === undefined) throw new Error(`no speaker on ${node}`);
    return pod.metadata.name;
  }

  /** Waits for the first Event of a type on the ConfigMap, and shows it. */
  async #quoteEvent(type: string, what: string): Promise<void> {
    const { items } = await this.cluster.waitFor<{ items: readonly EventObject[] }>(
      `/api/v1/namespaces/${NAMESPACE}/events?fieldSelector=involvedObject.name%3Dconfig`,
      (list) => list?.items.some((event) => event.type === type) === true,
      WITHIN_MS,
      what,
    );
    const event = items.find((each) => each.type === type);
    quote(`${event?.type}  ${event?.reason}  configmap/config\n${event?.message}`);
  }

  async #show(args: readonly string[]): Promise<void> {
    typed(`kubectl ${args.join(" ")}`);
    quote(await this.cluster.kubectl(args));
  }
}

export function addressOf({ status }: ServiceObject): string {
  return status.loadBalancer.ingress?.[0]?.ip ?? "";
}

/** Everything `kubectl get services` prints but the age, which changes by itself. */
function withoutAge(table: string): string {
  return table
    .split("\n")
    .map((line) => line.replace(/\S+\s*$/, ""))
    .join("\n");
}
