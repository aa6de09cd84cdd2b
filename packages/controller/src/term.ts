import type { ApiClient } from "@herald/k8s/api";
import type { EventRecorder } from "@herald/k8s/events";
import { WorkQueue } from "@herald/k8s/queue";
import type { Notice } from "@herald/shared/allocator/converge";
import type { Departure } from "@herald/shared/allocator/departed";
import type { Config } from "@herald/shared/config/config";
import type { Clock, Instant, Random } from "@herald/shared/core";
import type { ConfigMistake } from "@herald/shared/errors";
import type { ServiceKey } from "@herald/shared/service/view";
import type { Caches } from "./caches.ts";
import { LatestViews } from "./latest-views.ts";
import { ObjectStatuses } from "./object-statuses.ts";
import { type Change, Reconciler } from "./reconcile.ts";
import { serviceReference } from "./references.ts";
import { StatusWriter, type WriteOutcome } from "./status-writer.ts";

export interface TermOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventRecorder;
  readonly caches: Caches;
  readonly namespace: string;
  /** What is wrong with the configuration now; `undefined` while there is none. */
  readonly mistakes: () => readonly ConfigMistake[] | undefined;
  /** Pools that are written and not in force now; `undefined` while nothing of the pools is refused. */
  readonly refusedPools: () => readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly lbClass: string;
  readonly sharingAcrossNamespaces: boolean;
  /** What the configuration comes from, for people. */
  readonly configSource: string;
  /** Who was deleted before this term and may still return. */
  readonly expected: readonly Departure[];
  readonly mayWrite: () => boolean;
  readonly observe: TermObserver;
}

/** What a term tells the program around it, for metrics and logs. */
export interface TermObserver {
  decided(change: { readonly services: number; readonly tookMs: number }): void;
  wrote(outcome: WriteOutcome | "conflict"): void;
  /** An Event on the Service says so. */
  told(key: ServiceKey, notice: Notice): void;
  retried(retry: { readonly key: string; readonly error: Error; readonly inMs: number }): void;
}

/**
 * One term of leadership: from a fresh list to the loss of the lease. Everything it knows was read after it
 * began and is thrown away with it. Decisions are taken at once and in one place; only writing them waits.
 */
export class Term {
  readonly #options: TermOptions;
  readonly #reconciler: Reconciler;
  readonly #writer: StatusWriter;
  readonly #queue: WorkQueue;
  readonly #objects: ObjectStatuses;
  readonly #latest = new LatestViews();
  #open = false;
  #expiry: { readonly due: Instant; readonly cancel: () => void } | undefined;

  constructor(options: TermOptions) {
    const { client, clock, random, events, configSource, mayWrite, observe } = options;
    const { lbClass, sharingAcrossNamespaces, expected } = options;
    this.#options = options;
    this.#reconciler = new Reconciler({ lbClass, sharingAcrossNamespaces, expected, source: configSource });
    this.#queue = new WorkQueue({
      clock,
      random,
      concurrency: WRITES_AT_ONCE,
      retry: { minMs: 250, maxMs: 60_000 },
      retried: observe.retried,
    });
    this.#objects = new ObjectStatuses({
      client,
      clock,
      random,
      mayWrite,
      namespace: options.namespace,
      epochMs: options.epochMs,
      pools: () => options.caches.pools(),
      usage: () => this.#reconciler.usage(),
      mistakes: options.mistakes,
      retried: observe.retried,
    });
    this.#writer = new StatusWriter({
      client,
      latest: this.#latest,
      mayWrite,
      enqueue: (key) => this.#queue.add(key),
      reconsider: (view) => this.#decide([{ key: view.key, view }]),
      tell: (view, notices) => {
        for (const notice of notices) {
          const { level, reason, message } = notice;
          events.record({ regarding: serviceReference(view), type: level, reason, message });
          observe.told(view.key, notice);
        }
      },
      count: observe.wrote,
      epochMs: options.epochMs,
    });
  }

  get reconciler(): Reconciler {
    return this.#reconciler;
  }

  /** Statuses that are not yet what they should be. */
  get unwritten(): number {
    return this.#writer.pending;
  }

  /** Begins to decide, on what the caches have. Call it once they are complete. */
  begin(config: Config | undefined): void {
    this.#open = true;
    for (const view of this.#options.caches.services()) this.#latest.watched(view);
    if (config !== undefined) this.configure(config);
    else this.#decide([...this.#latest.values()].map((view) => ({ key: view.key, view })));
  }

  /** Puts a configuration in force. Without one, nothing is decided: what statuses say stays. */
  configure(config: Config): void {
    if (!this.#open) return;
    const { clock, refusedPools } = this.#options;
    this.#timed(() => {
      const isPartial = config.unjudged !== undefined;
      const views = this.#latest.values();
      return this.#reconciler.configure(config.pools, views, clock.now(), isPartial, refusedPools());
    });
    this.#awaitReturns();
  }

  /** The caches have news of objects that make up the configuration, whatever comes of it. */
  objectsChanged(): void {
    if (this.#open) this.#objects.changed();
  }

  /** The caches have news of these Services. */
  change(keys: readonly ServiceKey[]): void {
    if (!this.#open) return;
    const changes: Change[] = keys.map((key) => {
      const view = this.#options.caches.service(key);
      if (view !== undefined) return { key, view: this.#latest.watched(view) };
      this.#latest.forget(key);
      return { key, view };
    });
    this.#decide(changes);
    for (const { key, view } of changes) if (view === undefined) this.#writer.forget(key);
  }

  /**
   * Writes what is decided until `stop`, then finishes what is in hand. What `lost` aborts is dropped where
   * it stands: somebody else leads by then, or will soon.
   */
  async write(stop: AbortSignal, lost: AbortSignal): Promise<void> {
    const writeStatus = async (key: string): Promise<void> => {
      try {
        await this.#writer.write(key as ServiceKey, lost);
      } catch (error) {
        if (!lost.aborted) throw error;
      }
    };
    await Promise.all([this.#queue.run(writeStatus, stop), this.#objects.run(stop, lost)]);
    this.#open = false;
    this.#expiry?.cancel();
  }

  /** Resolves when every status is what it should be. */
  whenWritten(): Promise<void> {
    return this.#queue.whenIdle();
  }

  #decide(changes: readonly Change[]): void {
    this.#timed(() => this.#reconciler.update(changes, this.#options.clock.now()));
    this.#awaitReturns();
  }

  /** Has the addresses of those that do not return given to others in time. */
  #awaitReturns(): void {
    const { clock } = this.#options;
    const due = this.#reconciler.nextExpiry;
    if (due === this.#expiry?.due) return;
    this.#expiry?.cancel();
    const expire = (): void => {
      this.#expiry = undefined;
      if (this.#open) this.#decide([]);
    };
    this.#expiry = due === undefined ? undefined : { due, cancel: clock.at(due, expire) };
  }

  #timed(decide: () => ReturnType<Reconciler["update"]>): void {
    const { clock, observe } = this.#options;
    const began = clock.now();
    const decisions = decide();
    this.#writer.accept(decisions);
    this.#objects.changed();
    observe.decided({ services: decisions.length, tookMs: clock.now() - began });
  }
}

/** The API server's own limits decide how fast we write; this only bounds what is lost with a lost lease. */
const WRITES_AT_ONCE = 16;
