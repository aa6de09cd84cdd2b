import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { command } from "../cluster/command.ts";

/** The highest there is. */
const FIRST_OF_ALL = ["chrt", "--fifo", "99"];
/** Of USER_HZ, which is 100 on every machine. */
const TICK_MS = 10;

/** Finds out whether the machine itself stood still: a program on each processor that goes before all others. */
export class Witness {
  readonly #folder = mkdtempSync(join(tmpdir(), "herald-witness-"));
  readonly #children: ChildProcess[] = [];
  #worstMs = Number.NaN;

  static async start(): Promise<Witness> {
    const witness = new Witness();
    const program = join(witness.#folder, "witness");
    await command(["g++", "-x", "c", "-O2", "-o", program, join(import.meta.dirname, "witness.c")]);
    for (let cpu = 0; cpu < availableParallelism(); cpu += 1) witness.#begin(cpu, program);
    return witness;
  }

  /** By how much one woke late at worst since this was asked last, ms; NaN where nobody may go first. */
  takeWorstMs(): number {
    const worstMs = this.#worstMs;
    this.#worstMs = Number.NaN;
    return worstMs;
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #begin(cpu: number, program: string): void {
    const argv = ["--cpu-list", `${cpu}`, ...FIRST_OF_ALL, program];
    const child = spawn("taskset", argv, { stdio: ["ignore", "pipe", "ignore"] });
    this.#children.push(child);
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.#worstMs = Math.max(Number(line), Number.isNaN(this.#worstMs) ? 0 : this.#worstMs);
    });
  }
}

/** How long processors of this machine were taken away by the one that it runs on, since it began, ms. */
export function stolenMs(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  return TICK_MS * Number(line.split(/\s+/)[8]);
}
