import type { Clock, Random } from "@herald/shared/core";
import type { ApiClient } from "./api.ts";

export interface LeaderElectorOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Unique among candidates: the pod's name and something random. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since 1970, for the timestamps people read. The system's when absent. */
  readonly epochMs?: () => number;
  /** client-go's 15 s, 10 s and 2 s when absent. */
  readonly timing?: LeaseTiming;
  notice?(notice: LeaseNotice): void;
}

export interface LeaseTiming {
  /** How long others wait after the last renewal they saw. */
  readonly leaseDurationMs: number;
  /** Without a renewal for so long the leader steps down; below `leaseDurationMs`. */
  readonly renewDeadlineMs: number;
  /** Between attempts; below `renewDeadlineMs`. */
  readonly retryPeriodMs: number;
}

export type LeaseNotice =
  | { readonly type: "leading" }
  | { readonly type: "following"; readonly holder: string }
  | { readonly type: "lost"; readonly why: "taken" | "renew-deadline" }
  | { readonly type: "released" }
  | { readonly type: "failed"; readonly status: number; readonly reason: string; readonly message: string };

/** Leader election over a coordination.k8s.io/v1 Lease, with client-go's meaning of every field. */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
  }

  get leading(): boolean {
    throw new Error(`not yet ${this.#options.name}`);
  }

  /**
   * Competes until aborted. Whenever elected it calls `lead`, whose signal aborts before another candidate may start;
   * `lead` must stop writing at once and then return. When `run` itself is aborted, the Lease is released after
   * `lead` has returned, so that the next candidate takes over at once. Rejects with what `lead` threw.
   */
  run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    throw new Error(`not yet ${lead} ${signal}`);
  }
}
