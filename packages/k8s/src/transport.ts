import type { ClientRequest, Agent as HttpAgent, IncomingMessage } from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import type { Access } from "./access.ts";
import { ApiError } from "./api.ts";

// Why not imported: an ES module that imports it reads all its exports, and WebSocket among them loads undici, 3 MB.
const http = process.getBuiltinModule("node:http");
const https = process.getBuiltinModule("node:https");

/** How long each part of an exchange may take, ms. */
export interface Limits {
  /** TCP and TLS, from the moment a socket is ours. */
  readonly connectMs: number;
  /** From then to the headers of the answer. */
  readonly headersMs: number;
  /** From the headers to the end of the body; watches have no such end. */
  readonly bodyMs: number;
  /** Of a body read whole. */
  readonly bodyOctets: number;
}

export const LIMITS: Limits = {
  connectMs: 10_000,
  headersMs: 30_000,
  bodyMs: 60_000,
  bodyOctets: 128 * 1024 * 1024,
};

export interface Exchange {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query, without the server's base path. */
  readonly path: string;
  readonly body?: { readonly contentType: string; readonly text: string } | undefined;
  /** What the answer may be; any JSON when left out. */
  readonly accept?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Sockets to one API server, watches included; requests beyond that wait for one. */
const MAX_SOCKETS = 64;
/** An idle socket is closed before the API server (90 s) or a firewall in between does it. */
const IDLE_SOCKET_MS = 45_000;

/** HTTP/1.1 to one API server over a pool of kept connections. */
export class Transport {
  readonly #access: Access;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #limits: Limits;
  readonly #userAgent: string;

  constructor(access: Access, userAgent: string, limits: Limits = LIMITS) {
    const options = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS };
    this.#access = access;
    this.#agent = access.server.secure ? new https.Agent(options) : new http.Agent(options);
    this.#limits = limits;
    this.#userAgent = userAgent;
  }

  /**
   * Resolves with the headers of the answer, whatever its status; the body is the caller's to read. Aborting destroys it,
   * also when nobody has begun to read.
   *
   * @throws {ApiError} of status 0 when there is no answer; the signal's reason when aborted.
   */
  async open(exchange: Exchange): Promise<IncomingMessage> {
    exchange.signal?.throwIfAborted();
    const { headers, tls } = await this.#access.credentials();
    exchange.signal?.throwIfAborted();
    const { server } = this.#access;
    const body = exchange.body === undefined ? undefined : Buffer.from(exchange.body.text);
    const request = (server.secure ? https : http).request({
      agent: this.#agent,
      method: exchange.method,
      host: server.host, // also what the certificate must be for, when a socket leads there
      port: server.port,
      ...(server.socketPath !== undefined && { socketPath: server.socketPath }),
      path: server.basePath + exchange.path,
      ...tls,
      headers: {
        accept: exchange.accept ?? "application/json",
        "user-agent": this.#userAgent,
        ...headers,
        ...(body && { "content-type": exchange.body?.contentType ?? "", "content-length": body.length }),
      },
    });
    const answer = this.#answerOf(request, exchange);
    request.end(body);
    return await answer;
  }

  /** The whole body as text. @throws {ApiError} when it is cut, late or too long. */
  async read(answer: IncomingMessage, signal: AbortSignal | undefined): Promise<string> {
    const chunks: Buffer[] = []; // bounded by limits.bodyOctets
    let octets = 0;
    const timer = setTimeout(
      () => answer.destroy(new ApiError(0, "TimedOut", `the answer took over ${this.#limits.bodyMs} ms`)),
      this.#limits.bodyMs,
    );
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        octets += chunk.length;
        if (octets > this.#limits.bodyOctets) {
          throw new ApiError(0, "Garbled", `the answer is longer than ${this.#limits.bodyOctets} octets`);
        }
        chunks.push(chunk);
      }
    } catch (error) {
      throw failureOf(error, signal);
    } finally {
      clearTimeout(timer);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  /** Chunks as they come, for as long as they come. @throws {ApiError} when the connection is cut. */
  async *stream(answer: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    try {
      yield* answer as AsyncIterable<Buffer>;
    } catch (error) {
      throw failureOf(error, signal);
    } finally {
      answer.destroy();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #answerOf(request: ClientRequest, { signal }: Exchange): Promise<IncomingMessage> {
    const { connectMs, headersMs } = this.#limits;
    let timer: NodeJS.Timeout | undefined;
    const within = (limitMs: number, what: string): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.#dropIdleSockets();
        request.destroy(new ApiError(0, "TimedOut", `${what} within ${limitMs} ms`));
      }, limitMs);
    };
    const stop = destroyOnAbort(request, signal);
    return new Promise<IncomingMessage>((resolve, reject) => {
      request.once("socket", (socket) => {
        const headers = (): void => within(headersMs, "no answer");
        if (!socket.connecting) return headers();
        within(connectMs, "no connection");
        socket.once(this.#access.server.secure ? "secureConnect" : "connect", headers);
      });
      request.once("response", (answer) => {
        answer.once("close", destroyOnAbort(answer, signal));
        resolve(answer);
      });
      // Why `on`: destroying a request may report a second error, which must not be an uncaught one.
      request.on("error", (error) => reject(failureOf(error, signal)));
    }).finally(() => {
      clearTimeout(timer);
      stop();
    });
  }

  /** When one connection went dead, its idle neighbours are dead most likely too: let none of them cost a time-out. */
  #dropIdleSockets(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }
}

function destroyOnAbort(
  stream: { destroy(error?: Error): unknown },
  signal: AbortSignal | undefined,
): () => void {
  if (signal === undefined) return () => {};
  const destroy = (): void => void stream.destroy(new Error("aborted"));
  if (signal.aborted) destroy();
  signal.addEventListener("abort", destroy, { once: true });
  return () => signal.removeEventListener("abort", destroy);
}

/** What to throw for an error of a socket or stream. */
function failureOf(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (error instanceof ApiError) return error;
  if (!(error instanceof Error)) return error;
  return new ApiError(0, "Unreachable", error.message === "" ? String(error) : error.message, {
    cause: error,
  });
}
