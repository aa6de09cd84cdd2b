import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ApiObject } from "../cluster/api.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { buildImages } from "../cluster/images.ts";
import { mainProcesses } from "../cluster/main-processes.ts";
import { whyNot } from "../cluster/requirements.ts";
import { addressesIn, type ServiceObject, service } from "../real/objects.ts";
import type { Row } from "./row.ts";

const CHART = fileURLToPath(new URL("../../charts/herald", import.meta.url));
const NAMESPACE = "metallb-system";
const SERVICES = "/api/v1/namespaces/default/services";
const COUNTS = [1, 1_000] as const;
const AT_ONCE = 50;
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
  let created = 0;
  for (const count of COUNTS) {
    const names = Array.from({ length: count - created }, (_, index) => `s${created + index}`);
    const from = performance.now();
    // Why in turns: what waits too long on a busy machine is answered with a timeout.
    while (names.length > 0) {
      const turn = names.splice(0, AT_ONCE);
      await Promise.all(turn.map((name) => cluster.api.post(SERVICES, service({ name }))));
    }
    const createdMs = performance.now() - from;
    created = count;
    await allAddressed(cluster, count);
    const addressedMs = performance.now() - from;
    if (count > 1) {
      rows.push({
        name: `${count} Services addressed, after the last create`,
        value: addressedMs - createdMs,
        unit: "ms",
        note: `creating them took ${createdMs.toFixed(0)} ms`,
      });
    }
    for (const program of PROGRAMS) rows.push(...memoryRows(program, count));
  }
  return rows;
}

async function allAddressed(cluster: Cluster, count: number): Promise<void> {
  await cluster.waitFor<{ readonly items: readonly ServiceObject[] }>(
    SERVICES,
    (list) => (list?.items ?? []).filter((item) => addressesIn(item).length > 0).length >= count,
    120_000,
    `${count} Services have addresses`,
  );
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

function memoryRows(program: string, services: number): readonly Row[] {
  const [pid] = mainProcesses(program);
  const status = pid === undefined ? "" : readFileSync(`/proc/${pid}/status`, "utf8");
  const mebibytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  const note = `${services} Services; of it ${mebibytes("RssAnon").toFixed(0)} MiB its own, the rest files shared with others`;
  return [{ name: `${program}, resident memory`, value: mebibytes("VmRSS"), unit: "MiB", note }];
}

if (import.meta.main) {
  console.table(await benchPrograms((line) => console.error(line)));
}
