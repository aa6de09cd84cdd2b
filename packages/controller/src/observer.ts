import type { Log } from "@herald/daemon/log";
import type { ApiClient } from "@herald/k8s/api";
import type { Clock, Random } from "@herald/shared/core";
import type { ServiceKey } from "@herald/shared/service/view";
import { Caches } from "./caches.ts";
import { ConfigWatch } from "./config-watch.ts";
import { logReflectorNotice } from "./notices.ts";
import { type ObserveOptions, pageOf, type Would, type WouldPage, wouldDo } from "./observe.ts";
import type { ObserverMetrics } from "./observe-metrics.ts";

export interface ObserverOptions extends ObserveOptions {
  readonly namespace: string;
  /** Name of the ConfigMap with the configuration. */
  readonly configName: string;
}

export interface ObserverPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: ObserverMetrics;
}

/**
 * A controller that only watches. It reads what the other one reads and asks the same allocator, from nothing each
 * time: whoever gives out addresses meanwhile does so in the statuses, and they count.
 */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #ports: ObserverPorts;
  readonly #caches: Caches;
  readonly #config: ConfigWatch;
  #all: readonly Would[] = [];
  /** What was said of each Service that does not simply keep what it has; bounded by the Services of the cluster. */
  #told: ReadonlyMap<ServiceKey, string> = new Map();
  #synced = false;
  #isDue = false;

  constructor(options: ObserverOptions, ports: ObserverPorts) {
    const { client, clock, random, log } = ports;
    const { namespace, configName } = options;
    this.#options = options;
    this.#ports = ports;
    // Why no Events: the operator looks here, and its owners need not be told what may never be.
    const events = { record: () => {} };
    this.#config = new ConfigWatch({ namespace, name: `${namespace}/${configName}`, log, events });
    this.#caches = new Caches({
      client,
      clock,
      random,
      namespace,
      configName,
      onServices: () => this.#soon(),
      onConfig: () => this.#soon(),
      notice: (resource, notice) => logReflectorNotice(log, resource, notice),
    });
  }

  /** What readiness waits for. */
  get notReady(): readonly string[] {
    return this.#synced ? [] : this.#caches.awaited;
  }

  get page(): WouldPage {
    return pageOf(this.#all, this.#config.inForce !== undefined, this.#config.mistakes ?? []);
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#caches.run(signal), this.#begin(signal)]);
  }

  async #begin(signal: AbortSignal): Promise<void> {
    try {
      await this.#caches.whenSynced(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      return;
    }
    this.#look();
    this.#synced = true;
  }

  /** Once for all that comes within a second: each look goes through every Service. */
  #soon(): void {
    if (this.#isDue || !this.#synced) return;
    this.#isDue = true;
    const { clock } = this.#ports;
    clock.at(clock.now() + LOOK_AFTER_MS, () => {
      this.#isDue = false;
      this.#look();
    });
  }

  #look(): void {
    const caches = this.#caches;
    this.#config.offer({ configMap: caches.config(), objects: caches.objects() }, caches.pools());
    const { inForce, refusedPools } = this.#config;
    this.#all = wouldDo(inForce, caches.services(), this.#options, refusedPools);
    this.#ports.metrics.looked(this.page);
    this.#tell();
  }

  /** Of each Service what is news. */
  #tell(): void {
    const { log } = this.#ports;
    const told = new Map<ServiceKey, string>();
    for (const { service, outcome, has, would, why } of this.#all) {
      const text = JSON.stringify([outcome, has, would, why]);
      const before = this.#told.get(service);
      if (outcome !== "keeps") told.set(service, text);
      if (outcome === "keeps" ? before !== undefined : before !== text) {
        log.info("would", { service, outcome, has, would, why });
      }
    }
    this.#told = told;
  }
}

/** Between a change and the look that counts it, ms. */
const LOOK_AFTER_MS = 1_000;
