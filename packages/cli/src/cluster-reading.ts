import { type ApiClient, ApiError, type ApiObject } from "@herald/k8s/api";
import { type ConfigMapView, configMapView } from "@herald/k8s/config-map";
import {
  configMapsPath,
  metallbPath,
  namespacesPath,
  nodesPath,
  objectPath,
  servicesPath,
} from "@herald/k8s/paths";
import { serviceView } from "@herald/k8s/service";
import { CRD_KINDS } from "@herald/shared/config/crd/kinds";
import type { ConfigObject, Labelled } from "@herald/shared/config/objects/config-objects";
import type { ServiceView } from "@herald/shared/service/view";
import { CommandError } from "./output.ts";
import { type RawWorkload, releaseOf, type Workload, workloadOf } from "./workloads.ts";

/** What `migrate --check` reads of a cluster: with get and list alone. */
export interface ClusterReading {
  readonly namespace: string;
  /** Of type LoadBalancer. */
  readonly services: readonly ServiceView[];
  readonly configMap: ConfigMapView | undefined;
  /** By kind of the group metallb.io; a kind that the API server does not know is left out. */
  readonly objects: ReadonlyMap<string, readonly ConfigObject[]>;
  /** AddressPools, which only MetalLB 0.13 reads. */
  readonly addressPools: readonly ConfigObject[];
  readonly namespaces: readonly Labelled[];
  readonly nodes: readonly Labelled[];
  /** MetalLB's and ours. */
  readonly workloads: readonly Workload[];
  /** Secrets that speakers have the key of the gossip from. */
  readonly secrets: readonly GossipSecret[];
  /** Other ConfigMaps that MetalLB reads, by name. */
  readonly extras: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Names of FRRConfigurations that MetalLB did not write itself. */
  readonly frrConfigurations: readonly string[];
  readonly crds: readonly InstalledKind[];
  /** What we were not let read. */
  readonly denied: readonly Denied[];
}

export interface Denied {
  readonly what: string;
  readonly need: Need;
}

/** What something is read for: to judge addresses and announcements by it, or to tell more beside. */
type Need = "verdict" | "remark";

export interface GossipSecret {
  readonly name: string;
  readonly state: "keyed" | "without key" | "missing";
}

/** A definition of the group metallb.io. */
export interface InstalledKind {
  readonly name: string;
  /** `name in namespace` of the Helm release it goes with; "" when it goes with none. */
  readonly release: string;
  /** Whether objects may be stored in a version that is read through a webhook alone. */
  readonly needsWebhook: boolean;
}

/** Of these MetalLB's programs write what is the case; ours write it anew. */
export const REPORTS: ReadonlySet<string> = new Set([
  ...["ServiceL2Status", "ServiceBGPStatus", "BGPSessionState", "ConfigurationState"],
]);

/** Plural of a kind of the group that we have not. */
const ADDRESS_POOLS = "addresspools";

/** MetalLB's ConfigMaps beside the configuration. */
export const EXTRAS = ["bgpextras", "metallb-excludel2", "metallb-memberlist-config"] as const;

const PAGE_OBJECTS = 500;

/** @throws {CommandError} when the API server does not answer. */
export async function readCluster(
  client: ApiClient,
  { namespace, config }: { readonly namespace: string; readonly config: string },
): Promise<ClusterReading> {
  const reader = new Reader(client);
  const services = await reader.list<Parameters<typeof serviceView>[0]>("services", servicesPath());
  const objects = new Map<string, readonly ConfigObject[]>();
  for (const { kind, plural, versions } of CRD_KINDS) {
    const version = versions.find(({ isStored }) => isStored)?.name ?? "v1beta1";
    const need = REPORTS.has(kind) ? "remark" : "verdict";
    const found = await reader.list<ConfigObject>(plural, metallbPath(plural, namespace, version), need);
    if (found !== undefined) objects.set(kind, found);
  }
  const workloads = await readWorkloads(reader);
  return {
    namespace,
    objects,
    workloads,
    addressPools: (await reader.list(ADDRESS_POOLS, metallbPath(ADDRESS_POOLS, namespace, "v1beta1"))) ?? [],
    services: (services ?? []).map(serviceView).filter(({ type }) => type === "LoadBalancer"),
    configMap: await reader.configMap(namespace, config, "verdict"),
    namespaces: labelled(await reader.list("namespaces", namespacesPath())),
    nodes: labelled(await reader.list("nodes", nodesPath())),
    secrets: await readSecrets(reader, namespace, workloads),
    extras: await readExtras(reader, namespace),
    frrConfigurations: await readFrr(reader),
    crds: await readKinds(reader),
    denied: reader.denied,
  };
}

