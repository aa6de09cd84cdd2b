import { type ApiClient, ApiError } from "@herald/k8s/api";
import { metallbPath, objectPath } from "@herald/k8s/paths";
import { WorkQueue } from "@herald/k8s/queue";
import { type PoolUsage, saturate } from "@herald/shared/allocator/pool-state";
import type { Clock, Instant, Random } from "@herald/shared/core";
import { type ConfigMistake, describeMistake } from "@herald/shared/errors";
import type { PoolObject } from "./pool-object.ts";

export interface ObjectStatusesOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  /** Whether we still lead; asked right before every request. */
  readonly mayWrite: () => boolean;
  /** As the API has them; `undefined` while it does not know the kinds. */
  readonly pools: () => readonly PoolObject[] | undefined;
  readonly usage: () => readonly PoolUsage[];
  /** What is wrong with the configuration; empty when all of it is in force, `undefined` when there is none. */
  readonly mistakes: () => readonly ConfigMistake[] | undefined;
  readonly retried: (retry: { readonly key: string; readonly error: Error; readonly inMs: number }) => void;
}

/**
 * Keeps the statuses of IPAddressPools and the ConfigurationState of the controller as they should be. Many changes
 * in a second are one write, and what is there already is not written. An object that the API server refuses keeps
 * no other from being written.
 */
export class ObjectStatuses {
  readonly #options: ObjectStatusesOptions;
  readonly #queue: WorkQueue;
  /** What was written last, over which view: the watch may be behind. Bounded by the pools. */
  readonly #written = new Map<string, { readonly over: unknown; readonly text: string }>();
  /** What pools should say, by name. */
  #wanted: ReadonlyMap<string, Wanted> = new Map();
  #state: ConfigurationStatus | undefined; // as the API has it
  #stateAbsentUntil: Instant = 0; // its kind is not installed, no need to look before
  #isDue = false;

  constructor(options: ObjectStatusesOptions) {
    this.#options = options;
    const { clock, random, retried } = options;
    this.#queue = new WorkQueue({ clock, random, concurrency: 1, retry: RETRY, retried });
  }

  /** Something may be different now. */
  changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const { clock } = this.#options;
    clock.at(clock.now() + COALESCE_MS, () => this.#look());
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(stop: AbortSignal, lost: AbortSignal): Promise<void> {
    await this.#queue.run(async (key) => {
      try {
        await unlessGone(this.#write(key, lost));
      } catch (error) {
        if (!lost.aborted) throw error;
      }
    }, stop);
  }

  #look(): void {
    this.#isDue = false;
    const pools = this.#options.pools();
    if (pools === undefined) return;
    const usages = new Map(this.#options.usage().map((usage) => [usage.pool, usage]));
    this.#wanted = new Map(
      pools.flatMap((pool) => {
        const usage = usages.get(pool.metadata.name);
        return usage === undefined ? [] : [[pool.metadata.name, { pool, status: poolStatus(usage) }]];
      }),
    );
    const names = new Set(pools.map(({ metadata }) => metadata.name));
    for (const name of this.#written.keys()) if (!names.has(name)) this.#written.delete(name);
    for (const name of this.#wanted.keys()) this.#queue.add(`IPAddressPool ${name}`);
    this.#queue.add(STATE_KEY);
  }

  async #write(key: string, signal: AbortSignal): Promise<void> {
    if (key === STATE_KEY) return await this.#writeState(signal);
    const wanted = this.#wanted.get(key.slice("IPAddressPool ".length));
    if (wanted !== undefined) await this.#writePool(wanted, signal);
  }

