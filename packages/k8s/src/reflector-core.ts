import type { Core, Instant, Random } from "@herald/shared/core";
import { backoffMs } from "./backoff.ts";

/** What happens to a reflector. At most one request is in flight; its outcome comes as one of these. */
export type ReflectorInput =
  | { readonly type: "start" }
  /** A page is in and applied; `continue` says where the next one begins. */
  | {
      readonly type: "page";
      readonly resourceVersion: string;
      readonly continue: string | undefined;
      readonly objects: number;
    }
  /** The server has accepted the watch. */
  | { readonly type: "opened" }
  /** An event or a bookmark; applied. */
  | { readonly type: "news"; readonly resourceVersion: string }
  /** The server has ended the watch as agreed. */
  | { readonly type: "ended" }
  /** The request failed: no answer, a refusal, a cut, or an error inside the watch. */
  | ({ readonly type: "failed"; readonly retryAfterMs: number } & ReflectorFailure);

export interface ReflectorFailure {
  /** HTTP status, 0 without an answer. */
  readonly status: number;
  readonly reason: string;
  readonly message: string;
}

export type ReflectorEffect =
  /** Ask for a page; the first one (`continue` undefined) begins a new list. */
  | { readonly type: "list"; readonly continue: string | undefined }
  /** The list is complete: what was not in it has vanished. */
  | { readonly type: "complete" }
  | { readonly type: "watch"; readonly resourceVersion: string; readonly timeoutSeconds: number }
  /** Give up the request in flight; nothing it still says may be fed in. */
  | { readonly type: "abort" }
  | { readonly type: "notice"; readonly notice: ReflectorNotice };

/** What an operator may want to know of a reflector's life. */
export type ReflectorNotice =
  /** A complete list is in; `tookMs` from its first request. */
  | { readonly type: "listed"; readonly objects: number; readonly tookMs: number }
  | { readonly type: "watching"; readonly resourceVersion: string }
  /** The next attempt is due in `retryInMs`. */
  | ({ readonly type: "list-failed" | "watch-failed"; readonly retryInMs: number } & ReflectorFailure)
  /** Nothing came for `silentMs`, not even a bookmark: the connection is given up. */
  | { readonly type: "silent"; readonly silentMs: number }
  /** The server no longer knows our resourceVersion or continue token: everything is listed anew. */
  | { readonly type: "expired" };

type Phase =
  | { readonly type: "idle" }
  | { readonly type: "waiting"; readonly due: Instant; readonly then: "list" | "watch" }
  | { readonly type: "listing"; readonly due: Instant }
  | { readonly type: "opening"; readonly due: Instant }
  | { readonly type: "watching"; readonly due: Instant; readonly openedAt: Instant; readonly heard: boolean };

const BACKOFF = { minMs: 500, maxMs: 30_000 };
/** A connection that lived so long was good: the next failure starts at the shortest delay again. */
const HEALTHY_MS = 60_000;
const LIST_SILENCE_MS = 60_000;
const OPEN_SILENCE_MS = 30_000;
/** The API server sends a bookmark about every minute: two of them missed and some. */
const WATCH_SILENCE_MS = 150_000;
/** How long the server may keep a watch: spread, so that those opened together do not end together. */
const WATCH_SECONDS = { least: 240, most: 480 };
/** So many watches in a row that the server took and that brought nothing: our resourceVersion may be the cause. */
const BARREN_WATCHES = 3;

/**
 * What to do after each thing that can happen between a client and the API server while it follows a collection. It
 * never gives up: every failure leads to another attempt, at most half a minute later unless the server asks for more.
 */
