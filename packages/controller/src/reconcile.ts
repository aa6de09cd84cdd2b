import type { DesiredStatus } from "@herald/k8s/desired-status";
import { allocatedCondition, notConfigured } from "@herald/shared/allocator/allocated-condition";
import { Allocator, type Held } from "@herald/shared/allocator/allocator";
import { converge, type Notice, type Outcome, relinquish } from "@herald/shared/allocator/converge";
import type { Departure } from "@herald/shared/allocator/departed";
import type { PoolUsage } from "@herald/shared/allocator/pool-state";
import { UnjudgedServices } from "@herald/shared/allocator/unjudged";
import type { Pool } from "@herald/shared/config/config";
import type { Instant } from "@herald/shared/core";
import { AllocationError, type AllocationReason } from "@herald/shared/errors";
import type { IpAddress } from "@herald/shared/ip/address";
import { ALLOCATED_FROM_POOL } from "@herald/shared/service/annotations";
import { byClaim } from "@herald/shared/service/claim-order";
import { describeRemarks, idleAnnotations } from "@herald/shared/service/idle-annotations";
import { ingressAddresses } from "@herald/shared/service/ingress";
import { servedBy } from "@herald/shared/service/serving";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";

/** What the API and the owner of one Service are to be told. */
export interface Decision {
  readonly view: ServiceView;
  /** `undefined` leaves the Service alone: it is not ours. */
  readonly desired: DesiredStatus | undefined;
  /** Only what was not told before. */
  readonly notices: readonly Notice[];
}

/** A Service as it is now; `undefined` when it is gone. */
export interface Change {
  readonly key: ServiceKey;
  readonly view: ServiceView | undefined;
}

/**
 * Decides for all Services who has which addresses. Level-triggered: it is shown Services, never told what
 * happened to them. Who is older chooses first, whatever order the news came in.
 */
export class Reconciler {
  readonly #lbClass: string;
  readonly #allocator: Allocator;
  readonly #known = new Map<ServiceKey, Known>(); // bounded by the Services of the cluster
  readonly #waiting = new Set<ServiceKey>(); // of #known
  /** Told that there is no configuration yet; by key, the uid. Bounded by the Services of the cluster. */
  readonly #unconfigured = new Map<ServiceKey, string>();
  readonly #source: string;
  #configured = false;
  readonly #unjudged: UnjudgedServices;
  #expected: readonly Departure[]; // until there is a configuration
  #isPartial = false;
  #refused: readonly string[] | undefined;

  /**
   * @param options.lbClass the class to serve; "" for Services that name none.
   * @param options.sharingAcrossNamespaces whether a sharing key means the same in every namespace.
   * @param options.source where the configuration comes from, for people: `ConfigMap metallb-system/config`.
   * @param options.expected who was deleted before and may still return, each key once.
   */
  constructor(options: {
    readonly lbClass: string;
    readonly source: string;
    readonly sharingAcrossNamespaces?: boolean;
    readonly expected?: readonly Departure[];
  }) {
    this.#allocator = new Allocator(options);
    this.#unjudged = new UnjudgedServices(this.#allocator);
    this.#lbClass = options.lbClass;
    this.#source = options.source;
    this.#expected = options.expected ?? [];
  }

