import { join } from "node:path";
import type { Cluster } from "../cluster/cluster.ts";
import { CommandError } from "../cluster/command.ts";
import { Segment } from "../cluster/segment.ts";
import { NAMESPACE } from "./installation.ts";

const CHART = join(import.meta.dirname, "../../charts/herald");

/** Installs the kinds of metallb.io as the chart has them. */
export async function installKinds(cluster: Cluster): Promise<void> {
  await cluster.apply(await cluster.helm(["template", "herald", CHART, "--show-only=templates/crds.yaml"]));
  await untilServed(cluster);
}

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly plural: string };
    readonly versions: readonly { readonly name: string }[];
  };
}

/**
 * Waits until kubectl finds the kinds of all definitions, and the API server lists their objects. Why not only for
 * "Established": the API server hears of that condition as any other client does, and only then serves the kind.
 */
export async function untilServed(cluster: Cluster): Promise<void> {
  await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  const { items } = await cluster.api.get<{ items: readonly Definition[] }>(
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
  );
  const kinds = items.flatMap(({ spec: { group, names, versions } }) =>
    versions.map(({ name }) => `${names.plural}.${name}.${group}`),
  );
  await new Segment(cluster).until(
    async () => {
      try {
        await cluster.kubectl(["get", kinds.join(), "--all-namespaces"]);
        return true;
      } catch (error) {
        if (error instanceof CommandError) return false;
        throw error;
      }
    },
    `${kinds.join(", ")} are served`,
  );
}

/** An object of metallb.io in the namespace of the installation. */
export function metallbObject(kind: string, name: string, spec: object): object {
  return { apiVersion: "metallb.io/v1beta1", kind, metadata: { namespace: NAMESPACE, name }, spec };
}
