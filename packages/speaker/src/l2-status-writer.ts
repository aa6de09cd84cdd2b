import { type ApiClient, ApiError, type ApiObject } from "@herald/k8s/api";
import { objectPath, podsPath } from "@herald/k8s/paths";
import { WorkQueue } from "@herald/k8s/queue";
import type { ServedKinds } from "@herald/k8s/served-kinds";
import {
  type L2StatusOwner,
  type L2StatusPorts,
  removeL2Status,
  SERVICE_L2_STATUSES,
  writeL2Status,
} from "@herald/k8s/service-l2-status";
import type { Clock, Random } from "@herald/shared/core";
import type { ServiceKey } from "@herald/shared/service/view";
import type { HoldingWord } from "./kubernetes-protocol.ts";

const CONCURRENCY = 2;
const RETRY = { minMs: 200, maxMs: 60_000 };

export interface L2StatusWriterPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  readonly node: string;
  /** Of this speaker; "": what it writes belongs to no pod. */
  readonly podName: string;
  readonly served: ServedKinds;
  /** It could not be written, and will be tried again. */
  readonly failed: (service: ServiceKey, error: ApiError) => void;
}

/**
 * Keeps an object ServiceL2Status for every Service that this node announces, once the API server serves that kind.
 * Whoever takes a Service over replaces the object, so that a node that lost it need not do anything.
 */
export class L2StatusWriter {
  readonly #ports: L2StatusWriterPorts;
  readonly #queue: WorkQueue;
  /** Not written yet, or announced here; bounded by the Services of the cluster. */
  readonly #words = new Map<ServiceKey, HoldingWord>();
  /** Whether what was written is one of several; bounded as the words. */
  readonly #written = new Map<ServiceKey, boolean>();
  #owner: Promise<L2StatusOwner | undefined> | undefined;
  #isRunning = false;

  constructor(ports: L2StatusWriterPorts) {
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
  put(word: HoldingWord): void {
    this.#words.set(word.service, word);
    this.#queue.add(word.service);
  }

  /** Resolves only when aborted, rejects only for a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    const { served } = this.#ports;
    await Promise.race([served.whenServed(SERVICE_L2_STATUSES.plural), whenAborted(signal)]);
    this.#isRunning = true;
    await this.#queue.run((key) => this.#write(key as ServiceKey, signal), signal);
  }

  /** Resolves when all that was put is written, at once where there is no such kind. */
  async whenIdle(): Promise<void> {
    if (this.#isRunning) await this.#queue.whenIdle();
  }

  async #write(service: ServiceKey, signal: AbortSignal): Promise<void> {
    const word = this.#words.get(service);
    if (word === undefined) return;
    const { client, namespace, node } = this.#ports;
    const ports: L2StatusPorts = { client, namespace, fieldManager: "herald-speaker", signal };
    const before = this.#written.get(service);
    if (before !== undefined && (word.type !== "here" || before !== word.isShared)) {
      if (word.type !== "left" || before) await removeL2Status(ports, { service, node, isShared: before });
      this.#written.delete(service);
    }
    if (word.type === "here") {
      const { isShared, interfaces } = word;
      await writeL2Status(ports, { service, node, isShared }, interfaces, await this.#findOwner(signal));
      this.#written.set(service, isShared);
    }
    if (this.#words.get(service) === word) this.#words.delete(service);
  }

  async #findOwner(signal: AbortSignal): Promise<L2StatusOwner | undefined> {
    this.#owner ??= this.#readOwner(signal);
    try {
      return await this.#owner;
    } catch (error) {
      this.#owner = undefined; // to be asked for again
      throw error;
    }
  }

  async #readOwner(signal: AbortSignal): Promise<L2StatusOwner | undefined> {
    const { client, namespace, podName } = this.#ports;
    if (podName === "") return undefined;
    try {
      const pod = await client.get<ApiObject>(objectPath(podsPath(namespace), podName), { signal });
      return { name: podName, uid: pod.metadata?.uid ?? "" };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
