import type { Core, Instant, Random } from "@herald/shared/core";

export interface LeaseTiming {
  /** How long others wait after the last renewal they saw. */
  readonly leaseDurationMs: number;
  /** Without a renewal for so long the leader steps down; below `leaseDurationMs`. */
  readonly renewDeadlineMs: number;
  /** Between attempts; below `renewDeadlineMs`. */
  readonly retryPeriodMs: number;
}

/** A Lease as the API server has it. */
export interface LeaseRecord {
  /** "" when released. */
  readonly holder: string;
  /** 0 when not set. */
  readonly durationMs: number;
  readonly transitions: number;
  /** As written by its holder; compared by nobody. */
  readonly acquireTime: string;
  readonly resourceVersion: string;
  /** What its holder left to the next one; nobody here reads it. */
  readonly note?: string | undefined;
}

export type LeaseInput =
  | { readonly type: "start" | "stop" }
  /** The Lease; `undefined` when there is none. */
  | { readonly type: "read"; readonly lease: LeaseRecord | undefined }
  | { readonly type: "written"; readonly lease: LeaseRecord }
  | ({ readonly type: "failed" } & LeaseFailure)
  /** The work that `lead` began has come to its end. */
  | { readonly type: "led" };

interface LeaseFailure {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
}

export type LeaseEffect =
  | { readonly type: "read" }
  /** Create when there is no base, else replace just this version of it. */
  | { readonly type: "write"; readonly kind: WriteKind; readonly base: LeaseRecord | undefined }
  /** Give up the request in flight; nothing it still says may be fed in. */
  | { readonly type: "abort" }
  | { readonly type: "lead" }
  /** Writing must stop before anything else happens. */
  | { readonly type: "halt" }
  | { readonly type: "stopped" }
  | { readonly type: "notice"; readonly notice: LeaseNotice };

export type WriteKind = "acquire" | "renew" | "release";

export type LeaseNotice =
  | { readonly type: "leading" }
  | { readonly type: "following"; readonly holder: string }
  | { readonly type: "lost"; readonly why: "taken" | "renew-deadline" }
  | { readonly type: "released" }
  | ({ readonly type: "failed" } & LeaseFailure);

export interface LeaseCoreOptions {
  readonly identity: string;
  readonly timing: LeaseTiming;
  readonly random: Random;
}

interface Request {
  readonly kind: "read" | WriteKind;
  readonly sentAt: Instant;
  readonly due: Instant;
}

/**
 * One candidate for a Lease, with client-go's rules: whoever sees a record unchanged for as long as it lasts may take it,
 * by the clock of the one who sees; timestamps in it are for people.
 *
 * Why there is never a second leader: a leader counts its time from before it sent the renewal that got through, and a
 * follower from after it saw it. The first is the shorter by `leaseDurationMs - renewDeadlineMs`, more than clocks drift.
 */
export class LeaseCore implements Core<LeaseInput, LeaseEffect> {
  readonly #options: LeaseCoreOptions;
  #role: "idle" | "following" | "leading" | "halting" = "idle";
  #stopping = false;
  #request: Request | undefined;
  #retryAt: Instant | undefined;
  /** The newest record known and when it was first seen. */
  #observed: { readonly lease: LeaseRecord; readonly at: Instant } | undefined;
  /** The record may have changed behind us: read before writing. */
  #stale = true;
  /** A leader's time is up then. */
  #validUntil: Instant = 0;
  #saidHolder: string | undefined;

  constructor(options: LeaseCoreOptions) {
    this.#options = options;
  }