  /**
   * Puts a list of pools in force and decides for every Service. What a status already says is adopted before
   * anything is given out.
   *
   * @param isPartial whether there are other pools, which are not known: then addresses of no pool are left alone.
   * @param refused see `besideRefused`.
   */
  configure(
    pools: readonly Pool[],
    views: Iterable<ServiceView>,
    now: Instant = 0,
    isPartial = false,
    refused?: readonly string[],
  ): readonly Decision[] {
    const all = [...views].sort(byClaim);
    this.#configured = true;
    this.#unconfigured.clear();
    this.#expectBack(all);
    const before = new Map(all.map(({ key }) => [key, this.#allocator.heldBy(key)?.addresses ?? []]));
    const losers = new Set(
      this.#allocator.setPools(
        pools,
        all.map(({ key }) => key),
      ),
    );
    this.#isPartial = isPartial;
    this.#refused = refused;
    for (const view of all) {
      if (this.#unjudged.has(view.key)) {
        const kept = this.#unjudged.release(view);
        if (this.#takeOver(kept)) continue;
        losers.add(view.key);
        before.set(view.key, ingressAddresses(kept));
      } else if (this.#serves(view) && !this.#known.has(view.key)) {
        this.#takeOver(view);
      }
    }
    const changes = all.map((view) => ({ key: view.key, view }));
    return this.update(changes, now).map((decision) => {
      const { key } = decision.view;
      if (!losers.has(key)) return decision;
      return { ...decision, notices: [takenBack(before.get(key) ?? []), ...decision.notices] };
    });
  }

  /** When `update` is to be called even if nothing changes, since somebody's time to return is over. */
  get nextExpiry(): Instant | undefined {
    return this.#allocator.nextExpiry;
  }

  /** Decides for Services that changed, and for those that wait where the change or the time made room. */
  update(changes: readonly Change[], now: Instant = 0): readonly Decision[] {
    if (!this.#configured) return changes.flatMap((change) => this.#explainWait(change));
    const decisions = new Map<ServiceKey, Decision>();
    const openings = this.#allocator.openings;
    const claimants: ServiceView[] = [];
    this.#allocator.expire(now);
    for (const { key, view } of changes) {
      if (view === undefined || this.#isAnother(view)) this.#forget(key, now);
      if (view === undefined) continue;
      if (this.#serves(view)) claimants.push(view);
      else decisions.set(key, this.#relinquish(view));
    }
    if (this.#allocator.openings !== openings) claimants.push(...this.#waitingViews(claimants));
    if (this.#claimAll(claimants, decisions)) this.#claimAll(this.#waitingViews([]), decisions);
    return [...decisions.values()];
  }

  /** Who was deleted and may still return to what it had, in the order they left. */
  get departures(): readonly Departure[] {
    return [...this.#expected, ...this.#allocator.departures];
  }

  heldBy(key: ServiceKey): Held | undefined {
    return this.#allocator.heldBy(key);
  }

  /** How full each pool is, in the order of the configuration, with the Services it serves. */
  usage(): readonly (PoolUsage & { readonly services: number })[] {
    const services = new Map<string, number>();
    for (const key of this.#known.keys()) {
      const pool = this.#allocator.heldBy(key)?.pool;
      if (pool !== undefined) services.set(pool, (services.get(pool) ?? 0) + 1);
    }
    return this.#allocator.usage().map((usage) => ({ ...usage, services: services.get(usage.pool) ?? 0 }));
  }

  /** Services that want addresses, by how they fare: "addressed", or why they have none. */
  census(): ReadonlyMap<AllocationReason | "addressed", number> {
    const counts = new Map<AllocationReason | "addressed", number>();
    for (const [key, { failure }] of this.#known) {
      const isAddressed = this.#allocator.heldBy(key) !== undefined || this.#unjudged.has(key);
      const state = failure ?? (isAddressed ? "addressed" : undefined);
      if (state !== undefined) counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    return counts;
  }

  /** Once, before anything is adopted. */
  #expectBack(views: readonly ServiceView[]): void {
    const shown = new Set(views.flatMap(ingressAddresses));
    for (const departure of this.#expected) this.#allocator.expectBack(departure, shown);
    this.#expected = [];
  }

  /** Without a configuration nothing is decided, but who waits for it is told so, once. */
  #explainWait({ key, view }: Change): readonly Decision[] {
    if (view === undefined || view.ingress.length > 0 || !this.#serves(view)) {
      const isTold = this.#unconfigured.delete(key);
      // Why a decision: what was to be written, an empty list, must not go over what somebody else wrote meanwhile.
      return view !== undefined && isTold ? [{ view, desired: undefined, notices: [] }] : [];
    }
    if (this.#unconfigured.get(key) === view.uid) return [];
    this.#unconfigured.set(key, view.uid);
    const why = `there are no address pools yet: ${this.#source} does not exist or is refused, and there is no IPAddressPool that can be read`;
    const message = `Failed to allocate IP for "${key}": ${why}`;
    const desired = {
      addresses: [],
      pool: view.annotations[ALLOCATED_FROM_POOL],
      allocated: notConfigured(why),
    };
    return [{ view, desired, notices: [{ level: "Warning", reason: "AllocationFailed", message }] }];
  }

  #serves(view: ServiceView): boolean {
    // Why: a Service on its way out keeps what it has to the end, but is given nothing any more.
    const lives = !view.deleting || view.ingress.length > 0 || this.#allocator.heldBy(view.key) !== undefined;
    return lives && view.type === "LoadBalancer" && servedBy(view, this.#lbClass);
  }

  /** A Service that was deleted and made anew under the same name, between two looks. */
  #isAnother({ key, uid }: ServiceView): boolean {
    const known = this.#known.get(key);
    return known !== undefined && known.view.uid !== uid;
  }

  /**
   * Leaves to the Service what its status has, if it may have it or that is not known.
   *
   * @returns whether it has anything of it now.
   */
  #takeOver(view: ServiceView): boolean {
    try {
      if (this.#isPartial) this.#unjudged.notice(view);
      return this.#unjudged.has(view.key) || this.#allocator.adopt(view) !== undefined;
    } catch (error) {
      // Why: who may not keep what his status says is told so when it is decided what he gets instead.
      if (error instanceof AllocationError) return false;
      throw error;
    }
  }

  #forget(key: ServiceKey, now: Instant): void {
    const view = this.#known.get(key)?.view;
    if (view !== undefined) this.#allocator.retire(view, now);
    this.#allocator.release(key);
    this.#unjudged.forget(key);
    this.#known.delete(key);
    this.#waiting.delete(key);
  }

  /**
   * Everybody who asks gets an answer; of those who only wait, whoever would be told nothing new is passed over.
   *
   * @returns whether anybody gave something back meanwhile.
   */
  #claimAll(views: readonly ServiceView[], decisions: Map<ServiceKey, Decision>): boolean {
    const { openings } = this.#allocator;
    const inVain = new Set<string>(); // what somebody waits for still
    for (const view of views.toSorted(byClaim)) {
      const known = this.#known.get(view.key);
      if (known?.view === view && inVain.has(known.waitsFor ?? "")) continue;
      const waitsFor = this.#claim(view, decisions);
      if (waitsFor !== undefined) inVain.add(waitsFor);
    }
    return this.#allocator.openings !== openings;
  }

  /** @returns what it waits for, if it does. */
  #claim(view: ServiceView, decisions: Map<ServiceKey, Decision>): string | undefined {
    const outcome = this.#outcomeFor(view);
    const earlier = decisions.get(view.key)?.notices ?? [];
    const remarks = this.#remarksOn(view);
    const { desired, notices } = this.#remember(view, outcome);
    decisions.set(view.key, { view, desired, notices: [...earlier, ...notices, ...remarks] });
    return this.#known.get(view.key)?.waitsFor;
  }

  #outcomeFor(view: ServiceView): Outcome {
    const isKnown = this.#known.has(view.key);
    if (this.#isPartial && !isKnown) this.#unjudged.notice(view);
    if (this.#unjudged.has(view.key)) return this.#unjudged.outcome(view);
    return converge(isKnown ? withoutStatus(view) : view, this.#allocator, this.#refused);
  }

  /** What is new about annotations of ours that do nothing. Whoever had an address when we came was told before. */
  #remarksOn(view: ServiceView): readonly Notice[] {
    const remarksIn = (from: ServiceView): string =>
      describeRemarks(idleAnnotations("Service", from.annotations));
    const message = remarksIn(view);
    const before = this.#known.get(view.key)?.view ?? (view.ingress.length > 0 ? view : undefined);
    if (message === "" || (before !== undefined && message === remarksIn(before))) return [];
    return [{ level: "Warning", reason: "AnnotationIgnored", message }];
  }

  #relinquish(view: ServiceView): Decision {
    this.#unjudged.forget(view.key);
    const held = this.#allocator.heldBy(view.key) !== undefined;
    this.#remember(view, relinquish(view, this.#allocator));
    const ours = held || view.annotations[ALLOCATED_FROM_POOL] !== undefined || view.allocated !== undefined;
    // Why the type: a LoadBalancer of another class belongs to somebody else, with all its status says.
    const clear = ours && view.type !== "LoadBalancer";
    const nothing = { addresses: [], pool: undefined, allocated: "none" } as const;
    return { view, desired: clear ? nothing : undefined, notices: [] };
  }

  #remember(view: ServiceView, outcome: Outcome): Decision {
    const { addresses, pool, notices, failure, waits } = outcome;
    const told = this.#known.get(view.key)?.told ?? [];
    const telling = notices.map(({ reason, message }) => `${reason} ${message}`);
    // Why without its name: whoever asks alike is answered alike, but by its own name.
    const answer = telling.join().replaceAll(`"${view.key}"`, "");
    const waitsFor = waits ? `${this.#allocator.asking(view)} ${answer}` : undefined;
    this.#known.set(view.key, { view, failure, told: telling, waitsFor });
    if (waits) this.#waiting.add(view.key);
    else this.#waiting.delete(view.key);
    const news = notices.filter((_, index) => !told.includes(telling[index] ?? ""));
    const allocated = allocatedCondition(outcome) ?? ("none" as const);
    return { view, desired: { addresses, pool, allocated }, notices: news };
  }

  /** Those that wait, without those that are asked anyway. */
  #waitingViews(asked: readonly ServiceView[]): readonly ServiceView[] {
    const keys = new Set(asked.map(({ key }) => key));
    return [...this.#waiting]
      .filter((key) => !keys.has(key))
      .map((key) => this.#known.get(key)?.view)
      .filter((view) => view !== undefined);
  }
}

function takenBack(addresses: readonly IpAddress[]): Notice {
  const message = `Taking back ${addresses.join(" and ")}: no pool of the new configuration gives that out to it`;
  return { level: "Normal", reason: "ClearAssignment", message };
}

interface Known {
  readonly view: ServiceView;
  readonly failure: AllocationReason | undefined;
  /** The notices of the last decision: the same one is not told twice in a row. */
  readonly told: readonly string[];
  /** What it asked for and was answered the last time; `undefined` when it has all it wants. */
  readonly waitsFor: string | undefined;
}

/**
 * Once a Service has been decided for, what it holds is the truth and its status only follows: a read that
 * is behind, or somebody else's writing, must not bring back what was taken away.
 */
function withoutStatus(view: ServiceView): ServiceView {
  return { ...view, ingress: [] };
}
