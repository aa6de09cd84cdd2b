import type { V1ConfigMap } from "@kubernetes/client-node";
import type { Raw } from "./api.ts";

export interface ConfigMapView {
  readonly name: string;
  readonly namespace: string;
  readonly data: Readonly<Record<string, string>>;
  readonly uid: string;
  readonly resourceVersion: string;
}

export function configMapView({ metadata, data = {} }: Raw<V1ConfigMap>): ConfigMapView {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = metadata ?? {};
  return { name, namespace, data, uid, resourceVersion };
}
