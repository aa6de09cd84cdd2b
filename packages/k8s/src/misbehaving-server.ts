import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Access } from "./access.ts";
import { parseServer } from "./access.ts";
import { HttpApiClient } from "./http-client.ts";
import { LIMITS, Transport } from "./transport.ts";

const read = (name: string): string => readFileSync(new URL(`testdata/${name}`, import.meta.url), "utf8");

export const loopbackCertificate = read("loopback-cert.pem");
export const loopbackKey = read("loopback-key.pem");

export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

export interface MisbehavingServer {
  readonly url: string;
  /** Waits as long as is needed, on a busy machine too. */
  readonly client: HttpApiClient;
  /** For servers that never answer: waits for a second. */
  readonly hasty: HttpApiClient;
  /** Method and path of every request, in order. */
  readonly asked: string[];
  /** TCP connections accepted so far. */
  readonly connections: () => number;
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** Only for what would hang. */
const PATIENCE_MS = 60_000;

/** A real HTTPS server on loopback that does whatever a test wants of it, and two clients of it. */
export async function misbehavingServer(first: Behaviour, host = "127.0.0.1"): Promise<MisbehavingServer> {
  let behaviour = first;
  let connections = 0;
  const asked: string[] = [];
  const server: Server = createServer(
    // Why so long: no connection is to end by itself while a test counts them.
    { cert: loopbackCertificate, key: loopbackKey, keepAliveTimeout: PATIENCE_MS },
    (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      behaviour(request, response);
    },
  );
  server.on("secureConnection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const url = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const access: Access = {
    server: parseServer(url),
    credentials: async () => ({ headers: { authorization: "Bearer t" }, tls: { ca: loopbackCertificate } }),
  };
  const waiting = (ms: number): HttpApiClient => {
    const limits = {
      ...{ ...LIMITS, connectMs: PATIENCE_MS, headersMs: ms },
      ...{ bodyMs: ms, bodyOctets: 4 * 1024 * 1024 },
    };
    return new HttpApiClient(new Transport(access, "test", limits));
  };
  const [client, hasty] = [waiting(PATIENCE_MS), waiting(1_000)];
  return {
    url,
    client,
    hasty,
    asked,
    connections: () => connections,
    behave: (next) => {
      behaviour = next;
    },
    close: async () => {
      client.close();
      hasty.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
};
