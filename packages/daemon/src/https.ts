import type { Server } from "node:https";
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
 * Serves JSON over TLS, with a certificate that may change at any time.
 *
 * @throws {StartError} when the address cannot be listened on, naming the flag.
 */
export async function startHttps(options: HttpsOptions): Promise<HttpsServer> {
  const server = Fastify<Server>({
    https: { ...TLS, maxHeaderSize: 8192 },
    bodyLimit: options.maxOctets,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: "idle",
    schemaController: { compilersFactory: { buildValidator: noSchema, buildSerializer: noSchema } },
  });
  for (const [path, answer] of Object.entries(options.routes)) {
    server.post(path, async (request, reply) => {
      const { status, body } = await answer(request.body);
      reply.code(status);
      return body;
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
  const port = await listen(server, options, options.portFlag);
  return {
    port,
    present: ({ certificate, key }) => server.server.setSecureContext({ cert: certificate, key, ...TLS }),
    close: () => server.close(),
  };
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

/** Long: a caller that finds its connection closed under its request may take it for our failure. */
const KEEP_ALIVE_MS = 300_000;

/** Said again with every certificate: a new context knows nothing of the old one. */
const TLS = { minVersion: "TLSv1.2" } as const;

/** No route has a schema; unless told, fastify loads two compilers of them at start, which takes 100 ms. */
function noSchema(): never {
  throw new Error("a route got a schema: let startHttps have fastify's own compilers back");
}
