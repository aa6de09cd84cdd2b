import type { NodeName } from "../cluster/addresses.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { CommandError, command } from "../cluster/command.ts";
import { ip } from "../cluster/topology.ts";

const BRIDGE = "lan2";
/** Only for failing. */
const WITHIN_MS = 60_000;

/** A segment of its own beside the cluster's: `eth1` of every node, and of the client, which is 192.168.2.9/24 there. */
export class SecondSegment {
  readonly #cluster: Cluster;

  /** It goes with the cluster. */
  static async plugIn(cluster: Cluster): Promise<SecondSegment> {
    const segment = new SecondSegment(cluster);
    const lan = `${cluster.name}-lan`;
    await ip(lan, [
      `link add dev ${BRIDGE} type bridge stp_state 0 mcast_snooping 0`,
      `link set ${BRIDGE} up`,
    ]);
    for (const host of ["client", ...cluster.nodes] as const) {
      const space = `${cluster.name}-${host}`;
      await command([
        ...["ip", "link", "add", "eth1", "address", macOf(host), "netns", space],
        ...["type", "veth", "peer", "name", portOf(host), "netns", lan],
      ]);
      await ip(lan, [`link set dev ${portOf(host)} master ${BRIDGE}`, `link set dev ${portOf(host)} up`]);
      await ip(space, ["link set eth1 up"]);
    }
    await ip(`${cluster.name}-client`, ["addr add 192.168.2.9/24 dev eth1"]);
    return segment;
  }

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Pulls the cable of a node out of this segment, or puts it back. */
  async setLink(node: NodeName, state: "up" | "down"): Promise<void> {
    await ip(`${this.#cluster.name}-lan`, [`link set dev ${portOf(node)} ${state}`]);
  }

  /** Every node that answers one ARP request from the client within half a second. */
  async whoHas(address: string, device = "eth1"): Promise<readonly string[]> {
    const argv = ["/usr/sbin/arping", "-c1", "-w0.5", "-i", device, address];
    const output = await this.#cluster.exec("client", argv).catch((error: unknown) => {
      if (error instanceof CommandError) return "";
      throw error;
    });
    const macs = new Set([...output.matchAll(/ from ([0-9a-f:]{17}) /g)].map((match) => match[1]));
    return [...macs].map((mac) => this.#cluster.nodes.find((node) => macOf(node) === mac) ?? `${mac}`);
  }

  /** Asks until just this node answers, or any one, or with "" none. */
  async untilHeld(address: string, by?: NodeName | ""): Promise<string> {
    const due = performance.now() + WITHIN_MS;
    for (;;) {
      const [holder = "", ...others] = await this.whoHas(address);
      const isWanted = by === undefined ? holder !== "" : holder === by;
      if (others.length === 0 && isWanted) return holder;
      if (performance.now() > due)
        throw new Error(`${address} is held by ${holder || "nobody"}, not by ${by}`);
    }
  }
}

/** 02:69:00:00:00:01 is node-1. */
function macOf(host: string): string {
  return `02:69:00:00:00:${host === "client" ? "99" : host.replace("node-", "").padStart(2, "0")}`;
}

function portOf(host: string): string {
  return `two-${host}`;
}
