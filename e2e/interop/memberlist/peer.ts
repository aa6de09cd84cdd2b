import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface PeerOptions {
  /** Words that start the program: a member of memberlist, from `buildPeer`, or `OUR_PROGRAM`. */
  readonly program: readonly string[];
  readonly name: string;
  readonly bind: string;
  /** 7946 unless told. */
  readonly port?: number;
  readonly label?: string;
  /** In hex; the first seals. */
  readonly keys?: readonly string[];
  /** The program's own: `--fast` lets memberlist probe every 100 ms, `--profile=lan` lets ours be as slow as it. */
  readonly flags?: readonly string[];
  /** Words before the command: into a network namespace. */
  readonly prefix?: readonly string[];
}

/** One of ours that speaks as the members in Go do. */
export const OUR_PROGRAM: readonly string[] = [process.execPath, join(import.meta.dirname, "member.ts")];

export interface PeerMember {
  readonly name: string;
  readonly address: string;
  readonly state: "alive" | "suspect" | "dead" | "left";
}

/** What a member is told: a line of JSON on its standard input. */
export interface Command {
  readonly op: "join" | "leave" | "members" | "owners" | "tell" | "shutdown";
  readonly addresses?: readonly string[];
  readonly name?: string;
  readonly text?: string;
}

/** What a member tells: a line of JSON on its standard output. */
export interface Line {
  readonly event:
    | ("ready" | "join" | "leave" | "update" | "joined" | "left" | "members" | "owners" | "told")
    | ("log" | "error");
  readonly name?: string;
  readonly joined?: number;
  readonly error?: string;
  readonly members?: readonly PeerMember[];
  readonly owners?: readonly string[];
  readonly text?: string;
}

/** A member, of memberlist or ours, run as a process. It ends with this one. */
export class Peer {
  readonly name: string;
  /** What it saw and logged so far: "join node-1", "leave node-2", "log …". */
  readonly seen: string[] = [];
  readonly #child: ChildProcess;
  readonly #members = new Set<string>(); // who joined and did not leave, itself included
  readonly #waiting = new Set<{ accept: (line: Line) => boolean; done: (line: Line) => void }>();

  static async start(options: PeerOptions): Promise<Peer> {
    const peer = new Peer(options);
    await peer.#next(({ event }) => event === "ready", 10_000, "it starts");
    return peer;
  }

  private constructor(options: PeerOptions) {
    const { program, name, bind, port = 7946, label = "", keys = [], flags = [], prefix = [] } = options;
    const argv = [
      // Why: one that is stopped does not see that its input has ended.
      ...["setpriv", "--pdeathsig", "KILL", "--", ...prefix, ...program],
      ...["--name", name, "--bind", bind, "--port", `${port}`, "--label", label, "--keys", keys.join(",")],
      ...flags,
    ];
    this.name = name;
    this.#child = spawn(argv[0] as string, argv.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
    if (this.#child.stdout === null) throw new Error("no pipe to the member");
    createInterface({ input: this.#child.stdout }).on("line", (text) => this.#hear(JSON.parse(text) as Line));
  }

  /** @returns how many of the addresses were joined; ours cannot know yet, and says all of them. */
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

  /** Whom it counts as members, and the owner it elects among them for each of the addresses. */
  async elects(addresses: readonly string[]): Promise<Electorate> {
    this.#say({ op: "owners", addresses });
    const { members = [], owners = [] } = await this.#next(
      ({ event }) => event === "owners",
      5_000,
      "it elects",
    );
    return { members: members.map(({ name }) => name).sort(), owners };
  }

  /** Has it send an application's message to a member, in a stream and in a datagram. Only memberlist's can. */
  async tell(name: string, text: string): Promise<void> {
    this.#say({ op: "tell", name, text });
    const { error = "" } = await this.#next(({ event }) => event === "told", 5_000, "it tells");
    if (error !== "") throw new Error(`${this.name}: ${error}`);
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

  /** Waits until it logs this, from now on. */
  async logs(pattern: RegExp, withinMs: number): Promise<void> {
    await this.#next(
      ({ event, text = "" }) => event === "log" && pattern.test(text),
      withinMs,
      `it logs ${pattern}`,
    );
  }

  /** Waits until exactly these are members as it sees it, itself included. */
  async untilMembers(names: readonly string[], withinMs: number): Promise<void> {
    const wanted = [...names].sort().join();
    const holds = (): boolean => [...this.#members].sort().join() === wanted;
    if (!holds()) await this.#next(holds, withinMs, `its members are ${wanted}`);
  }

  async leave(): Promise<void> {
    this.#say({ op: "leave" });
    await this.#next(({ event }) => event === "left", 10_000, "it leaves");
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  #say(command: Command): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  #hear(line: Line): void {
    const { event, name = "", text = "" } = line;
    if (event === "join" || event === "leave" || event === "update") this.seen.push(`${event} ${name}`);
    if (event === "log") this.seen.push(`log ${text}`);
    if (event === "join") this.#members.add(name);
    if (event === "leave") this.#members.delete(name);
    for (const one of this.#waiting) if (one.accept(line)) one.done(line);
  }

  #next(accept: (line: Line) => boolean, withinMs: number, what: string): Promise<Line> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(one);
        reject(
          new Error(`${this.name}: ${what}: not within ${withinMs} ms; it saw\n  ${this.seen.join("\n  ")}`),
        );
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

export interface Electorate {
  readonly members: readonly string[];
  readonly owners: readonly string[];
}
