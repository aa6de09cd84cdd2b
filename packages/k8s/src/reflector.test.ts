import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import fc from "fast-check";
import { ApiError, type ApiObject } from "./api.ts";
import { elapse } from "./elapse.ts";
import { FakeApi } from "./fake.ts";
import { servicesPath } from "./paths.ts";
import { Reflector } from "./reflector.ts";

const PATH = servicesPath();
const pathOf = (name: string): string => `${servicesPath("shop")}/${name}`;
const service = (color: string): object => ({ metadata: { labels: { color } } });

interface World {
  readonly clock: VirtualClock;
  readonly api: FakeApi;
  readonly reflector: Reflector<string>;
  /** All keys reported, in order. */
  readonly changes: string[];
  readonly notices: string[];
  readonly stop: AbortController;
  readonly run: Promise<void>;
  /** What the reflector says the cluster holds. */
  readonly known: () => Record<string, string>;
}

/** A reflector of Services, by their label `color`, on a fake with these Services, already running. */
async function world(names: readonly string[], options: { seed?: number } = {}): Promise<World> {
  const clock = new VirtualClock();
  const api = new FakeApi({ clock });
  for (const name of names) api.put(pathOf(name), service("red"));
  const changes: string[] = [];
  const notices: string[] = [];
  const reflector: Reflector<string> = new Reflector<string>({
    client: api,
    path: PATH,
    view: ({ metadata }: ApiObject & { metadata?: { labels?: Record<string, string> } }) =>
      metadata?.labels?.["color"],
    clock,
    random: new SeededRandom(options.seed ?? 1),
    onChange: (keys) => changes.push(...keys),
    notice: ({ type }) => notices.push(type),
  });
  const stop = new AbortController();
  const run = reflector.run(stop.signal);
  await elapse(clock, 0);
  const known = (): Record<string, string> =>
    Object.fromEntries([...reflector.keys()].sort().map((key) => [key, reflector.get(key) ?? ""]));
  return { clock, api, reflector, changes, notices, stop, run, known };
}

async function end({ stop, run, api }: World): Promise<void> {
  stop.abort();
  await run;
  assert.equal(api.openWatches, 0);
}

