import { fileURLToPath } from "node:url";
import type { ApiObject } from "../cluster/api.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { buildImages } from "../cluster/images.ts";
import { mainProcesses } from "../cluster/main-processes.ts";
import { whyNot } from "../cluster/requirements.ts";
import { AddressWatch, createMany } from "../real/many-services.ts";
import { memory } from "./process-cost.ts";
import type { Row } from "./row.ts";

const CHART = fileURLToPath(new URL("../../charts/herald", import.meta.url));
const NAMESPACE = "metallb-system";
const COUNTS = [1, 1_000] as const;
const VALUES = `configInline:
  address-pools:
  - name: default
    protocol: layer2
    addresses: [198.18.0.0/20]
`;
const PROGRAMS = ["controller", "speaker"] as const;

/** Both programs as pods of their real images: how soon they are ready, and what memory they keep. */
export async function benchPrograms(onProgress: (line: string) => void = () => {}): Promise<Row[]> {
  const reason = whyNot({ kubelets: true });
  if (reason !== undefined)
    return [{ name: "programs", value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  const images = await buildImages({ onProgress });
  const cluster = await startCluster({ name: "bench-prog", nodes: 1, kubelets: true, onProgress });
  try {
    await cluster.importImage(images.controller);
    await cluster.importImage(images.speaker);
    return await measure(cluster);
  } finally {
    await cluster.stop();
  }
}

async function measure(cluster: Cluster): Promise<Row[]> {
  await cluster.helm(
    [
      ...[
        "install",
        "herald",
        CHART,
        `--namespace=${NAMESPACE}`,
        "--create-namespace",
        "--values=-",
        "--wait",
      ],
      ...PROGRAMS.map((program) => `--set=${program}.image.tag=dev`),
    ],
    { input: VALUES },
  );
  const rows: Row[] = [];
  for (const program of PROGRAMS) {
    rows.push({
      name: `${program}, start to ready`,
      value: await readyAfterMs(cluster, program),
      unit: "ms",
      note: "the program's own clock, in its image",
    });
  }
  const watch = await AddressWatch.start(cluster.api);
  for (const count of COUNTS) {
    const from = performance.now();
    const names = Array.from({ length: count - watch.addresses.size }, (_, index) => `s${count}-${index}`);
    const createdAt = await createMany(
      cluster.api,
      names.map((name) => ({ name })),
    );
    const addressedAt = await watch.untilAddressed(count, 120_000);
    if (count > 1) {
      rows.push({
        name: `${count} Services addressed, after the last create`,
        value: addressedAt - createdAt,
        unit: "ms",
        note: `creating them took ${(createdAt - from).toFixed(0)} ms`,
      });
    }
    for (const program of PROGRAMS) rows.push(...memoryRows(cluster, program, count));
  }
  watch.stop();
  return rows;
}

async function readyAfterMs(cluster: Cluster, program: string): Promise<number> {
  const { items } = await cluster.api.get<{ items: readonly ApiObject[] }>(
    `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fcomponent%3D${program}`,
  );
  const log = await cluster.kubectl(["logs", items[0]?.metadata.name ?? "", `--namespace=${NAMESPACE}`]);
  const ready = log
    .split("\n")
    .filter((line) => line.includes('"ready"'))
    .map((line) => JSON.parse(line) as { msg: string; afterMs: number })
    .find(({ msg }) => msg === "ready");
  return ready?.afterMs ?? Number.NaN;
}

function memoryRows(cluster: Cluster, program: string, services: number): readonly Row[] {
  const [pid] = mainProcesses(cluster, program);
  if (pid === undefined) throw new Error(`no container runs the ${program}`);
  const { residentMib, ownMib } = memory({ pid });
  const note = `${services} Services; of it ${ownMib.toFixed(0)} MiB its own, the rest files shared with others`;
  return [{ name: `${program}, resident memory`, value: residentMib, unit: "MiB", note }];
}

if (import.meta.main) {
  console.table(await benchPrograms((line) => console.error(line)));
}