  /**
   * May something be written now? Also right when a timer is late, as after a stopped process. Who stops in order
   * still may, to finish what is in hand, but no longer than others are sure to wait.
   */
  isLeading(now: Instant): boolean {
    return (this.#role === "leading" || this.#role === "halting") && now < this.#validUntil;
  }

  handle(input: LeaseInput, now: Instant): readonly LeaseEffect[] {
    switch (input.type) {
      case "start":
        this.#role = "following";
        return this.#attempt(now);
      case "stop":
        return this.#stop(now);
      case "read":
        this.#request = undefined;
        return this.#read(input.lease, now);
      case "written":
        return this.#written(input.lease, now);
      case "failed":
        return this.#failed(input, now);
      case "led":
        return this.#led(now);
    }
  }

  wake(now: Instant): readonly LeaseEffect[] {
    if (this.#role === "leading" && now >= this.#validUntil) return this.#lose("renew-deadline");
    if (this.#request !== undefined && now >= this.#request.due) {
      const message = `no answer within ${now - this.#request.sentAt} ms`;
      return [{ type: "abort" }, ...this.#failed({ status: 0, reason: "TimedOut", message }, now)];
    }
    if (this.#retryAt === undefined || now < this.#retryAt) return [];
    return this.#attempt(now);
  }

  nextWake(): Instant | undefined {
    const times = [
      this.#role === "leading" ? this.#validUntil : undefined,
      this.#request?.due,
      this.#retryAt,
    ].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #attempt(now: Instant): readonly LeaseEffect[] {
    this.#retryAt = undefined;
    if (this.#role === "leading" && !this.#stale) return this.#write("renew", now);
    return this.#send("read", now, { type: "read" });
  }

  #write(kind: WriteKind, now: Instant): readonly LeaseEffect[] {
    return this.#send(kind, now, { type: "write", kind, base: this.#observed?.lease });
  }

  #send(kind: Request["kind"], now: Instant, effect: LeaseEffect): readonly LeaseEffect[] {
    this.#request = { kind, sentAt: now, due: now + this.#options.timing.renewDeadlineMs / 2 };
    return [effect];
  }

  #read(lease: LeaseRecord | undefined, now: Instant): readonly LeaseEffect[] {
    this.#observe(lease, now);
    if (this.#stopping) return this.#finish(now);
    const mine = lease?.holder === this.#options.identity;
    if (this.#role === "leading") {
      if (lease !== undefined && !mine) return this.#lose("taken");
      return this.#write("renew", now);
    }
    if (lease === undefined || lease.holder === "" || mine || this.#hasExpired(now)) {
      return this.#write("acquire", now);
    }
    this.#retryLater(now);
    if (this.#saidHolder === lease.holder) return [];
    this.#saidHolder = lease.holder;
    return [notice({ type: "following", holder: lease.holder })];
  }

  #observe(lease: LeaseRecord | undefined, now: Instant): void {
    this.#stale = false;
    if (lease === undefined) this.#observed = undefined;
    else if (lease.resourceVersion !== this.#observed?.lease.resourceVersion) {
      this.#observed = { lease, at: now };
    }
  }

  #hasExpired(now: Instant): boolean {
    if (this.#observed === undefined) return true;
    const { lease, at } = this.#observed;
    return now >= at + Math.max(lease.durationMs, this.#options.timing.leaseDurationMs);
  }

  #written(lease: LeaseRecord, now: Instant): readonly LeaseEffect[] {
    const request = this.#request;
    this.#request = undefined;
    this.#observe(lease, now);
    if (request?.kind === "release") return [notice({ type: "released" }), ...this.#end()];
    if (this.#stopping) return this.#finish(now);
    const sentAt = request?.sentAt ?? now;
    this.#validUntil = sentAt + this.#options.timing.renewDeadlineMs;
    this.#retryAt = Math.max(now, sentAt + this.#options.timing.retryPeriodMs);
    if (this.#role !== "following") return [];
    this.#role = "leading";
    this.#saidHolder = undefined;
    return [notice({ type: "leading" }), { type: "lead" }];
  }

  #failed(failure: LeaseFailure, now: Instant): readonly LeaseEffect[] {
    const kind = this.#request?.kind;
    this.#request = undefined;
    this.#stale = true;
    const { status, reason, message } = failure;
    const said = notice({ type: "failed", status, reason, message });
    if (this.#stopping) return [said, ...(this.#role === "halting" ? [] : this.#end())];
    if (kind === "renew" && status === 409) return [said, ...this.#attempt(now)]; // who has it?
    this.#retryLater(now);
    return [said];
  }

  #lose(why: "taken" | "renew-deadline"): readonly LeaseEffect[] {
    this.#role = "halting";
    this.#validUntil = 0;
    this.#retryAt = undefined;
    this.#stale = true;
    const abort: readonly LeaseEffect[] = this.#request === undefined ? [] : [{ type: "abort" }];
    this.#request = undefined;
    return [{ type: "halt" }, ...abort, notice({ type: "lost", why })];
  }

  #stop(now: Instant): readonly LeaseEffect[] {
    if (this.#stopping || this.#role === "idle") return [];
    this.#stopping = true;
    this.#retryAt = undefined;
    if (this.#role === "leading") {
      this.#role = "halting";
      return [{ type: "halt" }];
    }
    // Why: a write under way may make us the holder; its outcome decides whether there is something to release.
    if (this.#role === "halting" || this.#request?.kind === "acquire") return [];
    const abort: readonly LeaseEffect[] = this.#request === undefined ? [] : [{ type: "abort" }];
    this.#request = undefined;
    return [...abort, ...this.#finish(now)];
  }

  #led(now: Instant): readonly LeaseEffect[] {
    if (this.#role === "leading") this.#stopping = true; // the work ended by itself
    this.#role = "following";
    if (!this.#stopping) return this.#attempt(now);
    if (this.#request !== undefined) return []; // its outcome finishes
    return this.#stale ? this.#send("read", now, { type: "read" }) : this.#finish(now);
  }

  /** Stopping, and nothing is in flight: release what is ours, then end. */
  #finish(now: Instant): readonly LeaseEffect[] {
    if (this.#role === "halting") return [];
    if (this.#observed?.lease.holder === this.#options.identity && !this.#stale) {
      return this.#write("release", now);
    }
    return this.#end();
  }

  #end(): readonly LeaseEffect[] {
    this.#role = "idle";
    this.#retryAt = undefined;
    this.#request = undefined;
    return [{ type: "stopped" }];
  }

  #retryLater(now: Instant): void {
    const { timing, random } = this.#options;
    this.#retryAt = now + timing.retryPeriodMs * (1 + random.next() / 5);
  }
}

function notice(text: LeaseNotice): LeaseEffect {
  return { type: "notice", notice: text };
}
