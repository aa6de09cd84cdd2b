import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One thing that it was told, as it writes it down. */
export type StationLine = Readonly<Record<string, unknown>>;

/** pmacct's BMP collector in a network namespace. */
export class Pmbmpd {
  readonly #namespace: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "herald-pmbmpd-"));
  #child: ChildProcess | undefined;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** Anew: what it was told before is forgotten. */
  start(address: string, port: number): void {
    rmSync(this.#log, { force: true });
    const config = join(this.#folder, "pmbmpd.conf");
    const lines = [
      "daemonize: false",
      "debug: false",
      `bmp_daemon_ip: ${address}`,
      `bmp_daemon_port: ${port}`,
      "bmp_daemon_max_peers: 4",
      `bmp_daemon_msglog_file: ${this.#log}`,
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    this.#child = spawn("ip", ["netns", "exec", this.#namespace, "pmbmpd", "-f", config], {
      stdio: "ignore",
    });
  }

  /** All that it was told so far, but counts of routes. */
  get told(): readonly StationLine[] {
    if (!existsSync(this.#log)) return [];
    const lines = readFileSync(this.#log, "utf8").split("\n");
    const whole = lines.slice(0, -1).map((line) => JSON.parse(line) as StationLine); // the last may not be
    return whole.filter((line) => line["event_type"] === "log" && line["bmp_msg_type"] !== "stats");
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async delete(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }

  get #log(): string {
    return join(this.#folder, "told.json");
  }
}
