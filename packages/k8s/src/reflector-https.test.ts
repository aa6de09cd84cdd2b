import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { ApiClient } from "./api.ts";
import { type Behaviour, json, misbehavingServer } from "./misbehaving-server.ts";
import { Reflector } from "./reflector.ts";

const expired = { kind: "Status", code: 410, reason: "Expired", message: "too old" };
const object = (name: string, resourceVersion: string): object => ({ metadata: { name, resourceVersion } });
const event = (type: string, name: string, version: string, filler = ""): string =>
  `${JSON.stringify({ type, object: { ...object(name, version), filler } })}\n`;
const page = (response: ServerResponse, token: string, ...names: string[]): void =>
  json(response, 200, {
    metadata: { resourceVersion: "10", continue: token },
    items: names.map((name) => object(name, "10")),
  });
const reset: Behaviour = (request) => void request.socket.destroy();
const never: Behaviour = () => {};
const error =
  (status: number, body: unknown = {}): Behaviour =>
  (_, response) =>
    json(response, status, body);

/** What the server does with one request after the other; the last one it does for ever. */
const deeds: readonly Behaviour[] = [
  reset,
  never,
  error(500),
  (_, response) => response.end("<html>not a list</html>"),
  (_, response) => page(response, "p2", "a", "b"),
  error(503),
  error(410, expired),
  (_, response) => page(response, "p2", "a", "b", "stale"),
  (request, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write('{"metadata":{"resourceVersion":"10"},"items":[', () => request.socket.destroy());
  },
  (_, response) => page(response, "", "c"),
  // The list is complete; now the watches.
  error(500),
  never,
  (request, response) =>
    response.write(event("ADDED", "d", "11") + event("ADDED", "e", "12").slice(0, 20), () =>
      request.socket.destroy(),
    ),
  (_, response) => response.end(event("ADDED", "e", "12") + event("DELETED", "a", "13").slice(0, 9)),
  (_, response) => response.end(`${event("DELETED", "a", "13")}}} garbage {{\n${event("ADDED", "x", "14")}`),
  (_, response) => {
    response.flushHeaders();
    response.write(event("MODIFIED", "b", "14", "x".repeat(300_000)));
    response.write("y".repeat(9_000_000));
  },
  (_, response) =>
    response.end(`${event("BOOKMARK", "", "20")}${JSON.stringify({ type: "ERROR", object: expired })}\n`),
  (_, response) => page(response, "", "b", "c", "d", "e"),
  (_, response) => void response.write(event("ADDED", "last", "21")),
];

describe("reflector over HTTPS", () => {
  it("knows everything in the end, whatever a real server does to its requests", {
    timeout: 90_000,
  }, async () => {
    let next = 0;
    const deed = (): Behaviour | undefined => deeds[Math.min(next, deeds.length - 1)];
    const server = await misbehavingServer((request, response) => {
      const does = deed();
      next += 1;
      does?.(request, response);
    });
    // Only where no answer comes is there a limit to waiting for it: a slow machine is not to run into one.
    const client = new Proxy<ApiClient>(server.client, {
      get: (patient, name: keyof ApiClient) => {
        const asked = deed() === never ? server.hasty : patient;
        return asked[name].bind(asked);
      },
    });
    const clock = new VirtualClock();
    const changes: string[] = [];
    const done = Promise.withResolvers<void>();
    const reflector: Reflector<string> = new Reflector<string>({
      client,
      path: "/api/v1/things",
      view: ({ metadata }) => metadata?.resourceVersion,
      clock,
      random: new SeededRandom(1),
      onChange: (keys) => {
        changes.push(...keys);
        if (keys.includes("last")) done.resolve();
      },
      // Time passes only while it waits to try again.
      notice: (news) => {
        if ("retryInMs" in news) setImmediate(() => clock.advance(news.retryInMs));
      },
    });
    const stop = new AbortController();
    const run = reflector.run(stop.signal);
    await done.promise;
    stop.abort();
    await run;
    await server.close();
    assert.deepEqual([...reflector.keys()].sort(), ["b", "c", "d", "e", "last"]);
    // "stale" went with the list that was complete at last; "b", "d" and "e" have the version of the second list.
    assert.deepEqual(changes, [
      ..."ab".split(""),
      "stale",
      "c",
      "d",
      "e",
      "a",
      "b",
      "b",
      "d",
      "e",
      "stale",
      "last",
    ]);
    assert.deepEqual(versionsAsked(server.asked), ["10", "10", "10", "11", "12", "13", "14", "10"]);
  });
});

function versionsAsked(asked: readonly string[]): readonly string[] {
  return asked.flatMap((line) => /resourceVersion=(\d+)/.exec(line)?.[1] ?? []);
}
