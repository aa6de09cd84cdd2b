import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface PeerOptions {
  /** Path of the program, from `buildPeer`. */
  readonly program: string;
  readonly name: string;
  readonly bind: string;
  /** 7946 unless told. */
  readonly port?: number;
  readonly label?: string;
  /** In hex; the first seals. */
  readonly keys?: readonly string[];
  /** Probes every 100 ms instead of every second. */
  readonly fast?: boolean;
  /** Words before the command: into a network namespace. */
  readonly prefix?: readonly string[];
}

export interface PeerMember {
  readonly name: string;
  readonly address: string;
  readonly state: "alive" | "suspect" | "dead" | "left";
}

interface Line {
  readonly event: "ready" | "join" | "leave" | "update" | "joined" | "left" | "members" | "error";
  readonly name?: string;
  readonly joined?: number;
  readonly error?: string;
  readonly members?: readonly PeerMember[];
}

/** A real hashicorp/memberlist member, run as a process. */
export class MemberlistPeer {
  /** What it saw so far: "join node-1", "leave node-2". */
  readonly seen: string[] = [];
  readonly #child: ChildProcess;
  readonly #waiting = new Set<{ accept: (line: Line) => boolean; done: (line: Line) => void }>();

  static async start(options: PeerOptions): Promise<MemberlistPeer> {
    const peer = new MemberlistPeer(options);
    await peer.#next(({ event }) => event === "ready", 5_000, "it starts");
    return peer;
  }

  private constructor(options: PeerOptions) {
    const { program, name, bind, port = 7946, label = "", keys = [], fast = false, prefix = [] } = options;
    const [first = program, ...rest] = [
      ...prefix,
      program,
      ...["-name", name, "-bind", bind, "-port", `${port}`, "-label", label, "-keys", keys.join(",")],
      ...(fast ? ["-fast"] : []),
    ];
    this.#child = spawn(first, rest, { stdio: ["pipe", "pipe", "ignore"] });
    if (this.#child.stdout === null) throw new Error("no pipe to the member");
    createInterface({ input: this.#child.stdout }).on("line", (text) => this.#hear(JSON.parse(text) as Line));
  }

  /** @returns how many of the addresses were joined. */
  async join(addresses: readonly string[]): Promise<number> {
    this.#say({ op: "join", addresses });
    const { joined = 0 } = await this.#next(({ event }) => event === "joined", 30_000, "it joins");
    return joined;
  }

  async members(): Promise<readonly PeerMember[]> {
    this.#say({ op: "members" });
    const { members = [] } = await this.#next(
      ({ event }) => event === "members",
      5_000,
      "it lists its members",
    );
    return members;
  }

  /** Waits until it sees what is told, from now on or before. */
  async sees(event: "join" | "leave" | "update", name: string, withinMs: number): Promise<void> {
    if (this.seen.includes(`${event} ${name}`)) return;
    await this.#next(
      (line) => line.event === event && line.name === name,
      withinMs,
      `it sees ${event} ${name}`,
    );
  }

  async leave(): Promise<void> {
    this.#say({ op: "leave" });
    await this.#next(({ event }) => event === "left", 10_000, "it leaves");
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  #say(command: object): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  #hear(line: Line): void {
    if (line.event === "join" || line.event === "leave" || line.event === "update") {
      this.seen.push(`${line.event} ${line.name}`);
    }
    for (const one of this.#waiting) if (one.accept(line)) one.done(line);
  }

  #next(accept: (line: Line) => boolean, withinMs: number, what: string): Promise<Line> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(one);
        reject(new Error(`${what}: not within ${withinMs} ms; it saw ${this.seen.join(", ")}`));
      }, withinMs);
      const one = {
        accept,
        done: (line: Line) => {
          clearTimeout(late);
          this.#waiting.delete(one);
          resolve(line);
        },
      };
      this.#waiting.add(one);
    });
  }
}
