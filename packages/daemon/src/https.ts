import type { IncomingMessage } from "node:http";
import type { Server } from "node:https";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import Fastify from "fastify";
import { type ListenOptions, listen } from "./listen.ts";

/** A certificate and its key, in PEM. */
export interface Credentials {
  readonly certificate: string;
  readonly key: string;
}

/** An answer in JSON. */
export interface Answer {
  readonly status: number;
  readonly body: object;
}

export interface HttpsOptions extends ListenOptions {
  /** That the port comes from, for messages: `--webhook-port`. */
  readonly portFlag: string;
  /** Answers to what is POSTed as JSON, by path. What one throws is a bug of ours: 500, and `failed` is told. */
  readonly routes: Readonly<Record<string, (body: unknown) => Promise<Answer>>>;
  /** Of a body; a larger one is answered with 413. */
  readonly maxOctets: number;
  /** How many bodies of more than `octets` are read and thought about at once. */
  readonly large: { readonly octets: number; readonly atOnce: number };
  /** The answer to one large body more, given before it is read. */
  readonly busy: () => Answer;
  /** One connection more is closed as soon as it is there, and `dropped` told. */
  readonly maxConnections: number;
  readonly dropped: () => void;
  readonly failed: (error: Error) => void;
}

export interface HttpsServer {
  /** The port that was taken. */
  readonly port: number;
  /** What callers are shown from the next connection on. Before the first time nobody can connect. */
  present(credentials: Credentials): void;
  /** Answers what has begun, then closes every connection. */
  close(): Promise<void>;
}

/**
 * Serves JSON over TLS, with a certificate that may change at any time. Anybody may connect, so that what bodies take
 * of the memory is bounded before they are read: many connections with small ones, few large ones.
 *
 * @throws {StartError} when the address cannot be listened on, naming the flag.
 */
export async function startHttps(options: HttpsOptions): Promise<HttpsServer> {
  const server = Fastify<Server>({
    https: { ...TLS, ...PATIENCE, maxHeaderSize: 8192 },
    bodyLimit: options.maxOctets,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: "idle",
    schemaController: { compilersFactory: { buildValidator: noSchema, buildSerializer: noSchema } },
  });
  const large = new LargeBodies(options.large);
  server.addHook("onRequest", async (request, reply) => {
    const leave = large.enter(request.raw);
    if (leave !== undefined) {
      reply.raw.once("close", leave);
      return;
    }
    const { status, body } = options.busy();
    return await reply.code(status).header("connection", "close").send(body); // Why close: the body is on its way
  });
  for (const [path, answer] of Object.entries(options.routes)) {
    server.post(path, async (request, reply) => {
      const leave = large.stay(request.raw); // Why: who asked may be gone long before it is answered
      try {
        const { status, body } = await answer(request.body);
        reply.code(status);
        return body;
      } finally {
        leave();
      }
    });
  }
  server.setNotFoundHandler((_request, reply) => {
    reply.code(404);
    return { status: "not found", paths: Object.keys(options.routes) };
  });
  server.setErrorHandler((error, _request, reply) => {
    const { statusCode = 500, message } = error as Error & { readonly statusCode?: number };
    if (statusCode >= 500) options.failed(error as Error);
    reply.code(statusCode);
    return { status: statusCode >= 500 ? "failed" : message };
  });
  server.server.maxConnections = options.maxConnections;
  server.server.on("drop", options.dropped);
  const unasked = connectionsWithoutRequest(server.server);
  const port = await listen(server, options, options.portFlag);
  return {
    port,
    present: ({ certificate, key }) => server.server.setSecureContext({ cert: certificate, key, ...TLS }),
    close: async () => {
      for (const socket of unasked) socket.destroy();
      await server.close();
    },
  };
}

/** Connections over which nothing was asked yet: callers keep some in reserve, and to Node they are not idle. */
function connectionsWithoutRequest(server: Server): ReadonlySet<Duplex> {
  const unasked = new Set<Duplex>(); // bounded by the connections
  server.on("secureConnection", (socket) => {
    unasked.add(socket);
    socket.once("close", () => unasked.delete(socket));
  });
  server.on("request", ({ socket }) => unasked.delete(socket));
  return unasked;
}

/** Whether `present` takes them: TLS refuses keys that are too short or of a kind it does not know, and much else. */
export function isPresentable({ certificate, key }: Credentials): boolean {
  try {
    createSecureContext({ cert: certificate, key, ...TLS });
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/** Requests with large bodies, from their first header on until nobody needs them. */
class LargeBodies {
  readonly #options: HttpsOptions["large"];
  readonly #stays = new Map<IncomingMessage, number>(); // who needs it still; at most `atOnce`

  constructor(options: HttpsOptions["large"]) {
    this.#options = options;
  }

  /** @returns what to call once it is answered or gone; `undefined` when there are too many. */
  enter(request: IncomingMessage): (() => void) | undefined {
    const isFull = this.#stays.size >= this.#options.atOnce;
    return isFull && this.#isLarge(request) ? undefined : this.stay(request);
  }

  /** One more needs it. @returns what to call when it does so no more. */
  stay(request: IncomingMessage): () => void {
    if (!this.#isLarge(request)) return () => {};
    this.#stays.set(request, (this.#stays.get(request) ?? 0) + 1);
    return () => {
      const left = (this.#stays.get(request) ?? 0) - 1;
      if (left > 0) this.#stays.set(request, left);
      else this.#stays.delete(request);
    };
  }

  /** One in chunks may become as large as it likes. */
  #isLarge({ headers }: IncomingMessage): boolean {
    const octets = Number(headers["content-length"] ?? 0);
    return octets > this.#options.octets || headers["transfer-encoding"] !== undefined;
  }
}

/** Who does not get on with it holds no place for long, neither a connection nor one of a large body. */
const PATIENCE = { handshakeTimeout: 10_000, connectionsCheckingInterval: 2_000 } as const;

/** Long: a caller that finds its connection closed under its request may take it for our failure. */
const KEEP_ALIVE_MS = 300_000;

/** Said again with every certificate: a new context knows nothing of the old one. */
const TLS = { minVersion: "TLSv1.2" } as const;

/** No route has a schema; unless told, fastify loads two compilers of them at start, which takes 100 ms. */
function noSchema(): never {
  throw new Error("a route got a schema: let startHttps have fastify's own compilers back");
}
