import type { Clock } from "@herald/shared/core";
import {
  type ApiClient,
  ApiError,
  type DeleteOptions,
  type ListOptions,
  type ListPage,
  type PatchOptions,
  type PatchType,
  type Raw,
  type ReadOptions,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from "./api.ts";
import { type Change, eventsOf, FakeStore } from "./fake-store.ts";
import { FakeWatch } from "./fake-watch.ts";
import { mergeByKeys, mergePatch } from "./merge-patch.ts";

export interface FakeApiOptions {
  readonly clock: Clock;
  /** Milliseconds since 1970 at the clock's zero. */
  readonly startEpochMs?: number;
  /** Between bookmarks on a watch; 60,000 when absent. */
  readonly bookmarkMs?: number;
  /** Hands out what it stores, frozen, instead of a copy to each: for many clients of many objects. Not when left out. */
  readonly sharesObjects?: boolean;
}

/** One request that reached the fake, in order of arrival. */
export interface FakeRequest {
  readonly method: "GET" | "LIST" | "WATCH" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** Of a PATCH. */
  readonly type?: PatchType;
}

/**
 * An API server in memory, for tests and simulations: paged lists, watches with a history, bookmarks, 410 after
 * compaction, conflicts, status subresources, generateName, and faults on demand. All delays run on the given clock.
 */
export class FakeApi implements ApiClient {
  readonly #options: FakeApiOptions;
  readonly #store: FakeStore;
  readonly #watches = new Set<FakeWatch>(); // open ones
  #failures: { left: number; error: ApiError; match: (request: FakeRequest) => boolean }[] = [];
  #reachable = true;
  #hanging = false;
  #delayMs = 0;
  /** Everything asked so far. Cleared by the test when it likes. */
  readonly requests: FakeRequest[] = [];

  constructor(options: FakeApiOptions) {
    const { clock, startEpochMs = 0, sharesObjects = false } = options;
    this.#options = options;
    this.#store = new FakeStore(
      () => startEpochMs + clock.now(),
      (change) => this.#tell(change),
      { freezes: sharesObjects },
    );
  }

  /** The next `count` requests that `match` fail with `error`. */
  failNext(count: number, error: ApiError, match: (request: FakeRequest) => boolean = () => true): void {
    this.#failures.push({ left: count, error, match });
  }

  /** Cuts every watch, as a connection reset does. */
  cutWatches(error: ApiError = new ApiError(0, "Unreachable", "read ECONNRESET")): void {
    for (const watch of [...this.#watches]) watch.fail(error);
  }

  /** Ends every watch the way the server does when their time is up. */
  endWatches(): void {
    for (const watch of [...this.#watches]) watch.end();
  }

  /** Says this on every watch, as a server in trouble may: an error inside the stream, a stray bookmark. */
  sayOnWatches(event: WatchEvent<unknown>): void {
    for (const watch of [...this.#watches]) watch.push(event);
  }

  /** Open watches stay open and say nothing any more; events made meanwhile are not delivered to them. */
  silenceWatches(): void {
    for (const watch of this.#watches) watch.silence();
  }

  /** Unreachable until told otherwise: every request fails, every watch is cut. */
  setReachable(reachable: boolean): void {
    this.#reachable = reachable;
    if (!reachable) this.cutWatches();
  }

  /** While hanging, requests are taken and never answered, nor are they when it ends; watches go silent. */
  setHanging(hanging: boolean): void {
    this.#hanging = hanging;
    if (hanging) this.silenceWatches();
  }

  /** Every answer takes this long; the server acts when the time is up. */
  setDelay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Forgets the history: older resourceVersions and continue tokens get 410. */
  compact(): void {
    this.#store.compact();
  }

  /** How many watches are open now. */
  get openWatches(): number {
    return this.#watches.size;
  }

  /** Writes an object past all faults, as another client would: creates or replaces it, status included. */
  put<T>(path: string, object: object): Raw<T> {
    if (this.#store.get(path) === undefined) {
      const collection = path.slice(0, path.lastIndexOf("/"));
      const name = decodeURIComponent(path.slice(path.lastIndexOf("/") + 1));
      const { metadata } = object as { metadata?: object };
      return this.#store.create(collection, { ...object, metadata: { ...metadata, name } }) as Raw<T>;
    }
    const replaced = this.#store.change(path, ({ metadata }) => unversioned(object, metadata));
    const { status } = object as { status?: unknown };
    if (status === undefined) return replaced as Raw<T>;
    return this.#store.change(`${path}/status`, (stored) => ({ ...stored, status })) as Raw<T>;
  }

  /** Deletes past all faults. */
  remove(path: string): void {
    this.#store.remove(path);
  }

  /** The object as stored, past all faults. */
  peek<T>(path: string): Raw<T> | undefined {
    return this.#store.get(path) as Raw<T> | undefined;
  }

  /** All objects of a collection as stored, past all faults, by key. */
  peekAll<T>(path: string): readonly Raw<T>[] {
    return this.#store.all(path) as Raw<T>[];
  }

  async get<T>(path: string, { signal }: ReadOptions = {}): Promise<Raw<T>> {
    return await this.#answer({ method: "GET", path }, signal, () => {
      const object = this.#store.get(path);
      if (object === undefined) throw new ApiError(404, "NotFound", `${path} not found`);
      return object as Raw<T>;
    });
  }

  async listPage<T>(path: string, options: ListOptions): Promise<ListPage<T>> {
    return await this.#answer(
      { method: "LIST", path },
      options.signal,
      () => this.#store.page(path, options.query ?? {}, options.limit, options.continue) as ListPage<T>,
    );
  }

  async watch<T>(path: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent<T>>> {
    const { query = {}, resourceVersion, timeoutSeconds, signal } = options;
    return await this.#answer({ method: "WATCH", path }, signal, () => {
      const watch = new FakeWatch({
        clock: this.#options.clock,
        bookmarkMs: this.#options.bookmarkMs ?? 60_000,
        timeoutMs: timeoutSeconds * 1000,
        sharesObjects: this.#options.sharesObjects ?? false,
        version: () => `${this.#store.version}`,
        select: (change) => eventsOf(path, query, change),
        closed: () => this.#watches.delete(watch),
        signal,
      });
      for (const event of this.#store.since(path, query, Number(resourceVersion))) watch.push(event);
      // As the real one: a version it has not reached yet is taken, and nothing is ever said.
      if (Number(resourceVersion) > this.#store.version) watch.silence();
      this.#watches.add(watch);
      return watch as AsyncIterable<WatchEvent<unknown>> as AsyncIterable<WatchEvent<T>>;
    });
  }

  async create<T>(path: string, body: object, { signal }: WriteOptions = {}): Promise<Raw<T>> {
    return await this.#answer(
      { method: "POST", path },
      signal,
      () => this.#store.create(path, body) as Raw<T>,
    );
  }

  async update<T>(path: string, body: object, { signal }: WriteOptions = {}): Promise<Raw<T>> {
    return await this.#answer(
      { method: "PUT", path },
      signal,
      () => this.#store.change(path, () => body) as Raw<T>,
    );
  }

  /** Merge patches, with or without the keys of lists; server-side apply, always by force, of an object that is there. */
  async patch<T>(
    path: string,
    type: PatchType,
    body: object,
    { fieldManager = "", signal }: PatchOptions = {},
  ): Promise<Raw<T>> {
    return await this.#answer({ method: "PATCH", path, type }, signal, () => {
      if (type === "json") throw new ApiError(415, "UnsupportedMediaType", "JSON patch is not spoken here");
      if (type === "apply") return this.#store.apply(path, body, fieldManager) as Raw<T>;
      return this.#store.patch(path, body, type === "merge" ? mergePatch : mergeByKeys) as Raw<T>;
    });
  }

  async delete(path: string, { preconditions, signal }: DeleteOptions = {}): Promise<void> {
    await this.#answer({ method: "DELETE", path }, signal, () => this.#store.remove(path, preconditions));
  }

  close(): void {}

  async #answer<T>(request: FakeRequest, signal: AbortSignal | undefined, act: () => T): Promise<T> {
    signal?.throwIfAborted();
    this.requests.push(request);
    if (this.#hanging) await hang(signal);
    if (this.#delayMs > 0) await this.#sleep(this.#delayMs, signal);
    if (!this.#reachable) throw new ApiError(0, "Unreachable", "connect ECONNREFUSED");
    const failure = this.#failures.find(({ left, match }) => left > 0 && match(request));
    if (failure === undefined) return this.#options.sharesObjects ? act() : structuredCloneOfJson(act());
    failure.left -= 1;
    throw failure.error;
  }

  #sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve, reject) => {
      const cancel = clock.at(clock.now() + delayMs, resolve);
      signal?.addEventListener("abort", () => {
        cancel();
        reject(signal.reason);
      });
    });
  }

  #tell(change: Change): void {
    for (const watch of [...this.#watches]) watch.tell(change);
  }
}

function hang(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}

/** What `put` wants, with the identity of what is there, so that it never conflicts. */
function unversioned(object: object, stored: { readonly namespace?: string }): object {
  const { metadata } = object as { metadata?: object };
  return { ...object, metadata: { ...stored, ...metadata, ...identityOf(stored) } };
}

function identityOf(stored: object): object {
  const { name, uid, resourceVersion } = stored as Record<string, string>;
  return { name, uid, resourceVersion };
}

/** A copy of plain JSON, so that no caller can change what is stored; a watch is handed over as it is. */
function structuredCloneOfJson<T>(value: T): T {
  return value instanceof FakeWatch ? value : structuredClone(value);
}
