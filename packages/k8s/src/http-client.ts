import type { IncomingMessage } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type ApiClient,
  ApiError,
  type DeleteOptions,
  type ListOptions,
  type ListPage,
  type PatchOptions,
  type PatchType,
  type Query,
  type Raw,
  type ReadOptions,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from "./api.ts";
import { LineSplitter } from "./lines.ts";
import { errorOfAnswer, errorOfStatus } from "./status.ts";
import type { Exchange, Transport } from "./transport.ts";

/** The API server takes no object above 3 MB (etcd's request limit twice over); one event is little more. */
const MAX_LINE_OCTETS = 8 * 1024 * 1024;

const PATCH_CONTENT_TYPE: Readonly<Record<PatchType, string>> = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  apply: "application/apply-patch+yaml", // JSON is YAML
  strategic: "application/strategic-merge-patch+json",
};

/** Or whole objects, from a server that cannot leave out the rest. */
const METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/** The API over HTTP. No throttle of its own: the server has priority and fairness, and says 429. */
export class HttpApiClient implements ApiClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async get<T>(path: string, { query, signal }: ReadOptions = {}): Promise<Raw<T>> {
    return await this.#json<Raw<T>>({ method: "GET", path: withQuery(path, query), signal });
  }

  async listPage<T>(path: string, options: ListOptions): Promise<ListPage<T>> {
    const query = { ...options.query, limit: `${options.limit}`, ...given({ continue: options.continue }) };
    const { signal } = options;
    const accept = options.metadataOnly ? METADATA_ONLY : undefined;
    const answer = await this.#open({ method: "GET", path: withQuery(path, query), accept, signal });
    const text = await this.#transport.read(answer, signal);
    // Why the turns: reading, parsing and what the caller does with a page are some milliseconds each; others may go between.
    await nextTurn();
    const list = parse<RawList<T>>(text);
    await nextTurn();
    signal?.throwIfAborted();
    const { resourceVersion, continue: token = "" } = list.metadata ?? {};
    if (!Array.isArray(list.items) || resourceVersion === undefined) {
      throw new ApiError(0, "Garbled", `${path} did not answer with a list`);
    }
    return { items: list.items, resourceVersion, continue: token === "" ? undefined : token };
  }

  async watch<T>(path: string, options: WatchOptions): Promise<AsyncIterable<WatchEvent<T>>> {
    const query = {
      ...options.query,
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: options.resourceVersion,
      timeoutSeconds: `${options.timeoutSeconds}`,
    };
    const { signal } = options;
    const answer = await this.#open({ method: "GET", path: withQuery(path, query), signal });
    return this.#events<T>(answer, signal);
  }

  async create<T>(path: string, body: object, options: WriteOptions = {}): Promise<Raw<T>> {
    return await this.#write<Raw<T>>("POST", path, body, options);
  }

  async update<T>(path: string, body: object, options: WriteOptions = {}): Promise<Raw<T>> {
    return await this.#write<Raw<T>>("PUT", path, body, options);
  }

  async patch<T>(
    path: string,
    type: PatchType,
    body: object,
    { force, ...options }: PatchOptions = {},
  ): Promise<Raw<T>> {
    const target = type === "apply" && force !== undefined ? withQuery(path, { force: `${force}` }) : path;
    return await this.#write<Raw<T>>("PATCH", target, body, options, PATCH_CONTENT_TYPE[type]);
  }

  async delete(path: string, { preconditions, signal }: DeleteOptions = {}): Promise<void> {
    const body =
      preconditions === undefined
        ? undefined
        : json({ apiVersion: "v1", kind: "DeleteOptions", preconditions }, "application/json");
    await this.#json({ method: "DELETE", path, body, signal });
  }

  close(): void {
    this.#transport.close();
  }

  async #write<T>(
    method: "POST" | "PUT" | "PATCH",
    path: string,
    body: object,
    { fieldManager, signal }: WriteOptions,
    contentType = "application/json",
  ): Promise<T> {
    const target = withQuery(path, given({ fieldManager }));
    return await this.#json<T>({ method, path: target, body: json(body, contentType), signal });
  }

  async #json<T>(exchange: Exchange): Promise<T> {
    const answer = await this.#open(exchange);
    return parse<T>(await this.#transport.read(answer, exchange.signal));
  }

  /** @throws {ApiError} for every status but 2xx. */
  async #open(exchange: Exchange): Promise<IncomingMessage> {
    const answer = await this.#transport.open(exchange);
    const code = answer.statusCode ?? 0;
    if (code >= 200 && code < 300) return answer;
    throw errorOfAnswer(code, await this.#transport.read(answer, exchange.signal), answer.headers);
  }

  async *#events<T>(answer: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<WatchEvent<T>> {
    const splitter = new LineSplitter(MAX_LINE_OCTETS);
    for await (const chunk of this.#transport.stream(answer, signal)) {
      for (const line of linesOf(splitter, chunk)) yield eventOf<T>(parse<RawEvent<T>>(line));
    }
    if (splitter.pendingOctets > 0) throw new ApiError(0, "Garbled", "the watch ended inside a line");
  }
}

interface RawList<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly Raw<T>[];
}

interface RawEvent<T> {
  readonly type?: string;
  readonly object?: Raw<T> & { readonly metadata?: { readonly resourceVersion?: string } };
}

function eventOf<T>({ type, object }: RawEvent<T>): WatchEvent<T> {
  if (object === undefined) throw new ApiError(0, "Garbled", `a watch event without an object: ${type}`);
  switch (type) {
    case "ADDED":
      return { type: "added", object };
    case "MODIFIED":
      return { type: "modified", object };
    case "DELETED":
      return { type: "deleted", object };
    case "BOOKMARK":
      return { type: "bookmark", resourceVersion: object.metadata?.resourceVersion ?? "" };
    case "ERROR":
      return { type: "error", error: errorOfStatus(object) };
    default:
      throw new ApiError(0, "Garbled", `a watch event of unknown type: ${type}`);
  }
}

function linesOf(splitter: LineSplitter, chunk: Buffer): readonly string[] {
  try {
    return splitter.push(chunk);
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError(0, "Garbled", error.message);
    throw error;
  }
}

function parse<T>(text: string): T {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as T;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ApiError(0, "Garbled", `not a JSON object: ${text.slice(0, 60)}`);
}

function json(body: object, contentType: string): { contentType: string; text: string } {
  return { contentType, text: JSON.stringify(body) };
}

/** The entries that have a value. */
function given(query: Readonly<Record<string, string | undefined>>): Query {
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function withQuery(path: string, query: Query = {}): string {
  const text = new URLSearchParams(query).toString();
  if (text === "") return path;
  return `${path}${path.includes("?") ? "&" : "?"}${text}`;
}
