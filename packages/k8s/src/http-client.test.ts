import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ApiError, type ApiObject, type WatchEvent } from "./api.ts";
import { type Behaviour, json, type MisbehavingServer, misbehavingServer } from "./misbehaving-server.ts";

let server: MisbehavingServer;
before(async () => {
  server = await misbehavingServer((_, response) => json(response, 200, {}));
});
after(() => server.close());
afterEach(() => {
  server.asked.length = 0;
});

const WATCHING = { resourceVersion: "7", timeoutSeconds: 300 };
const line = (type: string, resourceVersion: string, filler = ""): string =>
  `${JSON.stringify({ type, object: { metadata: { name: "a", resourceVersion }, filler } })}\n`;

async function whenAsked(): Promise<void> {
  while (server.asked.length === 0) await nextTurn();
}

/** Everything a watch says, and the error it ends with, if any. */
async function hear(client = server.client): Promise<{ events: string[]; error: unknown }> {
  const events: string[] = [];
  try {
    for await (const event of await client.watch<ApiObject>("/w", WATCHING)) events.push(told(event));
    return { events, error: undefined };
  } catch (error) {
    return { events, error: error instanceof ApiError ? `${error.status} ${error.reason}` : error };
  }
}

function told(event: WatchEvent<ApiObject>): string {
  if (event.type === "error") return `error ${event.error.status} ${event.error.reason}`;
  if (event.type === "bookmark") return `bookmark ${event.resourceVersion}`;
  return `${event.type} ${event.object.metadata?.resourceVersion}`;
}

const refusals: readonly { name: string; behaviour: Behaviour; status: number; reason: string }[] = [
  {
    name: "a Status object",
    behaviour: (_, response) =>
      json(response, 409, { kind: "Status", code: 409, reason: "Conflict", message: "modified" }),
    status: 409,
    reason: "Conflict",
  },
  {
    name: "a 500 of a proxy, in HTML",
    behaviour: (_, response) => response.writeHead(500).end("<html>oops</html>"),
    status: 500,
    reason: "InternalError",
  },
  {
    name: "a redirect, which nobody follows",
    behaviour: (_, response) => response.writeHead(302, { location: "https://127.0.0.1:1/" }).end(),
    status: 302,
    reason: "BadRequest",
  },
  {
    name: "garbage instead of JSON",
    behaviour: (_, response) => response.writeHead(200).end("\u0000\u0001 not json"),
    status: 0,
    reason: "Garbled",
  },
  {
    name: "JSON that is no object",
    behaviour: (_, response) => json(response, 200, "text"),
    status: 0,
    reason: "Garbled",
  },
  {
    name: "an answer longer than the bound",
    behaviour: (_, response) => response.writeHead(200).end(`"${"x".repeat(5 * 1024 * 1024)}"`),
    status: 0,
    reason: "Garbled",
  },
  {
    name: "a reset before the answer",
    behaviour: (request) => request.socket.destroy(),
    status: 0,
    reason: "Unreachable",
  },
  {
    name: "a reset in the middle of the answer",
    behaviour: (request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write('{"half":', () => request.socket.destroy());
    },
    status: 0,
    reason: "Unreachable",
  },
  { name: "no answer at all", behaviour: () => {}, status: 0, reason: "TimedOut" },
  {
    name: "an answer that never ends",
    behaviour: (_, response) => void response.writeHead(200).write("{"),
    status: 0,
    reason: "TimedOut",
  },
];

describe("HTTP client", { timeout: 120_000 }, () => {
  for (const { name, behaviour, status, reason } of refusals) {
    it(`throws an ApiError for ${name}`, async () => {
      server.behave(behaviour);
      const client = reason === "TimedOut" ? server.hasty : server.client;
      await assert.rejects(client.get("/x"), { name: "ApiError", status, reason });
    });
  }

  it("throws an ApiError when nobody listens", async () => {
    const gone = await misbehavingServer(() => {});
    await gone.close();
    await assert.rejects(gone.client.get("/x"), { name: "ApiError", status: 0, reason: "Unreachable" });
  });

  it("reads Retry-After, bounded by a minute", async () => {
    const refuse = async (seconds: string): Promise<number> => {
      server.behave((_, response) => response.writeHead(429, { "retry-after": seconds }).end());
      const error: unknown = await server.client.get("/x").catch((caught: unknown) => caught);
      return error instanceof ApiError ? error.retryAfterMs : -1;
    };
    assert.deepEqual([await refuse("3"), await refuse("86400"), await refuse("soon")], [3000, 60_000, 0]);
  });

  it("sends 100 requests over few connections", async () => {
    server.behave((_, response) => json(response, 200, { metadata: {} }));
    await server.client.get("/x");
    const before = server.connections();
    for (let index = 0; index < 100; index += 1) await server.client.get("/x");
    assert.equal(server.connections() - before, 0);
  });

  it("asks for metadata alone where that will do, and for all of it else", async () => {
    const accepted: (string | undefined)[] = [];
    server.behave((request, response) => {
      accepted.push(request.headers.accept);
      json(response, 200, { metadata: { resourceVersion: "7" }, items: [] });
    });
    await server.client.listPage("/l", { limit: 500, metadataOnly: true });
    await server.client.listPage("/l", { limit: 500 });
    const metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
    assert.deepEqual(accepted, [metadata, "application/json"]);
  });

  it("names what it wants the way the API server reads it", async () => {
    const bodies: string[] = [];
    server.behave((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      request.on("end", () => {
        bodies.push(`${request.headers["content-type"] ?? "-"} ${text}`);
        json(response, 200, { metadata: { resourceVersion: "7", continue: "" }, items: [] });
      });
    });
    const { client } = server;
    const page = await client.listPage("/l", {
      limit: 500,
      continue: "a b",
      query: { labelSelector: "a=b" },
    });
    await client.create("/c", { a: 1 });
    await client.update("/u", { a: 2 });
    await client.patch("/p", "merge", { a: 3 });
    await client.patch("/p", "json", []);
    await client.patch("/p/status", "apply", { a: 4 }, { fieldManager: "herald", force: true });
    await client.delete("/d", { preconditions: { uid: "u" } });
    assert.deepEqual(page, { items: [], resourceVersion: "7", continue: undefined });
    assert.deepEqual(server.asked, [
      "GET /l?labelSelector=a%3Db&limit=500&continue=a+b",
      "POST /c",
      "PUT /u",
      "PATCH /p",
      "PATCH /p",
      "PATCH /p/status?force=true&fieldManager=herald",
      "DELETE /d",
    ]);
    assert.deepEqual(bodies, [
      "- ",
      'application/json {"a":1}',
      'application/json {"a":2}',
      'application/merge-patch+json {"a":3}',
      "application/json-patch+json []",
      'application/apply-patch+yaml {"a":4}',
      'application/json {"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u"}}',
    ]);
  });

  it("throws the signal's reason when aborted, before and while waiting", async () => {
    server.behave(() => {});
    const early = AbortSignal.abort(new Error("early"));
    await assert.rejects(server.client.get("/x", { signal: early }), { message: "early" });
    const late = new AbortController();
    const waiting = server.client.get("/x", { signal: late.signal });
    setImmediate(() => late.abort(new Error("late")));
    await assert.rejects(waiting, { message: "late" });
  });

  it("speaks to an IPv6 address", async () => {
    const six = await misbehavingServer((_, response) => json(response, 200, { six: true }), "::1");
    assert.deepEqual(await six.client.get("/x"), { six: true });
    await six.close();
  });
});

