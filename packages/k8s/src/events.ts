import type { Clock } from "@herald/shared/core";
import type { ApiClient, ApiError } from "./api.ts";

/** The object an Event is about. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventRecord {
  readonly regarding: ObjectReference;
  readonly type: "Normal" | "Warning";
  /** CamelCase, as MetalLB's where the meaning is the same. */
  readonly reason: string;
  /** For people; cut at 1,024 characters, as the API server would refuse more. */
  readonly message: string;
}

export interface EventRecorderOptions {
  readonly client: ApiClient;
  /** As `kubectl describe` shows it under From: `metallb-controller`. */
  readonly component: string;
  /** Which replica: the pod's name. */
  readonly instance: string;
  /** Node the reporter runs on, "" when it does not matter. */
  readonly host?: string;
  readonly clock: Clock;
  /** Milliseconds since 1970, for the timestamps. The system's when absent. */
  readonly epochMs?: () => number;
  /** An Event could not be written, or the queue was full. For a log line and a counter. */
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
  throw new Error(`not yet ${options}`);
}
