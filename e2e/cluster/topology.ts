import {
  type Addresses,
  addressesOf,
  FAR,
  type Host,
  LAN,
  type NodeName,
  nodeAddresses,
  podAddresses,
  podNetworks,
  SERVICE_NETWORKS,
} from "./addresses.ts";
import { command } from "./command.ts";
import { inNetwork } from "./launch.ts";
import type { Ledger } from "./ledger.ts";

/** A host with a port on the bridge. */
export type LanHost = Exclude<Host, "far-client">;

/**
 * The network: every host in a namespace of its own, one veth each to a bridge that lives in a namespace too.
 *
 *   control-plane  node-1  node-2 …  client      router --- far-client
 *         |           |       |        |            |
 *   ======+===========+=======+========+============+====== bridge in "lan"
 */
export class Topology {
  readonly #cluster: string;
  readonly #ledger: Ledger;
  readonly #nodes: readonly NodeName[];

  constructor(cluster: string, ledger: Ledger, nodes: readonly NodeName[]) {
    this.#cluster = cluster;
    this.#ledger = ledger;
    this.#nodes = nodes;
  }

  /** Name of a host's network namespace, as `ip netns` shows it. */
  namespace(host: Host | "lan"): string {
    return `${this.#cluster}-${host}`;
  }

  async build(): Promise<void> {
    const onLan: readonly LanHost[] = ["control-plane", "router", "client", ...this.#nodes];
    const all = ["lan", ...onLan, "far-client"] as const;
    await this.#createNamespaces(all);
    const lan = this.namespace("lan");
    await ip(lan, [
      "link add dev lan type bridge stp_state 0 mcast_snooping 0",
      "link set lan up",
      "link set lo up",
    ]);
    await Promise.all(onLan.map((host) => this.#plugIn(host)));
    await this.#joinFarClient();
  }

  /** Pulls the host's cable out of the bridge, or puts it back. */
  async setLink(host: LanHost, state: "up" | "down"): Promise<void> {
    await ip(this.namespace("lan"), [`link set dev ${host} ${state}`]);
  }

  async #createNamespaces(hosts: readonly (Host | "lan")[]): Promise<void> {
    await createNamespaces(
      this.#ledger,
      hosts.map((host) => this.namespace(host)),
    );
    await Promise.all(hosts.filter(forwards).map((host) => setKernel(this.namespace(host), FORWARDING)));
  }

  async #plugIn(host: LanHost): Promise<void> {
    const space = this.namespace(host);
    await command([
      ...["ip", "link", "add", "eth0", "address", macOf(host), "netns", space],
      ...["type", "veth", "peer", "name", host, "netns", this.namespace("lan")],
    ]);
    await ip(this.namespace("lan"), [`link set dev ${host} master lan`, `link set dev ${host} up`]);
    const lines = ["link set lo up", "link set eth0 up", ...addressLines("eth0", addressesOf(host))];
    const others = this.#nodes.filter((node) => node !== host);
    const services = host === "control-plane" ? this.#nodes.slice(0, 1).flatMap(serviceRoutes) : [];
    await ip(space, [...lines, ...defaultRoutes(host), ...others.flatMap(podRoutes), ...services]);
  }

  async #joinFarClient(): Promise<void> {
    const [router, far] = [this.namespace("router"), this.namespace("far-client")];
    await command([
      ...["ip", "link", "add", "eth0", "address", macOf("far-client"), "netns", far],
      ...["type", "veth", "peer", "name", "eth1", "netns", router],
    ]);
    await ip(router, ["link set eth1 up", ...addressLines("eth1", FAR.router)]);
    const lines = ["link set lo up", "link set eth0 up", ...addressLines("eth0", FAR["far-client"])];
    await ip(far, [...lines, ...defaultRoutes("far-client")]);
  }
}

