import type { Log } from "@herald/daemon/log";
import type { ApiClient, ApiObject } from "@herald/k8s/api";
import type { EventRecorder } from "@herald/k8s/events";
import type { ObjectReference } from "@herald/k8s/events-core";
import { type OptionalNotice, OptionalReflector } from "@herald/k8s/optional-reflector";
import { hasStray, strayClusterAddresses } from "@herald/shared/allocator/cluster-addresses";
import { type ClusterNetwork, networkOverlaps } from "@herald/shared/allocator/network-overlaps";
import type { Pool } from "@herald/shared/config/config";
import type { Clock, Random } from "@herald/shared/core";
import type { ServiceView } from "@herald/shared/service/view";
import { type NodeState, network } from "./node-state.ts";

export interface NetworkWatchOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventRecorder;
  /** In force now. */
  readonly pools: () => readonly Pool[];
  /** Where a pool is written; `undefined` when that is gone. */
  readonly referenceOf: (pool: string) => ObjectReference | undefined;
  /** As far as they are known. */
  readonly nodes: () => readonly NodeState[];
  readonly services: () => Iterable<ServiceView>;
  readonly notice: (notice: OptionalNotice) => void;
}

/** Warns of pools that give out addresses which nodes, pods or Services of the cluster use: once for each finding. */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions;
  readonly #serviceCidrs: OptionalReflector<readonly ClusterNetwork[]>;
  #told: ReadonlyMap<string, string> = new Map(); // by pool
  #cancel: (() => void) | undefined; // while a look is due

  constructor(options: NetworkWatchOptions) {
    const { client, clock, random, notice } = options;
    this.#options = options;
    this.#serviceCidrs = new OptionalReflector({
      client,
      clock,
      random,
      onChange: () => this.changed(),
      path: "/apis/networking.k8s.io/v1/servicecidrs",
      view: networksOfServices,
      notice: (news) => {
        notice(news);
        this.changed(); // also when there is none: that is known now
      },
    });
  }

  /** Networks or pools may be different now; they are looked at soon. */
  changed(): void {
    const { clock } = this.#options;
    this.#cancel ??= clock.at(clock.now() + COALESCE_MS, () => this.#look());
  }

  /** Such a Service is new, or was changed. Why not of each: all are looked at, and a known network says more. */
  serviceChanged(view: ServiceView): void {
    if (hasStray(view, this.#ofServices)) this.changed();
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#serviceCidrs.run(signal);
    this.#cancel?.();
  }

  get #ofServices(): readonly ClusterNetwork[] {
    return (this.#serviceCidrs.values() ?? []).flat();
  }

  /** API servers before Kubernetes 1.33 do not tell the networks of Services; then their addresses do, as far as they go. */
  #strays(): readonly ClusterNetwork[] {
    const { pools, services } = this.#options;
    if (this.#serviceCidrs.isKnown) return strayClusterAddresses(pools(), services(), this.#ofServices);
    this.changed();
    return [];
  }

  #look(): void {
    this.#cancel = undefined;
    const { log, events, pools, nodes, referenceOf } = this.#options;
    const ofNodes = nodes().flatMap(({ networks }) => networks);
    const found = networkOverlaps(pools(), [...ofNodes, ...this.#ofServices, ...this.#strays()]);
    for (const { pool, message } of found) {
      if (this.#told.get(pool) === message) continue;
      log.warn("pool overlaps a network of the cluster", { pool, message });
      const regarding = referenceOf(pool);
      const record = {
        type: "Warning",
        reason: "PoolOverlapsNetwork",
        message: `Pool "${pool}": ${message}`,
      } as const;
      if (regarding !== undefined) events.record({ regarding, ...record });
    }
    this.#told = new Map(found.map(({ pool, message }) => [pool, message]));
  }
}

const COALESCE_MS = 5_000;

interface ServiceCidrObject extends ApiObject {
  readonly spec?: { readonly cidrs?: readonly string[] };
}

function networksOfServices({ spec = {} }: ServiceCidrObject): readonly ClusterNetwork[] {
  return (spec.cidrs ?? []).flatMap((text) => network("the network of Services", text));
}
