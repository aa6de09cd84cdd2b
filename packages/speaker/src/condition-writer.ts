import type { ApiClient, ApiError } from "@herald/k8s/api";
import { WorkQueue } from "@herald/k8s/queue";
import { ANNOUNCED_CONDITION } from "@herald/k8s/service";
import { applyServiceCondition } from "@herald/k8s/service-condition";
import type { Clock, Random } from "@herald/shared/core";
import type { ServiceKey } from "@herald/shared/service/view";
import type { ServiceWord } from "./kubernetes-protocol.ts";

/** Enough for a failover of a thousand Services within seconds, few enough not to be felt by the API server. */
const CONCURRENCY = 4;
const RETRY = { minMs: 200, maxMs: 60_000 };
const FIELD_MANAGER = "herald-speaker";

export interface ConditionWriterPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  /** The condition says so from now on. */
  readonly written: (word: ServiceWord) => void;
  /** It could not be written, and will be tried again. */
  readonly failed: (service: ServiceKey, error: ApiError) => void;
}

/** Writes what this node has to say of Services into their statuses: of each the newest word, as soon as can be. */
export class ConditionWriter {
  readonly #ports: ConditionWriterPorts;
  readonly #queue: WorkQueue;
  /** Not written yet; bounded by the Services of the cluster. */
  readonly #words = new Map<ServiceKey, ServiceWord>();

  constructor(ports: ConditionWriterPorts) {
    const { clock, random, failed } = ports;
    this.#ports = ports;
    this.#queue = new WorkQueue({
      clock,
      random,
      concurrency: CONCURRENCY,
      retry: RETRY,
      retried: ({ key, error }) => failed(key as ServiceKey, error),
    });
  }

  /** Takes the place of an earlier word on the Service. */
  put(word: ServiceWord): void {
    const { service, wish, holdMs } = word;
    if (wish === undefined) {
      this.#words.delete(service);
      return;
    }
    this.#words.set(service, word);
    if (holdMs > 0) this.#queue.addAfter(service, holdMs);
    else this.#queue.add(service);
  }

  /** Resolves only when aborted, rejects only for a bug of ours. */
  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run((key) => this.#write(key as ServiceKey, signal), signal);
  }

  /** Resolves when all that was put is written. */
  whenIdle(): Promise<void> {
    return this.#queue.whenIdle();
  }

  async #write(service: ServiceKey, signal: AbortSignal): Promise<void> {
    const word = this.#words.get(service);
    if (word?.wish === undefined) return;
    const { client, epochMs } = this.#ports;
    const outcome = await applyServiceCondition({
      client,
      service,
      uid: word.uid,
      type: ANNOUNCED_CONDITION,
      wish: word.wish,
      fieldManager: FIELD_MANAGER,
      epochMs: epochMs(),
      signal,
    });
    if (outcome === "written") this.#ports.written(word);
    if (this.#words.get(service) === word) this.#words.delete(service);
  }
}
