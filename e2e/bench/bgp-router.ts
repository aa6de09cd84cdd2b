import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ahead } from "../interop/bgp/ahead.ts";
import { Daemon } from "../interop/bgp/router.ts";
import { NODE, ROUTER } from "../interop/bgp/segment.ts";
import { OURS, THEIRS } from "./bgp-side.ts";

/** How often it is asked, ms. */
const PAUSE_MS = 1;
const PATIENCE_MS = 120_000;

/** BIRD, which takes whatever it is told and is asked so often how much of it is there that one can tell the time by it. */
export class CountingRouter {
  readonly #folder: string;
  readonly #daemon: Daemon;
  #socket: Socket | undefined;

  static async start(namespace: string): Promise<CountingRouter> {
    const folder = mkdtempSync(join(tmpdir(), "herald-bench-bird-"));
    writeFileSync(join(folder, "bird.conf"), CONFIG);
    const argv = ["bird", "-f", "-c", join(folder, "bird.conf"), "-s", join(folder, "control")];
    const router = new CountingRouter(folder, new Daemon(namespace, await ahead(argv)));
    await router.#open();
    return router;
  }

  private constructor(folder: string, daemon: Daemon) {
    this.#folder = folder;
    this.#daemon = daemon;
  }

  /** Resolves when it has so many routes. */
  async has(count: number): Promise<void> {
    const wanted = new RegExp(`^\\S+?${count} of ${count} routes`);
    await this.#until(`${count} routes`, "show route table master4 count", (answer) => wanted.test(answer));
  }

  async reaches(address: string, isReached: boolean): Promise<void> {
    const wanted = (answer: string): boolean => answer.startsWith("8001") !== isReached;
    await this.#until(`${address} is ${isReached}`, `show route for ${address}/32`, wanted);
  }

  async isUp(): Promise<void> {
    await this.#until("a session", "show protocols node", (answer) => answer.includes("Established"));
  }

  /** Ends the session and lets it begin again. */
  async restart(): Promise<void> {
    await this.#ask("disable node");
    await this.has(0);
    await this.#ask("enable node");
  }

  async delete(): Promise<void> {
    this.#socket?.destroy();
    await this.#daemon.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    for (const due = performance.now() + PATIENCE_MS; ; ) {
      const socket = connect(join(this.#folder, "control"));
      const greeting = once(socket, "data");
      const isThere = await greeting.then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (performance.now() > due) throw error;
          return false;
        },
      );
      if (isThere) {
        this.#socket = socket;
        return;
      }
      await pause(20);
    }
  }

  async #until(what: string, question: string, isWanted: (answer: string) => boolean): Promise<void> {
    for (const due = performance.now() + PATIENCE_MS; !isWanted(await this.#ask(question)); ) {
      if (performance.now() > due) throw new Error(`BIRD has not ${what}; ${this.#daemon.said}`);
      await pause(PAUSE_MS);
    }
  }

  /** @returns all lines of the answer; the last one has a space behind its number. */
  async #ask(question: string): Promise<string> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error("BIRD is not there");
    socket.write(`${question}\n`);
    let answer = "";
    while (!/^\d{4} .*\n$/m.test(answer)) answer += String((await once(socket, "data"))[0]);
    return answer;
  }
}

const CONFIG = `router id ${ROUTER.ipv4};
protocol device {}
protocol bgp node {
  local ${ROUTER.ipv4} as ${THEIRS};
  neighbor ${NODE.ipv4} as ${OURS};
  direct;
  passive on;
  connect delay time 1; error wait time 1,2;
  ipv4 { import all; export none; };
}
`;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
