import type { Log } from "@herald/daemon/log";
import type { ApiClient } from "@herald/k8s/api";
import type { EventRecorder } from "@herald/k8s/events";
import { LeaderElector } from "@herald/k8s/lease";
import type { LeaseTiming } from "@herald/k8s/lease-core";
import type { Departure } from "@herald/shared/allocator/departed";
import type { Clock, Random } from "@herald/shared/core";
import { Caches } from "./caches.ts";
import { ConfigWatch } from "./config-watch.ts";
import { KEPT_ADDRESSES, KeptAddresses } from "./kept-addresses.ts";
import { LeaderWatches } from "./leader-watches.ts";
import type { ControllerMetrics, ControllerState } from "./metrics.ts";
import { logLeaseNotice, logReflectorNotice } from "./notices.ts";
import { Term } from "./term.ts";

export interface ControllerOptions {
  readonly namespace: string;
  /** Name of the ConfigMap with the configuration. */
  readonly configName: string;
  /** "" serves Services without a class. */
  readonly lbClass: string;
  /** Whether a sharing key means the same in every namespace, as with MetalLB. */
  readonly sharingAcrossNamespaces: boolean;
  /** Unique among replicas. */
  readonly identity: string;
  /** Without an election only one replica may run. */
  readonly leaderElect: boolean;
  /** client-go's 15 s, 10 s and 2 s when absent. */
  readonly leaseTiming?: LeaseTiming;
}

export interface ControllerPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly metrics: ControllerMetrics;
  /** Milliseconds since 1970, for what people read. The system's when absent. */
  readonly epochMs?: () => number;
}

export const LEASE_NAME = "herald-controller";

