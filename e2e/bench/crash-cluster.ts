import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { command } from "../cluster/command.ts";
import type { Running } from "../cluster/launch.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { Installation } from "../real/installation.ts";
import { addressesIn } from "../real/objects.ts";
import { Wire, wireNowMs } from "./wire.ts";

const PROBE = fileURLToPath(new URL("../cluster/probe.ts", import.meta.url));
const CONFIG = `address-pools:
- name: dual
  protocol: layer2
  addresses:
  - 192.168.1.100-192.168.1.159
  - fd77::1:0/120
`;
/** It serves what the others announce, and goes down with none of them. */
const BACKEND: NodeName = "node-1";

/** What happens to the node that answers for the addresses. */
export const CRASHES = {
  "link cut": "its cable is pulled, it runs on, and it is plugged in again",
  "kill -9": "only its speaker dies, the node forwards on",
  "power cut": "its cable is dead and so is everything on it",
  SIGTERM: "its speaker is stopped in order, as a kubelet does",
} as const;
export type CrashKind = keyof typeof CRASHES;
export type Family = "ipv4" | "ipv6";
export const FAMILIES = ["ipv4", "ipv6"] as const;

/** What one crash was to a client. */
export interface Outage {
  /** The longest wait for an answer to a datagram every 5 ms. */
  readonly gapMs: number;
  readonly lost: number;
  /** From the crash until the new node's first word on the wire. */
  readonly announcedMs: number;
}

export interface CrashClusterOptions {
  readonly name: string;
  /** 3 unless told. */
  readonly speakers?: number;
  /** For every speaker. */
  readonly flags?: readonly string[];
}

/** Nodes with speakers, one more with the pods, and a dual-stack Service. */
export class CrashCluster {
  readonly cluster: Cluster;
  readonly herald: Installation;
  readonly wire: Wire;
  readonly speakers: readonly NodeName[];
  readonly addresses: Readonly<Record<Family, string>>;
  readonly #flags: readonly string[];

  static async start(options: CrashClusterOptions): Promise<CrashCluster> {
    const { name, speakers: count = 3 } = options;
    // Why never: nothing is to move but what a crash moves.
    const flags = ["--fail-back-after=never", ...(options.flags ?? [])];
    const cluster = await startCluster({ name, nodes: count + 1 });
    try {
      const herald = await Installation.start(cluster, { speakers: [] });
      await herald.configure(CONFIG);
      const speakers = cluster.nodes.filter((node) => node !== BACKEND);
      await Promise.all(speakers.map((node) => herald.startSpeaker(node, flags)));
      await herald.startEcho("echo-1", BACKEND, "echo");
      const [service] = await herald.createServices([
        { name: "echo", spec: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] } },
      ]);
      const [ipv4 = "", ipv6 = ""] = service === undefined ? [] : addressesIn(service);
      const wire = await Wire.listen(cluster);
      const crashes = new CrashCluster({ cluster, herald, wire, speakers, flags, addresses: { ipv4, ipv6 } });
      await crashes.untilSettled();
      return crashes;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  private constructor(parts: {
    cluster: Cluster;
    herald: Installation;
    wire: Wire;
    speakers: readonly NodeName[];
    flags: readonly string[];
    addresses: Readonly<Record<Family, string>>;
  }) {
    this.cluster = parts.cluster;
    this.herald = parts.herald;
    this.wire = parts.wire;
    this.speakers = parts.speakers;
    this.addresses = parts.addresses;
    this.#flags = parts.flags;
  }

  /** Crashes the node that answers, waits until another one does, and repairs it. */
  async crash(kind: CrashKind): Promise<Readonly<Record<Family, Outage>>> {
    const { node, outages } = await this.endure(kind);
    await this.repair(kind, node);
    return outages;
  }

