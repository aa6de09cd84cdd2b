import { join } from "node:path";
import type { Cluster } from "../cluster/cluster.ts";
import { NAMESPACE } from "./installation.ts";

const CHART = join(import.meta.dirname, "../../charts/herald");

/** Installs the kinds of metallb.io as the chart has them. */
export async function installKinds(cluster: Cluster): Promise<void> {
  await cluster.apply(await cluster.helm(["template", "herald", CHART, "--show-only=templates/crds.yaml"]));
  await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
}

/** An object of metallb.io in the namespace of the installation. */
export function metallbObject(kind: string, name: string, spec: object): object {
  return { apiVersion: "metallb.io/v1beta1", kind, metadata: { namespace: NAMESPACE, name }, spec };
}
