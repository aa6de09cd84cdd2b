import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { Api } from "./api.ts";

/** An API behind a unix socket that answers as told. */
async function serve(t: TestContext, answer: RequestListener): Promise<Api> {
  const folder = mkdtempSync(join(tmpdir(), "api-test-"));
  const server = createServer(answer).listen(join(folder, "socket"));
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return new Api(join(folder, "socket"));
}

interface Counted {
  readonly metadata: { readonly name: string };
  readonly count: number;
}
const object = (count: number, name = "a") => ({ metadata: { name, resourceVersion: `${count}` }, count });
const event = (type: string, value: unknown) => `${JSON.stringify({ type, object: value })}\n`;

describe("Api", () => {
  it("frames the body of a DELETE, which Node leaves unframed by itself", async (t) => {
    const seen: unknown[] = [];
    const api = await serve(t, async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      seen.push([request.method, request.headers["content-length"], body]);
      response.end("{}");
    });
    await api.delete("/x", { now: 1 });
    assert.deepEqual(seen, [["DELETE", "9", '{"now":1}']]);
  });

  it("quotes the server's message when it refuses", async (t) => {
    const api = await serve(t, (_, response) => response.writeHead(409).end('{"message":"it is there"}'));
    await assert.rejects(api.post("/x", {}), {
      name: "ApiError",
      status: 409,
      message: "POST /x: 409 it is there",
    });
  });

  it("waits for an object by a watch from the version it was read at", async (t) => {
    const asked: string[] = [];
    const api = await serve(t, ({ url = "" }, response) => {
      asked.push(url);
      if (!url.includes("watch=true")) response.end(JSON.stringify(object(1)));
      else response.write(event("MODIFIED", object(2)) + event("MODIFIED", object(3)).slice(0, 20));
      if (url.includes("watch=true")) response.write(event("MODIFIED", object(3)).slice(20));
    });
    const found = await api.waitFor<Counted>("/things/a", (thing) => thing?.count === 3, 60_000, "three");
    assert.deepEqual(found, object(3));
    assert.deepEqual(asked, [
      "/things/a",
      "/things?fieldSelector=metadata.name%3Da&resourceVersion=1&watch=true",
    ]);
  });

  it("waits for an object to go", async (t) => {
    const api = await serve(t, ({ url = "" }, response) => {
      if (url.includes("watch=true")) response.write(event("DELETED", object(2)));
      else response.end(JSON.stringify(object(1)));
    });
    assert.equal(await api.waitFor("/things/a", (thing) => thing === undefined, 60_000, "gone"), undefined);
  });

  it("keeps a collection together across events", async (t) => {
    const list = {
      kind: "ThingList",
      metadata: { resourceVersion: "5" },
      items: [object(1, "a"), object(2, "b")],
    };
    const api = await serve(t, ({ url = "" }, response) => {
      if (!url.includes("watch=true")) response.end(JSON.stringify(list));
      else response.write(event("DELETED", object(1, "a")) + event("ADDED", object(6, "c")));
    });
    const wanted = (found?: { items: readonly Counted[] }) =>
      found?.items.map(({ count }) => count).join() === "2,6";
    const found = await api.waitFor<{ items: readonly Counted[] }>("/things", wanted, 60_000, "b and c");
    assert.deepEqual(found, { ...list, items: [object(2, "b"), object(6, "c")] });
  });

  it("asks again when the watch breaks, is refused, or says that the version is too old", async (t) => {
    const watches = [
      () => "",
      () => event("ERROR", { code: 410 }),
      () => undefined,
      () => event("MODIFIED", object(9)),
    ];
    const api = await serve(t, ({ url = "" }, response) => {
      if (!url.includes("watch=true")) return void response.end(JSON.stringify(object(1)));
      const text = watches.shift()?.();
      if (text === undefined) response.destroy();
      else response.end(text);
    });
    assert.deepEqual(
      await api.waitFor<Counted>("/things/a", (thing) => thing?.count === 9, 60_000, "nine"),
      object(9),
    );
  });

  it("says what it waited for, what is there and why that was not it, when time is over", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    // Why not the real time: it may be over before anything was read.
    const pass = (): void => {
      t.mock.timers.tick(50);
      passing = setImmediate(pass);
    };
    let passing: NodeJS.Immediate | undefined;
    t.after(() => clearImmediate(passing));
    const api = await serve(t, ({ url = "" }, response) => {
      if (url.includes("watch=true")) pass();
      else response.end(JSON.stringify(object(1)));
    });
    const check = (thing?: Counted) => {
      assert.ok(thing?.count === 2, "one is not two");
      return true;
    };
    await assert.rejects(api.waitFor<Counted>("/things/a", check, 50, "two"), {
      message: `two: not within 50 ms. one is not two\n/things/a is ${JSON.stringify(object(1))}`,
    });
  });
});
