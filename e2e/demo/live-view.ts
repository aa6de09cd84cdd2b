import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ApiObject } from "../cluster/api.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { bold, dim, quote, say, step } from "./say.ts";
import { addressOf, type DemoSteps, type ServiceObject } from "./steps.ts";

const EVERY_MS = 1_000;
const EVENTS_SHOWN = 8;
const WIDTH = process.stdout.columns ?? 160;

interface Row {
  readonly name: string;
  readonly address: string;
  readonly holder: string;
  readonly pod: string;
}

interface EventObject extends ApiObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTimestamp: string | null;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

interface Tally {
  answered: number;
  failed: number;
}

/** Stays up until Ctrl-C, asking every address once a second and showing who answers, what was lost, what was said. */
export async function liveView(demo: DemoSteps): Promise<void> {
  const { cluster } = demo;
  step("Yours until Ctrl-C");
  const kubectl = writeKubectl(cluster);
  const hints = [
    `${kubectl} get services            # the cluster's kubectl; change what you like and watch it here`,
    `ip netns exec ${cluster.namespaceOf("client")} bash    # a shell on the client: curl, arping, tcpdump -i eth0`,
    `logs of everything: ${cluster.logFolder}`,
  ];
  for (const hint of hints) say(hint);
  const tallies = new Map<string, Tally>(); // by service name; bounded by the services of the cluster
  let shown = "";
  let stopping = false;
  process.once("SIGINT", () => {
    stopping = true;
  });
  process.once("SIGTERM", () => {
    stopping = true;
  });
  while (!stopping) {
    const due = performance.now() + EVERY_MS;
    const rows = await look(demo, tallies);
    const events = await recentEvents(cluster);
    const screen = draw(rows, tallies, events);
    const essence = JSON.stringify([
      rows.map(({ name, address, holder }) => [name, address, holder]),
      events,
    ]);
    if (process.stdout.isTTY)
      process.stdout.write(`\x1b[2J\x1b[H${hints.map((hint) => dim(hint)).join("\n")}\n\n${screen}\n`);
    else if (essence !== shown) quote(screen);
    shown = essence;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
  }
}

/** One question to every address, all at once. */
async function look({ cluster, segment }: DemoSteps, tallies: Map<string, Tally>): Promise<readonly Row[]> {
  const { items } = await cluster.api.get<{ items: readonly (ServiceObject & { spec: { type: string } })[] }>(
    "/api/v1/namespaces/default/services",
  );
  const balanced = items.filter(({ spec }) => spec.type === "LoadBalancer");
  return Promise.all(
    balanced.map(async (item) => {
      const { name } = item.metadata;
      const address = addressOf(item);
      if (address === "") return { name, address: "pending", holder: "", pod: "" };
      const [holder = "nobody", body] = await Promise.all([
        segment.holderOf(address).catch((error: Error) => error.message),
        segment.curl("client", address),
      ]);
      const tally = tallies.get(name) ?? { answered: 0, failed: 0 };
      tallies.set(name, tally);
      if (body === "") tally.failed += 1;
      else tally.answered += 1;
      const pod = body === "" ? "no answer" : (JSON.parse(body) as { pod: string }).pod;
      return { name, address, holder, pod };
    }),
  );
}

async function recentEvents(cluster: Cluster): Promise<readonly string[]> {
  const { items } = await cluster.api.get<{ items: readonly EventObject[] }>("/api/v1/events?limit=500");
  return items
    .filter(({ involvedObject }) => ["Service", "ConfigMap"].includes(involvedObject.kind))
    .sort((a, b) => (a.lastTimestamp ?? "").localeCompare(b.lastTimestamp ?? ""))
    .slice(-EVENTS_SHOWN)
    .map(
      ({ type, reason, message, involvedObject }) => `${type} ${involvedObject.name} ${reason}: ${message}`,
    );
}

function draw(rows: readonly Row[], tallies: ReadonlyMap<string, Tally>, events: readonly string[]): string {
  const table = [
    ["SERVICE", "ADDRESS", "ANSWERED FOR BY", "REACHED", "ANSWERED", "FAILED"],
    ...rows.map(({ name, address, holder, pod }) => {
      const { answered, failed } = tallies.get(name) ?? { answered: 0, failed: 0 };
      return [name, address, holder, pod, `${answered}`, `${failed}`];
    }),
  ];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  const [head = "", ...body] = lines;
  return [bold(head), ...body, "", bold("EVENTS"), ...events.map((event) => event.slice(0, WIDTH - 4))].join(
    "\n",
  );
}

/** A script that is kubectl with this cluster's credentials, in its control plane's network. */
function writeKubectl(cluster: Cluster): string {
  const path = join(cluster.logFolder, "..", "kubectl");
  writeFileSync(path, `#!/bin/sh\nexec ${cluster.kubectlCommand.join(" ")} "$@"\n`, { mode: 0o755 });
  return path;
}
