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
const STOPS = Math.min(TIMES, 10);
const PROFILES = ["default", "fast"] as const;
const KINDS = Object.keys(CRASHES) as CrashKind[];

/** How long a client waits when a node crashes, in both families at once. Half an hour. */
export async function benchFailover(say: (line: string) => void): Promise<Row[]> {
  const reason = whyNot({ kubelets: false });
  if (reason !== undefined)
    return [{ name: "failover", value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  const rows: Row[] = [];
  for (const profile of PROFILES) {
    const flags = [`--gossip-profile=${profile}`];
    const cluster = await CrashCluster.start({ name: "bench-failover", flags });
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
  const times = kind === "SIGTERM" ? STOPS : TIMES;
  for (let turn = 0; turn < times; turn += 1) {
    outages.push(await cluster.crash(kind));
    loads.push(loadavg()[0] ?? 0);
  }
  const note = `${times} times; load ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  return FAMILIES.flatMap((family) => {
    const name = `${kind}, ${profile}, ${family}`;
    const ofFamily = outages.map(({ [family]: outage }) => outage);
    const lost = ofFamily.map((outage) => outage.lost);
    say(`${name}, ${note}; datagrams lost: ${lost.join(" ")}`);
    if (kind !== "SIGTERM") tell(waits(kind, ofFamily), say);
    return [
      ...(kind === "SIGTERM" ? [] : [50, 99]).map((percent) => ({
        name: `${name}, p${percent}`,
        value: percentile(waits(kind, ofFamily), percent),
        unit: "ms",
        note,
      })),
      {
        name: `${name}, lost`,
        value: Math.max(...lost),
        unit: "",
        note: `datagrams at most, one every 5 ms; ${note}`,
      },
    ];
  });
}

/** Why not the same for all: a node whose speaker alone dies forwards on, and only who asks anew has to wait. */
function waits(kind: CrashKind, outages: readonly Outage[]): readonly number[] {
  return outages.map(({ announcedMs, gapMs }) => (kind === "kill -9" ? announcedMs : gapMs));
}

function tell(waitsMs: readonly number[], say: (line: string) => void): void {
  say(waitsMs.map((wait) => wait.toFixed(0)).join(" "));
  for (const line of histogram(waitsMs)) say(line);
}
