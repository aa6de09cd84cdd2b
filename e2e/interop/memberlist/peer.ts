import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
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
  /** The program's own: `--pace=fast` lets memberlist probe every 100 ms, `--profile=lan` lets ours be as slow as it. */
  readonly flags?: readonly string[];
  /** Words before the command: into a network namespace. */
  readonly prefix?: readonly string[];
}

/** One of ours that speaks as the members in Go do. */
export const OUR_PROGRAM: readonly string[] = [process.execPath, join(import.meta.dirname, "member.ts")];

/** How long anything is waited for, ms. It only ends a test that fails: nothing here takes so long, or is due by then. */
export const LIMIT_MS = 60_000;

/** What a member is told: a line of JSON on its standard input. */
export interface Command {
  readonly op: "join" | "leave" | "owners" | "ping" | "tell" | "shutdown";
  readonly addresses?: readonly string[];
  readonly name?: string;
  readonly text?: string;
}

/** What a member tells: a line of JSON on its standard output. */
export interface Line {
  readonly event:
    | ("ready" | "join" | "leave" | "update" | "answer" | "joined" | "left" | "owners" | "pinged" | "told")
    | ("log" | "error");
  readonly name?: string;
  readonly joined?: number;
  readonly error?: string;
  readonly members?: readonly string[];
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
  readonly #answers = new Map<string, number>(); // how often a probe of its own was answered, by whom
  readonly #waiting = new Set<{ accept: (line: Line) => boolean; done: (line: Line) => void }>();

  static async start(options: PeerOptions): Promise<Peer> {
    const peer = new Peer(options);
    await peer.#next(({ event }) => event === "ready", "it starts");
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
    const { joined = 0 } = await this.#next(({ event }) => event === "joined", "it joins");
    return joined;
  }

  /** Whom it counts as members, suspects among them, and the owner it elects among them for each of the addresses. */
  async elects(addresses: readonly string[]): Promise<Electorate> {
    this.#say({ op: "owners", addresses });
    const { members = [], owners = [] } = await this.#next(({ event }) => event === "owners", "it elects");
    return { members: [...members].sort(), owners };
  }

  /** Has it ping a member until that answers. Only memberlist's can. */
  async ping(name: string): Promise<void> {
    this.#say({ op: "ping", name });
    // Why longer: it gives up after the same time by itself, and says why.
    const { error = "" } = await this.#next(({ event }) => event === "pinged", "it pings", 2 * LIMIT_MS);
    if (error !== "") throw new Error(`${this.name}: ${error}`);
  }

  /** Has it send an application's message to a member, in a stream and in a datagram. Only memberlist's can. */
  async tell(name: string, text: string): Promise<void> {
    this.#say({ op: "tell", name, text });
    const { error = "" } = await this.#next(({ event }) => event === "told", "it tells");
    if (error !== "") throw new Error(`${this.name}: ${error}`);
  }

  /** Waits until each of these answered so many more of its probes, by itself and in time. Only memberlist's can tell. */
  async untilAnswered(names: readonly string[], times: number): Promise<void> {
    const count = (name: string): number => this.#answers.get(name) ?? 0;
    const wanted = new Map(names.map((name) => [name, count(name) + times]));
    const holds = (): boolean => [...wanted].every(([name, least]) => count(name) >= least);
    if (!holds()) await this.#next(holds, `${names.join()} answer it ${times} times`);
  }

  /** Waits until it sees what is told, from now on or before. */
  async sees(event: "join" | "leave" | "update", name: string): Promise<void> {
    const wanted = `${event} ${name}`;
    const holds = (): boolean => this.seen.includes(wanted);
    if (!holds()) await this.#next(holds, `it sees ${wanted}`);
  }

  /** Waits until it logs this, from now on or before. */
  async logs(pattern: RegExp): Promise<void> {
    const holds = (): boolean =>
      this.seen.some((what) => what.startsWith("log ") && pattern.test(what.slice(4)));
    if (!holds()) await this.#next(holds, `it logs ${pattern}`);
  }

  /** Waits until it logs this, once more where it did already. */
  async logsAnew(pattern: RegExp): Promise<void> {
    await this.#next(
      ({ event, text = "" }) => event === "log" && pattern.test(text),
      `it logs ${pattern} from now on`,
    );
  }

  /** Waits until one of these is the last of them that it saw or logged. */
  async untilLatest(wanted: string, ...others: readonly string[]): Promise<void> {
    const holds = (): boolean =>
      this.seen.findLast((what) => what === wanted || others.includes(what)) === wanted;
    if (!holds()) await this.#next(holds, `its latest of this is ${wanted}`);
  }

  /** Waits until exactly these are members as it sees it, itself included. */
  async untilMembers(names: readonly string[]): Promise<void> {
    const wanted = [...names].sort().join();
    const holds = (): boolean => [...this.#members].sort().join() === wanted;
    if (!holds()) await this.#next(holds, `its members are ${wanted}`);
  }

  async leave(): Promise<void> {
    this.#say({ op: "leave" });
    await this.#next(({ event }) => event === "left", "it leaves");
  }

  /** Has it stand still, or go on. */
  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(name);
  }

  /** Without a word, as a crash. From when this is called it says nothing more; its port is free when this resolves. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
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
    if (event === "answer") this.#answers.set(name, (this.#answers.get(name) ?? 0) + 1);
    for (const one of this.#waiting) if (one.accept(line)) one.done(line);
  }

  #next(accept: (line: Line) => boolean, what: string, withinMs = LIMIT_MS): Promise<Line> {
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
