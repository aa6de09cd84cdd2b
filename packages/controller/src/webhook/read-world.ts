import { type ApiClient, ApiError, type ApiObject, type ListOptions } from "@herald/k8s/api";
import { configMapView } from "@herald/k8s/config-map";
import { configMapsPath, metallbPath, namespacesPath, nodesPath, objectPath } from "@herald/k8s/paths";
import type { Config } from "@herald/shared/config/config";
import { configFromConfigMap } from "@herald/shared/config/load";
import type { ConfigObject, Labelled } from "@herald/shared/config/objects/config-objects";
import { ConfigError } from "@herald/shared/errors";
import type { World } from "./change.ts";

export interface WorldPlace {
  readonly namespace: string;
  /** Name of the ConfigMap with a configuration. */
  readonly configName: string;
}

/**
 * Reads everything from the API server as it is now. Not from what the controller follows: two objects of one
 * `kubectl apply` come within milliseconds, and the second is judged beside the first.
 *
 * @throws {ApiError} when any of it cannot be read, so that nothing is judged on half of it.
 */
export async function readWorld(
  client: ApiClient,
  { namespace, configName }: WorldPlace,
  signal: AbortSignal,
): Promise<World> {
  const list = (path: string) => listAll(client, path, { signal });
  // Why: a node is 20 KB with its images, and thousands of them are parsed for each change.
  const labelsOf = (path: string) => listAll(client, path, { signal, metadataOnly: true });
  const kind = async (plural: string, version?: string) =>
    (await list(metallbPath(plural, namespace, version))).map(toConfigObject);
  const [
    configMap,
    pools,
    l2Advertisements,
    bgpAdvertisements,
    peers,
    bfdProfiles,
    communities,
    ...labelled
  ] = await Promise.all([
    readConfigMap(client, objectPath(configMapsPath(namespace), configName), signal),
    kind("ipaddresspools"),
    kind("l2advertisements"),
    kind("bgpadvertisements"),
    kind("bgppeers", "v1beta2"),
    kind("bfdprofiles"),
    kind("communities"),
    labelsOf(namespacesPath()),
    labelsOf(nodesPath()),
  ]);
  const [namespaces, nodes] = labelled.map((objects) => objects.map(toLabelled));
  return {
    configMap,
    objects: {
      pools,
      l2Advertisements,
      bgpAdvertisements,
      peers,
      bfdProfiles,
      communities,
      secrets: undefined,
      namespaces: namespaces ?? [],
      nodes,
    },
  };
}

/** As the reflectors have it. */
const PAGE_OBJECTS = 500;

/** @returns none where the API server has no such kind. */
async function listAll(
  client: ApiClient,
  path: string,
  options: Pick<ListOptions, "signal" | "metadataOnly">,
): Promise<readonly Listed[]> {
  const objects: Listed[] = [];
  let token: string | undefined;
  do {
    try {
      const page = await client.listPage<Listed>(path, { ...options, limit: PAGE_OBJECTS, continue: token });
      objects.push(...page.items);
      token = page.continue;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    }
  } while (token !== undefined);
  return objects;
}

async function readConfigMap(
  client: ApiClient,
  path: string,
  signal: AbortSignal,
): Promise<Config | undefined> {
  try {
    const { data } = configMapView(await client.get(path, { signal }));
    return configFromConfigMap(data);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

type Listed = ApiObject & Partial<ConfigObject>;

function toConfigObject({ metadata, spec }: Listed): ConfigObject {
  const { name = "", labels, annotations } = (metadata ?? {}) as Partial<ConfigObject["metadata"]>;
  return { metadata: { name, ...(labels && { labels }), ...(annotations && { annotations }) }, spec };
}

function toLabelled(object: Listed): Labelled {
  const { name, labels = {} } = toConfigObject(object).metadata;
  return { name, labels };
}
