import { request as httpRequest, type IncomingMessage } from "node:http";

/** An object of the Kubernetes API: the fields all of them have, and whatever its kind adds. */
export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
}

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

/** The API server answered with something other than 2xx. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status. */
  readonly status: number;
  constructor(method: string, path: string, status: number, body: string) {
    super(`${method} ${path}: ${status} ${messageIn(body)}`);
    this.status = status;
  }
}

export type PatchKind = "merge" | "strategic-merge" | "json";

interface ListOrObject {
  readonly kind?: string;
  readonly metadata?: { readonly resourceVersion?: string; readonly name?: string };
  readonly items?: readonly ApiObject[];
}

/** HTTP to the API server over `kubectl proxy`'s unix socket, which no network namespace stops. Admin rights. */
export class Api {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  async get<T = ApiObject>(path: string): Promise<T> {
    return (await this.#json("GET", path)) as T;
  }

  async post<T = ApiObject>(path: string, body: unknown): Promise<T> {
    return (await this.#json("POST", path, body)) as T;
  }

  async patch<T = ApiObject>(path: string, body: unknown, kind: PatchKind = "merge"): Promise<T> {
    return (await this.#json("PATCH", path, body, `application/${kind}-patch+json`)) as T;
  }

  async delete(path: string, body: unknown = {}): Promise<void> {
    await this.#json("DELETE", path, body);
  }

  /** Body of a path that is not JSON, `/metrics` or `/readyz`. */
  async text(path: string): Promise<string> {
    const response = await this.#request("GET", path);
    const body = await readAll(response);
    if (!isSuccess(response)) throw new ApiError("GET", path, response.statusCode ?? 0, body);
    return body;
  }

  /** True when the API server says it is ready. */
  async isReady(): Promise<boolean> {
    try {
      await this.text("/readyz");
      return true;
    } catch (error) {
      if (error instanceof ApiError || isNetworkError(error)) return false;
      throw error;
    }
  }

  /**
   * Waits until a path's content is as wanted, told by a watch, not by asking again and again.
   *
   * @param path of one object or of a collection; both may carry query parameters.
   * @param predicate gets the object (undefined while there is none) or `{ items }`. May throw `AssertionError`s
   * of its own: they count as "not yet", and the last one is quoted when time is over.
   * @param what the sentence an error starts with.
   * @returns what the predicate accepted.
   */
  async waitFor<T>(
    path: string,
    predicate: (value: T | undefined) => boolean,
    deadlineMs: number,
    what: string,
  ): Promise<T> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), deadlineMs);
    const seen: Seen<T> = { last: undefined, why: "" };
    try {
      for (;;) {
        if (abort.signal.aborted) throw new Error(sentence(what, deadlineMs, path, seen));
        if (await this.#watchUntil(path, accepter(predicate, seen), abort.signal)) return seen.last as T;
      }
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  /**
   * Every change of a collection from now on, until the signal says stop or the server ends the watch.
   *
   * @param path a collection, with query parameters if need be.
   */
  async *watch<T = ApiObject>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const url = `${path}${path.includes("?") ? "&" : "?"}watch=true`;
    const response = await this.#request("GET", url, undefined, undefined, signal);
    if (!isSuccess(response))
      throw new ApiError("WATCH", path, response.statusCode ?? 0, await readAll(response));
    let rest = "";
    response.setEncoding("utf8");
    for await (const chunk of response) {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line) as WatchEvent<T>;
    }
  }

