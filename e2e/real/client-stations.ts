import { spawn } from "node:child_process";
import type { Cluster } from "../cluster/cluster.ts";
import { command } from "../cluster/command.ts";

/** A machine of its own on the LAN: its kernel keeps a neighbour cache that no other shares. */
export interface Station {
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

const FIRST = 201;

/** Many clients on the LAN of a cluster, at .201 and up. To be removed before the cluster stops. */
export class ClientStations {
  readonly stations: readonly Station[];
  readonly #cluster: Cluster;

  static async plugIn(cluster: Cluster, count: number): Promise<ClientStations> {
    const made = new ClientStations(cluster, count);
    await made.remove();
    for (const station of made.stations) await made.#plugIn(station);
    return made;
  }

  private constructor(cluster: Cluster, count: number) {
    this.#cluster = cluster;
    this.stations = Array.from({ length: count }, (_, index) => ({
      namespace: `${cluster.name}-at-${FIRST + index}`,
      ipv4: `192.168.1.${FIRST + index}`,
      ipv6: `fd77::${FIRST + index}`,
    }));
  }

  /** One datagram from each, to whom it may reach: their kernels find out where the address is. */
  async say(address: string): Promise<void> {
    await this.#onEach(`echo > /dev/udp/${address}/82`);
  }

  /** HTTP from each. @returns who of them got no answer within 5 s, by namespace. */
  async withoutAnswer(address: string): Promise<readonly string[]> {
    const url = `http://${address.includes(":") ? `[${address}]` : address}/`;
    return this.#onEach(`curl -sS --max-time 5 -o /dev/null ${url}`);
  }

  /** The MAC each sends to, in the order of the stations, as its kernel has it; "" where it has none. */
  async macs(address: string): Promise<readonly string[]> {
    const shows = this.stations.map(
      ({ namespace }) => `echo "$(ip -n ${namespace} neighbour show to ${address} dev eth0)"`,
    );
    const shown = await command(["bash", "-c", shows.join("\n")]);
    return shown
      .split("\n")
      .slice(0, this.stations.length)
      .map((line) => / lladdr ([0-9a-f:]{17}) /.exec(line)?.[1] ?? "");
  }

  /** Notes when a client's kernel learns a MAC of an address. @returns ends it, and says when: ms since 1970, and the MAC. */
  watch(station: Station, address: string): () => readonly { readonly at: number; readonly mac: string }[] {
    const argv = ["--pdeathsig", "KILL", "--", "ip", "-n", station.namespace, "-tshort", "monitor", "neigh"];
    const monitor = spawn("setpriv", argv, { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    monitor.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    return () => {
      monitor.kill();
      const news = /^\[(\S+)\] ?(\S+) dev eth0 lladdr (\S+)/gm;
      return [...said.matchAll(news)]
        .filter((match) => match[2] === address)
        .map((match) => ({ at: Date.parse(match[1] ?? ""), mac: match[3] ?? "" }));
    };
  }

  async remove(): Promise<void> {
    const there = await command(["ip", "netns", "list"]);
    for (const { namespace } of this.stations) {
      if (new RegExp(`^${namespace}\\b`, "m").test(there))
        await command(["ip", "netns", "delete", namespace]);
    }
  }

  /** Why not `ip netns exec`: it mounts, which on a busy machine takes seconds. @returns where it failed. */
  async #onEach(script: string): Promise<readonly string[]> {
    const each = this.stations.map(({ namespace }) => {
      const inside = `nsenter --net=/var/run/netns/${namespace} bash -c '${script}'`;
      return `(${inside} 2>/dev/null || echo ${namespace}) &`;
    });
    const failed = await command(["bash", "-c", [...each, "wait"].join("\n")]);
    return failed.split("\n").filter((line) => line !== "");
  }

  async #plugIn({ namespace, ipv4, ipv6 }: Station): Promise<void> {
    const lan = `${this.#cluster.name}-lan`;
    const port = `at-${ipv4.split(".").at(-1)}`;
    const steps = [
      `ip netns add ${namespace}`,
      `ip -n ${namespace} link add eth0 type veth peer name ${port} netns ${lan}`,
      `ip -n ${lan} link set ${port} master lan up`,
      `ip -n ${namespace} link set eth0 up`,
      `ip -n ${namespace} address add ${ipv4}/24 dev eth0`,
      `ip -n ${namespace} address add ${ipv6}/64 dev eth0 nodad`,
    ];
    await command(["bash", "-ec", steps.join("\n")]);
  }
}
