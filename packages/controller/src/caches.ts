import type { ApiClient } from "@herald/k8s/api";
import { type ConfigMapView, configMapView } from "@herald/k8s/config-map";
import { configMapsPath, servicesPath } from "@herald/k8s/paths";
import { Reflector } from "@herald/k8s/reflector";
import type { ReflectorNotice } from "@herald/k8s/reflector-core";
import { serviceView } from "@herald/k8s/service";
import type { Clock, Random } from "@herald/shared/core";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";

export interface CachesOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  /** Name of the ConfigMap with the configuration. */
  readonly configName: string;
  readonly onServices: (keys: readonly ServiceKey[]) => void;
  readonly onConfig: () => void;
  readonly notice: (resource: Resource, notice: ReflectorNotice) => void;
}

export type Resource = "services" | "configmaps";

/** The two collections the controller reads, as they were at some moment after `run` began or later. */
export class Caches {
  readonly #services: Reflector<ServiceView>;
  readonly #configMaps: Reflector<ConfigMapView>;
  readonly #configKey: string;

  constructor(options: CachesOptions) {
    const { client, clock, random, namespace, configName, notice } = options;
    this.#configKey = `${namespace}/${configName}`;
    this.#services = new Reflector<ServiceView>({
      client,
      clock,
      random,
      path: servicesPath(),
      view: serviceView,
      onChange: (keys) => options.onServices(keys as readonly ServiceKey[]),
      notice: (news) => notice("services", news),
    });
    this.#configMaps = new Reflector<ConfigMapView>({
      client,
      clock,
      random,
      path: configMapsPath(namespace),
      query: { fieldSelector: `metadata.name=${configName}` },
      view: configMapView,
      onChange: () => options.onConfig(),
      notice: (news) => notice("configmaps", news),
    });
  }

  /** What has not been read completely yet. */
  get awaited(): readonly string[] {
    return [
      ...(this.#services.synced ? [] : ["the list of Services"]),
      ...(this.#configMaps.synced ? [] : [`the ConfigMap ${this.#configKey}`]),
    ];
  }

  service(key: ServiceKey): ServiceView | undefined {
    return this.#services.get(key);
  }

  services(): Iterable<ServiceView> {
    return this.#services.values();
  }

  config(): ConfigMapView | undefined {
    return this.#configMaps.get(this.#configKey);
  }

  /** Resolves when both have been listed. @throws the signal's reason when aborted first. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#services.whenSynced(signal), this.#configMaps.whenSynced(signal)]);
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#services.run(signal), this.#configMaps.run(signal)]);
  }
}
