import { Controller } from "@herald/controller/controller";
import type { ControllerMetrics } from "@herald/controller/metrics";
import type { Log } from "@herald/daemon/log";
import { FakeApi } from "@herald/k8s/fake";
import {
  configMapsPath,
  endpointSlicesPath,
  nodesPath,
  objectPath,
  podsPath,
  servicePath,
  servicesPath,
} from "@herald/k8s/paths";
import type { Clock, Random } from "@herald/shared/core";
import { ApiConnection } from "./api-connection.ts";
import { silentMetrics } from "./silence.ts";

export const NAMESPACE = "metallb-system";
export const SPEAKER_LABELS = "app=metallb,component=speaker";
/** Milliseconds since 1970 at the story's beginning. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);

/** A Service as the story has it. */
export interface SimService {
  readonly name: string;
  readonly families: readonly ("IPv4" | "IPv6")[];
  readonly policy: "Cluster" | "Local";
  /** Names of the nodes with a usable endpoint. */
  readonly endpoints: readonly string[];
  readonly pool: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const CLUSTER_IPS = { IPv4: "10.96.0.1", IPv6: "fd96::1" } as const;

/** What a story may do to a node's object. */
export interface NodeMarks {
  readonly excluded?: boolean;
  readonly networkUnavailable?: boolean;
  readonly drain?: string;
  readonly failBack?: string;
  readonly cordoned?: boolean;
  readonly outOfService?: boolean;
}

/** The API server with all that is in it, and the controller, which only knows it through there. */
export class ControlPlane {
  readonly api: FakeApi;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly connection: ApiConnection;
  #stop: AbortController | undefined;

  constructor(clock: Clock, random: Random, log: Log) {
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.api = new FakeApi({ clock, startEpochMs: EPOCH_MS, sharesObjects: true });
    this.connection = new ApiConnection(this.api, clock, 1);
  }

  configure(text: string): void {
    this.api.put(objectPath(configMapsPath(NAMESPACE), "config"), {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: NAMESPACE, name: "config" },
      data: { config: text },
    });
  }

  putNode(name: string, marks: NodeMarks): void {
    const { excluded, networkUnavailable, drain, failBack, cordoned, outOfService } = marks;
    const taint = { key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" };
    this.api.put(objectPath(nodesPath(), name), {
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name,
        labels: excluded ? { "node.kubernetes.io/exclude-from-external-load-balancers": "" } : {},
        annotations: {
          ...(drain === undefined ? {} : { "herald.io/drain": drain }),
          ...(failBack === undefined ? {} : { "herald.io/fail-back": failBack }),
        },
      },
      spec: { unschedulable: cordoned === true, taints: outOfService ? [taint] : [] },
      status: {
        conditions: [
          { type: "Ready", status: "True" },
          { type: "NetworkUnavailable", status: networkUnavailable ? "True" : "False" },
        ],
      },
    });
  }

  /** The pod of a node's speaker as its kubelet reports it. */
  putPod(node: string, ip: string, ready: boolean): void {
    const name = `speaker-${node}`;
    this.api.put(objectPath(podsPath(NAMESPACE), name), {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace: NAMESPACE, name, labels: { app: "metallb", component: "speaker" } },
      spec: { nodeName: node },
      status: {
        phase: "Running",
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      },
    });
  }

  putService({ name, families, policy, endpoints, pool, annotations = {} }: SimService): void {
    const path = servicePath(`default/${name}`);
    const before = this.api.peek<{ status?: unknown }>(path);
    this.api.put(path, {
      ...before,
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        namespace: "default",
        name,
        annotations: { "metallb.io/address-pool": pool, ...annotations },
      },
      spec: {
        type: "LoadBalancer",
        externalTrafficPolicy: policy,
        clusterIP: CLUSTER_IPS[families[0] ?? "IPv4"],
        clusterIPs: families.map((family) => CLUSTER_IPS[family]),
        ipFamilies: families,
        ipFamilyPolicy: families.length > 1 ? "RequireDualStack" : "SingleStack",
        ports: [{ protocol: "TCP", port: 80 }],
      },
    });
    this.api.put(objectPath(endpointSlicesPath("default"), `${name}-1`), {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { namespace: "default", name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: endpoints.map((nodeName, index) => ({
        addresses: [`10.1.0.${index + 1}`],
        nodeName,
        conditions: { ready: true, serving: true, terminating: false },
      })),
    });
  }

  removeService(name: string): void {
    this.api.remove(servicePath(`default/${name}`));
    this.api.remove(objectPath(endpointSlicesPath("default"), `${name}-1`));
  }

  /** What every status says, by Service. */
  allocated(): ReadonlyMap<string, readonly string[]> {
    const services = this.api.peekAll<Stored>(servicesPath("default"));
    return new Map(
      services.map(({ metadata, status }) => [
        metadata?.name ?? "",
        (status?.loadBalancer?.ingress ?? []).map(({ ip = "" }) => ip),
      ]),
    );
  }

  startController(): void {
    if (this.#stop !== undefined) return;
    const stop = new AbortController();
    this.#stop = stop;
    const controller = new Controller(
      {
        namespace: NAMESPACE,
        configName: "config",
        lbClass: "",
        sharingAcrossNamespaces: false,
        identity: "controller",
        leaderElect: false,
      },
      {
        client: this.connection.client,
        clock: {
          now: () => this.#clock.now(),
          at: (due, act) => this.#clock.at(due, () => (stop.signal.aborted ? undefined : act())),
        },
        random: this.#random,
        log: this.#log,
        metrics: silentMetrics<ControllerMetrics>(),
        events: { record: () => {}, dropped: 0, flush: async () => {}, close: () => {} },
        epochMs: () => EPOCH_MS + this.#clock.now(),
      },
    );
    void controller.run(stop.signal);
  }

  /** It is gone in the middle of whatever it did. */
  killController(): void {
    this.#stop?.abort();
    this.#stop = undefined;
  }
}

interface Stored {
  readonly metadata?: { readonly name?: string };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}
