import type { Clock, Random } from "@herald/shared/core";
import { drive } from "@herald/shared/driver";
import type { V1Lease } from "@kubernetes/client-node";
import { type ApiClient, ApiError, type Raw, unlessMissing } from "./api.ts";
import {
  LeaseCore,
  type LeaseEffect,
  type LeaseInput,
  type LeaseNotice,
  type LeaseRecord,
  type LeaseTiming,
} from "./lease-core.ts";
import { leasesPath, objectPath } from "./paths.ts";

export type { LeaseNotice, LeaseTiming } from "./lease-core.ts";

export interface LeaderElectorOptions {
  readonly client: Pick<ApiClient, "get" | "create" | "patch">;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Unique among candidates and never used again: the pod's name and something random. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since 1970, for the timestamps people read. The system's when absent. */
  readonly epochMs?: () => number;
  /** client-go's 15 s, 10 s and 2 s when absent. */
  readonly timing?: LeaseTiming;
  /** What a leader leaves to the next one; nothing when absent. */
  readonly note?: LeaseNote;
  notice?(notice: LeaseNotice): void;
}

/** An annotation of the Lease. It costs no request: it is written with a renewal, or with the release, where it changed. */
export interface LeaseNote {
  readonly annotation: string;
  /** What it is to say, asked for while leading; `undefined` takes it away. */
  readonly text: () => string | undefined;
}

const CLIENT_GO_TIMING: LeaseTiming = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

