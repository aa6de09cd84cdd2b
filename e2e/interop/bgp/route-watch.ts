import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ahead } from "./ahead.ts";

/** `[2026-01-31T12:00:00.123456] Deleted 198.51.100.1 via 192.0.2.2 dev r0 …` */
const LINE = /^\[([^\]]+)\] ?(Deleted )?(?:blackhole )?(\S+)/;
/** `[2026-01-31T12:00:00.123456] 7: r0@if6: <BROADCAST,MULTICAST> mtu 1500 … state DOWN …` */
const DOWN = /^\[([^\]]+)\] ?\d+: ([^@:]+)[@:].* state DOWN /;

/** What became of a route in a router's kernel. */
export interface RouteChange {
  /** ms since 1970. */
  readonly at: number;
  /** Next hops from now on, in the kernel's order; none when the route is gone, or leads nowhere. */
  readonly gateways: readonly string[];
}

/** What a kernel forwards by, and by which devices, followed as it changes. */
export class RouteWatch {
  readonly #child: ChildProcess;
  /** By prefix, oldest first; bounded by how long it is watched. */
  readonly #changes = new Map<string, RouteChange[]>();
  /** Oldest first. */
  readonly #downs: { readonly device: string; readonly at: number }[] = [];

  /** Resolves when it follows. */
  static async start(namespace: string): Promise<RouteWatch> {
    const watch = new RouteWatch(
      await ahead(["ip", "-netns", namespace, "-o", "-ts", "monitor", "link", "route"]),
    );
    // Why: `ip` says nothing when it has begun to listen, but it tells of this route if it has.
    for (let heard = false; !heard; heard = watch.lostAt("192.0.2.99") !== undefined) {
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
      const [, downAt = "", device = ""] = DOWN.exec(line) ?? [];
      if (downAt !== "") this.#downs.push({ device, at: Date.parse(`${downAt}Z`) });
      const [, at = "", deleted, prefix = ""] = LINE.exec(line) ?? [];
      if (at === "" || downAt !== "") return;
      const gateways = [...line.matchAll(/\bvia (?:inet6 )?(\S+)/g)].map(([, gateway = ""]) => gateway);
      const change = { at: Date.parse(`${at}Z`), gateways: deleted === undefined ? gateways : [] };
      this.#changes.set(prefix, [...this.changes(prefix), change]);
    });
  }

  /** When the route went last, ms since 1970. */
  lostAt(prefix: string): number | undefined {
    return this.changes(prefix).findLast(({ gateways }) => gateways.length === 0)?.at;
  }

  /** Oldest first, of one route. */
  changes(prefix: string): readonly RouteChange[] {
    return this.#changes.get(prefix) ?? [];
  }

  /** When a device went down first, from a time on; ms since 1970. */
  downAt(device: string, sinceMs: number): number | undefined {
    return this.#downs.find((each) => each.device === device && each.at >= sinceMs)?.at;
  }

  async stop(): Promise<void> {
    this.#child.kill();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}
