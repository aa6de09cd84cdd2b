import { closeSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { Cluster } from "../cluster/cluster.ts";
import type { Running } from "../cluster/launch.ts";

/** Somebody said that an address is at a MAC address, asked or unasked. */
export interface Claim {
  /** By the kernel's clock, ms since 1970, with a fraction. */
  readonly atMs: number;
  readonly mac: string;
  readonly address: string;
}

const LOOK_EVERY_MS = 10;
const READ_OCTETS = 65_536;
/** A gratuitous request or a reply (tcpdump's words), or a neighbour advertisement. */
const CLAIM =
  /^(?<at>\d+\.\d+) (?<mac>[0-9a-f:]{17}) > .*(?:Request who-has (?<asked>[\d.]+)(?: \([0-9a-f:]+\))? tell (?<teller>[\d.]+),|Reply (?<reply>[\d.]+) is-at|neighbor advertisement, tgt is (?<target>[0-9a-f:]+),)/;

/** What the client hears of ARP and neighbour discovery, from `listen` to `stop`. */
export class Wire {
  readonly #capture: Running;
  readonly #log: number;
  readonly #decoder = new StringDecoder("utf8");
  readonly #claims: Claim[] = []; // bounded by how long we listen
  #rest = "";

  static async listen(cluster: Cluster): Promise<Wire> {
    const capture = cluster.spawn("client", [
      ...["tcpdump", "--immediate-mode", "-l", "-n", "-e", "-tt", "-i", "eth0"],
      "arp or (icmp6 and ip6[40] == 136)",
    ]);
    await cluster.untilLog(capture, "listening on", 60_000);
    return new Wire(capture);
  }

  private constructor(capture: Running) {
    this.#capture = capture;
    this.#log = openSync(capture.logPath, "r");
  }

  /** In order. */
  claims(sinceMs = 0): readonly Claim[] {
    this.#read();
    return this.#claims.filter(({ atMs }) => atMs >= sinceMs);
  }

  /** Waits for a claim since then that is accepted. @throws when there is none in time. */
  async until(what: string, sinceMs: number, accept: (claim: Claim) => boolean, withinMs = 60_000) {
    const due = performance.now() + withinMs;
    for (;;) {
      const found = this.claims(sinceMs).find(accept);
      if (found !== undefined) return found;
      if (performance.now() > due) throw new Error(`${what}: not heard within ${withinMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  stop(): void {
    this.#capture.kill();
    closeSync(this.#log);
  }

  #read(): void {
    const chunk = Buffer.alloc(READ_OCTETS);
    for (let octets = 1; octets > 0; ) {
      octets = readSync(this.#log, chunk);
      this.#rest += this.#decoder.write(chunk.subarray(0, octets));
    }
    const lines = this.#rest.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const claim = claimIn(line);
      if (claim !== undefined) this.#claims.push(claim);
    }
  }
}

/** Now, by the clock of claims, in whole ms: one that is derived from the process's start goes apart from it when it is set. */
export function wireNowMs(): number {
  return Date.now();
}

/** For how long others went on to claim an address beside the one that claimed it last, ms. */
export function heldTwiceMs(claims: readonly Claim[]): number {
  const winner = claims.at(-1)?.mac;
  const winners = claims.filter(({ mac }) => mac === winner);
  const losers = claims.filter(({ mac }) => mac !== winner);
  const [first, last] = [winners[0]?.atMs, losers.at(-1)?.atMs];
  return first === undefined || last === undefined
    ? 0
    : Math.max(0, last - Math.max(first, losers[0]?.atMs ?? first));
}

function claimIn(line: string): Claim | undefined {
  const found = CLAIM.exec(line)?.groups;
  if (found === undefined) return undefined;
  const { at, mac = "", asked, teller, reply, target } = found;
  const address = reply ?? target ?? (asked === teller ? asked : undefined);
  return address === undefined ? undefined : { atMs: Number(at) * 1_000, mac, address };
}
