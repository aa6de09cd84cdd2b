/**
 * The Kubernetes API as the rest of this package sees it. `client.ts` speaks it over HTTP, `fake.ts` keeps
 * it in memory; nothing else knows which one it has.
 */
export interface ApiClient {
  /** @throws {ApiError} */
  get<T>(path: string, options?: ReadOptions): Promise<Raw<T>>;
  /** One page of a collection. @throws {ApiError} 410 when the continue token has expired. */
  listPage<T>(path: string, options: ListOptions): Promise<ListPage<T>>;
  /**
   * Resolves once the server has accepted the watch. The events end when the server ends the stream; a cut
   * connection, a line that is no JSON or one that is too long throws an ApiError from the iteration.
   * What the server reports inside the stream is an event of type `error`, not an exception.
   */
  watch<T>(path: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent<T>>>;
  create<T>(path: string, body: object, options?: WriteOptions): Promise<Raw<T>>;
  /** Replaces the object; its `metadata.resourceVersion`, when set, must be the current one. */
  update<T>(path: string, body: object, options?: WriteOptions): Promise<Raw<T>>;
  patch<T>(path: string, type: PatchType, body: object, options?: PatchOptions): Promise<Raw<T>>;
  delete(path: string, options?: DeleteOptions): Promise<void>;
  /** Closes idle connections. Requests in flight end by their own signals. */
  close(): void;
}

/** As the API sends it: client-node's models hold `Date` where JSON holds text. */
export type Raw<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Raw<Item>[]
    : T extends object
      ? { [Key in keyof T]: Raw<T[Key]> }
      : T;

/** What every object of the API has. */
export interface ApiObject {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
}

export interface ReadOptions {
  readonly query?: Query;
  readonly signal?: AbortSignal;
}

/** Query parameters beside those a method sets itself, such as `labelSelector` and `fieldSelector`. */
export type Query = Readonly<Record<string, string>>;

export interface ListOptions extends ReadOptions {
  /** Objects a page may hold. */
  readonly limit: number;
  /** Where the last page ended; `undefined` for the first page. */
  readonly continue?: string | undefined;
  /** Asks for the `metadata` of the objects alone; whoever asks must do with more. Not when left out. */
  readonly metadataOnly?: boolean;
}

export interface ListPage<T> {
  readonly items: readonly Raw<T>[];
  readonly resourceVersion: string;
  /** `undefined` on the last page. */
  readonly continue: string | undefined;
}

export interface WatchOptions extends ReadOptions {
  /** Only what is newer is sent. */
  readonly resourceVersion: string;
  /** After this long the server ends the stream. */
  readonly timeoutSeconds: number;
}

export type WatchEvent<T> =
  | { readonly type: "added" | "modified" | "deleted"; readonly object: Raw<T> }
  | { readonly type: "bookmark"; readonly resourceVersion: string }
  | { readonly type: "error"; readonly error: ApiError };

export interface WriteOptions {
  readonly signal?: AbortSignal;
  readonly fieldManager?: string;
}

/** RFC 7386, RFC 6902, Kubernetes' server-side apply, and its merge patch that knows the keys of lists. */
export type PatchType = "merge" | "json" | "apply" | "strategic";

export interface PatchOptions extends WriteOptions {
  /** Server-side apply only: take fields over from another manager. */
  readonly force?: boolean;
}

export interface DeleteOptions {
  readonly signal?: AbortSignal;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** Reasons of our own, for answers that never came; all others are the API server's (`NotFound`, `Conflict`). */
export type TransportReason = "Unreachable" | "TimedOut" | "Garbled";

/**
 * The API server refused, or no usable answer came. The one expected failure of this package: callers retry or
 * report it. An aborted request throws its signal's reason instead.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status; 0 when no usable answer came. */
  readonly status: number;
  readonly reason: string;
  /** What the server asked for with Retry-After; 0 when it did not. */
  readonly retryAfterMs: number;

  constructor(status: number, reason: string, message: string, options: ApiErrorOptions = {}) {
    super(`${reason}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

export interface ApiErrorOptions {
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** Waits for an answer; `undefined` where there is no such object, or no such kind. @throws {ApiError} any other. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** `namespace/name`, or the name alone for objects outside namespaces. */
export function keyOf({ metadata }: ApiObject): string {
  const name = metadata?.name ?? "";
  return metadata?.namespace === undefined ? name : `${metadata.namespace}/${name}`;
}
