import type { Log } from "@herald/daemon/log";
import type { ApiClient, ApiObject } from "@herald/k8s/api";
import type { EventRecorder } from "@herald/k8s/events";
import { type OptionalNotice, OptionalReflector } from "@herald/k8s/optional-reflector";
import { metallbPath } from "@herald/k8s/paths";
import type { Pool } from "@herald/shared/config/config";
import type { ConfigObject } from "@herald/shared/config/objects/config-objects";
import { type PoolSelection, selectPools, toSelection } from "@herald/shared/config/objects/pool-selection";
import type { Clock, Random } from "@herald/shared/core";
import { type AnnotatedObject, annotatedObject } from "./annotation-watch.ts";
import type { PoolObject } from "./pool-object.ts";
import { poolReference } from "./references.ts";

export interface AdvertisementWatchOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  readonly log: Log;
  readonly events: EventRecorder;
  /** In force now. */
  readonly pools: () => readonly Pool[];
  readonly objects: () => readonly PoolObject[];
  /** Some advertisement may be different now. */
  readonly onChange: () => void;
  readonly notice: (resource: AdvertisementKind, notice: OptionalNotice) => void;
}

export type AdvertisementKind = "l2advertisements" | "bgpadvertisements";

/** Warns of IPAddressPools that no advertisement selects: their addresses are given out and nobody announces them. */
export class AdvertisementWatch {
  readonly #options: AdvertisementWatchOptions;
  readonly #kinds: readonly OptionalReflector<Advertisement>[];
  #told: ReadonlySet<string> = new Set(); // names of pools
  #cancel: (() => void) | undefined; // while a look is due

  constructor(options: AdvertisementWatchOptions) {
    const { client, clock, random, namespace, notice, onChange } = options;
    this.#options = options;
    const follow = (plural: AdvertisementKind, kind: string) =>
      new OptionalReflector<Advertisement>({
        client,
        clock,
        random,
        path: metallbPath(plural, namespace),
        view: (object: AdvertisementObject) => ({
          selection: selectionOf(object),
          annotated: annotatedObject({ apiVersion: "metallb.io/v1beta1", kind }, object),
        }),
        onChange: () => {
          this.changed();
          onChange();
        },
        notice: (news) => notice(plural, news),
      });
    this.#kinds = [
      follow("l2advertisements", "L2Advertisement"),
      follow("bgpadvertisements", "BGPAdvertisement"),
    ];
  }

  /** As far as they are known. */
  annotated(): readonly AnnotatedObject[] {
    return this.#kinds.flatMap((kind) => (kind.values() ?? []).map(({ annotated }) => annotated));
  }

  /** Pools or advertisements may be different now; they are looked at once those applied with them are there, too. */
  changed(): void {
    const { clock } = this.#options;
    this.#cancel ??= clock.at(clock.now() + COALESCE_MS, () => this.#look());
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#kinds.map((kind) => kind.run(signal)));
    this.#cancel?.();
  }

  #look(): void {
    this.#cancel = undefined;
    const { namespace, log, events, pools, objects } = this.#options;
    const known = this.#kinds.map((kind) => kind.values());
    if (known.some((advertisements) => advertisements === undefined)) return;
    const inForce = pools();
    const advertised = new Set(
      known.flatMap((all = []) => all.flatMap(({ selection }) => selectPools(selection, inForce))),
    );
    const named = new Map(inForce.map((pool) => [pool.name, pool]));
    const lonely = objects().filter(({ metadata: { name } }) => {
      const pool = named.get(name);
      return pool !== undefined && !advertised.has(pool);
    });
    for (const pool of lonely) {
      if (this.#told.has(pool.metadata.name)) continue;
      log.warn("pool is announced by nobody", { pool: pool.metadata.name });
      const message =
        "No L2Advertisement and no BGPAdvertisement selects the pool: nobody announces its addresses";
      const regarding = poolReference(namespace, pool);
      events.record({ regarding, type: "Warning", reason: "PoolNotAdvertised", message });
    }
    this.#told = new Set(lonely.map(({ metadata }) => metadata.name));
  }
}

const COALESCE_MS = 30_000;

type AdvertisementObject = ApiObject & Pick<ConfigObject, "spec">;

interface Advertisement {
  readonly selection: PoolSelection;
  readonly annotated: AnnotatedObject;
}

/** One that cannot be read counts as selecting all: it is told of its own mistake elsewhere. */
function selectionOf({ spec }: AdvertisementObject): PoolSelection {
  try {
    return toSelection((spec ?? {}) as Parameters<typeof toSelection>[0]);
  } catch (error) {
    if (error instanceof TypeError) return { names: [], selectors: [] };
    throw error;
  }
}
