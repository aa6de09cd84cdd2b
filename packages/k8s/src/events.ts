import type { Clock, Random } from "@herald/shared/core";
import { drive } from "@herald/shared/driver";
import type { CoreV1Event } from "@kubernetes/client-node";
import { type ApiClient, ApiError } from "./api.ts";
import {
  type EventRecord,
  type EventSeries,
  EventsCore,
  type EventsEffect,
  type EventsInput,
} from "./events-core.ts";
import { metaTime } from "./meta-time.ts";
import { eventsPath, objectPath } from "./paths.ts";

export type { EventRecord, ObjectReference } from "./events-core.ts";

export interface EventRecorderOptions {
  readonly client: ApiClient;
  /** As `kubectl describe` shows it under From: `metallb-controller`. */
  readonly component: string;
  /** Which replica: the pod's name. */
  readonly instance: string;
  /** Node the reporter runs on; absent when it does not matter. */
  readonly host?: string;
  readonly clock: Clock;
  /** Jitter of retries. The system's when absent. */
  readonly random?: Random;
  /** Milliseconds since 1970, for the timestamps. The system's when absent. */
  readonly epochMs?: () => number;
  /** An Event is lost: the queue was full, or the API server would not have it. For a log line and a counter. */
  dropped?(record: EventRecord, why: "queue-full" | ApiError): void;
}

export interface EventRecorder {
  /** Never waits and never throws. The same fact told again raises the count of its Event. */
  record(record: EventRecord): void;
  /** Events lost so far. */
  readonly dropped: number;
  /** Resolves when nothing is waiting to be sent, or when aborted. */
  flush(signal?: AbortSignal): Promise<void>;
  /** Sends no more, at once; `flush` first. */
  close(): void;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #core: EventsCore;
  readonly #feed: (input: EventsInput) => void;
  readonly #stop: () => void;
  readonly #requests = new AbortController();
  #flushers: (() => void)[] = [];
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#core = new EventsCore(options.random ?? { next: Math.random });
    const { feed, stop } = drive(this.#core, options.clock, (effect) => this.#perform(effect));
    this.#feed = feed;
    this.#stop = stop;
  }

  get dropped(): number {
    return this.#dropped;
  }

  record(record: EventRecord): void {
    const { epochMs = Date.now } = this.#options;
    this.#feed({ type: "record", record, epochMs: epochMs() });
  }

  async flush(signal?: AbortSignal): Promise<void> {
    this.#feed({ type: "flush" });
    if (this.#core.idle || this.#requests.signal.aborted || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      this.#flushers.push(resolve);
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  close(): void {
    this.#stop();
    this.#requests.abort();
    this.#release();
  }

  #perform(effect: EventsEffect): void {
    switch (effect.type) {
      case "send":
        void this.#send(effect.id, effect.series);
        break;
      case "dropped":
        this.#dropped += 1;
        this.#options.dropped?.(effect.record, effect.why);
        break;
      case "idle":
        this.#release();
    }
  }

  #release(): void {
    for (const resolve of this.#flushers.splice(0)) resolve();
  }

  async #send(id: string, series: EventSeries): Promise<void> {
    const { client } = this.#options;
    const { signal } = this.#requests;
    // Events about objects outside namespaces live in "default", where kubectl looks for them.
    const collection = eventsPath(series.record.regarding.namespace || "default");
    const update = { count: series.count, lastTimestamp: metaTime(series.lastMs) };
    try {
      const written =
        series.name === undefined
          ? await client.create<CoreV1Event>(collection, this.#body(series), { signal })
          : await client.patch<CoreV1Event>(objectPath(collection, series.name), "merge", update, { signal });
      this.#feed({ type: "sent", id, name: written.metadata.name ?? "" });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#feed({ type: "failed", id, error });
    }
  }

  /** As `kubectl describe` and `kubectl get events` read it: core/v1, with the fields from before eventTime. */
  #body({ record, count, firstMs, lastMs }: EventSeries): object {
    const { component, instance, host } = this.#options;
    const { regarding, type, reason, message } = record;
    const { namespace, ...outside } = regarding;
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { generateName: `${regarding.name}.`, namespace: namespace || "default" },
      involvedObject: namespace === "" ? outside : regarding,
      type,
      reason,
      message,
      count,
      firstTimestamp: metaTime(firstMs),
      lastTimestamp: metaTime(lastMs),
      source: { component, ...(host !== undefined && { host }) },
      reportingComponent: component,
      reportingInstance: instance,
    };
  }
}
