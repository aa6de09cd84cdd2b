import { readFileSync } from "node:fs";
import type { NodeName } from "../cluster/addresses.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { CommandError, command } from "../cluster/command.ts";
import type { Running } from "../cluster/launch.ts";
import { ip } from "../cluster/topology.ts";

const BRIDGE = "lan2";

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
    const due = performance.now() + 20_000;
    for (;;) {
      const [holder = "", ...others] = await this.whoHas(address);
      const isWanted = by === undefined ? holder !== "" : holder === by;
      if (others.length === 0 && isWanted) return holder;
      if (performance.now() > due)
        throw new Error(`${address} is held by ${holder || "nobody"}, not by ${by}`);
    }
  }

  /** Listens on the client from now on. */
  async listen(): Promise<{
    readonly heard: Running;
    firstFrom(node: string, sinceMs: number): Promise<number>;
  }> {
    const heard = this.#cluster.spawn("client", ["tcpdump", "-l", "-n", "-e", "-tt", "-i", "eth1", "arp"]);
    const said = (): string => readFileSync(heard.logPath, "utf8");
    await waitUntil(() => said().includes("listening on"), "the client listens");
    return {
      heard,
      /** ms from `sinceMs`, of the day, until another node than this one announced something. */
      firstFrom: async (node, sinceMs) => {
        const own = macOf(node);
        const find = (): number | undefined =>
          [...said().matchAll(/^(\d+\.\d+) ([0-9a-f:]{17}) > ff:ff:ff:ff:ff:ff/gm)]
            .filter(([, at, mac]) => Number(at) * 1000 >= sinceMs && mac !== own && mac !== macOf("client"))
            .map(([, at]) => Number(at) * 1000 - sinceMs)[0];
        await waitUntil(() => find() !== undefined, `another node than ${node} announces something`);
        return find() as number;
      },
    };
  }
}

/** 02:69:00:00:00:01 is node-1. */
function macOf(host: string): string {
  return `02:69:00:00:00:${host === "client" ? "99" : host.replace("node-", "").padStart(2, "0")}`;
}

function portOf(host: string): string {
  return `two-${host}`;
}

async function waitUntil(holds: () => boolean, what: string): Promise<void> {
  const due = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > due) throw new Error(`${what}: not within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