  /** Crashes the node that answers, and waits until another one does. @returns it, not repaired. */
  async endure(kind: CrashKind): Promise<{ node: NodeName; outages: Readonly<Record<Family, Outage>> }> {
    let node = await this.untilSettled();
    const settledMs = wireNowMs();
    const probes = await this.startProbes();
    // Programs that start keep others from running, and an address may move by that.
    if (!(await this.#aloneSpoke(node, settledMs))) node = await this.untilSettled();
    const atMs = wireNowMs();
    await this.strike(kind, node);
    const announced = await this.untilTakenOver(node, atMs);
    const reports = await this.endProbes(probes);
    const outage = (family: Family): Outage => ({
      gapMs: reports[family].longestGapMs,
      lost: reports[family].lost,
      announcedMs: announced[family] - atMs,
    });
    return { node, outages: { ipv4: outage("ipv4"), ipv6: outage("ipv6") } };
  }

  /** Nothing passes from a node to the segment or back, and neither side hears of it: as behind a switch that fails. */
  async cutOff(node: NodeName): Promise<void> {
    await command(["ip", "-n", `${this.cluster.name}-lan`, "link", "set", "dev", node, "nomaster"]);
  }

  async joinAgain(node: NodeName): Promise<void> {
    await command(["ip", "-n", `${this.cluster.name}-lan`, "link", "set", "dev", node, "master", "lan"]);
  }

  /** Asks for both addresses from the client many times a second. @returns stops it. */
  ask(): () => Promise<void> {
    const { ipv4, ipv6 } = this.addresses;
    const asking = [
      ["/usr/sbin/arping", "-q", "-i", "eth0", "-W", "0.02", ipv4],
      // It ends with the first answers.
      ["sh", "-c", `while :; do ndisc6 --quiet --multiple --retry=1 --wait=20 ${ipv6} eth0; done`],
    ].map((argv) => this.cluster.spawn("client", argv));
    return async () => {
      await Promise.all(asking.map((running) => running.stop()));
    };
  }

  async strike(kind: CrashKind, node: NodeName): Promise<void> {
    if (kind === "power cut") await this.cluster.crashNode(node);
    else if (kind === "link cut") await this.cluster.linkDown(node);
    else if (kind === "kill -9") this.herald.speaker(node).kill("SIGKILL");
    else await this.herald.stopSpeaker(node);
  }

  async repair(kind: CrashKind, node: NodeName): Promise<void> {
    if (kind === "link cut") return this.cluster.linkUp(node);
    if (kind === "power cut") await this.cluster.restartNode(node);
    if (kind !== "SIGTERM") await this.herald.stopSpeaker(node);
    await this.herald.startSpeaker(node, this.#flags);
  }

  /** Waits until a node other than this one has announced each address, and serves it. @returns when it was heard. */
  async untilTakenOver(owner: NodeName, sinceMs: number): Promise<Readonly<Record<Family, number>>> {
    const mac = await this.macOf(owner);
    const heard = async (family: Family): Promise<number> => {
      const address = this.addresses[family];
      const { atMs } = await this.wire.until(
        `another node than ${owner} announces ${address}`,
        sinceMs,
        (claim) => claim.address === address && claim.mac !== mac,
      );
      await this.herald.segment.curlUntilAnswered("client", address);
      return atMs;
    };
    const [ipv4, ipv6] = await Promise.all([heard("ipv4"), heard("ipv6")]);
    return { ipv4, ipv6 };
  }

  /** Waits until all speakers know each other and one node answers for both addresses. @returns it. */
  async untilSettled(): Promise<NodeName> {
    const { segment } = this.herald;
    const all = this.speakers.length;
    let owner: NodeName | undefined;
    await segment.until(async () => {
      const candidates = await Promise.all(
        this.speakers.map((node) => this.herald.metric(node, "herald_speaker_candidates")),
      );
      if (candidates.some((count) => count !== all)) return false;
      const [ipv4, ipv6] = await Promise.all(
        FAMILIES.map((family) => segment.untilHeld(this.addresses[family])),
      );
      owner = ipv4 === ipv6 ? ipv4 : undefined;
      return owner !== undefined;
    }, "one node answers, and all speakers know each other");
    return owner as NodeName;
  }

  async startProbes(): Promise<Readonly<Record<Family, Running>>> {
    const [ipv4, ipv6] = await Promise.all(FAMILIES.map((family) => this.startProbe(this.addresses[family])));
    return { ipv4, ipv6 } as Record<Family, Running>;
  }

  async endProbes(probes: Readonly<Record<Family, Running>>): Promise<Readonly<Record<Family, ProbeReport>>> {
    const [ipv4, ipv6] = await Promise.all(FAMILIES.map((family) => endProbe(probes[family])));
    return { ipv4, ipv6 } as Record<Family, ProbeReport>;
  }

  /** A datagram every 5 ms from the client, from now on; resolves at the first answer. */
  async startProbe(address: string): Promise<Running> {
    const probe = this.cluster.spawn("client", [process.execPath, PROBE, "--to", address, "--port", "82"]);
    await this.cluster.untilLog(probe, "answered", 60_000);
    return probe;
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
  }

  /** Whether nobody else has claimed the addresses since then. */
  async #aloneSpoke(node: NodeName, sinceMs: number): Promise<boolean> {
    const mac = await this.macOf(node);
    const ours = Object.values(this.addresses);
    return this.wire.claims(sinceMs).every((claim) => claim.mac === mac || !ours.includes(claim.address));
  }

  async macOf(node: NodeName): Promise<string> {
    const shown = await this.cluster.exec(node, ["ip", "-json", "link", "show", "eth0"]);
    return (JSON.parse(shown) as { address: string }[])[0]?.address ?? "";
  }
}

export async function endProbe(probe: Running): Promise<ProbeReport> {
  await probe.stop();
  return JSON.parse(readFileSync(probe.logPath, "utf8").trim().split("\n").at(-1) ?? "{}") as ProbeReport;
}
