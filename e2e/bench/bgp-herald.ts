import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROUTER } from "../interop/bgp/segment.ts";
import type { Announcer } from "./bgp.ts";
import type { LoadCommand, LoadCost } from "./bgp-load.ts";

/** Our own: bgp-load.ts as a process of a namespace. */
export class HeraldBgp implements Announcer {
  readonly name = "Herald";
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #write: (text: string) => void;

  /** @param count of the Services that there are, and that nobody serves yet. */
  constructor(namespace: string, count: number) {
    const program = [process.execPath, join(import.meta.dirname, "bgp-load.ts"), `${count}`, ROUTER.ipv4];
    const child = spawn("ip", ["netns", "exec", namespace, ...program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#write = (text) => child.stdin.write(text);
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  async announce(): Promise<void> {
    await this.#ask({ type: "serve-all" });
  }

  async set(at: number, ready: boolean): Promise<void> {
    await this.#ask({ type: "serve", at, ready });
  }

  async updates(): Promise<number> {
    return (await this.#ask({ type: "cost" })).updates;
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }

  async #ask(load: LoadCommand): Promise<LoadCost> {
    this.#write(`${JSON.stringify(load)}\n`);
    const { value, done } = await this.#lines.next();
    assert.ok(!done, `our speaker runs; it ended by ${this.#child.signalCode ?? this.#child.exitCode}`);
    return JSON.parse(value) as LoadCost;
  }
}
