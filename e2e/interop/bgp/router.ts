import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** How a router is set up towards our node. */
export interface RouterSetup {
  /** Of the session; where the router listens, and where it expects us. */
  readonly local: string;
  readonly neighbour: string;
  /** Its interface that a link-local neighbour is on. With the neighbour named so, too, it finds it there by itself. */
  readonly link?: string;
  readonly asn: number;
  /** Ours, as the router believes. */
  readonly peerAsn: number;
  readonly families: readonly (4 | 6)[];
  readonly password?: string;
  /** Demands that we are no hop away, or one with `multihop` (GTSM). */
  readonly ttlSecurity?: boolean;
  /** We are beyond other routers. */
  readonly multihop?: boolean;
  /** Connects to us, too, and each second again. */
  readonly calls?: boolean;
  /** Says nothing of what it can do, as routers did before RFC 5492. */
  readonly incapable?: boolean;
  /** What it is to us (RFC 9234). */
  readonly role?: "provider" | "customer" | "peer";
  /** Has BFD watch the session, with this many ms between packets either way; three of them may be lost. */
  readonly bfdMs?: number;
  /** Another address of our node that it has a session with, set up alike (BIRD). */
  readonly besides?: string;
  /** Another address of our node that BFD watches besides, for nothing in particular (BIRD). */
  readonly watches?: string;
}

/** Its BFD session with us, as the router shows it. */
export interface SeenBfd {
  readonly isUp: boolean;
  /** How long we may be silent, ms. */
  readonly detectionMs: number;
  /** When it came to this state, in the router's words; another one after each change. */
  readonly since: string;
}

/** A route of ours as the router shows it. */
export interface SeenRoute {
  readonly prefix: string;
  readonly nextHop: string;
  /** Of ASes, with spaces; "" within one. */
  readonly path: string;
  /** `undefined` where the router says nothing of it. */
  readonly localPref?: number;
  readonly communities?: readonly string[];
  readonly large?: readonly string[];
  readonly med?: number;
  /** Link bandwidth, octets per second. */
  readonly bandwidth?: number;
}

/** A real router in a network namespace, asked by its own show commands. */
export interface Router {
  readonly name: string;
  /** Resolves when it takes connections. */
  start(setup: RouterSetup): Promise<void>;
  /** By the kernel, without a word to anyone. */
  kill(): Promise<void>;
  /** Ends all of it, and what it left. */
  delete(): Promise<void>;
  /** Stops its process where it stands, so that it neither hears nor speaks. */
  freeze(): void;
  /** What it knows of a family, sorted by prefix; stale routes too. */
  routes(family: 4 | 6): Promise<readonly SeenRoute[]>;
  /** Whatever it says of its neighbour, as text. */
  neighbour(): Promise<string>;
  /** Whether its session with us is established. */
  isUp(): Promise<boolean>;
  /** `undefined` when there is none. */
  bfd(): Promise<SeenBfd | undefined>;
}

/** A program in a namespace, whose output is kept for when something goes wrong. */
export class Daemon {
  readonly #child: ChildProcess;
  #said = "";
  constructor(namespace: string, argv: readonly string[]) {
    this.#child = spawn("ip", ["netns", "exec", namespace, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString()).slice(-10_000);
      });
    }
  }

  get said(): string {
    return this.#said;
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}
