import type { Log } from "@herald/daemon/log";
import type { ConfigMapView } from "@herald/k8s/config-map";
import type { EventRecorder } from "@herald/k8s/events";
import type { EventRecord } from "@herald/k8s/events-core";
import type { Config } from "@herald/shared/config/config";
import { describeMistake } from "@herald/shared/errors";
import { ConfigKeeper, describeMistakes } from "./config-keeper.ts";
import { configMapReference } from "./references.ts";

export interface ConfigWatchOptions {
  /** `namespace/name` of the ConfigMap. */
  readonly name: string;
  readonly parse: (data: Readonly<Record<string, string>>) => Config;
  readonly log: Log;
  readonly events: EventRecorder;
}

/** The configuration in force, with everybody told who should know: each fact once. */
export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  readonly #keeper: ConfigKeeper;
  /** What the ConfigMap is to be told. Only the leader tells it, so a follower keeps the last word. */
  #untold: EventRecord | undefined;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
    this.#keeper = new ConfigKeeper(options.parse);
  }

  /** `undefined` until a good one was offered. */
  get inForce(): Config | undefined {
    return this.#keeper.inForce;
  }

  get stale(): boolean {
    return this.#keeper.stale;
  }

  /** @returns the configuration that comes into force now, if one does. */
  offer(source: ConfigMapView | undefined): Config | undefined {
    const { log, name } = this.#options;
    const news = this.#keeper.offer(source);
    switch (news.type) {
      case "unchanged":
        return undefined;
      case "missing":
        this.#untold = undefined;
        if (this.stale) log.warn("ConfigMap is gone, the last good configuration stays", { name });
        else log.info("waiting for the ConfigMap with the address pools", { name });
        return undefined;
      case "refused": {
        const { mistakes } = news;
        log.error("configuration refused", { name, mistakes: mistakes.map(describeMistake) });
        this.#prepare(news.source, "Warning", "InvalidConfiguration", describeMistakes(mistakes));
        return undefined;
      }
      case "restored":
        log.info("configuration is good again", { name });
        this.#prepare(news.source, "Normal", "ConfigurationLoaded", "The configuration is good again");
        return undefined;
      case "loaded": {
        const pools = news.config.pools.map((pool) => pool.name);
        log.info("configuration loaded", { name, pools });
        const message = pools.length === 0 ? "No address pools" : `Address pools: ${pools.join(", ")}`;
        this.#prepare(news.source, "Normal", "ConfigurationLoaded", message);
        return news.config;
      }
    }
  }

  /** Writes the Event that is due, if any. */
  tell(): void {
    if (this.#untold !== undefined) this.#options.events.record(this.#untold);
    this.#untold = undefined;
  }

  #prepare(source: ConfigMapView, type: EventRecord["type"], reason: string, message: string): void {
    this.#untold = { regarding: configMapReference(source), type, reason, message };
  }
}
