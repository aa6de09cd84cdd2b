import { Reconciler } from "@herald/controller/reconcile";
import { service as serviceView } from "@herald/controller/testing/views";
import { loadConfig } from "@herald/shared/config/load";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { whyNot } from "../cluster/requirements.ts";
import { Installation } from "../real/installation.ts";
import { AddressWatch, createMany } from "../real/many-services.ts";
import type { Row } from "./row.ts";

const AT_ONCE = 300;
const CONFIG = `address-pools:
- name: default
  protocol: layer2
  addresses: [198.18.0.0/15]
`;

/** The controller by itself, then the program on a real API server where this machine can run one. */
export async function benchController(): Promise<Row[]> {
  const rows = [decideForMany(10_000)];
  const reason = whyNot({ kubelets: false });
  if (reason !== undefined) {
    return [
      ...rows,
      { name: "controller program", value: Number.NaN, unit: "", note: `not measured: ${reason}` },
    ];
  }
  const cluster = await startCluster({ name: "bench-ctl", nodes: 1 });
  try {
    return [...rows, ...(await measureProgram(cluster))];
  } finally {
    await cluster.stop();
  }
}

/** What a start costs beyond the network: adopting and deciding for every Service there is. */
function decideForMany(count: number): Row {
  const views = Array.from({ length: count }, (_, index) =>
    serviceView({ key: `default/s${index}`, createdAtMs: index % 97 }),
  );
  const { pools } = loadConfig(CONFIG);
  const from = performance.now();
  new Reconciler({ lbClass: "", source: "ConfigMap ns/config" }).configure(pools, views);
  const value = performance.now() - from;
  return { name: "controller, first decision", value, unit: "ms", note: `${count} new Services, one pool` };
}

async function measureProgram(cluster: Cluster): Promise<Row[]> {
  const herald = await Installation.start(cluster, { speakers: [], controllers: 0 });
  await herald.configure(CONFIG);
  const spawned = performance.now();
  await herald.startController("controller-1");
  const readyMs = performance.now() - spawned;
  const idle = await residentMib(herald);
  const watch = await AddressWatch.start(cluster.api);
  const began = performance.now();
  const created = await createMany(
    cluster.api,
    Array.from({ length: AT_ONCE }, (_, index) => ({ name: `s${index}` })),
  );
  const addressed = await watch.untilAddressed(AT_ONCE, 60_000);
  watch.stop();
  const busy = await residentMib(herald);
  return [
    {
      name: "controller, start to ready",
      value: readyMs,
      unit: "ms",
      note: "spawn to /readyz 200, from source",
    },
    { name: "controller, resident memory idle", value: idle, unit: "MiB", note: "just ready, from source" },
    {
      name: "controller, Services addressed at once",
      value: addressed - began,
      unit: "ms",
      note: `${AT_ONCE} at once; creating them took ${(created - began).toFixed(0)} ms of it`,
    },
    { name: "controller, resident memory after", value: busy, unit: "MiB", note: `with ${AT_ONCE} Services` },
  ];
}

async function residentMib(herald: Installation): Promise<number> {
  const octets = await herald.metric("control-plane", "process_resident_memory_bytes");
  return (octets ?? Number.NaN) / 2 ** 20;
}
