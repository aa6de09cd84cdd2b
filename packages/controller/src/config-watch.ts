import { isDeepStrictEqual } from "node:util";
import type { Log } from "@herald/daemon/log";
import type { ConfigMapView } from "@herald/k8s/config-map";
import type { EventRecorder } from "@herald/k8s/events";
import type { EventRecord } from "@herald/k8s/events-core";
import type { Config } from "@herald/shared/config/config";
import { type ConfigMistake, describeMistake } from "@herald/shared/errors";
import { ConfigKeeper, type ConfigNews, type ConfigOffer, describeMistakes } from "./config-keeper.ts";
import type { PoolObject } from "./pool-object.ts";
import { configMapReference, poolReference } from "./references.ts";

export interface ConfigWatchOptions {
  readonly namespace: string;
  /** `namespace/name` of the ConfigMap. */
  readonly name: string;
  readonly log: Log;
  readonly events: Pick<EventRecorder, "record">;
}

/** The configuration in force, with everybody told who should know: each fact once. */
export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  readonly #keeper = new ConfigKeeper();
  /** What objects are to be told, by uid. Only the leader tells it, so a follower keeps the last word. */
  readonly #untold = new Map<string, EventRecord>(); // of the ConfigMap and at most MAX_TOLD pools

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
  }

  /** `undefined` until a good one was offered. */
  get inForce(): Config | undefined {
    return this.#keeper.inForce;
  }

  /** As of a ConfigOutcome. */
  get refusedPools(): readonly string[] | undefined {
    return this.#keeper.refusedPools;
  }

  get stale(): boolean {
    return this.#keeper.stale;
  }

  /** What is wrong with the sources; `undefined` while there are none, empty when all of them is in force. */
  get mistakes(): readonly ConfigMistake[] | undefined {
    const { mistakes, inForce } = this.#keeper;
    return mistakes.length === 0 && inForce === undefined ? undefined : mistakes;
  }

  /**
   * @param pools the objects of the offer, to tell them what is wrong.
   * @returns the configuration that comes into force now, or stays so beside other pools that are refused.
   */
  offer(offer: ConfigOffer, pools: readonly PoolObject[] = []): Config | undefined {
    let loaded: Config | undefined;
    const refusedBefore = this.refusedPools;
    for (const news of this.#keeper.offer(offer)) {
      this.#report(news, offer.objects !== undefined && offer.objects.pools.length > 0, pools);
      if (news.type === "loaded") loaded = news.config;
    }
    return loaded ?? (isDeepStrictEqual(refusedBefore, this.refusedPools) ? undefined : this.inForce);
  }

  /** Writes the Events that are due, if any. */
  tell(): void {
    for (const record of this.#untold.values()) this.#options.events.record(record);
    this.#untold.clear();
  }

  #report(news: ConfigNews, hasObjects: boolean, pools: readonly PoolObject[]): void {
    const { log, name } = this.#options;
    switch (news.type) {
      case "missing":
        this.#untold.clear();
        if (this.stale) log.warn("ConfigMap is gone, the last good configuration stays", { name });
        else if (!hasObjects) log.info("waiting for the ConfigMap with the address pools", { name });
        return;
      case "refused": {
        const { mistakes } = news;
        log.error("configuration refused", { name, mistakes: mistakes.map(describeMistake) });
        this.#prepare(news.source, "Warning", "InvalidConfiguration", describeMistakes(mistakes));
        return;
      }
      case "restored":
        log.info("configuration is good again", { name });
        this.#prepare(news.source, "Normal", "ConfigurationLoaded", "The configuration is good again");
        return;
      case "pools-refused":
        log.error("address pools refused", { mistakes: news.mistakes.map(describeMistake) });
        this.#preparePools(news.mistakes, pools);
        return;
      case "pools-restored":
        log.info("address pools are good again");
        return;
      case "loaded":
        this.#reportLoaded(news);
    }
  }

  #reportLoaded({ config, source }: ConfigNews & { readonly type: "loaded" }): void {
    const { log, name } = this.#options;
    const pools = config.pools.map((pool) => pool.name);
    log.info("configuration loaded", { name, pools });
    if (source === undefined) return;
    const message = pools.length === 0 ? "No address pools" : `Address pools: ${pools.join(", ")}`;
    this.#prepare(source, "Normal", "ConfigurationLoaded", message);
  }

  #prepare(source: ConfigMapView, type: EventRecord["type"], reason: string, message: string): void {
    this.#untold.set(source.uid, { regarding: configMapReference(source), type, reason, message });
  }

  /** Each pool is told of its own mistakes. */
  #preparePools(mistakes: readonly ConfigMistake[], pools: readonly PoolObject[]): void {
    const { namespace } = this.#options;
    const told = pools.flatMap((pool) => {
      const own = mistakes.filter(({ path }) => path.startsWith(`IPAddressPool ${pool.metadata.name}:`));
      return own.length === 0 ? [] : [{ pool, message: describeMistakes(own) }];
    });
    for (const { pool, message } of told.slice(0, MAX_TOLD)) {
      const regarding = poolReference(namespace, pool);
      this.#untold.set(pool.uid, { regarding, type: "Warning", reason: "InvalidConfiguration", message });
    }
  }
}

/** Pools that are told of their mistakes at once; the log has them all. */
const MAX_TOLD = 20;
