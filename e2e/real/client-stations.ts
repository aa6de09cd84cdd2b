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
/** No host on the LAN. */
const NOBODY = "192.168.1.9";

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

  /** Their kernels have to find out anew where an address is. */
  async forget(address: string): Promise<void> {
    const lines = this.stations.map(
      ({ namespace }) => `ip -n ${namespace} neighbour flush to ${address} dev eth0`,
    );
    await command(["bash", "-ec", lines.join("\n")]);
  }

  /** HTTP from each. @returns who of them got no answer within 30 s, by namespace. */
  async withoutAnswer(address: string): Promise<readonly string[]> {
    const url = `http://${address.includes(":") ? `[${address}]` : address}/`;
    return this.#onEach(`curl -sS --max-time 30 -o /dev/null ${url}`);
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

  /**
   * Notes when a client's kernel learns a MAC of an address; resolves when it does so.
   *
   * @returns says when, oldest first: ms since 1970, and the MAC; and ends.
   */
  async watch(
    station: Station,
    address: string,
  ): Promise<() => readonly { readonly at: number; readonly mac: string }[]> {
    const { namespace } = station;
    const argv = ["--pdeathsig", "KILL", "--", "ip", "-n", namespace, "-tshort", "monitor", "neigh"];
    const monitor = spawn("setpriv", argv, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TZ: "UTC" },
    });
    let said = "";
    monitor.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    // Why: `ip` says nothing when it has begun to listen, but it tells of this neighbour if it has.
    while (!said.includes(NOBODY)) {
      const lines = [
        `replace ${NOBODY} lladdr 02:00:00:00:00:01 nud noarp dev eth0`,
        `del ${NOBODY} dev eth0`,
      ];
      await command(["bash", "-ec", lines.map((line) => `ip -n ${namespace} neighbour ${line}`).join("\n")]);
    }
    return () => {
      monitor.kill();
      const news = /^\[(\S+)\] ?(\S+) dev eth0 lladdr (\S+)/gm;
      return [...said.matchAll(news)]
        .filter((match) => match[2] === address)
        .map((match) => ({ at: Date.parse(`${match[1]}Z`), mac: match[3] ?? "" }));
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
