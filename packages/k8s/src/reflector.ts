import type { Clock, Random } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import { type ApiClient, ApiError, type ApiObject, keyOf, type Query, type WatchEvent } from "./api.ts";
import {
  ReflectorCore,
  type ReflectorEffect,
  type ReflectorInput,
  type ReflectorNotice,
} from "./reflector-core.ts";
import { whenAborted } from "./when-aborted.ts";

export interface ReflectorOptions<View> {
  readonly client: ApiClient;
  /** Of the collection. */
  readonly path: string;
  /** `labelSelector`, `fieldSelector`. */
  readonly query?: Query;
  /**
   * What to keep of an object; `undefined` keeps nothing, as if it did not exist. A method, so that a function of a
   * narrower object type fits: what arrives is what `path` holds.
   */
  view(object: ApiObject): View | undefined;
  /** Whether a view says what the one before it said, so that there is no news; never when left out. */
  isSame?(before: View, after: View): boolean;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * These keys have appeared, changed or vanished; `get` already answers with the news. During the first list it is
   * called per page, before `synced`. What it throws ends `run`.
   */
  onChange(keys: readonly string[]): void;
  /** For logs and metrics. */
  notice?(notice: ReflectorNotice): void;
}

/** Objects per page: small enough that parsing and applying one blocks nobody for long. */
const PAGE_OBJECTS = 500;

/** The views of one collection, kept current for as long as `run` runs, whatever the API server does. */
export class Reflector<View> {
  readonly #options: ReflectorOptions<View>;
  readonly #entries = new Map<string, Entry<View>>(); // by key; bounded by the objects in the cluster
  #seen = new Set<string>(); // keys of the list under way; empty outside one
  #synced = false;
  readonly #sync = Promise.withResolvers<void>();
  readonly #fault = Promise.withResolvers<never>();
  #request = new AbortController(); // of the request in flight
  #driven: Driven<ReflectorInput> | undefined;

  constructor(options: ReflectorOptions<View>) {
    this.#options = options;
  }

  /** Has one complete list been seen? Stays true while disconnected. */
  get synced(): boolean {
    return this.#synced;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param key `namespace/name`, or the name alone for objects outside namespaces. */
  get(key: string): View | undefined {
    return this.#entries.get(key)?.view;
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  *values(): Iterable<View> {
    for (const { view } of this.#entries.values()) yield view;
  }

  /** @throws the signal's reason when aborted first. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return await this.#sync.promise;
    await Promise.race([this.#sync.promise, whenAborted(signal).then(() => signal.throwIfAborted())]);
  }

  /** To be called once. Resolves when aborted. Rejects only with what `view`, `onChange` or `notice` threw: our own bug. */
  async run(signal: AbortSignal): Promise<void> {
    const core = new ReflectorCore(this.#options.random);
    const driven = drive(core, this.#options.clock, (effect) => this.#perform(effect));
    this.#driven = driven;
    try {
      if (signal.aborted) return;
      driven.feed({ type: "start" });
      await Promise.race([whenAborted(signal), this.#fault.promise]);
    } finally {
      driven.stop();
      this.#request.abort(new Error("reflector stopped"));
    }
  }

  #perform(effect: ReflectorEffect): void {
    switch (effect.type) {
      case "list":
        this.#begin((signal) => this.#list(effect.continue, signal));
        break;
      case "watch":
        this.#begin((signal) => this.#watch(effect, signal));
        break;
      case "abort":
        this.#request.abort(new Error("given up"));
        break;
      case "complete":
        this.#complete();
        break;
      case "notice":
        this.#options.notice?.(effect.notice);
    }
  }

  /** Runs one request; what it feeds in after it was given up is dropped. */
  #begin(request: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    this.#request = controller;
    request(controller.signal).catch((error: unknown) => {
      if (controller.signal.aborted && error === controller.signal.reason) return;
      this.#fault.reject(error);
    });
  }

  async #list(token: string | undefined, signal: AbortSignal): Promise<void> {
    if (token === undefined) this.#seen = new Set();
    const { client, path, query = {} } = this.#options;
    const page = await this.#expected(signal, () =>
      client.listPage<ApiObject>(path, { query, signal, limit: PAGE_OBJECTS, continue: token }),
    );
    if (page === undefined) return;
    for (const object of page.items) this.#seen.add(keyOf(object));
    this.#report(page.items.filter((object) => this.#store(object)).map(keyOf));
    this.#feed(signal, {
      type: "page",
      resourceVersion: page.resourceVersion,
      continue: page.continue,
      objects: page.items.length,
    });
  }

  async #watch(
    { resourceVersion, timeoutSeconds }: Extract<ReflectorEffect, { type: "watch" }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, path, query = {} } = this.#options;
    const stream = await this.#expected(signal, () =>
      client.watch<ApiObject>(path, { query, signal, resourceVersion, timeoutSeconds }),
    );
    if (stream === undefined) return;
    this.#feed(signal, { type: "opened" });
    const events = stream[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#expected(signal, () => events.next());
      if (next === undefined) return;
      if (next.done === true) return this.#feed(signal, { type: "ended" });
      if (!this.#take(next.value, signal)) {
        await events.return?.();
        return;
      }
    }
  }

  /** @returns whether the watch goes on. */
  #take(event: WatchEvent<ApiObject>, signal: AbortSignal): boolean {
    if (signal.aborted) return false;
    switch (event.type) {
      case "error":
        this.#feed(signal, failed(event.error));
        return false;
      case "bookmark":
        this.#feed(signal, { type: "news", resourceVersion: event.resourceVersion });
        return true;
      case "deleted":
        if (this.#entries.delete(keyOf(event.object))) this.#report([keyOf(event.object)]);
        break;
      default:
        if (this.#store(event.object)) this.#report([keyOf(event.object)]);
    }
    this.#feed(signal, { type: "news", resourceVersion: event.object.metadata?.resourceVersion ?? "" });
    return true;
  }

  /** The outcome of a call to the API server; an ApiError goes to the core and answers `undefined`. */
  async #expected<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T | undefined> {
    try {
      const outcome = await call();
      signal.throwIfAborted();
      return outcome;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#feed(signal, failed(error));
      return undefined;
    }
  }

  #feed(signal: AbortSignal, input: ReflectorInput): void {
    if (!signal.aborted) this.#driven?.feed(input);
  }

  /** @returns whether there is news. */
  #store(object: ApiObject): boolean {
    const key = keyOf(object);
    const version = object.metadata?.resourceVersion ?? "";
    const before = this.#entries.get(key);
    if (before !== undefined && before.version === version) return false;
    const view = this.#options.view(object);
    if (view === undefined) return this.#entries.delete(key);
    this.#entries.set(key, { view, version });
    return before === undefined || this.#options.isSame?.(before.view, view) !== true;
  }

  #complete(): void {
    const vanished = [...this.#entries.keys()].filter((key) => !this.#seen.has(key));
    for (const key of vanished) this.#entries.delete(key);
    this.#seen = new Set();
    this.#synced = true;
    this.#report(vanished);
    this.#sync.resolve();
  }

  #report(keys: readonly string[]): void {
    if (keys.length > 0) this.#options.onChange(keys);
  }
}

interface Entry<View> {
  readonly view: View;
  /** resourceVersion, so that a relist reports only what changed meanwhile. */
  readonly version: string;
}

function failed({ status, reason, message, retryAfterMs }: ApiError): ReflectorInput {
  return { type: "failed", status, reason, message, retryAfterMs };
}
