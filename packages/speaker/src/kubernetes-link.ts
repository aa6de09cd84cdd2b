import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { EventRecord } from "@herald/k8s/events";
import type { OptionalNotice } from "@herald/k8s/optional-reflector";
import type {
  Change,
  FromWorker,
  HoldingWord,
  KubernetesOptions,
  Resource,
  ServiceWord,
  SessionWord,
  ToWorker,
} from "./kubernetes-protocol.ts";

/** Heap for short-lived objects, MB: a watch makes little garbage, and the default reserves 16. */
const YOUNG_GENERATION_MB = 4;

export interface KubernetesHandlers {
  /** `taken` asks for the next batch. */
  readonly onChanges: (changes: readonly Change[], taken: () => void) => void;
  readonly onNotice: (resource: Resource, notice: OptionalNotice) => void;
  readonly onEventDropped: (record: EventRecord, message: string) => void;
  /** @param about a Service, or what else there is a status of. */
  readonly onWordFailed: (about: string, message: string) => void;
  /** There is no way to reach a cluster: the operator's mistake. */
  readonly onCannotStart: (message: string) => void;
  /** The thread ended, by a bug of ours. */
  readonly onCrash: (error: Error) => void;
}

export interface KubernetesLink {
  recordEvent(record: EventRecord): void;
  /** Puts it into the status of the Service, whenever the API server lets. */
  say(word: ServiceWord): void;
  /** The same for the objects that say who announces a Service. */
  sayHolding(word: HoldingWord): void;
  /** The same for the objects that say how sessions with routers stand. */
  saySession(word: SessionWord): void;
  /** Whether to hear how the sessions of all nodes stand. */
  followSessions(isWanted: boolean): void;
  /** Resolves once all Events and words so far are written, or `withinMs` has passed. */
  flush(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

/** The main thread's end of the worker that talks to the API server. */
export function startKubernetes(options: KubernetesOptions, handlers: KubernetesHandlers): KubernetesLink {
  const worker = new Worker(new URL("./kubernetes-worker.ts", import.meta.url), {
    name: "kubernetes",
    workerData: options,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const tell = (message: ToWorker): void => worker.postMessage(message);
  let flushed = Promise.withResolvers<void>();
  worker.on("message", (message: FromWorker) => {
    switch (message.type) {
      case "batch":
        handlers.onChanges(message.changes, () => tell({ type: "taken" }));
        return;
      case "notice":
        handlers.onNotice(message.resource, message.notice);
        return;
      case "event-dropped":
        handlers.onEventDropped(message.record, message.message);
        return;
      case "word-failed":
        handlers.onWordFailed(message.about, message.message);
        return;
      case "flushed":
        flushed.resolve();
        return;
      case "cannot-start":
        handlers.onCannotStart(message.message);
        return;
    }
  });
  worker.on("error", (error) => handlers.onCrash(error instanceof Error ? error : new Error(String(error))));
  return {
    recordEvent: (record) => tell({ type: "event", record }),
    say: (word) => tell({ type: "word", word }),
    sayHolding: (word) => tell({ type: "holding", word }),
    saySession: (word) => tell({ type: "session", word }),
    followSessions: (isWanted) => tell({ type: "follow-sessions", isWanted }),
    flush: async (withinMs) => {
      flushed = Promise.withResolvers();
      tell({ type: "flush", withinMs });
      await Promise.race([flushed.promise, sleep(withinMs)]); // one that could not start never answers
    },
    close: async () => {
      await worker.terminate();
    },
  };
}