describe("reflector", () => {
  it("knows every object of a collection that takes three pages", async () => {
    const names = Array.from({ length: 1200 }, (_, index) => `s${index}`);
    const there = await world(names);
    assert.deepEqual([there.reflector.size, there.reflector.synced], [1200, true]);
    assert.equal(there.changes.length, 1200);
    assert.deepEqual(
      there.api.requests.map(({ method }) => method),
      ["LIST", "LIST", "LIST", "WATCH"],
    );
    await end(there);
  });

  it("reports what is created, changed and deleted", async () => {
    const there = await world(["a"]);
    there.changes.length = 0;
    there.api.put(pathOf("b"), service("blue"));
    there.api.put(pathOf("a"), service("green"));
    await elapse(there.clock, 0);
    assert.deepEqual(
      [there.changes, there.known()],
      [["shop/b", "shop/a"], { "shop/a": "green", "shop/b": "blue" }],
    );
    there.api.remove(pathOf("a"));
    await elapse(there.clock, 0);
    assert.deepEqual([there.changes.slice(2), there.known()], [["shop/a"], { "shop/b": "blue" }]);
    await end(there);
  });

  it("forgets an object that has no view any more", async () => {
    const there = await world(["a", "b"]);
    there.changes.length = 0;
    there.api.put(pathOf("a"), { metadata: { labels: {} } });
    await elapse(there.clock, 0);
    assert.deepEqual([there.changes, there.known()], [["shop/a"], { "shop/b": "red" }]);
    await end(there);
  });

  it("tells after a relist what vanished and what changed meanwhile, and nothing else", async () => {
    const there = await world(["a", "b", "c"]);
    there.changes.length = 0;
    there.api.setReachable(false);
    there.api.remove(pathOf("a"));
    there.api.put(pathOf("b"), service("blue"));
    there.api.compact();
    await elapse(there.clock, 5000);
    assert.deepEqual(there.known(), { "shop/a": "red", "shop/b": "red", "shop/c": "red" });
    there.api.setReachable(true);
    await elapse(there.clock, 60_000);
    assert.deepEqual(
      [there.changes, there.known()],
      [["shop/b", "shop/a"], { "shop/b": "blue", "shop/c": "red" }],
    );
    assert.ok(there.notices.includes("expired"));
    await end(there);
  });

  it("misses nothing while its watch is cut, and does not list for it", async () => {
    const there = await world(["a"]);
    there.api.requests.length = 0;
    there.api.cutWatches();
    there.api.put(pathOf("b"), service("blue"));
    await elapse(there.clock, 2000);
    assert.deepEqual(there.known(), { "shop/a": "red", "shop/b": "blue" });
    assert.deepEqual(
      there.api.requests.map(({ method }) => method),
      ["WATCH"],
    );
    await end(there);
  });

  it("notices a watch that went silent and catches up", async () => {
    const there = await world(["a"]);
    there.api.silenceWatches();
    there.api.put(pathOf("b"), service("blue"));
    await elapse(there.clock, 149_000);
    assert.deepEqual(there.known(), { "shop/a": "red" });
    await elapse(there.clock, 3000);
    assert.deepEqual(there.known(), { "shop/a": "red", "shop/b": "blue" });
    await end(there);
  });

  it("survives a server that takes requests and never answers", async () => {
    const there = await world(["a"]);
    there.api.setHanging(true);
    await elapse(there.clock, 600_000);
    there.api.setHanging(false);
    there.api.put(pathOf("b"), service("blue"));
    await elapse(there.clock, 60_000);
    assert.deepEqual(there.known(), { "shop/a": "red", "shop/b": "blue" });
    await end(there);
  });

  it("lists again when the watch says 410", async () => {
    const there = await world(["a"]);
    there.api.put(pathOf("b"), service("blue"));
    there.api.sayOnWatches({
      type: "error",
      error: new ApiError(410, "Expired", "too old resource version"),
    });
    await elapse(there.clock, 2000);
    assert.deepEqual(there.known(), { "shop/a": "red", "shop/b": "blue" });
    assert.deepEqual(there.notices.slice(-4), ["expired", "watch-failed", "listed", "watching"]);
    await end(there);
  });

  it("begins again when the list expires between two pages", async () => {
    const names = Array.from({ length: 700 }, (_, index) => `s${index}`);
    const there = await world(names);
    there.api.compact();
    there.api.cutWatches();
    there.api.put(pathOf("new"), service("blue"));
    there.api.compact(); // the watch cannot resume: a list follows, whose second page will be refused
    there.api.requests.length = 0;
    let lists = 0;
    there.api.failNext(1, new ApiError(410, "Expired", "too old"), ({ method }) => {
      if (method === "LIST") lists += 1;
      return lists === 2;
    });
    await elapse(there.clock, 20_000);
    assert.equal(there.reflector.size, 701);
    assert.deepEqual(
      there.api.requests.map(({ method }) => method),
      ["WATCH", "LIST", "LIST", "LIST", "LIST", "WATCH"],
    );
    await end(there);
  });

  it("resumes every few minutes when nothing happens, without a list", async () => {
    const there = await world(["a"]);
    there.api.requests.length = 0;
    await elapse(there.clock, 3_600_000);
    const methods = there.api.requests.map(({ method }) => method);
    assert.ok(methods.length >= 7 && methods.length <= 15, `${methods.length} requests in an hour`);
    assert.deepEqual([...new Set(methods)], ["WATCH"]);
    await end(there);
  });

  it("resolves whenSynced after the whole list, or throws when aborted first", async () => {
    const there = await world([]);
    await there.reflector.whenSynced();
    const never = new Reflector<string>({
      client: there.api,
      path: PATH,
      view: () => "",
      clock: there.clock,
      random: new SeededRandom(1),
      onChange: () => {},
    });
    await assert.rejects(never.whenSynced(AbortSignal.abort(new Error("enough"))), { message: "enough" });
    await end(there);
  });

  it("rejects with what a handler throws: a bug is not an outage", async () => {
    const clock = new VirtualClock();
    const api = new FakeApi({ clock });
    api.put(pathOf("a"), service("red"));
    const reflector = new Reflector<string>({
      client: api,
      path: PATH,
      view: () => "",
      clock,
      random: new SeededRandom(1),
      onChange: () => {
        throw new TypeError("our bug");
      },
    });
    await assert.rejects(reflector.run(new AbortController().signal), { message: "our bug" });
  });

  it("holds what the server holds two minutes after any history of faults", async () => {
    const fault = fc.constantFrom(
      "cut",
      "end",
      "silence",
      "unreachable",
      "reachable",
      "hang",
      "answer",
      "compact",
      "gone",
      "error-500",
      "slow",
      "fast",
      "put",
      "put",
      "remove",
    );
    const step = fc.record({
      fault,
      name: fc.integer({ min: 0, max: 5 }),
      waitMs: fc.integer({ min: 0, max: 90_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer(), async (steps, seed) => {
        const there = await world(["0", "1"], { seed });
        const { api, clock } = there;
        for (const { fault: kind, name, waitMs } of steps) {
          disturb(api, kind, `${name}`, clock.now());
          await elapse(clock, waitMs);
        }
        disturb(api, "reachable", "", 0);
        disturb(api, "answer", "", 0);
        disturb(api, "fast", "", 0);
        await elapse(clock, 300_000);
        assert.deepEqual(there.known(), held(api));
        await end(there);
      }),
      { numRuns: 60 },
    );
  });
});

/** What the reflector should know. */
function held(api: FakeApi): Record<string, string> {
  const objects = api.peekAll<{ metadata: { name: string; labels: { color: string } } }>(PATH);
  return Object.fromEntries(objects.map(({ metadata }) => [`shop/${metadata.name}`, metadata.labels.color]));
}

function disturb(api: FakeApi, kind: string, name: string, now: number): void {
  const deeds: Record<string, () => void> = {
    cut: () => api.cutWatches(),
    end: () => api.endWatches(),
    silence: () => api.silenceWatches(),
    unreachable: () => api.setReachable(false),
    reachable: () => api.setReachable(true),
    hang: () => api.setHanging(true),
    answer: () => api.setHanging(false),
    compact: () => api.compact(),
    gone: () => api.sayOnWatches({ type: "error", error: new ApiError(410, "Expired", "gone") }),
    "error-500": () => api.failNext(3, new ApiError(500, "InternalError", "etcdserver: no leader")),
    slow: () => api.setDelay(2500),
    fast: () => api.setDelay(0),
    put: () => void api.put(pathOf(name), service(`c${now}`)),
    remove: () => {
      if (api.peek(pathOf(name)) !== undefined) api.remove(pathOf(name));
    },
  };
  deeds[kind]?.();
}
