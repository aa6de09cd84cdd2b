import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ahead } from "./ahead.ts";

/** What a router's kernel forwards by, followed as it changes. */
export class RouteWatch {
  readonly #child: ChildProcess;
  /** By prefix, when it went last; ms since 1970. */
  readonly #lost = new Map<string, number>();

  /** Resolves when it follows. */
  static async start(namespace: string): Promise<RouteWatch> {
    const watch = new RouteWatch(await ahead(["ip", "-netns", namespace, "-ts", "monitor", "route"]));
    // Why: `ip` says nothing when it has begun to listen, but it tells of this route if it has.
    for (let heard = false; !heard; heard = watch.#lost.has("192.0.2.99")) {
      for (const what of ["add", "delete"]) {
        const child = spawn("ip", ["-netns", namespace, "route", what, "blackhole", "192.0.2.99"]);
        await once(child, "exit");
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return watch;
  }

  private constructor([program = "", ...argv]: readonly string[]) {
    this.#child = spawn(program, argv, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TZ: "UTC" },
    });
    if (this.#child.stdout === null) throw new Error("no output to read");
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const [, at = "", prefix = ""] = /^\[([^\]]+)\] ?Deleted (?:blackhole )?(\S+)/.exec(line) ?? [];
      if (at !== "") this.#lost.set(prefix, Date.parse(`${at}Z`));
    });
  }

  /** When the route went last, ms since 1970. */
  lostAt(prefix: string): number | undefined {
    return this.#lost.get(prefix);
  }

  async stop(): Promise<void> {
    this.#child.kill();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}