const watches: readonly { name: string; behaviour: Behaviour; events: string[]; error: unknown }[] = [
  {
    name: "hears events, bookmarks and errors, however the lines are cut",
    behaviour: (_, response) => {
      const text = `${line("ADDED", "8")}\n${line("MODIFIED", "9", "ü€")}${line("BOOKMARK", "20")}${line("DELETED", "21")}${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } })}\n`;
      for (const octet of Buffer.from(text)) response.write(Buffer.of(octet));
      response.end();
    },
    events: ["added 8", "modified 9", "bookmark 20", "deleted 21", "error 410 Expired"],
    error: undefined,
  },
  {
    name: "takes a line of three megabytes",
    behaviour: (_, response) => response.end(line("ADDED", "8", "x".repeat(3_000_000))),
    events: ["added 8"],
    error: undefined,
  },
  {
    name: "refuses a line of twenty megabytes without waiting for its end",
    behaviour: (_, response) => {
      response.write(line("ADDED", "8"));
      response.write("x".repeat(20_000_000));
    },
    events: ["added 8"],
    error: "0 Garbled",
  },
  {
    name: "reports a reset in the middle of the stream after what came before it",
    behaviour: (request, response) => response.write(line("ADDED", "8"), () => request.socket.destroy()),
    events: ["added 8"],
    error: "0 Unreachable",
  },
  {
    name: "reports a stream that ends inside a line",
    behaviour: (_, response) => response.end(`${line("ADDED", "8")}{"type":"ADD`),
    events: ["added 8"],
    error: "0 Garbled",
  },
  {
    name: "reports garbage between two events",
    behaviour: (_, response) => response.end(`${line("ADDED", "8")}}}garbage{{\n${line("ADDED", "9")}`),
    events: ["added 8"],
    error: "0 Garbled",
  },
  {
    name: "reports an event of a type it does not know",
    behaviour: (_, response) => response.end(line("TOUCHED", "8")),
    events: [],
    error: "0 Garbled",
  },
  {
    name: "reports a refusal with its status",
    behaviour: (_, response) => json(response, 410, { kind: "Status", code: 410, reason: "Expired" }),
    events: [],
    error: "410 Expired",
  },
  { name: "reports a server that never answers", behaviour: () => {}, events: [], error: "0 TimedOut" },
];

describe("HTTP watch", { timeout: 120_000 }, () => {
  for (const { name, behaviour, events, error } of watches) {
    it(name, async () => {
      server.behave(behaviour);
      const client = error === "0 TimedOut" ? server.hasty : server.client;
      assert.deepEqual(await hear(client), { events, error });
      await whenAsked(); // who waits for a second only may be gone before the server has read
      assert.deepEqual(server.asked, [
        "GET /w?watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=300",
      ]);
    });
  }

  it("closes the connection when the listener has heard enough", async () => {
    const closed = Promise.withResolvers<void>();
    server.behave((request, response) => {
      request.socket.on("close", () => closed.resolve());
      response.write(line("ADDED", "8"));
    });
    for await (const event of await server.client.watch("/w", WATCHING)) {
      assert.equal(event.type, "added");
      break;
    }
    await closed.promise;
  });

  it("closes the connection when aborted before anybody listens", async () => {
    const closed = Promise.withResolvers<void>();
    server.behave((request, response) => {
      request.socket.on("close", () => closed.resolve());
      response.write(line("ADDED", "8"));
    });
    const abort = new AbortController();
    await server.client.watch("/w", { ...WATCHING, signal: abort.signal });
    abort.abort();
    await closed.promise;
  });

  it("throws the signal's reason when aborted between events", async () => {
    server.behave((_, response) => void response.write(line("ADDED", "8")));
    const abort = new AbortController();
    const listen = async (): Promise<void> => {
      for await (const _ of await server.client.watch("/w", { ...WATCHING, signal: abort.signal })) {
        abort.abort(new Error("enough"));
      }
    };
    await assert.rejects(listen(), { message: "enough" });
  });
});
