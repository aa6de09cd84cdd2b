import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeName } from "../cluster/addresses.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { CommandError } from "../cluster/command.ts";
import type { Running } from "../cluster/launch.ts";
import { Segment } from "../cluster/segment.ts";
import { ahead } from "../interop/bgp/ahead.ts";
import { RouteWatch } from "../interop/bgp/route-watch.ts";

interface ShownRoute {
  readonly gateway?: string;
  readonly nexthops?: readonly { readonly gateway: string }[];
}

/** BIRD on the cluster's router: what nodes told it, and what its kernel forwards by. */
export class EcmpRouter {
  readonly #cluster: Cluster;
  readonly #segment: Segment;
  readonly #folder: string;
  #bird: Running | undefined;

  /** Resolves when BIRD takes commands. It ends with the cluster. */
  static async start(cluster: Cluster, config: string): Promise<EcmpRouter> {
    const router = new EcmpRouter(cluster);
    mkdirSync(router.#folder, { recursive: true });
    writeFileSync(router.#config, config);
    await router.turnOn();
    return router;
  }

  /** Resolves when BIRD takes commands, after {@link turnOff}. */
  async turnOn(): Promise<void> {
    const argv = await ahead(["bird", "-f", "-c", this.#config, "-s", this.#socket]);
    this.#bird = this.#cluster.spawn("router", argv, { log: "bird" });
    await this.#segment.until(async () => (await this.#show("status")) !== "", "BIRD answers");
  }

  /** It leaves in order, and nobody listens any more. */
  async turnOff(): Promise<void> {
    await this.#bird?.stop();
  }

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#segment = new Segment(cluster);
    this.#folder = join(cluster.logFolder, "bird");
  }

  /** Whom its kernel sends packets for an address to, in the order of the nodes. */
  async nextHops(address: string): Promise<readonly NodeName[]> {
    const [family, prefix] = address.includes(":") ? ["-6", `${address}/128`] : ["-4", `${address}/32`];
    const shown = await this.#cluster.exec("router", ["ip", family, "-json", "route", "show", prefix]);
    const gateways = (JSON.parse(shown) as readonly ShownRoute[]).flatMap(({ gateway, nexthops = [] }) =>
      gateway === undefined ? nexthops.map((each) => each.gateway) : [gateway],
    );
    const { nodes } = this.#cluster;
    return nodes.filter((node) =>
      Object.values(this.#cluster.addressesOf(node)).some((own) => gateways.includes(own)),
    );
  }

  /** Resolves when its kernel sends packets for an address to these nodes and no others. */
  untilNextHops(address: string, wanted: readonly NodeName[]): Promise<void> {
    return this.#segment.until(
      async () => `${await this.nextHops(address)}` === `${wanted}`,
      `packets for ${address} go to ${wanted.join(", ") || "nobody"}`,
    );
  }

  /** What a node told it of an address, as `show route all` has it; "" when nothing. */
  async told(node: NodeName, address: string): Promise<string> {
    const shown = await this.#show("route", `${address}/32`, "all");
    const ways = shown.split(/^(?=\S*\s+unicast \[)/m);
    return ways.find((way) => way.includes(`via ${this.#cluster.addressesOf(node).ipv4} `)) ?? "";
  }

  /** Resolves when what a node told it of an address is as wanted. */
  untilTold(node: NodeName, address: string, wanted: RegExp): Promise<void> {
    return this.#segment.until(
      async () => wanted.test(await this.told(node, address)),
      `${node} tells of ${address}: ${wanted}`,
    );
  }

  /** Resolves when it watches these nodes by BFD as closely as it is to. A session begins slowly (RFC 5880 §6.8.3). */
  untilWatched(nodes: readonly NodeName[], detectionMs: number): Promise<void> {
    return this.#segment.until(
      async () => {
        const sessions = await this.#show("bfd", "sessions");
        return nodes.every((node) => {
          const { ipv4 } = this.#cluster.addressesOf(node);
          const words = sessions.split("\n").map((line) => line.trim().split(/\s+/));
          const [, , state, , , timeout] = words.find(([address]) => address === ipv4) ?? [];
          return state === "Up" && Math.round(Number(timeout) * 1_000) === detectionMs;
        });
      },
      `the router watches ${nodes.join(", ")} by BFD, ${detectionMs} ms`,
    );
  }

  /** Follows what its kernel forwards by. */
  watch(): Promise<RouteWatch> {
    return RouteWatch.start(this.#cluster.namespaceOf("router"));
  }

  /** Resolves when a node went out of the next hops for an address. @returns when that was, ms since 1970. */
  async untilLeft(watch: RouteWatch, node: NodeName, address: string, sinceMs: number): Promise<number> {
    const { ipv4 } = this.#cluster.addressesOf(node);
    let left: number | undefined;
    await this.#segment.until(() => {
      const changes = watch.changes(address).filter(({ at }) => at >= sinceMs);
      left = changes.find(({ gateways }) => !gateways.includes(ipv4))?.at;
      return left !== undefined;
    }, `no packets for ${address} go to ${node}`);
    return left as number;
  }

  get #config(): string {
    return join(this.#folder, "bird.conf");
  }

  get #socket(): string {
    return join(this.#folder, "bird.ctl");
  }

  /** "" when it has no answer. */
  async #show(...words: readonly string[]): Promise<string> {
    try {
      return await this.#cluster.exec("router", ["birdc", "-r", "-s", this.#socket, "show", ...words]);
    } catch (error) {
      if (error instanceof CommandError) return "";
      throw error;
    }
  }
}
