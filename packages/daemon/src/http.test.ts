import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { Counter, Registry } from "prom-client";
import { type HttpServer, startHttp } from "./http.ts";

async function serve(t: TestContext, waitingFor: readonly string[] = []): Promise<HttpServer> {
  const registry = new Registry();
  new Counter({ name: "things_total", help: "Things.", registers: [registry] }).inc(3);
  const server = await startHttp({ host: "127.0.0.1", port: 0, registry, notReady: () => waitingFor });
  t.after(() => server.close());
  return server;
}

async function get(server: HttpServer, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return { status: response.status, body: await response.text() };
}

describe("the HTTP server", () => {
  it("serves a page of the program's own, as it is when asked for", async (t) => {
    let count = 0;
    const pages = {
      "/would": () => {
        count += 1;
        return { count };
      },
    };
    const registry = new Registry();
    const server = await startHttp({ host: "127.0.0.1", port: 0, registry, notReady: () => [], pages });
    t.after(() => server.close());
    await get(server, "/would");
    assert.deepEqual(await get(server, "/would"), { status: 200, body: '{"count":2}' });
    assert.match((await get(server, "/other")).body, /"\/would"/);
  });

  it("serves the metrics of its registry", async (t) => {
    const { status, body } = await get(await serve(t), "/metrics");
    assert.deepEqual(
      [status, body],
      [200, "# HELP things_total Things.\n# TYPE things_total counter\nthings_total 3\n"],
    );
  });

  it("lets others run between two metrics", async (t) => {
    const registry = new Registry();
    let turns = 0;
    const seen: number[] = [];
    const turn = (): void => {
      turns += 1;
      pending = setImmediate(turn);
    };
    let pending = setImmediate(turn);
    t.after(() => clearImmediate(pending));
    for (const name of ["one", "two", "three"]) {
      const collect = (): void => void seen.push(turns);
      new Counter({ name, help: name, registers: [registry], collect });
    }
    const server = await startHttp({ host: "127.0.0.1", port: 0, registry, notReady: () => [] });
    t.after(() => server.close());
    const { body } = await get(server, "/metrics");
    assert.equal(new Set(seen).size, 3);
    assert.equal(body, await registry.metrics());
  });

  it("says that it lives", async (t) => {
    assert.deepEqual(await get(await serve(t), "/healthz"), { status: 200, body: '{"status":"ok"}' });
  });

  it("is ready when nothing is awaited", async (t) => {
    assert.deepEqual(await get(await serve(t), "/readyz"), {
      status: 200,
      body: '{"status":"ready","waitingFor":[]}',
    });
  });

  it("names what it waits for", async (t) => {
    assert.deepEqual(await get(await serve(t, ["the list of Services"]), "/readyz"), {
      status: 503,
      body: '{"status":"not ready","waitingFor":["the list of Services"]}',
    });
  });

  it("serves both families when no address is named", async (t) => {
    const registry = new Registry();
    const server = await startHttp({ host: "", port: 0, registry, notReady: () => [] });
    t.after(() => server.close());
    assert.equal((await get(server, "/healthz")).status, 200);
  });

  it("answers 404 for the rest and names what there is", async (t) => {
    assert.deepEqual(await get(await serve(t), "/debug/pprof"), {
      status: 404,
      body: '{"status":"not found","paths":["/metrics","/healthz","/readyz"]}',
    });
  });

  it("names the flag when its port is in use", async (t) => {
    const { port } = await serve(t);
    await assert.rejects(
      startHttp({ host: "127.0.0.1", port, registry: new Registry(), notReady: () => [] }),
      {
        name: "StartError",
        message: `port ${port} is in use (--port)`,
      },
    );
  });

  it("names the flag when the machine lacks the address", async () => {
    await assert.rejects(
      startHttp({ host: "192.0.2.1", port: 0, registry: new Registry(), notReady: () => [] }),
      { name: "StartError", message: "this machine has no address 192.0.2.1 (--host)" },
    );
  });
});
