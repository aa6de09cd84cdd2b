import { loadavg } from "node:os";
import { whyNot } from "../cluster/requirements.ts";
import {
  CRASHES,
  CrashCluster,
  type CrashKind,
  FAMILIES,
  type Family,
  type Outage,
} from "./crash-cluster.ts";
import { histogram, percentile } from "./histogram.ts";
import type { Row } from "./row.ts";

/** HERALD_CRASHES for another number. */
const TIMES = Number(process.env["HERALD_CRASHES"] ?? 50);
const PROFILES = ["default", "fast"] as const;
const KINDS = Object.keys(CRASHES) as CrashKind[];

/** How long a client waits when a node crashes, in both families at once. About a quarter of an hour. */
export async function benchFailover(say: (line: string) => void): Promise<Row[]> {
  const reason = whyNot({ kubelets: false });
  if (reason !== undefined)
    return [{ name: "failover", value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  const rows: Row[] = [];
  for (const profile of PROFILES) {
    const cluster = await CrashCluster.start({
      name: "bench-failover",
      flags: [`--gossip-profile=${profile}`],
    });
    try {
      for (const kind of KINDS) rows.push(...(await measure(cluster, profile, kind, say)));
    } finally {
      await cluster.stop();
    }
  }
  return rows;
}

async function measure(
  cluster: CrashCluster,
  profile: string,
  kind: CrashKind,
  say: (line: string) => void,
): Promise<Row[]> {
  const outages: Record<Family, Outage>[] = [];
  const loads: number[] = [];
  for (let crash = 0; crash < TIMES; crash += 1) {
    outages.push(await cluster.crash(kind));
    loads.push(loadavg()[0] ?? 0);
  }
  const load = `load ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  return FAMILIES.flatMap((family) => {
    // Why: a node whose speaker alone dies still forwards, and a client notices nothing; who asks anew does.
    const waits = outages.map(({ [family]: { announcedMs, gapMs } }) =>
      kind === "kill -9" ? announcedMs : gapMs,
    );
    say(`${kind}, ${profile}, ${family}: ${waits.map((wait) => wait.toFixed(0)).join(" ")}`);
    for (const line of histogram(waits)) say(line);
    const lost = outages.map(({ [family]: outage }) => outage.lost);
    return [50, 99].map((percent) => ({
      name: `${kind}, ${profile}, ${family}, p${percent}`,
      value: percentile(waits, percent),
      unit: "ms",
      note: `${TIMES} times; of the datagrams ${Math.min(...lost)} to ${Math.max(...lost)} lost each; ${load}`,
    }));
  });
}