/** Runs lines of `ip` in one namespace, in one process. */
export async function ip(namespace: string, lines: readonly string[]): Promise<void> {
  // Why not `ip -6` inside a batch: the option is for the whole process, so lines are sorted by family.
  const six = lines.filter((line) => line.startsWith("-6 ")).map((line) => line.slice(3));
  const rest = lines.filter((line) => !line.startsWith("-6 "));
  if (rest.length > 0)
    await command(["ip", "-n", namespace, "-batch", "-"], { input: `${rest.join("\n")}\n` });
  if (six.length > 0)
    await command(["ip", "-6", "-n", namespace, "-batch", "-"], { input: `${six.join("\n")}\n` });
}

/** Without duplicate address detection, which would hold an address back for a second. */
export function addressLines(device: string, { ipv4, ipv6 }: Addresses): readonly string[] {
  return [`addr add ${ipv4}/24 dev ${device}`, `addr add ${ipv6}/64 dev ${device} nodad`];
}

/** 02:68:00:00:00:0b is node-1: readable in a capture, and the same in every run. */
function macOf(host: Host): string {
  const number = host === "far-client" ? 99 : Number(addressesOf(host).ipv4.split(".")[3]);
  return `02:68:00:00:00:${number.toString(16).padStart(2, "0")}`;
}

function podRoutes(node: NodeName): readonly string[] {
  const [pods, via] = [podNetworks(node), nodeAddresses(node)];
  return [`route add ${pods.ipv4} via ${via.ipv4}`, `-6 route add ${pods.ipv6} via ${via.ipv6}`];
}

/** The API server asks webhooks by their Services, and its host has no kube-proxy: a node's takes it there. */
function serviceRoutes(node: NodeName): readonly string[] {
  const via = nodeAddresses(node);
  return [
    `route add ${SERVICE_NETWORKS.ipv4} via ${via.ipv4}`,
    `-6 route add ${SERVICE_NETWORKS.ipv6} via ${via.ipv6}`,
  ];
}

/** Every host needs one: without any route to it, a service address is unreachable before kube-proxy sees it. */
function defaultRoutes(host: Host): readonly string[] {
  if (host === "router") return [];
  const router = host === "far-client" ? FAR.router : LAN.router;
  return [`route add default via ${router.ipv4}`, `-6 route add default via ${router.ipv6}`];
}

/** The bridge pods of a node are plugged into, where no kubelet makes it. One that is there is taken out first. */
export async function addPodBridge(namespace: string, node: NodeName): Promise<void> {
  const links = await command(["ip", "-n", namespace, "-brief", "link"]);
  if (/^cni0\b/m.test(links)) await ip(namespace, ["link del dev cni0"]);
  await ip(namespace, [
    "link add dev cni0 type bridge stp_state 0 mcast_snooping 0",
    ...addressLines("cni0", podAddresses(node, 1)),
    "link set cni0 up",
  ]);
}

/** Makes network namespaces in which IPv6 addresses work at once. */
export async function createNamespaces(ledger: Ledger, names: readonly string[]): Promise<void> {
  for (const name of names) ledger.record({ type: "namespace", name });
  await command(["ip", "-batch", "-"], { input: names.map((name) => `netns add ${name}\n`).join("") });
  await Promise.all(names.map((name) => setKernel(name, PROMPT)));
}

const PROMPT = { "ipv6/conf/all/accept_dad": 0, "ipv6/conf/default/accept_dad": 0 };
const FORWARDING = {
  "ipv4/ip_forward": 1,
  "ipv4/conf/all/send_redirects": 0,
  "ipv4/conf/default/send_redirects": 0,
  "ipv6/conf/all/forwarding": 1,
};

function forwards(host: Host | "lan"): boolean {
  return host === "router" || host.startsWith("node-");
}

async function setKernel(namespace: string, settings: Readonly<Record<string, number>>): Promise<void> {
  const writes = Object.entries(settings).map(([key, value]) => `echo ${value} > /proc/sys/net/${key}`);
  await command([...inNetwork(namespace), "sh", "-c", writes.join(" && ")]);
}
