import { type ApiClient, ApiError } from "@herald/k8s/api";
import { writeConfigurationState } from "@herald/k8s/configuration-state";
import { LackingFields } from "@herald/k8s/lacking-fields";
import { metallbPath, objectPath } from "@herald/k8s/paths";
import { WorkQueue } from "@herald/k8s/queue";
import { lookAgainMs } from "@herald/k8s/status-object";
import { type PoolUsage, saturate } from "@herald/shared/allocator/pool-state";
import type { Clock, Instant, Random } from "@herald/shared/core";
import { type ConfigMistake, describeMistake } from "@herald/shared/errors";
import { FIELD_MANAGER } from "./field-manager.ts";
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
  /** Of ConfigurationStates. */
  readonly #lacking: LackingFields;
  /** What was written last, over which view: the watch may be behind. Bounded by the pools. */
  readonly #written = new Map<string, { readonly over: unknown; readonly text: string }>();
  /** What pools should say, by name. */
  #wanted: ReadonlyMap<string, Wanted> = new Map();
  /** What the ConfigurationState says, once that is known. */
  #stated: string | undefined;
  #stateDue: Instant = 0; // until then it is taken to say that still
  #stateAbsentUntil: Instant = 0; // its kind is not installed, no need to look before
  #isDue = false;

  constructor(options: ObjectStatusesOptions) {
    this.#options = options;
    const { clock, random, retried } = options;
    this.#lacking = new LackingFields({ clock });
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
      await this.#apply(name, status, signal);
    } catch (error) {
      this.#written.delete(name);
      throw error;
    }
  }

  async #writeState(signal: AbortSignal): Promise<void> {
    const { client, clock, random, namespace, epochMs, mistakes, mayWrite } = this.#options;
    const lines = mistakes()?.map(describeMistake);
    if (lines === undefined || !mayWrite()) return;
    const isStated = this.#stated === lines.join("\n");
    const restMs = Math.max(this.#stateAbsentUntil, isStated ? this.#stateDue : 0) - clock.now();
    if (restMs > 0) return this.#queue.addAfter(STATE_KEY, restMs);
    const lacking = this.#lacking;
    const ports = { client, namespace, fieldManager: FIELD_MANAGER, lacking, mayWrite, signal };
    try {
      // Why no owner: any replica may write it.
      await writeConfigurationState(ports, { program: "controller" }, lines, undefined, epochMs());
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        this.#stateAbsentUntil = clock.now() + ABSENT_MS;
        this.#queue.addAfter(STATE_KEY, ABSENT_MS);
      }
      throw error;
    }
    this.#stated = lines.join("\n");
    const againMs = lookAgainMs(random);
    this.#stateDue = clock.now() + againMs;
    this.#queue.addAfter(STATE_KEY, againMs);
  }

  async #apply(name: string, status: PoolStatus, signal: AbortSignal): Promise<void> {
    const { client, namespace, mayWrite } = this.#options;
    if (!mayWrite()) return;
    const path = `${objectPath(metallbPath("ipaddresspools", namespace), name)}/status`;
    const head = { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", metadata: { name, namespace } };
    const body = { ...head, status };
    await client.patch(path, "apply", body, { fieldManager: FIELD_MANAGER, force: true, signal });
  }
}

const COALESCE_MS = 1_000;
const RETRY = { minMs: 1_000, maxMs: 60_000 };
const STATE_KEY = "ConfigurationState";
/** How long a kind that is not installed is not asked for again. */
const ABSENT_MS = 30_000;

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

/** What was deleted meanwhile, or has no kind here, has no status. */
async function unlessGone(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}
