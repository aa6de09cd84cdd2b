import { join } from "node:path";
import { type Addresses, type NodeName, nodeAddresses, podAddresses } from "./addresses.ts";
import { type Api, ApiError } from "./api.ts";
import { command } from "./command.ts";
import { type Launch, launch, onHost, type Running, until } from "./launch.ts";
import type { Ledger } from "./ledger.ts";
import { inodeOf, listens, networkOf } from "./process-table.ts";
import { addressLines, createNamespaces, ip } from "./topology.ts";

const READY_WITHIN_MS = 60_000;

export interface FakePodOptions {
  /** "default" unless told. */
  readonly namespace?: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly node: NodeName;
  /** What runs in it; told POD_NAME, POD_NAMESPACE, POD_IP and NODE_NAME. */
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Becomes Ready only when this TCP port is listened on; at once when there is none. */
  readonly readyPort?: number;
  /** Named ports of its container, for services whose targetPort is a name. */
  readonly ports?: readonly {
    readonly name: string;
    readonly containerPort: number;
    readonly protocol?: string;
  }[];
}

/** The room a pod is put into. */
export interface PodRoom {
  readonly ledger: Ledger;
  readonly api: Api;
  readonly cluster: string;
  /** Network namespace of the node. */
  readonly nodeNamespace: string;
  readonly logFolder: string;
  /** Unique in the cluster; names the veth and the namespace. */
  readonly number: number;
  /** Last part of the pod's addresses, unique on the node. */
  readonly nth: number;
}

/** A pod that no kubelet runs: an object in the API, and a process in a network namespace of its own. */
export class FakePod {
  readonly namespace: string;
  readonly name: string;
  readonly node: NodeName;
  readonly addresses: Addresses;
  readonly process: Running;
  /** Name of its network namespace. */
  readonly networkNamespace: string;
  readonly #api: Api;
  readonly #startedAt = new Date().toISOString();

  /** Starts the process and posts the pod; resolves when the pod is Ready. */
  static async start(options: FakePodOptions, room: PodRoom): Promise<FakePod> {
    const network = `${room.cluster}-pod-${room.number}`;
    const addresses = podAddresses(options.node, room.nth);
    await plugIn(network, addresses, options.node, room);
    const running = launch(room.ledger, launchOf(options, addresses, network, room.logFolder));
    const pod = new FakePod(options, addresses, running, room.api, network);
    await pod.#post(options);
    const { readyPort } = options;
    if (readyPort !== undefined) {
      // Before it is in its own network it is in the machine's, where somebody else may have that port.
      const own = inodeOf(`/run/netns/${network}`);
      const isReady = (): boolean => networkOf(running.pid) === own && listens(running.pid, readyPort);
      await until(running, `pod ${options.name} listens on ${readyPort}`, READY_WITHIN_MS, isReady);
    }
    await pod.setReady(true);
    return pod;
  }

  private constructor(
    options: FakePodOptions,
    addresses: Addresses,
    process: Running,
    api: Api,
    network: string,
  ) {
    this.namespace = options.namespace ?? "default";
    this.name = options.name;
    this.node = options.node;
    this.addresses = addresses;
    this.process = process;
    this.#api = api;
    this.networkNamespace = network;
  }

  /** What the readiness probe would find. */
  async setReady(ready: boolean): Promise<void> {
    const status = ready ? "True" : "False";
    const conditions = ["Ready", "ContainersReady", "Initialized", "PodScheduled"].map((type) => ({
      type,
      status: type === "Ready" || type === "ContainersReady" ? status : "True",
      lastTransitionTime: new Date().toISOString(),
    }));
    const { ipv4, ipv6 } = this.addresses;
    const hostIPs = Object.values(nodeAddresses(this.node)).map((address) => ({ ip: address }));
    await this.#api.patch(
      `${this.#path}/status`,
      {
        status: {
          phase: "Running",
          podIP: ipv4,
          podIPs: [{ ip: ipv4 }, { ip: ipv6 }],
          hostIP: hostIPs[0]?.ip,
          hostIPs,
          startTime: this.#startedAt,
          conditions,
        },
      },
      "strategic-merge",
    );
  }

  /**
   * Ends the pod as a kubelet does: the deletion is announced first, the process gets SIGTERM, and the object goes
   * when the process has gone. Without `graceful`, both go at once.
   */
  async delete({ graceful = true, graceSeconds = 30 } = {}): Promise<void> {
    if (graceful) await this.#api.delete(this.#path, deleteOptions(graceSeconds));
    else this.process.kill("SIGKILL");
    await this.process.stop(graceSeconds * 1000);
    try {
      await this.#api.delete(this.#path, deleteOptions(0));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
    await command(["ip", "netns", "del", this.networkNamespace]);
  }

  get #path(): string {
    return `/api/v1/namespaces/${this.namespace}/pods/${this.name}`;
  }

  async #post({ labels = {}, ports = [] }: FakePodOptions): Promise<void> {
    await this.#api.post(`/api/v1/namespaces/${this.namespace}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: this.name, labels },
      spec: { nodeName: this.node, containers: [{ name: "main", image: "none", ports }] },
    });
  }
}

function deleteOptions(gracePeriodSeconds: number) {
  return { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds };
}

function launchOf(options: FakePodOptions, { ipv4 }: Addresses, network: string, logFolder: string): Launch {
  const { name, namespace = "default", node, argv, env } = options;
  const told = { POD_NAME: name, POD_NAMESPACE: namespace, POD_IP: ipv4, NODE_NAME: node, HOSTNAME: name };
  return {
    what: `pod ${namespace}/${name}`,
    argv: [...onHost(network), ...argv],
    env: { ...told, ...env },
    logPath: join(logFolder, `pod-${namespace}-${name}.log`),
  };
}

async function plugIn(network: string, addresses: Addresses, node: NodeName, room: PodRoom): Promise<void> {
  const { ledger, nodeNamespace, number } = room;
  const port = `pod${number}`;
  const bridge = podAddresses(node, 1);
  await createNamespaces(ledger, [network]);
  await command([
    ...["ip", "link", "add", "eth0", "netns", network],
    ...["type", "veth", "peer", "name", port, "netns", nodeNamespace],
  ]);
  // Hairpin: a pod may reach itself through its own service.
  await ip(nodeNamespace, [
    `link set dev ${port} master cni0`,
    `link set dev ${port} type bridge_slave hairpin on`,
    `link set dev ${port} up`,
  ]);
  await ip(network, [
    "link set lo up",
    "link set eth0 up",
    ...addressLines("eth0", addresses),
    `route add default via ${bridge.ipv4}`,
    `-6 route add default via ${bridge.ipv6}`,
  ]);
}
