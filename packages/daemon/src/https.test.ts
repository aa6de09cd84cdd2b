import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { connect } from "node:tls";
import { type Answer, type HttpsServer, startHttps } from "./https.ts";

const AMPLE = {
  large: { octets: 100, atOnce: 1 },
  maxConnections: 10,
  busy: () => ({ status: 503, body: {} }),
  dropped: () => {},
} as const;

async function serve(
  t: TestContext,
  answer: (body: unknown) => Promise<Answer>,
): Promise<HttpsServer & { readonly failures: readonly string[] }> {
  const failures: string[] = [];
  const server = await startHttps({
    host: "127.0.0.1",
    port: 0,
    portFlag: "--webhook-port",
    routes: { "/say": answer },
    maxOctets: 100,
    ...AMPLE,
    failed: (error) => failures.push(error.message),
  });
  t.after(() => server.close());
  return { ...server, failures };
}

const echo = async (body: unknown): Promise<Answer> => ({ status: 200, body: { said: body } });

describe("the HTTPS server", () => {
  it("lets nobody connect before it has a certificate", async (t) => {
    const { port } = await serve(t, echo);
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
    const end = await new Promise<string>((resolve) => {
      socket.once("secureConnect", () => resolve("connected"));
      socket.once("error", (error) => resolve(`refused: ${"code" in error}`));
    });
    socket.destroy();
    assert.equal(end, "refused: true");
  });

  it("says that its port is in use, naming the flag", async (t) => {
    const { port } = await serve(t, echo);
    const again = startHttps({
      ...{ host: "127.0.0.1", port, portFlag: "--webhook-port" },
      ...{ routes: {}, maxOctets: 1, ...AMPLE, failed: () => {} },
    });
    await assert.rejects(again, {
      name: "StartError",
      message: `port ${port} is in use (--webhook-port)`,
    });
  });
});