  async #writePool({ pool, status }: Wanted, signal: AbortSignal): Promise<void> {
    const { name } = pool.metadata;
    const text = JSON.stringify(status);
    const last = this.#written.get(name);
    const isThere = hasCounts(pool.status, status);
    if (isThere || (last?.over === pool && last.text === text)) return;
    this.#written.set(name, { over: pool, text });
    try {
      await this.#apply("IPAddressPool", "ipaddresspools", name, status, signal);
    } catch (error) {
      this.#written.delete(name);
      throw error;
    }
  }

  async #writeState(signal: AbortSignal): Promise<void> {
    const { client, clock, namespace, epochMs, mistakes, mayWrite } = this.#options;
    const collection = metallbPath("configurationstates", namespace);
    const lines = mistakes()?.map(describeMistake);
    if (lines === undefined || !mayWrite()) return;
    if (this.#state !== undefined && this.#state.errorSummary === cut(lines.join("\n"))) return;
    const absentMs = this.#stateAbsentUntil - clock.now();
    if (absentMs > 0) return this.#queue.addAfter(STATE_KEY, absentMs);
    const found = await this.#readState(collection, signal);
    const now = new Date(epochMs()).toISOString().replace(/\.\d+Z$/, "Z"); // whole seconds, as metav1.Time is written
    const status = configurationStatus(lines, found?.conditions?.[0], now);
    if (JSON.stringify(status) !== JSON.stringify(pick(found))) {
      if (found === undefined) await this.#create(client, collection, signal);
      await this.#apply("ConfigurationState", "configurationstates", STATE_NAME, status, signal);
    }
    this.#state = status;
  }

  /** @throws {ApiError} 404 when there is no such kind. */
  async #create(client: ApiClient, collection: string, signal: AbortSignal): Promise<void> {
    const metadata = { name: STATE_NAME, labels: { "metallb.io/component-type": "controller" } };
    const body = { apiVersion: "metallb.io/v1beta1", kind: "ConfigurationState", metadata };
    try {
      await client.create(collection, body, { fieldManager: FIELD_MANAGER, signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        this.#stateAbsentUntil = this.#options.clock.now() + ABSENT_MS;
        this.#queue.addAfter(STATE_KEY, ABSENT_MS);
      }
      throw error;
    }
  }

  /** `undefined` when there is none yet. @throws {ApiError} 404 too when there is no such kind, by the next request. */
  async #readState(
    collection: string,
    signal: AbortSignal,
  ): Promise<Partial<ConfigurationStatus> | undefined> {
    try {
      const path = objectPath(collection, STATE_NAME);
      const { status = {} } = await this.#options.client.get<StateObject>(path, { signal });
      return status as Partial<ConfigurationStatus>;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #apply(
    kind: string,
    plural: string,
    name: string,
    status: object,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, namespace, mayWrite } = this.#options;
    if (!mayWrite()) return;
    const path = `${objectPath(metallbPath(plural, namespace), name)}/status`;
    const body = { apiVersion: "metallb.io/v1beta1", kind, metadata: { name, namespace }, status };
    await client.patch(path, "apply", body, { fieldManager: FIELD_MANAGER, force: true, signal });
  }
}

const COALESCE_MS = 1_000;
const RETRY = { minMs: 1_000, maxMs: 60_000 };
const FIELD_MANAGER = "herald-controller";
const STATE_NAME = "controller";
const STATE_KEY = "ConfigurationState";
/** How long a kind that is not installed is not asked for again. */
const ABSENT_MS = 30_000;
/** What the message of a condition may have; the summary has no bound but that of etcd. */
const MAX_MESSAGE = 32_768;

interface Wanted {
  readonly pool: PoolObject;
  readonly status: PoolStatus;
}

interface PoolStatus {
  readonly assignedIPv4: number;
  readonly assignedIPv6: number;
  readonly availableIPv4: number;
  readonly availableIPv6: number;
}

interface ConfigurationStatus {
  readonly result: string;
  readonly errorSummary: string;
  readonly conditions: readonly StateCondition[];
}

interface StateCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

interface StateObject {
  readonly status?: Partial<ConfigurationStatus>;
}

function poolStatus({ ipv4, ipv6 }: PoolUsage): PoolStatus {
  return {
    assignedIPv4: ipv4.inUse,
    assignedIPv6: ipv6.inUse,
    availableIPv4: saturate(ipv4.total - BigInt(ipv4.inUse)),
    availableIPv6: saturate(ipv6.total - BigInt(ipv6.inUse)),
  };
}

function hasCounts(found: unknown, wanted: PoolStatus): boolean {
  if (typeof found !== "object" || found === null) return false;
  return Object.entries(wanted).every(([name, count]) => (found as Record<string, unknown>)[name] === count);
}

/** In MetalLB's words, but the time tells when it became so, not when it was looked at last: nothing is rewritten. */
function configurationStatus(
  lines: readonly string[],
  before: StateCondition | undefined,
  now: string,
): ConfigurationStatus {
  const isGood = lines.length === 0;
  const status = isGood ? "True" : "False";
  return {
    result: isGood ? "Valid" : "Invalid",
    errorSummary: cut(lines.join("\n")),
    conditions: [
      {
        type: "poolReconcilerValid",
        status,
        reason: isGood ? "Reconciled" : "ConfigurationError",
        message: isGood ? "" : cut(`configuration error: ${lines.join("; ")}`),
        lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
      },
    ],
  };
}

function cut(text: string): string {
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text;
}

/** In the order of ours, to compare. */
function pick(found: Partial<ConfigurationStatus> | undefined): object | undefined {
  const { result, errorSummary = "", conditions = [] } = found ?? {};
  const ordered = conditions.map(({ type, status, reason, message, lastTransitionTime }) => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime,
  }));
  return { result, errorSummary, conditions: ordered };
}

/** What was deleted meanwhile, or has no kind here, has no status. */
async function unlessGone(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}
