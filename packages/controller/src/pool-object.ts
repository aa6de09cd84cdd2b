import type { ApiObject } from "@herald/k8s/api";
import type { ConfigObject } from "@herald/shared/config/objects/config-objects";

/** An IPAddressPool as somebody wrote it. */
export interface PoolObject extends ConfigObject {
  readonly uid: string;
  /** What its status says now, whoever wrote that. */
  readonly status: unknown;
}

/** The view of an IPAddressPool as it comes over the wire. */
export function poolObject(
  object: ApiObject & Pick<ConfigObject, "spec"> & { readonly status?: unknown },
): PoolObject {
  const { name = "", uid = "", ...metadata } = object.metadata ?? {};
  const { labels = {}, annotations = {} } = metadata as Partial<ConfigObject["metadata"]>;
  return { uid, metadata: { name, labels, annotations }, spec: object.spec, status: object.status };
}
