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

export interface FakeApiOptions {
  readonly clock: Clock;
  /** Milliseconds since 1970 at the clock's zero. */
  readonly startEpochMs?: number;
  /** Between bookmarks on a quiet watch; 60,000 when absent. */
  readonly bookmarkMs?: number;
}

/** One request that reached the fake, in order of arrival. */
export interface FakeRequest {
  readonly method: "GET" | "LIST" | "WATCH" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
}

/**
 * An API server in memory, for tests and simulations: paged lists, watches with a history, bookmarks, 410 after
 * compaction, conflicts, status subresources, generateName, and faults on demand. All delays run on the given clock.
 */
export class FakeApi implements ApiClient {
  readonly #options: FakeApiOptions;
  /** Everything asked so far. Cleared by the test when it likes. */
  readonly requests: FakeRequest[] = [];

  constructor(options: FakeApiOptions) {
    this.#options = options;
  }

  /** The next `count` requests that `match` fail with `error`. */
  failNext(count: number, error: ApiError, match: (request: FakeRequest) => boolean = () => true): void {
    throw new Error(`not yet ${count} ${error} ${match} ${this.#options}`);
  }

  /** Cuts every watch, as a connection reset does. */
  cutWatches(): void {
    throw new Error("not yet");
  }

  /** Open watches stay open and say nothing any more; events made meanwhile are not delivered to them. */
  silenceWatches(): void {
    throw new Error("not yet");
  }

  /** Unreachable until told otherwise: every request fails, every watch is cut. */
  setReachable(reachable: boolean): void {
    throw new Error(`not yet ${reachable}`);
  }

  /** Every answer takes this long. */
  setDelay(delayMs: number): void {
    throw new Error(`not yet ${delayMs}`);
  }

  /** Forgets the history: older resourceVersions and continue tokens get 410. */
  compact(): void {
    throw new Error("not yet");
  }

  /** Writes an object past all faults, as another client would: creates or replaces it, status included. */
  put<T>(path: string, object: object): Raw<T> {
    throw new Error(`not yet ${path} ${object}`);
  }

  /** Deletes past all faults. */
  remove(path: string): void {
    throw new Error(`not yet ${path}`);
  }

  /** The object as stored, past all faults. */
  peek<T>(path: string): Raw<T> | undefined {
    throw new Error(`not yet ${path}`);
  }

  /** All objects of a collection as stored, past all faults. */
  peekAll<T>(path: string): readonly Raw<T>[] {
    throw new Error(`not yet ${path}`);
  }

  get<T>(path: string, options?: ReadOptions): Promise<Raw<T>> {
    throw new Error(`not yet ${path} ${options}`);
  }

  listPage<T>(path: string, options: ListOptions): Promise<ListPage<T>> {
    throw new Error(`not yet ${path} ${options}`);
  }

  watch<T>(path: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent<T>>> {
    throw new Error(`not yet ${path} ${options}`);
  }

  create<T>(path: string, body: object, options?: WriteOptions): Promise<Raw<T>> {
    throw new Error(`not yet ${path} ${body} ${options}`);
  }

  update<T>(path: string, body: object, options?: WriteOptions): Promise<Raw<T>> {
    throw new Error(`not yet ${path} ${body} ${options}`);
  }

  patch<T>(path: string, type: PatchType, body: object, options?: PatchOptions): Promise<Raw<T>> {
    throw new Error(`not yet ${path} ${type} ${body} ${options}`);
  }

  delete(path: string, options?: DeleteOptions): Promise<void> {
    throw new ApiError(404, "NotFound", `${path} ${options}`);
  }

  close(): void {}
}
