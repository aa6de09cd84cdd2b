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
  readonly client: HttpApiClient;
  /** Method and path of every request, in order. */
  readonly asked: string[];
  /** TCP connections accepted so far. */
  readonly connections: () => number;
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** A real HTTPS server on loopback that does whatever a test wants of it, and a client with short patience. */
export async function misbehavingServer(first: Behaviour, host = "127.0.0.1"): Promise<MisbehavingServer> {
  let behaviour = first;
  let connections = 0;
  const asked: string[] = [];
  const server: Server = createServer(
    { cert: loopbackCertificate, key: loopbackKey },
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
  const limits = { ...LIMITS, connectMs: 2000, headersMs: 400, bodyMs: 400, bodyOctets: 4 * 1024 * 1024 };
  const client = new HttpApiClient(new Transport(access, "test", limits));
  return {
    url,
    client,
    asked,
    connections: () => connections,
    behave: (next) => {
      behaviour = next;
    },
    close: async () => {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
};