  /** One list and one watch after it. False when the watch ended first: ask again. */
  async #watchUntil(
    path: string,
    accept: (value: unknown) => boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      const first = await this.#getOrUndefined(path, signal);
      if (accept(first)) return true;
      const items = first?.items;
      if (items !== undefined) return await this.#watchList(path, first ?? {}, accept, signal);
      return await this.#watchObject(path, first, accept, signal);
    } catch (error) {
      if (!(error instanceof ApiError || isNetworkError(error))) throw error;
      await pause(50); // the API server restarts, or the kind is not served yet
      return false;
    }
  }

  async #watchList(path: string, list: ListOrObject, accept: (v: unknown) => boolean, signal: AbortSignal) {
    const items = new Map((list.items ?? []).map((item) => [keyOf(item), item]));
    const query = `resourceVersion=${list.metadata?.resourceVersion ?? ""}`;
    for await (const event of this.watch(`${path}${path.includes("?") ? "&" : "?"}${query}`, signal)) {
      if (event.type === "ERROR") return false;
      if (event.type === "DELETED") items.delete(keyOf(event.object));
      else items.set(keyOf(event.object), event.object);
      if (accept({ ...list, items: [...items.values()] })) return true;
    }
    return false;
  }

  async #watchObject(
    path: string,
    first: ListOrObject | undefined,
    accept: (value: unknown) => boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    const [bare = path] = path.split("?");
    const collection = bare.slice(0, bare.lastIndexOf("/"));
    const name = bare.slice(bare.lastIndexOf("/") + 1);
    const since = first === undefined ? "" : `&resourceVersion=${first.metadata?.resourceVersion ?? ""}`;
    for await (const event of this.watch(
      `${collection}?fieldSelector=metadata.name%3D${name}${since}`,
      signal,
    )) {
      if (event.type === "ERROR") return false;
      if (accept(event.type === "DELETED" ? undefined : event.object)) return true;
    }
    return false;
  }

  async #getOrUndefined(path: string, signal: AbortSignal): Promise<ListOrObject | undefined> {
    const response = await this.#request("GET", path, undefined, undefined, signal);
    const body = await readAll(response);
    if (response.statusCode === 404) return undefined;
    if (!isSuccess(response)) throw new ApiError("GET", path, response.statusCode ?? 0, body);
    return JSON.parse(body) as ListOrObject;
  }

  async #json(method: string, path: string, body?: unknown, contentType?: string): Promise<unknown> {
    const response = await this.#request(method, path, body, contentType);
    const text = await readAll(response);
    if (!isSuccess(response)) throw new ApiError(method, path, response.statusCode ?? 0, text);
    return JSON.parse(text);
  }

  #request(
    method: string,
    path: string,
    body?: unknown,
    contentType = "application/json",
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const content = body === undefined ? "" : JSON.stringify(body);
    // Why the length: without it Node sends a DELETE's body unframed, and the server takes it for the next request.
    const framing = { "content-type": contentType, "content-length": Buffer.byteLength(content) };
    const headers = body === undefined ? {} : framing;
    const options = { socketPath: this.#socketPath, method, path, headers, ...(signal ? { signal } : {}) };
    const request = httpRequest(options, resolve);
    request.once("error", reject);
    request.end(content);
    return promise;
  }
}

interface Seen<T> {
  last: T | undefined;
  why: string;
}

function accepter<T>(
  predicate: (value: T | undefined) => boolean,
  seen: Seen<T>,
): (value: unknown) => boolean {
  return (value) => {
    seen.last = value as T | undefined;
    seen.why = "";
    try {
      return predicate(seen.last);
    } catch (error) {
      if (!(error instanceof Error && error.name === "AssertionError")) throw error;
      seen.why = error.message;
      return false;
    }
  };
}

function sentence(what: string, deadlineMs: number, path: string, { last, why }: Seen<unknown>): string {
  const value = JSON.stringify(last) ?? "nothing";
  return `${what}: not within ${deadlineMs} ms. ${why}\n${path} is ${value.slice(0, 2000)}`;
}

function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function messageIn(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body;
  } catch (error) {
    if (error instanceof SyntaxError) return body.trim();
    throw error;
  }
}

function isNetworkError(error: unknown): boolean {
  return error instanceof Error && ("code" in error || error.name === "AbortError");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
