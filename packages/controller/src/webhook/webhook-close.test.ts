import assert from "node:assert/strict";
import { once } from "node:events";
import { it } from "node:test";
import { connect } from "node:tls";
import { startHttps } from "@herald/daemon/https";
import { livesOf } from "./certificate-plan.ts";
import { startOver } from "./make-certificates.ts";

const HOUR_MS = 3_600_000;
/** Whoever waits for Node to end such a connection waits for half a minute. */
const WITHIN_MS = 15_000;

it("closes without waiting for a caller that has connected and asks nothing", async (t) => {
  const files = await startOver({ hostNames: ["herald"], lives: livesOf(HOUR_MS), now: Date.now() });
  const server = await startHttps({
    ...{ host: "127.0.0.1", port: 0, portFlag: "--webhook-port", routes: {}, maxOctets: 100 },
    ...{ large: { octets: 100, atOnce: 1 }, maxConnections: 10, dropped: () => {}, failed: () => {} },
    busy: () => ({ status: 503, body: {} }),
  });
  server.present({ certificate: files.certificate, key: files.key });
  const socket = connect({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false });
  t.after(() => socket.destroy());
  socket.on("error", () => {}); // it is cut
  socket.resume();
  await once(socket, "session"); // the server has taken it, then
  const began = performance.now();
  await server.close();
  assert.ok(performance.now() - began < WITHIN_MS);
});
