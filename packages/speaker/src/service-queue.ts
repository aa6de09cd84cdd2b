import type { ApiError } from "@herald/k8s/api";
import { WorkQueue } from "@herald/k8s/queue";
import type { Clock, Random } from "@herald/shared/core";

const RETRY = { minMs: 200, maxMs: 60_000 };

export interface ServiceQueuePorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Something of the Service, or of all objects of that kind, could not be written, and will be tried again. */
  readonly failed: (about: string, error: ApiError) => void;
}

/** Services of which something is to be written. */
export function serviceQueue({ clock, random, failed }: ServiceQueuePorts, concurrency: number): WorkQueue {
  return new WorkQueue({
    clock,
    random,
    concurrency,
    retry: RETRY,
    retried: ({ key, error }) => failed(key, error),
  });
}
