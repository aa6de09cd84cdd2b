import { readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import type { Running } from "../cluster/launch.ts";
import { whyNot } from "../cluster/requirements.ts";
import { HTTP_PORT, Installation } from "../real/installation.ts";
import { AddressWatch, createMany, type Requests, requestsOf, requestsSoFar } from "../real/many-services.ts";
import { installKinds, metallbObject } from "../real/metallb-objects.ts";
import { bundledPrograms } from "./bundled-programs.ts";
import { memory, processorSeconds } from "./process-cost.ts";
import type { Row } from "./row.ts";

/** HERALD_SERVICES for other numbers: "1000,3000". */
const COUNTS = (process.env["HERALD_SERVICES"] ?? "1000,10000").split(",").map(Number);
/** Services of the pool whose range is changed. */
const MOVED = 1_000;
const DEADLINE_MS = 600_000;
const SETTLED_MS = 2_000;
const NODE = "node-1";

/** Thousands of Services on a real API server: how soon they have addresses, and what that costs everybody. */
export async function benchServices(say: (line: string) => void): Promise<Row[]> {
  const reason = whyNot({ kubelets: false });
  if (reason !== undefined)
    return [{ name: "services", value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  const { folder, programs } = await bundledPrograms();
  try {
    const rows: Row[] = [];
    for (const count of COUNTS) {
      const cluster = await startCluster({ name: "bench-services", nodes: 1 });
      try {
        await installKinds(cluster);
        const herald = await Installation.start(cluster, { programs });
        rows.push(...(await new ServicesBench(cluster, herald, count, say).run()));
      } finally {
        await cluster.stop();
      }
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What everybody has done so far. */
interface Look {
  readonly requests: readonly Requests[];
  readonly processorSeconds: Readonly<Record<ProgramName, number>>;
  /** The worst since the look before, ms. */
  readonly lagMs: Readonly<Record<ProgramName, number>>;
}

type ProgramName = "controller" | "speaker";
const PROGRAMS: readonly ProgramName[] = ["controller", "speaker"];

class ServicesBench {
  readonly #cluster: Cluster;
  readonly #herald: Installation;
  readonly #count: number;
  readonly #say: (line: string) => void;
  readonly #rows: Row[] = [];
  #controller: Running;
  #port = HTTP_PORT;

  constructor(cluster: Cluster, herald: Installation, count: number, say: (line: string) => void) {
    this.#cluster = cluster;
    this.#herald = herald;
    this.#count = count;
    this.#say = say;
    this.#controller = herald.controller();
  }

  async run(): Promise<readonly Row[]> {
    await this.#pool("default", "198.18.0.0/16");
    await this.#pool("moving", "198.19.0.0/20");
    await this.#herald.createServices([{ name: "first" }]);
    await this.#startAgain();
    this.#memory("without Services");
    const watch = await AddressWatch.start(this.#cluster.api);
    await this.#phase("created", () => this.#create(watch));
    this.#memory(`with ${this.#count} Services`);
    await this.#phase("controller restarted", () => this.#restart());
    this.#memory("after the restart");
    await this.#phase("pool changed", () => this.#move(watch));
    this.#memory("after the change");
    watch.stop();
    return this.#rows;
  }

  /** So that both have the compile cache that images come with. */
  async #startAgain(): Promise<void> {
    await this.#herald.stopSpeaker(NODE);
    await this.#herald.startSpeaker(NODE);
    await this.#startController("controller-2");
  }

  /** In order, so that no lease has to run out. */
  async #startController(name: string): Promise<void> {
    await this.#controller.stop();
    this.#port += 1;
    this.#controller = await this.#herald.startController(name);
  }

  async #create(watch: AddressWatch): Promise<void> {
    const annotations = { "metallb.io/address-pool": "moving" };
    const services = Array.from({ length: this.#count }, (_, index) =>
      index < MOVED ? { name: `s${index}`, annotations } : { name: `s${index}` },
    );
    const began = performance.now();
    const created = await createMany(this.#cluster.api, services);
    const addressed = await watch.untilAddressed(this.#count + 1, DEADLINE_MS);
    this.#row("created, by one client", created - began, "ms", "50 requests at a time");
    this.#row("all addressed", addressed - created, "ms", "after the last create");
  }

  async #restart(): Promise<void> {
    await this.#startController("controller-3");
    const adopted = new RegExp(`^herald_controller_services\\{state="addressed"\\} ${this.#count + 1}$`, "m");
    await this.#herald.segment.until(
      async () => adopted.test(await this.#herald.metrics("control-plane", this.#port)),
      "the new controller has adopted all Services",
    );
    const decided = await this.#metric("controller", "herald_controller_decision_duration_seconds_sum");
    this.#row(
      "controller started again, ready",
      this.#readyAfterMs(),
      "ms",
      "the program's own clock, a list of all included",
    );
    this.#row("… and then decided for all", decided * 1_000, "ms", "by its metric");
  }

  #readyAfterMs(): number {
    const log = readFileSync(this.#controller.logPath, "utf8").split("\n");
    const ready = log.find((line) => line.includes('"msg":"ready"')) ?? "{}";
    return (JSON.parse(ready) as { afterMs?: number }).afterMs ?? Number.NaN;
  }

  async #move(watch: AddressWatch): Promise<void> {
    const began = performance.now();
    await this.#pool("moving", "198.19.128.0/20");
    const moved = (): number =>
      [...watch.addresses.values()].filter(([first = ""]) => /^198\.19\.1[2-9]\d\./.test(first)).length;
    const all = Math.min(MOVED, this.#count);
    const ended = await watch.until(() => moved() === all, DEADLINE_MS, `${all} Services have moved`);
    this.#row(
      `${all} moved by a pool's new range`,
      ended - began,
      "ms",
      "from kubectl apply to the last status",
    );
  }

  async #pool(name: string, range: string): Promise<void> {
    await this.#cluster.apply([
      metallbObject("IPAddressPool", name, { addresses: [range] }),
      metallbObject("L2Advertisement", name, { ipAddressPools: [name] }),
    ]);
  }

  /** What it costs, until the last Event is written. */
  async #phase(what: string, act: () => Promise<void>): Promise<void> {
    this.#say(`${this.#count} Services: ${what} …`);
    const pidBefore = this.#controller.pid;
    const before = await this.#look();
    await act();
    await this.#untilQuiet();
    const after = await this.#look();
    const isNew = this.#controller.pid !== pidBefore;
    for (const program of PROGRAMS) {
      const earlier = isNew && program === "controller" ? 0 : before.processorSeconds[program];
      const note = `${what}; its main thread stood still for ${after.lagMs[program].toFixed(0)} ms at most`;
      this.#row(`${program}, processor`, after.processorSeconds[program] - earlier, "s", note);
    }
    const asked = (verb: string, resource: string): number =>
      requestsOf(after.requests, verb, resource) - requestsOf(before.requests, verb, resource);
    const kinds = [
      ["PATCH", "services/status"],
      ["APPLY", "services/status"],
      ["POST", "events"],
      ["LIST", "services"],
    ] as const;
    const note = kinds.map(([verb, resource]) => `${asked(verb, resource)} ${verb} ${resource}`).join(", ");
    this.#row("requests", asked("APPLY", "services/status"), "", `${what}: ${note}`);
  }

  async #untilQuiet(): Promise<void> {
    const writes = async (): Promise<number> =>
      (await requestsSoFar(this.#cluster.api))
        .filter(({ resource }) => resource === "services/status" || resource === "events")
        .reduce((total, { count }) => total + count, 0);
    for (let before = -1, now = await writes(); now !== before; now = await writes()) {
      before = now;
      await sleep(SETTLED_MS);
    }
  }

  async #look(): Promise<Look> {
    const lag = async (program: ProgramName): Promise<number> =>
      1_000 * (await this.#metric(program, `herald_${program}_event_loop_lag_seconds{quantile="1"}`));
    return {
      requests: await requestsSoFar(this.#cluster.api),
      lagMs: { controller: await lag("controller"), speaker: await lag("speaker") },
      processorSeconds: {
        controller: processorSeconds(this.#controller),
        speaker: processorSeconds(this.#herald.speaker(NODE)),
      },
    };
  }

  async #metric(program: ProgramName, series: string): Promise<number> {
    const text =
      program === "speaker"
        ? await this.#herald.metrics(NODE)
        : await this.#herald.metrics("control-plane", this.#port);
    return Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${series} `))
        ?.slice(series.length),
    );
  }

  #memory(when: string): void {
    for (const program of PROGRAMS) {
      const running = program === "speaker" ? this.#herald.speaker(NODE) : this.#controller;
      const { residentMib, ownMib, peakMib } = memory(running);
      const note = `${when}; ${ownMib.toFixed(0)} MiB its own, ${peakMib.toFixed(0)} MiB at most`;
      this.#row(`${program}, resident memory`, residentMib, "MiB", note);
    }
  }

  #row(name: string, value: number, unit: string, note: string): void {
    this.#rows.push({ name: `${this.#count} Services: ${name}`, value, unit, note });
  }
}
