import { isDeepStrictEqual } from "node:util";
import type { Log } from "@herald/daemon/log";
import type { ApiClient } from "@herald/k8s/api";
import type { EventRecorder } from "@herald/k8s/events";
import { type OptionalNotice, OptionalReflector } from "@herald/k8s/optional-reflector";
import { nodesPath } from "@herald/k8s/paths";
import type { Pool } from "@herald/shared/config/config";
import type { Clock, Random } from "@herald/shared/core";
import type { ServiceKey } from "@herald/shared/service/view";
import { AdvertisementWatch } from "./advertisement-watch.ts";
import { AnnotationWatch } from "./annotation-watch.ts";
import type { Caches } from "./caches.ts";
import type { ControllerMetrics } from "./metrics.ts";
import { NetworkWatch } from "./network-watch.ts";
import { type NodeState, nodeState } from "./node-state.ts";
import { logReflectorNotice } from "./notices.ts";
import { PeerSummaries } from "./peer-summaries.ts";
import { configMapReference, poolReference } from "./references.ts";

export interface LeaderWatchesOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly metrics: ControllerMetrics;
  readonly namespace: string;
  readonly caches: Caches;
  /** In force now. */
  readonly pools: () => readonly Pool[];
  readonly mayWrite: () => boolean;
}

/** What the leader reads beside its caches, to warn and to sum up: who follows has no use for it. */
export class LeaderWatches {
  readonly #options: LeaderWatchesOptions;
  readonly #nodes: OptionalReflector<NodeState>;
  readonly #networks: NetworkWatch;
  readonly #summaries: PeerSummaries;
  readonly #advertisements: AdvertisementWatch;
  readonly #annotations: AnnotationWatch;

  constructor(options: LeaderWatchesOptions) {
    this.#options = options;
    this.#nodes = this.#createNodes();
    this.#networks = this.#createNetworkWatch();
    this.#summaries = this.#createPeerSummaries();
    this.#advertisements = this.#createAdvertisementWatch();
    this.#annotations = this.#createAnnotationWatch();
  }

  /** Other pools may be in force now, or be written. */
  poolsChanged(): void {
    this.#networks.changed();
    this.#advertisements.changed();
    this.#annotations.changed();
  }

  /** The caches have news of these Services. */
  servicesChanged(keys: readonly ServiceKey[]): void {
    for (const key of keys) {
      const view = this.#options.caches.service(key);
      if (view !== undefined) this.#networks.serviceChanged(view);
    }
  }

  /** Resolves once `lease` is aborted; what `lost` aborts is dropped where it stands. Rejects only with a bug of ours. */
  async run(lease: AbortSignal, lost: AbortSignal): Promise<void> {
    await Promise.all([
      this.#nodes.run(lease),
      this.#networks.run(lease),
      this.#advertisements.run(lease),
      this.#summaries.run(lease, lost),
    ]);
    this.#annotations.close();
  }

  #createNodes(): OptionalReflector<NodeState> {
    return new OptionalReflector<NodeState>({
      ...this.#options,
      path: nodesPath(),
      view: nodeState,
      isSame: isDeepStrictEqual,
      onChange: () => {
        this.#networks.changed();
        this.#summaries.changed();
      },
      notice: (notice) => this.#notice("nodes", notice),
    });
  }

  #createNetworkWatch(): NetworkWatch {
    const { namespace, caches } = this.#options;
    return new NetworkWatch({
      ...this.#options,
      nodes: () => this.#nodes.values() ?? [],
      services: () => caches.services(),
      referenceOf: (name) => {
        const pool = caches.pools()?.find(({ metadata }) => metadata.name === name);
        const configMap = caches.config();
        if (pool !== undefined) return poolReference(namespace, pool);
        return configMap && configMapReference(configMap);
      },
      notice: (notice) => this.#notice("servicecidrs", notice),
    });
  }

  #createAdvertisementWatch(): AdvertisementWatch {
    const { caches } = this.#options;
    return new AdvertisementWatch({
      ...this.#options,
      objects: () => caches.pools() ?? [],
      onChange: () => this.#annotations.changed(),
      notice: (resource, notice) => this.#notice(resource, notice),
    });
  }

  #createPeerSummaries(): PeerSummaries {
    const { log } = this.#options;
    return new PeerSummaries({
      ...this.#options,
      unready: () => new Set(this.#nodes.values()?.flatMap(({ name, isReady }) => (isReady ? [] : name))),
      onPeers: () => this.#annotations.changed(),
      notice: (resource, notice) => this.#notice(resource, notice),
      retried: ({ key, error, inMs }) =>
        log.warn("status not written, trying again", { peer: key, reason: error.message, inMs }),
    });
  }

  #createAnnotationWatch(): AnnotationWatch {
    const { namespace, caches } = this.#options;
    return new AnnotationWatch({
      ...this.#options,
      objects: () => [
        ...(caches.pools() ?? []).map((pool) => ({
          reference: poolReference(namespace, pool),
          annotations: pool.metadata.annotations ?? {},
        })),
        ...this.#advertisements.annotated(),
        ...this.#summaries.annotated(),
      ],
    });
  }

  #notice(resource: Parameters<typeof logReflectorNotice>[1], notice: OptionalNotice): void {
    const { log, metrics } = this.#options;
    metrics.noticed(resource, notice.type);
    logReflectorNotice(log, resource, notice);
  }
}
