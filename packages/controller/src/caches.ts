import { isDeepStrictEqual } from "node:util";
import type { ApiClient, ApiObject } from "@herald/k8s/api";
import { type ConfigMapView, configMapView } from "@herald/k8s/config-map";
import { type Lack, type OptionalNotice, OptionalReflector } from "@herald/k8s/optional-reflector";
import { configMapsPath, metallbPath, namespacesPath, servicesPath } from "@herald/k8s/paths";
import { Reflector } from "@herald/k8s/reflector";
import { serviceView } from "@herald/k8s/service";
import type { UnreadSource } from "@herald/shared/config/config-sources";
import { type ConfigObjects, type Labelled, NO_OBJECTS } from "@herald/shared/config/objects/config-objects";
import type { Clock, Random } from "@herald/shared/core";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import { type PoolObject, poolObject } from "./pool-object.ts";

export interface CachesOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  /** Name of the ConfigMap with the configuration. */
  readonly configName: string;
  readonly onServices: (keys: readonly ServiceKey[]) => void;
  readonly onConfig: () => void;
  readonly notice: (resource: Resource, notice: OptionalNotice) => void;
}

export type Resource = "services" | "configmaps" | "ipaddresspools" | "namespaces";

/** What the controller reads, as it was at some moment after `run` began or later. */
export class Caches {
  readonly #services: Reflector<ServiceView>;
  readonly #configMaps: OptionalReflector<ConfigMapView>;
  readonly #pools: OptionalReflector<PoolObject>;
  readonly #namespaces: OptionalReflector<Labelled>;
  readonly #configKey: string;

  constructor(options: CachesOptions) {
    const { client, clock, random, namespace, configName, notice } = options;
    const ports = { client, clock, random };
    this.#configKey = `${namespace}/${configName}`;
    this.#services = new Reflector<ServiceView>({
      ...ports,
      path: servicesPath(),
      view: serviceView,
      onChange: (keys) => options.onServices(keys as readonly ServiceKey[]),
      notice: (news) => notice("services", news),
    });
    this.#configMaps = new OptionalReflector<ConfigMapView>({
      ...ports,
      path: configMapsPath(namespace),
      query: { fieldSelector: `metadata.name=${configName}` },
      view: configMapView,
      onChange: () => options.onConfig(),
      notice: (news) => {
        notice("configmaps", news);
        if (news.type === "listed") options.onConfig();
      },
    });
    this.#pools = new OptionalReflector<PoolObject>({
      ...ports,
      path: metallbPath("ipaddresspools", namespace),
      view: poolObject,
      isSame: isDeepStrictEqual, // a status that its definition has no room for is written, and nothing of it is there
      onChange: () => options.onConfig(),
      notice: (news) => {
        notice("ipaddresspools", news);
        if (news.type === "listed") options.onConfig(); // also when there is none: the kind is known now
      },
    });
    this.#namespaces = new OptionalReflector<Labelled>({
      ...ports,
      path: namespacesPath(),
      view: labelledObject,
      onChange: () => options.onConfig(),
      notice: (news) => {
        notice("namespaces", news);
        if (news.type === "listed") options.onConfig();
      },
    });
  }

  /** What has not been read completely yet. */
  get awaited(): readonly string[] {
    return [
      ...(this.#services.synced ? [] : ["the list of Services"]),
      ...(this.#configMaps.isKnown ? [] : [`the ConfigMap ${this.#configKey}`]),
      ...(this.#pools.isKnown ? [] : ["the list of IPAddressPools"]),
      ...(this.#namespaces.isKnown ? [] : ["the list of Namespaces"]),
    ];
  }

  service(key: ServiceKey): ServiceView | undefined {
    return this.#services.get(key);
  }

  services(): Iterable<ServiceView> {
    return this.#services.values();
  }

  config(): ConfigMapView | undefined {
    return this.#configMaps.values()?.[0];
  }

  /** What there is of a configuration, or may be, and was never read: everybody goes on without. */
  unread(): readonly UnreadSource[] {
    return [
      ...unread("configmap", `ConfigMap ${this.#configKey}`, this.#configMaps.lack),
      ...unread("pools", "ipaddresspools", this.#pools.lack),
    ];
  }

  /** `undefined` while the API server has no IPAddressPools, or none for us. */
  pools(): readonly PoolObject[] | undefined {
    return this.#pools.values();
  }

  /** What the API server has of a configuration beside the ConfigMap, as far as it concerns addresses. */
  objects(): ConfigObjects | undefined {
    const pools = this.pools();
    if (pools === undefined) return undefined;
    const isOverdue = this.#namespaces.lack?.type === "overdue";
    return { ...NO_OBJECTS, pools, namespaces: this.#namespaces.values() ?? (isOverdue ? undefined : []) };
  }

  /** Resolves when everything has been listed that there is. @throws the signal's reason when aborted first. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#services.whenSynced(signal),
      this.#configMaps.whenKnown(signal),
      this.#pools.whenKnown(signal),
      this.#namespaces.whenKnown(signal),
    ]);
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    const all = [this.#services, this.#configMaps, this.#pools, this.#namespaces];
    await Promise.all(all.map((reflector) => reflector.run(signal)));
  }
}

function unread(scope: UnreadSource["scope"], what: string, lack: Lack | undefined): readonly UnreadSource[] {
  return lack === undefined || lack.type === "absent" ? [] : [{ scope, what, why: lack.message }];
}

function labelledObject({ metadata }: ApiObject & { metadata?: { labels?: Labelled["labels"] } }): Labelled {
  return { name: metadata?.name ?? "", labels: metadata?.labels ?? {} };
}
