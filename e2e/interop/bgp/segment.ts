import { existsSync } from "node:fs";
import { CommandError, command } from "../../cluster/command.ts";

/** Not the name of a cluster: those are swept with everything that begins with theirs. */
const PREFIX = "bgptest";

/** What is where on the segment. */
export const NODE = { ipv4: "192.0.2.2", ipv6: "2001:db8::2" } as const;
export const ROUTER = { ipv4: "192.0.2.1", ipv6: "2001:db8::1" } as const;
/** Where the router is when it was moved behind another one. */
export const FAR = { ipv4: "203.0.113.1", ipv6: "2001:db8:2::1" } as const;
/** Of the one between, on the far side; on the near side it has what was the router's. */
const BETWEEN = { ipv4: "203.0.113.254", ipv6: "2001:db8:2::fe" } as const;

/** Two network namespaces with a cable between: a node with `n0` and a router with `r0`. */
export class Segment {
  readonly node: string;
  readonly router: string;
  readonly #between: string;

  static async create(name: string): Promise<Segment> {
    await sweep();
    const segment = new Segment(name);
    const { node, router } = segment;
    await command(["ip", "netns", "add", node]);
    await command(["ip", "netns", "add", router]);
    const ends = ["n0", "netns", node, "type", "veth", "peer", "name", "r0", "netns", router];
    await command(["ip", "link", "add", ...ends]);
    await segment.#raise(node, "n0", NODE);
    await segment.#raise(router, "r0", ROUTER);
    return segment;
  }

  private constructor(name: string) {
    this.node = `${PREFIX}-${process.pid}-${name}-node`;
    this.router = `${PREFIX}-${process.pid}-${name}-router`;
    this.#between = `${PREFIX}-${process.pid}-${name}-between`;
  }

  /** Puts a third namespace that forwards between both. From here on the router is at {@link FAR}, one hop farther away. */
  async moveRouterAway(): Promise<void> {
    const between = this.#between;
    await command(["ip", "netns", "add", between]);
    const forwarding = [4, 6].map((family) => `net.ipv${family}.conf.all.forwarding=1`);
    await command(["ip", "netns", "exec", between, "sysctl", "-qw", ...forwarding]);
    await command(["ip", "-netns", this.router, "link", "set", "r0", "netns", between, "name", "near"]);
    const ends = ["far", "netns", between, "type", "veth", "peer", "name", "r0", "netns", this.router];
    await command(["ip", "link", "add", ...ends]);
    await this.#raise(between, "near", ROUTER);
    await this.#raise(between, "far", BETWEEN);
    await this.#raise(this.router, "r0", FAR);
    for (const [namespace, to, via] of [
      [this.node, FAR.ipv4, ROUTER.ipv4],
      [this.node, FAR.ipv6, ROUTER.ipv6],
      [this.router, NODE.ipv4, BETWEEN.ipv4],
      [this.router, NODE.ipv6, BETWEEN.ipv6],
    ] as const) {
      await command(["ip", "-netns", namespace, "route", "add", to, "via", via]);
    }
  }

  /** A counter of a kernel, the node's unless told. */
  async kernelCount(name: string, namespace = this.node): Promise<number> {
    const nstat = ["ip", "netns", "exec", namespace, "nstat", "-asz", name];
    return Number(new RegExp(`${name}\\s+(\\d+)`).exec(await command(nstat))?.[1]);
  }

  /** Cuts the cable in the middle: neither end sees it. */
  async cut(): Promise<void> {
    const chain = (name: string): string =>
      `add chain inet cut ${name} { type filter hook ${name} priority 0; policy drop; }`;
    const input = ["add table inet cut", chain("input"), chain("output"), ""].join("\n");
    await command(["ip", "netns", "exec", this.node, "nft", "-f", "-"], { input });
  }

  async mend(): Promise<void> {
    await command(["ip", "netns", "exec", this.node, "nft", "delete", "table", "inet", "cut"]);
  }

  /** Whatever still runs there ends. */
  async delete(): Promise<void> {
    await remove(this.node);
    await remove(this.router);
    if (existsSync(`/run/netns/${this.#between}`)) await remove(this.#between);
  }

  async #raise(
    namespace: string,
    device: string,
    { ipv4, ipv6 }: { ipv4: string; ipv6: string },
  ): Promise<void> {
    const ip = (...argv: string[]): Promise<string> => command(["ip", "-netns", namespace, ...argv]);
    await ip("link", "set", "lo", "up");
    await ip("address", "add", `${ipv4}/24`, "dev", device);
    await ip("address", "add", `${ipv6}/64`, "dev", device, "nodad");
    await ip("link", "set", device, "up");
  }
}

/** Takes out what a crashed run left. */
async function sweep(): Promise<void> {
  const names = (await command(["ip", "netns", "list"])).split("\n").map((line) => line.split(" ")[0] ?? "");
  for (const name of names) {
    const [, pid] = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name) ?? [];
    // Why not awaited to succeed: tests beside this one sweep, too.
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await remove(name).catch(passOver);
  }
}

async function remove(namespace: string): Promise<void> {
  const pids = (await command(["ip", "netns", "pids", namespace])).split("\n").filter((pid) => pid !== "");
  for (const pid of pids) await command(["kill", "-KILL", pid]).catch(passOver);
  await command(["ip", "netns", "delete", namespace]);
}

/** It is gone meanwhile. */
function passOver(error: unknown): void {
  if (!(error instanceof CommandError)) throw error;
}
