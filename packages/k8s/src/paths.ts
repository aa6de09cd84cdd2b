/** Where each resource we use lives. Collections of one namespace, or of all when it is left out. */
export const servicesPath = (namespace?: string): string => core("services", namespace);
export const nodesPath = (): string => core("nodes");
export const namespacesPath = (): string => core("namespaces");
export const podsPath = (namespace?: string): string => core("pods", namespace);
export const configMapsPath = (namespace?: string): string => core("configmaps", namespace);
export const secretsPath = (namespace: string): string => core("secrets", namespace);
export const deploymentsPath = (namespace: string): string =>
  inNamespace("/apis/apps/v1", "deployments", namespace);
export const eventsPath = (namespace?: string): string => core("events", namespace);
export const endpointSlicesPath = (namespace?: string): string =>
  inNamespace("/apis/discovery.k8s.io/v1", "endpointslices", namespace);
export const leasesPath = (namespace: string): string =>
  inNamespace("/apis/coordination.k8s.io/v1", "leases", namespace);

/** A collection of the group metallb.io, such as `ipaddresspools`. */
export const metallbPath = (plural: string, namespace: string, version = "v1beta1"): string =>
  inNamespace(`/apis/metallb.io/${version}`, plural, namespace);

/** @param key `namespace/name`. */
export function servicePath(key: string): string {
  const slash = key.indexOf("/");
  return `${servicesPath(key.slice(0, slash))}/${encodeURIComponent(key.slice(slash + 1))}`;
}

export const serviceStatusPath = (key: string): string => `${servicePath(key)}/status`;

/** The object called `name` in a collection. */
export const objectPath = (collection: string, name: string): string =>
  `${collection}/${encodeURIComponent(name)}`;

function core(resource: string, namespace?: string): string {
  return inNamespace("/api/v1", resource, namespace);
}

function inNamespace(group: string, resource: string, namespace?: string): string {
  return namespace === undefined
    ? `${group}/${resource}`
    : `${group}/namespaces/${encodeURIComponent(namespace)}/${resource}`;
}
