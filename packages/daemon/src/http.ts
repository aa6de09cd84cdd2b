import { setImmediate as nextTurn } from "node:timers/promises";
import Fastify, { type FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { type ListenOptions, listen } from "./listen.ts";

export interface HttpOptions extends ListenOptions {
  readonly registry: Registry;
  /** Names what the program still waits for, in a person's words; empty when ready. */
  readonly notReady: () => readonly string[];
  /** What else there is to look at, as JSON, by path. */
  readonly pages?: Readonly<Record<string, () => object>>;
}

export interface HttpServer {
  /** The port that was taken. */
  readonly port: number;
  /** Answers what has begun, then closes every connection. */
  close(): Promise<void>;
}

/**
 * Serves `GET /metrics`, `/healthz`, `/readyz` and `pages`; 404 for the rest. `/readyz` is 200 or 503, with what is
 * awaited in `waitingFor`.
 *
 * @throws {StartError} when the address cannot be listened on, naming the flag.
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const server = Fastify({
    bodyLimit: 1024,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: "idle",
    http: { maxHeaderSize: 8192 },
    schemaController: { compilersFactory: { buildValidator: noSchema, buildSerializer: noSchema } },
  });
  addRoutes(server, options);
  const port = await listen(server, options, "--port");
  return { port, close: () => server.close() };
}

/** No route has a schema; unless told, fastify loads two compilers of them at start, which takes 100 ms. */
function noSchema(): never {
  throw new Error("a route got a schema: let startHttp have fastify's own compilers back");
}

function addRoutes(server: FastifyInstance, { registry, notReady, pages = {} }: HttpOptions): void {
  server.get("/metrics", async (_request, reply) => {
    reply.header("content-type", registry.contentType);
    return await textOf(registry);
  });
  server.get("/healthz", () => ({ status: "ok" }));
  server.get("/readyz", (_request, reply) => {
    const waitingFor = notReady();
    reply.code(waitingFor.length === 0 ? 200 : 503);
    return { status: waitingFor.length === 0 ? "ready" : "not ready", waitingFor };
  });
  for (const [path, content] of Object.entries(pages)) server.get(path, () => content());
  server.setNotFoundHandler((_request, reply) => {
    reply.code(404);
    return { status: "not found", paths: ["/metrics", "/healthz", "/readyz", ...Object.keys(pages)] };
  });
}

/** Metric by metric, and others may go between: a thousand series are some milliseconds of text. */
async function textOf(registry: Registry): Promise<string> {
  const texts: string[] = [];
  for (const { name } of registry.getMetricsAsArray()) {
    texts.push(await registry.getSingleMetricAsString(name));
    await nextTurn();
  }
  return `${texts.join("\n\n")}\n`;
}
