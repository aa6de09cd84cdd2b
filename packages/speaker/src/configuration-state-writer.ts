import type { ApiClient, ApiError } from "@herald/k8s/api";
import { CONFIGURATION_STATES, writeConfigurationState } from "@herald/k8s/configuration-state";
import { LackingFields } from "@herald/k8s/lacking-fields";
import { WorkQueue } from "@herald/k8s/queue";
import type { ServedKinds } from "@herald/k8s/served-kinds";
import { lookAgainMs } from "@herald/k8s/status-object";
import { whenAborted } from "@herald/k8s/when-aborted";
import type { Clock, Random } from "@herald/shared/core";
import { FIELD_MANAGER } from "./field-manager.ts";
import type { OwnPod } from "./own-pod.ts";

const RETRY = { minMs: 1_000, maxMs: 60_000 };

export interface ConfigurationStateWriterPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly namespace: string;
  readonly node: string;
  /** What it writes belongs to: a node without a speaker has no opinion. */
  readonly pod: OwnPod;
  readonly served: ServedKinds;
  /** It could not be written, and will be tried again. */
  readonly failed: (error: ApiError) => void;
}

/** Keeps the ConfigurationState of this speaker, once the API server serves that kind. */
export class ConfigurationStateWriter {
  readonly #ports: ConfigurationStateWriterPorts;
  readonly #queue: WorkQueue;
  readonly #lacking: LackingFields;
  #lines: readonly string[] | undefined;

  constructor(ports: ConfigurationStateWriterPorts) {
    const { clock, random, failed } = ports;
    this.#ports = ports;
    this.#lacking = new LackingFields({ clock, found: failed });
    this.#queue = new WorkQueue({
      clock,
      random,
      concurrency: 1,
      retry: RETRY,
      retried: ({ error }) => failed(error),
    });
  }

  /** @param lines what is wrong with the configuration; none: all of it is in force. */
  put(lines: readonly string[]): void {
    if (lines.join("\n") === this.#lines?.join("\n")) return;
    this.#lines = lines;
    this.#queue.add(CONFIGURATION_STATES.plural);
  }

  /** Resolves only when aborted, rejects only for a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    const { served, client, namespace, node, pod, epochMs, random } = this.#ports;
    await Promise.race([served.whenServed(CONFIGURATION_STATES.plural), whenAborted(signal)]);
    await this.#queue.run(async () => {
      const ports = { client, namespace, fieldManager: FIELD_MANAGER, lacking: this.#lacking, signal };
      const owner = await pod.find(signal);
      await writeConfigurationState(ports, { program: "speaker", node }, this.#lines ?? [], owner, epochMs());
      this.#queue.addAfter(CONFIGURATION_STATES.plural, lookAgainMs(random));
    }, signal);
  }
}
