import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "../cluster/command.ts";
import { NODE, ROUTER } from "../interop/bgp/segment.ts";
import type { Announcer } from "./bgp.ts";
import { pause } from "./bgp-router.ts";
import { addressAt, OURS, THEIRS } from "./bgp-side.ts";

/** FRR's bgpd alone, without zebra and vtysh: what it is told comes over its own terminal, the shortest way there is. */
export class Bgpd implements Announcer {
  readonly name = "FRR's bgpd";
  readonly #folder: string;
  readonly #run: string;
  readonly #child: ChildProcess;
  #terminal: Socket | undefined;

  static async start(namespace: string): Promise<Bgpd> {
    const bgpd = await Bgpd.#begin(namespace);
    await bgpd.#open();
    return bgpd;
  }

  static async #begin(namespace: string): Promise<Bgpd> {
    const folder = mkdtempSync(join(tmpdir(), "herald-bench-frr-"));
    const run = join("/var/run/frr", namespace);
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, "bgpd.conf"), CONFIG);
    mkdirSync(run, { recursive: true });
    await command(["chown", "frr:frr", run]);
    const options = [
      "-N",
      namespace,
      "-Z",
      "-f",
      join(folder, "bgpd.conf"),
      "--log",
      "stdout",
      "--log-level",
      "err",
    ];
    const argv = ["netns", "exec", namespace, "/usr/lib/frr/bgpd", ...options];
    return new Bgpd(folder, run, spawn("ip", argv, { stdio: "ignore" }));
  }

  private constructor(folder: string, run: string, child: ChildProcess) {
    this.#folder = folder;
    this.#run = run;
    this.#child = child;
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  announce(count: number): Promise<void> {
    return this.#say(Array.from({ length: count }, (_, at) => `network ${addressAt(at)}/32`));
  }

  set(at: number, isAnnounced: boolean): Promise<void> {
    return this.#say([`${isAnnounced ? "" : "no "}network ${addressAt(at)}/32`]);
  }

  /** It has no count that can be had without vtysh. */
  async updates(): Promise<number> {
    return Number.NaN;
  }

  async stop(): Promise<void> {
    this.#terminal?.destroy();
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    rmSync(this.#run, { recursive: true, force: true });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    const path = join(this.#run, "bgpd.vty");
    while (!existsSync(path)) await pause(20);
    this.#terminal = connect(path);
    await this.#say(["enable", "configure terminal", `router bgp ${OURS}`, "address-family ipv4 unicast"]);
  }

  /** Each ends with a zero, and is answered with text, three zeros and how it went: 0 for well. */
  async #say(lines: readonly string[]): Promise<void> {
    const terminal = this.#terminal;
    if (terminal === undefined) throw new Error("bgpd is not there");
    for (const line of lines) {
      terminal.write(`${line}\0`);
      const [answer] = (await once(terminal, "data")) as [Buffer];
      if (answer.at(-1) !== 0) throw new Error(`bgpd says of ${line}: ${answer.toString()}`);
    }
  }
}

const CONFIG = `router bgp ${OURS}
 bgp router-id ${NODE.ipv4}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
 neighbor ${ROUTER.ipv4} remote-as ${THEIRS}
 neighbor ${ROUTER.ipv4} timers connect 1
 address-family ipv4 unicast
  neighbor ${ROUTER.ipv4} activate
 exit-address-family
`;
