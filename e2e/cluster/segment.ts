import { readFileSync } from "node:fs";
import type { Host, NodeName } from "./addresses.ts";
import type { Cluster } from "./cluster.ts";
import { CommandError } from "./command.ts";

const WITHIN_MS = 40_000;

/** The local segment, as the hosts on it see it: who answers for an address, and what it answers. */
export class Segment {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Every MAC address that answers one ARP request or neighbour solicitation from the client within half a second. */
  async whoHas(address: string): Promise<readonly string[]> {
    const [argv, answer] = address.includes(":")
      ? [
          ["ndisc6", "--multiple", "--retry=1", "--wait=500", address, "eth0"],
          /link-layer address: ([0-9A-F:]{17})/g,
        ]
      : [["/usr/sbin/arping", "-c1", "-w0.5", "-i", "eth0", address], / from ([0-9a-f:]{17}) /g];
    const output = await this.#orNothing("client", argv);
    return [...new Set([...output.matchAll(answer)].map((match) => (match[1] ?? "").toLowerCase()))];
  }

  /**
   * The node that answers for an address; `undefined` when none does within half a second.
   *
   * @throws when two hosts answer.
   */
  async holderOf(address: string): Promise<NodeName | undefined> {
    const [mac, ...others] = await this.whoHas(address);
    if (others.length > 0) throw new Error(`${address} is held twice: by ${mac} and ${others.join(" and ")}`);
    return mac === undefined ? undefined : this.nodeWith(mac);
  }

  /**
   * Asks again and again until a node, and one that is accepted, answers for an address.
   *
   * While it changes hands one look shows both: the old holder's answer, and within the same half second what the
   * new one announces unasked. Such a look is not the end; two that stay are.
   */
  async untilHeld(address: string, accept: (node: NodeName) => boolean = () => true): Promise<NodeName> {
    let holder: NodeName | undefined;
    await this.until(async () => {
      const [mac, ...others] = await this.whoHas(address);
      holder = mac === undefined || others.length > 0 ? undefined : await this.nodeWith(mac);
      return holder !== undefined && accept(holder);
    }, `${address} is answered for by one node, as wanted`);
    return holder as NodeName;
  }

  async nodeWith(mac: string): Promise<NodeName> {
    for (const node of this.#cluster.nodes) {
      const shown = await this.#cluster.exec(node, ["ip", "-j", "link", "show", "eth0"]);
      if ((JSON.parse(shown) as { address: string }[])[0]?.address === mac) return node;
    }
    throw new Error(`no node has the MAC address ${mac}`);
  }

  /**
   * Listens on the client from now on.
   *
   * @returns waits for a node other than `owner` to announce the address, also for one that was heard before it is asked.
   */
  async listenForTakeover(address: string): Promise<(owner: NodeName) => Promise<NodeName>> {
    const argv = ["tcpdump", "-l", "-n", "-e", "-i", "eth0", "arp"];
    const capture = this.#cluster.spawn("client", argv);
    const said = (): string => readFileSync(capture.logPath, "utf8");
    await this.until(() => said().includes("listening on"), "the client listens");
    const announcement = new RegExp(
      `([0-9a-f:]{17}) > .*who-has ${address.replaceAll(".", "\\.")} .*tell ${address}`,
      "g",
    );
    return async (owner) => {
      let other: NodeName | undefined;
      await this.until(async () => {
        const macs = new Set([...said().matchAll(announcement)].map((match) => match[1] ?? ""));
        const nodes = await Promise.all([...macs].map((mac) => this.nodeWith(mac)));
        other = nodes.find((node) => node !== owner);
        return other !== undefined;
      }, `another node than ${owner} announces ${address}`);
      capture.kill();
      return other as NodeName;
    };
  }

  /** HTTP from a host. @returns the body; "" when nobody answers within 2 s. */
  curl(host: Host, address: string, port = 80): Promise<string> {
    const target = address.includes(":") ? `[${address}]` : address;
    return this.#orNothing(host, ["curl", "-sS", "--max-time", "2", `http://${target}:${port}/`]);
  }

  /** Asks until someone answers: an address is announced some milliseconds after it was given. */
  async curlUntilAnswered(host: Host, address: string, port = 80): Promise<string> {
    let body = "";
    await this.until(async () => {
      body = await this.curl(host, address, port);
      return body !== "";
    }, `${host} reaches ${address}`);
    return body;
  }

  /** For facts of the segment, which no API event tells. @throws when it does not hold within 40 s. */
  async until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const due = performance.now() + WITHIN_MS;
    while (!(await holds())) {
      if (performance.now() > due) throw new Error(`${what}: not within ${WITHIN_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #orNothing(host: Host, argv: readonly string[]): Promise<string> {
    try {
      return await this.#cluster.exec(host, argv);
    } catch (error) {
      if (error instanceof CommandError) return "";
      throw error;
    }
  }
}