/** Leader election over a coordination.k8s.io/v1 Lease, with client-go's meaning of every field. */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #core: LeaseCore;
  readonly #timing: LeaseTiming;
  readonly #finished = Promise.withResolvers<void>();
  #request = new AbortController(); // of the request in flight
  #leadership = new AbortController();
  #lead: Lead = async () => {};
  #found: string | undefined; // the note in the Lease as it was taken
  #isRead = false; // that note, by who leads: nobody else knows what it is to say
  #feed: (input: LeaseInput) => void = () => {};

  constructor(options: LeaderElectorOptions) {
    const { identity, random, timing = CLIENT_GO_TIMING } = options;
    this.#options = options;
    this.#timing = timing;
    this.#core = new LeaseCore({ identity, timing, random });
  }

  /** Right at any moment, even when the signal given to `lead` is late because the process stood still. */
  get leading(): boolean {
    return this.#core.isLeading(this.#options.clock.now());
  }

  /**
   * Competes until aborted; to be called once. Whenever elected it calls `lead`, whose signal aborts before another
   * candidate may start: `lead` must stop writing at once and then return. When `run` is aborted, or `lead` returns by
   * itself, the Lease is released after `lead` has returned, so that the next candidate takes over at once, and `run`
   * resolves. Rejects with what `lead` threw, unless that was its signal's reason.
   *
   * @param lead is given the note that was found, too.
   */
  async run(lead: Lead, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#lead = lead;
    const driven = drive(this.#core, this.#options.clock, (effect) => this.#perform(effect));
    this.#feed = driven.feed;
    const stop = (): void => driven.feed({ type: "stop" });
    signal.addEventListener("abort", stop, { once: true });
    try {
      driven.feed({ type: "start" });
      await this.#finished.promise;
    } finally {
      signal.removeEventListener("abort", stop);
      driven.stop();
      this.#leadership.abort(new Error("no longer the leader"));
      this.#request.abort(new Error("elector stopped"));
    }
  }

  #perform(effect: LeaseEffect): void {
    switch (effect.type) {
      case "read":
        this.#ask((signal) => this.#read(signal));
        break;
      case "write":
        this.#ask((signal) => this.#write(effect, signal));
        break;
      case "abort":
        this.#request.abort(new Error("given up"));
        break;
      case "lead":
        this.#begin();
        break;
      case "halt":
        this.#leadership.abort(new Error("no longer the leader"));
        break;
      case "stopped":
        this.#finished.resolve();
        break;
      case "notice":
        this.#options.notice?.(effect.notice);
    }
  }

  #begin(): void {
    const leadership = new AbortController();
    this.#leadership = leadership;
    this.#isRead = true;
    this.#lead(leadership.signal, this.#found)
      .catch((error: unknown) => {
        if (!leadership.signal.aborted || error !== leadership.signal.reason) throw error;
      })
      .then(() => this.#feed({ type: "led" }))
      .catch(this.#finished.reject);
  }

  /** Runs one request and feeds its outcome in, unless it was given up meanwhile. */
  #ask(request: (signal: AbortSignal) => Promise<LeaseInput>): void {
    const controller = new AbortController();
    this.#request = controller;
    request(controller.signal)
      .catch((error: unknown): LeaseInput => {
        if (!(error instanceof ApiError)) throw error;
        const { status, reason, message } = error;
        return { type: "failed", status, reason, message };
      })
      .then((outcome) => {
        if (!controller.signal.aborted) this.#feed(outcome);
      })
      .catch((error: unknown) => {
        if (error !== controller.signal.reason) this.#finished.reject(error);
      });
  }

  async #read(signal: AbortSignal): Promise<LeaseInput> {
    const { client, namespace, name } = this.#options;
    const path = objectPath(leasesPath(namespace), name);
    const lease = await unlessMissing(client.get<V1Lease>(path, { signal }));
    return { type: "read", lease: lease && this.#recordOf(lease) };
  }

  async #write(effect: Extract<LeaseEffect, { type: "write" }>, signal: AbortSignal): Promise<LeaseInput> {
    const { client, namespace, name } = this.#options;
    const collection = leasesPath(namespace);
    if (effect.kind === "acquire") this.#isRead = false;
    const body = this.#body(effect);
    const lease =
      effect.base === undefined
        ? await client.create<V1Lease>(collection, body, { signal })
        : await client.patch<V1Lease>(objectPath(collection, name), "merge", body, { signal });
    const record = this.#recordOf(lease);
    if (effect.kind === "acquire") this.#found = record.note;
    return { type: "written", lease: record };
  }

  #body({ kind, base }: Extract<LeaseEffect, { type: "write" }>): object {
    const { identity, namespace, name, epochMs = Date.now } = this.#options;
    const now = microTime(epochMs());
    const changesHands = base !== undefined && kind !== "release" && base.holder !== identity;
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        namespace,
        name,
        ...(base && { resourceVersion: base.resourceVersion }),
        ...(this.#isRead && this.#noteOver(base?.note)),
      },
      spec: {
        holderIdentity: kind === "release" ? "" : identity,
        // client-go writes 1 on release: zero is not a valid duration.
        leaseDurationSeconds: kind === "release" ? 1 : Math.ceil(this.#timing.leaseDurationMs / 1000),
        acquireTime: base === undefined || changesHands || base.acquireTime === "" ? now : base.acquireTime,
        renewTime: now,
        leaseTransitions: (base?.transitions ?? 0) + (changesHands ? 1 : 0),
      },
    };
  }

  /** Nothing where it says already what it is to say. */
  #noteOver(written: string | undefined): object {
    const { note } = this.#options;
    const text = note?.text();
    if (note === undefined || text === written) return {};
    return { annotations: { [note.annotation]: text ?? null } };
  }

  #recordOf({ metadata, spec }: Raw<V1Lease>): LeaseRecord {
    const { note } = this.#options;
    return {
      holder: spec?.holderIdentity ?? "",
      durationMs: (spec?.leaseDurationSeconds ?? 0) * 1000,
      transitions: spec?.leaseTransitions ?? 0,
      acquireTime: spec?.acquireTime ?? "",
      resourceVersion: metadata?.resourceVersion ?? "",
      note: note && metadata?.annotations?.[note.annotation],
    };
  }
}

type Lead = (signal: AbortSignal, note: string | undefined) => Promise<void>;

/** Six digits after the point: Go's MicroTime takes no other number of them. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace("Z", "000Z");
}
