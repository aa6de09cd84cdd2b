import type { ConfigMapView } from "@herald/k8s/config-map";
import type { ObjectReference } from "@herald/k8s/events-core";
import type { ServiceView } from "@herald/shared/service/view";
import type { PoolObject } from "./pool-object.ts";

/** What an Event on a Service is about. */
export function serviceReference({ key, uid }: ServiceView): ObjectReference {
  const slash = key.indexOf("/");
  return {
    apiVersion: "v1",
    kind: "Service",
    namespace: key.slice(0, slash),
    name: key.slice(slash + 1),
    uid,
  };
}

export function configMapReference({ namespace, name, uid }: ConfigMapView): ObjectReference {
  return { apiVersion: "v1", kind: "ConfigMap", namespace, name, uid };
}

export function poolReference(namespace: string, { metadata, uid }: PoolObject): ObjectReference {
  return { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", namespace, name: metadata.name, uid };
}
