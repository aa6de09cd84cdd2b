import type { Log } from "@herald/daemon/log";
import type { ApiClient, ApiObject } from "@herald/k8s/api";
import type { EventRecorder } from "@herald/k8s/events";
import type { ObjectReference } from "@herald/k8s/events-core";
import { type OptionalNotice, OptionalReflector } from "@herald/k8s/optional-reflector";
import { nodesPath } from "@herald/k8s/paths";
import { type ClusterNetwork, networkOverlaps } from "@herald/shared/allocator/network-overlaps";
import type { Pool } from "@herald/shared/config/config";
import type { Clock, Random } from "@herald/shared/core";
import { parseRange } from "@herald/shared/ip/range";

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
  readonly notice: (resource: "nodes" | "servicecidrs", notice: OptionalNotice) => void;
}

/** Warns of pools that give out addresses which nodes, pods or Services of the cluster use: once for each finding. */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions;
  readonly #nodes: OptionalReflector<readonly ClusterNetwork[]>;
  readonly #serviceCidrs: OptionalReflector<readonly ClusterNetwork[]>;
  #told: ReadonlyMap<string, string> = new Map(); // by pool
  #cancel: (() => void) | undefined; // while a look is due

  constructor(options: NetworkWatchOptions) {
    const { client, clock, random, notice } = options;
    this.#options = options;
    const ports = { client, clock, random, onChange: () => this.changed() };
    this.#nodes = new OptionalReflector({
      ...ports,
      path: nodesPath(),
      view: networksOfNode,
      notice: (news) => notice("nodes", news),
    });
    this.#serviceCidrs = new OptionalReflector({
      ...ports,
      path: "/apis/networking.k8s.io/v1/servicecidrs",
      view: networksOfServices,
      notice: (news) => notice("servicecidrs", news),
    });
  }

  /** Networks or pools may be different now; they are looked at soon. */
  changed(): void {
    const { clock } = this.#options;
    this.#cancel ??= clock.at(clock.now() + COALESCE_MS, () => this.#look());
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#nodes.run(signal), this.#serviceCidrs.run(signal)]);
    this.#cancel?.();
  }

  #look(): void {
    this.#cancel = undefined;
    const { log, events, pools, referenceOf } = this.#options;
    const networks = [...(this.#nodes.values() ?? []), ...(this.#serviceCidrs.values() ?? [])].flat();
    const found = networkOverlaps(pools(), networks);
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

interface NodeObject extends ApiObject {
  readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

interface ServiceCidrObject extends ApiObject {
  readonly spec?: { readonly cidrs?: readonly string[] };
}

function networksOfNode({ metadata, spec = {}, status = {} }: NodeObject): readonly ClusterNetwork[] {
  const { podCIDR, podCIDRs = podCIDR === undefined ? [] : [podCIDR] } = spec;
  const name = metadata?.name ?? "";
  const addresses = (status.addresses ?? []).filter(({ type }) => type.endsWith("IP"));
  return [
    ...podCIDRs.flatMap((text) => network(`the pod network of node "${name}"`, text)),
    ...addresses.flatMap(({ address }) => network(`an address of node "${name}"`, `${address}-${address}`)),
  ];
}

function networksOfServices({ spec = {} }: ServiceCidrObject): readonly ClusterNetwork[] {
  return (spec.cidrs ?? []).flatMap((text) => network("the network of Services", text));
}

function network(what: string, text: string): readonly ClusterNetwork[] {
  const parsed = parseRange(text);
  return "range" in parsed ? [{ what, range: parsed.range }] : [];
}