/**
 * The controller, given its ports. Every replica reads; the one that holds the Lease decides and writes. A
 * leader begins with lists of its own, newer than its lease, so that nothing it gives out was given out before
 * by somebody it has not heard of.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #ports: ControllerPorts;
  readonly #config: ConfigWatch;
  readonly #kept: KeptAddresses;
  #caches: Caches | undefined;
  #term: Term | undefined;
  #watches: LeaderWatches | undefined; // while leading
  #wasSynced = false;
  #leading = false;
  #endsFollowing: (() => Promise<void>) | undefined; // while following

  constructor(options: ControllerOptions, ports: ControllerPorts) {
    this.#options = options;
    this.#ports = ports;
    const { log, events, metrics, clock, epochMs = Date.now } = ports;
    const { namespace } = options;
    this.#kept = new KeptAddresses(() => ({ now: clock.now(), epochMs: epochMs() }), log);
    this.#config = new ConfigWatch({ namespace, name: `${namespace}/${options.configName}`, log, events });
    metrics.watch(() => this.state);
  }

  get state(): ControllerState {
    return {
      leading: this.#term !== undefined,
      reconciler: this.#term?.reconciler,
      unwritten: this.#term?.unwritten ?? 0,
      configLoaded: this.#config.inForce !== undefined,
      configStale: this.#config.stale,
    };
  }

  /** What readiness waits for: to have read everything once, as leader or as follower. */
  get notReady(): readonly string[] {
    if (this.#wasSynced) return [];
    return this.#caches?.awaited ?? ["the Lease"];
  }

  /** Resolves once aborted and everything in hand is written. Rejects only with a bug of ours. */
  async run(stop: AbortSignal): Promise<void> {
    if (!this.#options.leaderElect) {
      await this.#lead(stop, stop, () => true, []);
      return;
    }
    const elector = this.#createElector(stop);
    await elector.run(async (lease, note) => {
      this.#leading = true;
      const expected = this.#kept.take(note);
      await this.#endFollowing();
      await this.#lead(stop, lease, () => elector.leading, expected);
      this.#leading = false;
    }, stop);
    await this.#endFollowing();
  }

  #createElector(stop: AbortSignal): LeaderElector {
    const { client, clock, random, epochMs, log, metrics } = this.#ports;
    const { namespace, identity, leaseTiming } = this.#options;
    return new LeaderElector({
      client,
      clock,
      random,
      namespace,
      identity,
      name: LEASE_NAME,
      note: {
        annotation: KEPT_ADDRESSES,
        text: () => this.#kept.text(this.#term?.reconciler.departures),
      },
      notice: (notice) => {
        metrics.noticed("lease", notice.type);
        logLeaseNotice(log, notice);
        // Why not before: who leads at once would have read everything twice.
        const others = notice.type === "following" || notice.type === "failed";
        if (others && !this.#leading && !stop.aborted) this.#follow();
      },
      ...(epochMs === undefined ? {} : { epochMs }),
      ...(leaseTiming === undefined ? {} : { timing: leaseTiming }),
    });
  }

  /** Reads along, so that readiness and the metrics of the configuration mean something on every replica. */
  #follow(): void {
    if (this.#endsFollowing !== undefined) return;
    const abort = new AbortController();
    const caches = this.#createCaches();
    const done = Promise.all([caches.run(abort.signal), this.#whenSynced(caches, abort.signal)]);
    this.#endsFollowing = async () => {
      abort.abort();
      await done;
    };
  }

  async #endFollowing(): Promise<void> {
    const end = this.#endsFollowing;
    this.#endsFollowing = undefined;
    await end?.();
  }

  async #lead(
    stop: AbortSignal,
    lease: AbortSignal,
    leading: () => boolean,
    expected: readonly Departure[],
  ): Promise<void> {
    const lost = new AbortController(); // at once, unlike `lease`, which also ends when we stop in order
    const onEnd = (): void => {
      if (!stop.aborted) lost.abort();
    };
    lease.addEventListener("abort", onEnd);
    if (lease.aborted) onEnd();
    const caches = this.#createCaches();
    const mayWrite = (): boolean => !lost.signal.aborted && leading();
    const term = this.#createTerm(caches, expected, mayWrite);
    const watches = new LeaderWatches({
      ...this.#ports,
      caches,
      mayWrite,
      namespace: this.#options.namespace,
      pools: () => this.#config.inForce?.pools ?? [],
    });
    this.#term = term;
    this.#watches = watches;
    await Promise.all([
      caches.run(lease),
      watches.run(lease, lost.signal),
      this.#decideAndWrite(term, caches, lease, lost.signal),
    ]);
    this.#watches = undefined;
    this.#kept.text(term.reconciler.departures); // the release of the Lease comes after this
    this.#term = undefined;
    lease.removeEventListener("abort", onEnd);
  }

  async #decideAndWrite(term: Term, caches: Caches, lease: AbortSignal, lost: AbortSignal): Promise<void> {
    if (!(await this.#whenSynced(caches, lease))) return;
    term.begin(this.#config.inForce);
    this.#config.tell();
    await term.write(lease, lost);
  }

  #createTerm(caches: Caches, expected: readonly Departure[], mayWrite: () => boolean): Term {
    const { client, clock, random, events, metrics, log, epochMs = Date.now } = this.#ports;
    return new Term({
      epochMs,
      client,
      clock,
      random,
      events,
      caches,
      expected,
      mayWrite,
      namespace: this.#options.namespace,
      mistakes: () => this.#config.mistakes,
      refusedPools: () => this.#config.refusedPools,
      lbClass: this.#options.lbClass,
      sharingAcrossNamespaces: this.#options.sharingAcrossNamespaces,
      configSource: `ConfigMap ${this.#options.namespace}/${this.#options.configName}`,
      observe: {
        decided: metrics.decided,
        wrote: metrics.wrote,
        told: (service, { level, reason, message }) => {
          if (level === "Warning") log.warn("service told", { service, reason, message });
          else log.info("service told", { service, reason, message });
        },
        retried: ({ key, error, inMs }) =>
          log.warn("status not written, trying again", { service: key, reason: error.message, inMs }),
      },
    });
  }

  #createCaches(): Caches {
    const { client, clock, random, log, metrics } = this.#ports;
    const { namespace, configName } = this.#options;
    const caches: Caches = new Caches({
      client,
      clock,
      random,
      namespace,
      configName,
      onServices: (keys) => {
        this.#term?.change(keys);
        this.#watches?.servicesChanged(keys);
      },
      onConfig: () => this.#offerConfig(caches),
      notice: (resource, notice) => {
        metrics.noticed(resource, notice.type);
        logReflectorNotice(log, resource, notice);
      },
    });
    this.#caches = caches;
    return caches;
  }

  /** @returns false when aborted first. */
  async #whenSynced(caches: Caches, signal: AbortSignal): Promise<boolean> {
    const { log, clock } = this.#ports;
    try {
      await caches.whenSynced(signal);
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
    if (!this.#wasSynced) log.info("ready", { afterMs: Math.round(clock.now()) });
    this.#wasSynced = true;
    this.#offerConfig(caches);
    return !signal.aborted;
  }

  #offerConfig(caches: Caches): void {
    if (caches !== this.#caches || caches.awaited.length > 0) return; // once the lists are complete
    const offer = { configMap: caches.config(), objects: caches.objects(), unread: caches.unread() };
    const config = this.#config.offer(offer, caches.pools());
    if (this.#term === undefined) return;
    if (config !== undefined) this.#term.configure(config);
    this.#term.objectsChanged();
    this.#watches?.poolsChanged();
    this.#config.tell();
  }
}