export class ReflectorCore implements Core<ReflectorInput, ReflectorEffect> {
  readonly #random: Random;
  #phase: Phase = { type: "idle" };
  /** Where to resume watching; meaningful once a list is complete. */
  #version = "";
  /** The page to ask for next, while a list is under way. */
  #continue: string | undefined;
  #listStartedAt: Instant = 0;
  #listed = 0;
  /** In a row; forgotten after a healthy minute. */
  #failures = 0;
  /** Watches in a row without news that the server itself ended or refused. */
  #barren = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  handle(input: ReflectorInput, now: Instant): readonly ReflectorEffect[] {
    switch (input.type) {
      case "start":
        return this.#beginList(now);
      case "page":
        return this.#page(input, now);
      case "opened":
        this.#phase = { type: "watching", due: now + WATCH_SILENCE_MS, openedAt: now, heard: false };
        return [notice({ type: "watching", resourceVersion: this.#version })];
      case "news":
        return this.#news(input.resourceVersion, now);
      case "ended":
        return this.#ended(now);
      case "failed":
        return this.#failed(input, now);
    }
  }

  wake(now: Instant): readonly ReflectorEffect[] {
    const phase = this.#phase;
    if (phase.type === "idle" || phase.due > now) return [];
    switch (phase.type) {
      case "waiting":
        if (phase.then === "watch") return this.#openWatch(now);
        return this.#continue === undefined ? this.#beginList(now) : this.#nextPage(now);
      case "listing":
        return [{ type: "abort" }, ...this.#failed(silence(LIST_SILENCE_MS), now)];
      case "opening":
        return [{ type: "abort" }, ...this.#failed(silence(OPEN_SILENCE_MS), now)];
      case "watching":
        return [
          { type: "abort" },
          notice({ type: "silent", silentMs: WATCH_SILENCE_MS }),
          ...this.#failed(silence(WATCH_SILENCE_MS), now),
        ];
    }
  }

  nextWake(): Instant | undefined {
    return this.#phase.type === "idle" ? undefined : this.#phase.due;
  }

  #beginList(now: Instant): readonly ReflectorEffect[] {
    this.#continue = undefined;
    this.#listStartedAt = now;
    this.#listed = 0;
    return this.#nextPage(now);
  }

  #nextPage(now: Instant): readonly ReflectorEffect[] {
    this.#phase = { type: "listing", due: now + LIST_SILENCE_MS };
    return [{ type: "list", continue: this.#continue }];
  }

  #page(page: Extract<ReflectorInput, { type: "page" }>, now: Instant): readonly ReflectorEffect[] {
    // Why the first page's: all pages show the same moment, and an older version only repeats events.
    if (this.#continue === undefined) this.#version = page.resourceVersion;
    this.#listed += page.objects;
    this.#continue = page.continue;
    if (page.continue !== undefined) return this.#nextPage(now);
    this.#barren = 0;
    const tookMs = now - this.#listStartedAt;
    return [
      { type: "complete" },
      notice({ type: "listed", objects: this.#listed, tookMs }),
      ...this.#openWatch(now),
    ];
  }

  #openWatch(now: Instant): readonly ReflectorEffect[] {
    this.#phase = { type: "opening", due: now + OPEN_SILENCE_MS };
    const spread = WATCH_SECONDS.most - WATCH_SECONDS.least;
    const timeoutSeconds = WATCH_SECONDS.least + Math.floor(this.#random.next() * (spread + 1));
    return [{ type: "watch", resourceVersion: this.#version, timeoutSeconds }];
  }

  #news(resourceVersion: string, now: Instant): readonly ReflectorEffect[] {
    if (resourceVersion !== "") this.#version = resourceVersion;
    this.#barren = 0;
    if (this.#phase.type === "watching") {
      this.#phase = { ...this.#phase, due: now + WATCH_SILENCE_MS, heard: true };
    }
    return [];
  }

  #ended(now: Instant): readonly ReflectorEffect[] {
    if (this.#wasHealthy(now)) {
      this.#forgive();
      return this.#openWatch(now);
    }
    const failure = { status: 0, reason: "Unreachable", message: "the watch ended early", retryAfterMs: 0 };
    return this.#failed({ type: "failed", ...failure }, now);
  }

  #failed(failure: Extract<ReflectorInput, { type: "failed" }>, now: Instant): readonly ReflectorEffect[] {
    const { status, reason, message, retryAfterMs } = failure;
    const listing = this.#phase.type === "listing";
    const deaf = this.#isDeaf(now);
    if (this.#wasHealthy(now)) this.#forgive();
    else if (!listing && this.#isBarren(status)) this.#barren += 1;
    this.#failures += 1;
    const retryInMs = Math.max(retryAfterMs, backoffMs(BACKOFF, this.#failures, this.#random));
    const expired = status === 410;
    if (expired) this.#continue = undefined;
    const then = listing || expired || deaf || this.#barren >= BARREN_WATCHES ? "list" : "watch";
    this.#phase = { type: "waiting", due: now + retryInMs, then };
    const type = listing ? "list-failed" : "watch-failed";
    return [
      ...(expired ? [notice({ type: "expired" })] : []),
      notice({ type, status, reason, message, retryInMs }),
    ];
  }

  /** Did this watch bring nothing although the server was there? One out of reach says nothing about our version. */
  #isBarren(status: number): boolean {
    if (this.#phase.type === "watching") return !this.#phase.heard;
    // Why 504: it is how some API servers refuse a resourceVersion newer than their own.
    return status === 504 || (status >= 400 && status < 500 && status !== 429);
  }

  /**
   * Has the open watch been silent from its first moment until it was given up? That is how the API server treats a
   * resourceVersion newer than its own (etcd restored from a backup): it says neither an event nor a bookmark, for ever.
   */
  #isDeaf(now: Instant): boolean {
    return this.#phase.type === "watching" && !this.#phase.heard && now >= this.#phase.due;
  }

  #wasHealthy(now: Instant): boolean {
    return this.#phase.type === "watching" && now - this.#phase.openedAt >= HEALTHY_MS;
  }

  #forgive(): void {
    this.#failures = 0;
    this.#barren = 0;
  }
}

function notice(text: ReflectorNotice): ReflectorEffect {
  return { type: "notice", notice: text };
}

function silence(silentMs: number): Extract<ReflectorInput, { type: "failed" }> {
  const message = `nothing heard for ${silentMs} ms`;
  return { type: "failed", status: 0, reason: "TimedOut", message, retryAfterMs: 0 };
}
