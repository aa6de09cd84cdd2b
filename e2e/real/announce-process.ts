import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { AnnounceReport } from "./announce.ts";

/** Only for failing. */
const WITHIN_MS = 60_000;

/** The announcer as a process of its own in a network namespace; it ends with this one. */
export class AnnounceProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #write: (text: string) => void;

  constructor(namespace: string, addresses: readonly string[]) {
    const argv = [
      "netns",
      "exec",
      namespace,
      process.execPath,
      join(import.meta.dirname, "announce.ts"),
      ...addresses,
    ];
    const child = spawn("ip", argv, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#write = (text) => child.stdin.write(text);
  }

  async report(): Promise<AnnounceReport> {
    this.#write("\n");
    const { value, done } = await this.#lines.next();
    assert.ok(!done, `the announcer runs; it ended by ${this.#child.signalCode ?? this.#child.exitCode}`);
    return JSON.parse(value) as AnnounceReport;
  }

  /** Asks until a metric is what is wanted. */
  async until(what: string, wanted: (report: AnnounceReport) => boolean): Promise<AnnounceReport> {
    const due = performance.now() + WITHIN_MS;
    for (;;) {
      const report = await this.report();
      if (wanted(report)) return report;
      assert.ok(performance.now() < due, `${what} within ${WITHIN_MS} ms; it says ${JSON.stringify(report)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** @returns its exit code. */
  async stop(): Promise<number | null> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    return this.#child.exitCode;
  }
}
