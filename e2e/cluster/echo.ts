import { createSocket } from "node:dgram";
import { createServer as createHttpServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { hostname } from "node:os";
import { parseArgs } from "node:util";

/** What the workload answers. */
export interface Echo {
  readonly pod: string;
  readonly node: string;
  /** Source address the workload saw. */
  readonly client: string;
  readonly clientPort: number;
  readonly method?: string;
  readonly path?: string;
  readonly data?: string;
}

/**
 * node echo.ts [--http 8080] [--tcp 8081] [--udp 8082]: a workload that says who answers and who asked.
 *
 * HTTP answers `{ "pod", "node", "client", "clientPort", "method", "path" }`; TCP and UDP answer each chunk with a
 * line of the same JSON, with `data` instead of method and path. SIGTERM: no new connections, the open ones are served
 * to their end.
 */
const { values } = parseArgs({
  options: {
    http: { type: "string", default: "8080" },
    tcp: { type: "string", default: "8081" },
    udp: { type: "string", default: "8082" },
  },
});
const self = { pod: process.env["POD_NAME"] ?? hostname(), node: process.env["NODE_NAME"] ?? hostname() };

/** IPv4 clients of a dual-stack socket show as ::ffff:192.0.2.1. */
function plain(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:/, "");
}

const http = createHttpServer(({ method, url: path, socket }, response) => {
  response.setHeader("content-type", "application/json");
  const asked = { client: plain(socket.remoteAddress), clientPort: socket.remotePort, method, path };
  response.end(`${JSON.stringify({ ...self, ...asked })}\n`);
});
const tcp = createTcpServer((socket) => {
  const client = { client: plain(socket.remoteAddress), clientPort: socket.remotePort };
  socket.on("error", () => socket.destroy());
  socket.on("data", (data) => socket.write(`${JSON.stringify({ ...self, ...client, data: `${data}` })}\n`));
});
// As much room as the kernel gives: what comes while this process waits for a processor is answered later, and not lost.
const udp = createSocket({ type: "udp6", recvBufferSize: 1 << 20 }, (data, { address, port }) => {
  const answer = { ...self, client: plain(address), clientPort: port, data: `${data}` };
  udp.send(`${JSON.stringify(answer)}\n`, port, address);
});

// Port 0 would be any port: it means none here.
if (values.udp !== "0") udp.bind(Number(values.udp));
if (values.tcp !== "0") tcp.listen(Number(values.tcp));
if (values.http !== "0") http.listen(Number(values.http));

process.once("SIGTERM", () => {
  http.close();
  http.closeIdleConnections();
  tcp.close();
  if (values.udp !== "0") udp.close();
});
