import { existsSync } from "node:fs";
import { command } from "../cluster/command.ts";

/** Set by who wants to know which tests there are: none runs. */
const NAMES_ONLY = "HERALD_NAMES_ONLY";

/** Why this machine cannot run such a pair, in one sentence; undefined when it can. */
export async function whyNoPair(): Promise<string | undefined> {
  if (process.env[NAMES_ONLY] === "1") return "only the names of tests are asked for";
  if (process.platform !== "linux") return `network namespaces need Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const pair = ["unshare", "--net", "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"];
  const works = await command(pair).then(
    () => true,
    () => false,
  );
  return works ? undefined : "this machine does not let root make network namespaces joined by veth pairs";
}

/** Not the name of a cluster: those are swept with everything that begins with theirs. */
const PREFIX = "vethpair";

/** Two network namespaces with a cable between: a node's interface `n0` and a neighbour's `p0`, 192.0.2.1/24. */
export class VethPair {
  readonly node: string;
  readonly neighbour: string;

  static async create(): Promise<VethPair> {
    await sweep();
    const pair = new VethPair();
    await command(["ip", "netns", "add", pair.node]);
    await command(["ip", "netns", "add", pair.neighbour]);
    await pair.plugIn();
    return pair;
  }

  private constructor() {
    this.node = `${PREFIX}-${process.pid}-node`;
    this.neighbour = `${PREFIX}-${process.pid}-peer`;
  }

  /** Makes both interfaces, up. */
  async plugIn(): Promise<void> {
    const ends = ["n0", "netns", this.node, "type", "veth", "peer", "name", "p0", "netns", this.neighbour];
    await command(["ip", "link", "add", ...ends]);
    await this.inNeighbour(["ip", "address", "add", "192.0.2.1/24", "dev", "p0"]);
    await this.inNeighbour(["ip", "link", "set", "p0", "up"]);
    await this.inNode(["ip", "link", "set", "n0", "up"]);
  }

  /** Deletes both interfaces. */
  async pullOut(): Promise<void> {
    await this.inNode(["ip", "link", "delete", "n0"]);
  }

  inNode(argv: readonly string[]): Promise<string> {
    return command(["ip", "netns", "exec", this.node, ...argv]);
  }

  inNeighbour(argv: readonly string[]): Promise<string> {
    return command(["ip", "netns", "exec", this.neighbour, ...argv]);
  }

  async macOfNode(): Promise<string> {
    const [link] = JSON.parse(await this.inNode(["ip", "-json", "link", "show", "n0"])) as [
      { address: string },
    ];
    return link.address;
  }

  /**
   * Lets the neighbour's kernel ask for an address, anew.
   *
   * @returns the MAC that answered; `undefined` when nobody did within its three tries, 3 s.
   */
  async resolve(address: string): Promise<string | undefined> {
    await this.inNeighbour(["ip", "neighbour", "flush", "dev", "p0"]);
    const script = `echo > /dev/udp/${address}/9; for i in $(seq 400); do
      state=$(ip -json neighbour show to ${address} dev p0)
      case "$state" in *REACHABLE*|*FAILED*) echo "$state"; exit;; esac
      read -t 0.01 <> <(:)
    done`;
    const found = await this.inNeighbour(["bash", "-c", script]);
    return (JSON.parse(found || "[]") as { lladdr?: string }[])[0]?.lladdr;
  }

  async delete(): Promise<void> {
    await command(["ip", "netns", "delete", this.node]);
    await command(["ip", "netns", "delete", this.neighbour]);
  }
}

/** Takes out what a crashed run left. */
async function sweep(): Promise<void> {
  const names = (await command(["ip", "netns", "list"])).split("\n").map((line) => line.split(" ")[0] ?? "");
  for (const name of names) {
    const [, pid] = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    await command(["ip", "netns", "delete", name]).catch((error: unknown) => {
      if (existsSync(`/run/netns/${name}`)) throw error; // else another test was first
    });
  }
}
