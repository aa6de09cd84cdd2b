import type { ApiClient } from "@herald/k8s/api";
import type { WorkQueue } from "@herald/k8s/queue";
import { ANNOUNCED_CONDITION } from "@herald/k8s/service";
import { applyServiceCondition } from "@herald/k8s/service-condition";
import type { Instant } from "@herald/shared/core";
import type { ServiceKey } from "@herald/shared/service/view";
import { FIELD_MANAGER } from "./field-manager.ts";
import type { ServiceWord } from "./kubernetes-protocol.ts";
import { type ServiceQueuePorts, serviceQueue } from "./service-queue.ts";

/** Enough for a failover of a thousand Services within seconds, few enough not to be felt by the API server. */
const CONCURRENCY = 4;

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
  readonly #words = new Map<ServiceKey, { readonly word: ServiceWord; readonly due: Instant }>();

  constructor(ports: ConditionWriterPorts) {
    this.#ports = ports;
    this.#queue = serviceQueue(ports, CONCURRENCY);
  }

  /**
   * Takes the place of an earlier word on the Service, also of its wait: else what is worded anew all the time would never
   * be written. Not of the shorter wait of what says the contrary: that a router is back for a second makes nothing of its
   * being away more certain.
   */
  put(word: ServiceWord): void {
    const { service, wish, holdMs } = word;
    if (wish === undefined) {
      this.#words.delete(service);
      return;
    }
    const now = this.#ports.clock.now();
    const before = this.#words.get(service);
    const isContrary = before?.word.wish?.status !== wish.status;
    const isKept = before !== undefined && before.due > now && (!isContrary || before.word.holdMs >= holdMs);
    const due = isKept ? Math.min(before.due, now + holdMs) : now + holdMs;
    this.#words.set(service, { word, due });
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
    const waiting = this.#words.get(service);
    if (waiting?.word.wish === undefined) return;
    const { client, clock, epochMs } = this.#ports;
    const { word, due } = waiting;
    const leftMs = due - clock.now();
    if (leftMs > 0) {
      this.#queue.addAfter(service, leftMs); // this was the time of an earlier word that came to nothing
      return;
    }
    const outcome = await applyServiceCondition({
      client,
      service,
      uid: word.uid,
      type: ANNOUNCED_CONDITION,
      wish: waiting.word.wish,
      fieldManager: FIELD_MANAGER,
      epochMs: epochMs(),
      signal,
    });
    if (outcome === "written") this.#ports.written(word);
    if (this.#words.get(service) === waiting) this.#words.delete(service);
  }
}