class Reader {
  readonly denied: Denied[] = [];
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** @returns `undefined` for what is not there, or not for us. */
  async list<T extends ApiObject>(
    what: string,
    path: string,
    need: Need = "verdict",
  ): Promise<readonly T[] | undefined> {
    return await this.#try({ what, need }, async () => {
      const items: T[] = [];
      let token: string | undefined;
      do {
        const page = await this.#client.listPage<T>(path, { limit: PAGE_OBJECTS, continue: token });
        items.push(...(page.items as readonly unknown[] as readonly T[]));
        token = page.continue;
      } while (token !== undefined);
      return items;
    });
  }

  async get<T extends ApiObject>(what: string, path: string, need: Need): Promise<T | undefined> {
    return await this.#try({ what, need }, async () => (await this.#client.get<T>(path)) as T);
  }

  async configMap(namespace: string, name: string, need: Need): Promise<ConfigMapView | undefined> {
    const path = objectPath(configMapsPath(namespace), name);
    const found = await this.get<Parameters<typeof configMapView>[0]>(`configmap ${name}`, path, need);
    return found && configMapView(found);
  }

  async #try<T>({ what, need }: Denied, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 404) return undefined;
      if (error.status !== 403) throw new CommandError(`cannot read ${what}: ${error.message}`);
      this.denied.push({ what, need });
      return undefined;
    }
  }
}

async function readWorkloads(reader: Reader): Promise<readonly Workload[]> {
  const apps = "/apis/apps/v1";
  const deployments = await reader.list<RawWorkload>("deployments", `${apps}/deployments`);
  const daemonSets = await reader.list<RawWorkload>("daemonsets", `${apps}/daemonsets`);
  return [
    ...(deployments ?? []).map((raw) => workloadOf("Deployment", raw)),
    ...(daemonSets ?? []).map((raw) => workloadOf("DaemonSet", raw)),
  ].filter((workload) => workload !== undefined);
}

async function readSecrets(
  reader: Reader,
  namespace: string,
  workloads: readonly Workload[],
): Promise<readonly GossipSecret[]> {
  const names = new Set(workloads.flatMap(({ gossipSecret }) => gossipSecret ?? []));
  const secrets: GossipSecret[] = [];
  for (const name of names) {
    const before = reader.denied.length;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
    const found = await reader.get<ApiObject & { readonly data?: object }>(`secret ${name}`, path, "remark");
    if (reader.denied.length > before) continue;
    const keyed = found?.data !== undefined && "secretkey" in found.data;
    secrets.push({ name, state: found === undefined ? "missing" : keyed ? "keyed" : "without key" });
  }
  return secrets;
}

async function readExtras(reader: Reader, namespace: string): Promise<ClusterReading["extras"]> {
  const extras = new Map<string, Readonly<Record<string, string>>>();
  for (const name of EXTRAS) {
    const found = await reader.configMap(namespace, name, "remark");
    if (found !== undefined) extras.set(name, found.data);
  }
  return extras;
}

/** MetalLB's own are called after their nodes. */
async function readFrr(reader: Reader): Promise<readonly string[]> {
  const path = "/apis/frrk8s.metallb.io/v1beta1/frrconfigurations";
  const found = await reader.list<ApiObject>("frrconfigurations", path, "remark");
  return (found ?? [])
    .map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`)
    .filter((name) => !name.includes("/metallb-"));
}

interface RawKind extends ApiObject {
  readonly metadata?: ApiObject["metadata"] & { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly group?: string;
    readonly conversion?: { readonly strategy?: string };
    readonly versions?: readonly { readonly name: string; readonly storage: boolean }[];
  };
  /** Every version that something was ever stored in. */
  readonly status?: { readonly storedVersions?: readonly string[] };
}

async function readKinds(reader: Reader): Promise<readonly InstalledKind[]> {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const found = await reader.list<RawKind>("customresourcedefinitions", path, "remark");
  return (found ?? [])
    .filter(({ spec }) => spec?.group === "metallb.io")
    .map((kind) => ({
      name: kind.metadata?.name ?? "",
      release: releaseOf(kind.metadata?.annotations),
      needsWebhook: needsWebhook(kind),
    }));
}

function needsWebhook({ spec, status }: RawKind): boolean {
  const now = spec?.versions?.find(({ storage }) => storage)?.name;
  const stored = status?.storedVersions ?? [];
  return spec?.conversion?.strategy === "Webhook" && stored.some((version) => version !== now);
}

function labelled(
  objects: readonly (ApiObject & { readonly metadata?: { readonly labels?: Labelled["labels"] } })[] = [],
): readonly Labelled[] {
  return objects.map(({ metadata }) => ({ name: metadata?.name ?? "", labels: metadata?.labels ?? {} }));
}
