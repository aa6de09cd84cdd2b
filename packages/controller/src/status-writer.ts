import { type ApiClient, ApiError } from "@herald/k8s/api";
import { type DesiredStatus, statusToApply } from "@herald/k8s/desired-status";
import { writeServiceStatus } from "@herald/k8s/service-write";
import type { Notice } from "@herald/shared/allocator/converge";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import { FIELD_MANAGER } from "./field-manager.ts";
import type { LatestViews } from "./latest-views.ts";
import type { Decision } from "./reconcile.ts";

export type WriteOutcome = "written" | "unchanged" | "gone" | "failed";

export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly latest: LatestViews;
  /** Whether we still lead; asked right before every request. */
  readonly mayWrite: () => boolean;
  /** Has the key written by `write`, once, soon. */
  readonly enqueue: (key: ServiceKey) => void;
  /** The Service turned out to be newer than what was decided on; what is to be written comes back by `accept`. */
  readonly reconsider: (view: ServiceView) => void;
  readonly tell: (view: ServiceView, notices: readonly Notice[]) => void;
  readonly count: (outcome: WriteOutcome | "conflict") => void;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
}

/**
 * Brings statuses to what was decided, one request per change. An address that moves from one Service to
 * another is first seen to leave the one before it shows on the other: no reader of the API ever finds it on both.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #pending = new Map<ServiceKey, Pending>(); // bounded by the Services of the cluster
  readonly #behind = new Map<ServiceKey, ServiceKey>(); // who waits for whose status; of #pending

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Replaces what was decided before for the same Services; what is not told yet stays to be told. */
  accept(decisions: readonly Decision[]): void {
    for (const { view, desired, notices } of decisions) {
      const untold = this.#pending.get(view.key)?.notices ?? [];
      this.#pending.set(view.key, { desired, notices: [...untold, ...notices].slice(-MAX_UNTOLD) });
    }
    // Why not above: writing may begin at once, and has to know of everybody who is about to lose an address.
    for (const { view } of decisions) this.#options.enqueue(view.key);
  }

  forget(key: ServiceKey): void {
    this.#pending.delete(key);
    this.#wake(key);
  }

  /**
   * Writes what is pending for one Service, if it differs from what its status says.
   *
   * @throws {ApiError} when the API server refuses or cannot be reached: call again later.
   */
  async write(key: ServiceKey, signal: AbortSignal): Promise<void> {
    this.#behind.delete(key);
    const pending = this.#pending.get(key);
    const view = this.#options.latest.get(key);
    if (pending === undefined || view === undefined) {
      this.forget(key);
      return;
    }
    if (pending.desired === undefined || statusToApply(view, pending.desired) === undefined) {
      this.#finish(view);
      return;
    }
    const blocker = this.#blockerOf(key, pending.desired);
    if (blocker === undefined) await this.#write(view, signal);
    else if (this.#closesCircle(key, blocker)) await this.#clear(view, signal);
    else this.#behind.set(key, blocker);
  }

  async #write(view: ServiceView, signal: AbortSignal): Promise<void> {
    const { key } = view;
    let asked = view;
    const written = await this.#request(view, signal, (fresh) => {
      if (fresh !== asked && fresh.resourceVersion !== asked.resourceVersion) {
        this.#options.count("conflict");
        this.#options.reconsider(this.#options.latest.answered(fresh));
        asked = fresh;
      }
      const desired = this.#pending.get(key)?.desired;
      // Why again: what is decided now may be an address that another Service still shows.
      return desired === undefined || this.#blockerOf(key, desired) === undefined ? desired : undefined;
    });
    if (written !== undefined) this.#finish(written);
  }

  /** Two Services want each other's address: one lets go first, at the price of a second write. */
  async #clear(view: ServiceView, signal: AbortSignal): Promise<void> {
    const cleared = await this.#request(view, signal, () => ({ addresses: [], pool: undefined }));
    if (cleared !== undefined) this.#options.enqueue(view.key);
    this.#wake(view.key);
  }

  /** @returns the Service as the API has it now; `undefined` when it is gone. */
  async #request(
    service: ServiceView,
    signal: AbortSignal,
    decide: (fresh: ServiceView) => DesiredStatus | undefined,
  ): Promise<ServiceView | undefined> {
    try {
      const { client, mayWrite, epochMs } = this.#options;
      const result = await writeServiceStatus({
        client,
        service,
        epochMs: epochMs(),
        fieldManager: FIELD_MANAGER,
        mayWrite,
        decide,
        signal,
      });
      this.#options.count(result.outcome);
      if (result.outcome !== "gone") return this.#options.latest.answered(result.service);
      this.forget(service.key); // the watch will say so, too
      return undefined;
    } catch (error) {
      if (error instanceof ApiError) this.#options.count("failed");
      throw error;
    }
  }

  /** Tells what is to be told when the status is what it should be by now; else has it written again. */
  #finish(view: ServiceView): void {
    const pending = this.#pending.get(view.key);
    if (pending === undefined) return;
    if (pending.desired !== undefined && statusToApply(view, pending.desired) !== undefined) {
      // Why not otherwise: the term is over, and asking again would find it so again, for ever.
      if (this.#options.mayWrite()) this.#options.enqueue(view.key);
      this.#wake(view.key);
      return;
    }
    this.#pending.delete(view.key);
    this.#options.tell(view, pending.notices);
    this.#wake(view.key);
  }

  /** A Service whose status still has one of the addresses and is about to lose it. */
  #blockerOf(key: ServiceKey, { addresses }: DesiredStatus): ServiceKey | undefined {
    for (const address of addresses) {
      for (const other of this.#options.latest.shownBy(address)) {
        const theirs = other === key ? undefined : this.#pending.get(other)?.desired;
        if (theirs !== undefined && !theirs.addresses.includes(address)) return other;
      }
    }
    return undefined;
  }

  #closesCircle(key: ServiceKey, blocker: ServiceKey): boolean {
    let next: ServiceKey | undefined = blocker;
    while (next !== undefined && next !== key) next = this.#behind.get(next);
    return next === key;
  }

  /** Has those written that waited for this Service. */
  #wake(key: ServiceKey): void {
    for (const [waiting, blocker] of this.#behind) {
      if (blocker !== key) continue;
      this.#behind.delete(waiting);
      this.#options.enqueue(waiting);
    }
  }
}

/** Events kept while the API server refuses a status; older ones are history. */
const MAX_UNTOLD = 8;

interface Pending {
  readonly desired: DesiredStatus | undefined;
  readonly notices: readonly Notice[];
}
