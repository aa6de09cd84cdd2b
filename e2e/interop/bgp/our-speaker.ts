import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type ServiceView, serviceKey } from "@herald/shared/service/view";
import type { Change } from "@herald/speaker/kubernetes-protocol";
import type { CandidateNode } from "@herald/speaker/plan";
import { fit, service } from "@herald/speaker/planner-fixture";
import { LIMIT_MS } from "../../cluster/until.ts";
import type { OurBgpCommand, OurBgpReport } from "./our-bgp.ts";

/** Our BGP as a process of its own in a network namespace; it ends with this one. */
export class OurSpeaker {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #write: (text: string) => void;

  /**
   * @param mayRaise whether it may go before other programs of the machine.
   * @param listens whether routers may connect to it.
   * @param station whom it tells by BMP; "": nobody.
   */
  constructor(namespace: string, { mayRaise = true, listens = false, station = "" } = {}) {
    const program = [
      process.execPath,
      join(import.meta.dirname, "our-bgp.ts"),
      listens ? "179" : "",
      station,
    ];
    const argv = mayRaise ? program : ["setpriv", "--bounding-set", "-sys_nice", ...program];
    const child = spawn("ip", ["netns", "exec", namespace, ...argv], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#write = (text) => child.stdin.write(text);
  }

  async ask(command: OurBgpCommand): Promise<OurBgpReport> {
    this.#write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#lines.next();
    assert.ok(!done, `our speaker runs; it ended by ${this.#child.signalCode ?? this.#child.exitCode}`);
    return JSON.parse(value) as OurBgpReport;
  }

  change(change: Change): Promise<OurBgpReport> {
    return this.ask({ type: "change", change });
  }

  /** The cluster: this node alone. From here on it speaks. */
  async begin(text: string, peers: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#beginWith({ type: "config", text, peers });
  }

  /** The same with objects. */
  async beginWithObjects(yaml: string): Promise<void> {
    await this.#beginWith({ type: "objects", yaml });
  }

  async #beginWith(command: OurBgpCommand): Promise<void> {
    await this.standing({});
    await this.ask(command);
    await this.change({ type: "synced" });
  }

  /** What becomes of the node. */
  async standing(change: Partial<CandidateNode>): Promise<void> {
    await this.change({ type: "node", name: "this", node: { ...fit, ...change } });
  }

  /** A Service with one endpoint here. */
  async serve(name: string, addresses: readonly string[], change: Partial<ServiceView> = {}): Promise<void> {
    await this.endpoints(name, true);
    const served = service(name, addresses, { ipFamilies: [4], ...change });
    await this.change({ type: "service", service: served });
  }

  async endpoints(name: string, ready: boolean): Promise<void> {
    const endpoints = [{ nodeName: "this", addresses: ["10.0.0.1"], ready, serving: ready }];
    await this.change({ type: "endpoints", key: serviceKey("default", name), endpoints });
  }

  /** Asks until what it says is what is wanted. */
  async until(what: string, wanted: (report: OurBgpReport) => boolean): Promise<OurBgpReport> {
    const due = performance.now() + LIMIT_MS;
    for (;;) {
      const report = await this.ask({ type: "report" });
      if (wanted(report)) return report;
      assert.ok(
        performance.now() < due,
        `${what} within ${LIMIT_MS} ms; it says ${JSON.stringify(report, null, 1)}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Stops it where it stands: it neither hears nor speaks, and no connection ends. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** @returns its exit code. */
  async stop(): Promise<number | null> {
    this.thaw(); // where a test failed meanwhile
    this.#child.stdin?.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    return this.#child.exitCode;
  }

  /** Without a word, as a crash. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}
