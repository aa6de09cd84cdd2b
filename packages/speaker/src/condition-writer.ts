import type { ApiClient } from "@herald/k8s/api";
import type { WorkQueue } from "@herald/k8s/queue";
import { ANNOUNCED_CONDITION } from "@herald/k8s/service";
import { applyServiceCondition } from "@herald/k8s/service-condition";
import type { ServiceKey } from "@herald/shared/service/view";
import type { ServiceWord } from "./kubernetes-protocol.ts";
import { type ServiceQueuePorts, serviceQueue } from "./service-queue.ts";

/** Enough for a failover of a thousand Services within seconds, few enough not to be felt by the API server. */
const CONCURRENCY = 4;
const FIELD_MANAGER = "herald-speaker";

export interface ConditionWriterPorts extends ServiceQueuePorts {
  readonly client: ApiClient;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  /** The condition says so from now on. */
  readonly written: (word: ServiceWord) => void;
}

/** Writes what this node has to say of Services into their statuses: of each the newest word, as soon as can be. */
export class ConditionWriter {
  readonly #ports: ConditionWriterPorts;
  readonly #queue: WorkQueue;
  /** Not written yet; bounded by the Services of the cluster. */
  readonly #words = new Map<ServiceKey, ServiceWord>();

  constructor(ports: ConditionWriterPorts) {
    this.#ports = ports;
    this.#queue = serviceQueue(ports, CONCURRENCY);
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
