import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { elapse } from "@herald/k8s/elapse";
import { FakeApi } from "@herald/k8s/fake";
import { servicePath } from "@herald/k8s/paths";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { serviceKey } from "@herald/shared/service/view";
import { ConditionWriter } from "./condition-writer.ts";
import type { ServiceWord } from "./kubernetes-protocol.ts";

const key = serviceKey("shop", "web");

describe("ConditionWriter", () => {
  let api: FakeApi;
  let clock: VirtualClock;
  let writer: ConditionWriter;
  let ended: Promise<void>;
  let failures: string[];
  let told: string[];
  const end = new Map<string, AbortController>();

  beforeEach(() => {
    clock = new VirtualClock();
    api = new FakeApi({ clock });
    api.put(servicePath(key), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "shop" },
    });
    failures = [];
    told = [];
    writer = new ConditionWriter({
      client: api,
      clock,
      random: new SeededRandom(1),
      epochMs: () => 0,
      written: ({ wish }) => told.push(`${wish?.message}`),
      failed: (service, { reason }) => failures.push(`${service} ${reason}`),
    });
    const stop = new AbortController();
    end.set("now", stop);
    ended = writer.run(stop.signal);
  });
  afterEach(async () => {
    end.get("now")?.abort();
    await ended;
  });

  const word = (message: string | undefined, holdMs = 0): ServiceWord => ({
    service: key,
    uid: api.peek<{ metadata: { uid: string } }>(servicePath(key))?.metadata.uid ?? "",
    wish: message === undefined ? undefined : { status: "True", reason: "Announced", message },
    holdMs,
  });
  const written = () =>
    api.peek<{ status?: { conditions?: { message: string }[] } }>(servicePath(key))?.status?.conditions?.[0]
      ?.message;
  const writes = () => api.requests.filter(({ method }) => method === "PATCH").length;

  it("writes a word once, and not again what stands there already", async () => {
    writer.put(word("first"));
    await elapse(clock, 10);
    writer.put(word("first"));
    await elapse(clock, 10);
    assert.deepEqual([written(), writes(), told], ["first", 1, ["first"]]);
  });

  it("writes only the newest of what comes while one waits", async () => {
    writer.put(word("asked for", 1_000));
    await elapse(clock, 500);
    writer.put(word("announced"));
    await elapse(clock, 2_000);
    assert.deepEqual([written(), writes()], ["announced", 1]);
  });

  it("forgets what waits when there is nothing to say any more", async () => {
    writer.put(word("asked for", 1_000));
    writer.put(word(undefined));
    await elapse(clock, 5_000);
    assert.equal(writes(), 0);
  });

  it("holds a word for its own time where the one before it came to nothing", async () => {
    writer.put(word("nobody", 2_000));
    await elapse(clock, 1_900);
    writer.put(word(undefined));
    writer.put(word("nobody after all", 2_000));
    await elapse(clock, 1_990);
    const early = writes();
    await elapse(clock, 20);
    assert.deepEqual([early, written(), writes()], [0, "nobody after all", 1]);
  });

  it("does not hold what is worded anew all the time", async () => {
    for (let round = 0; round < 5; round += 1) {
      writer.put(word(`nobody, ${round}`, 2_000));
      await elapse(clock, 450);
    }
    assert.deepEqual([written(), writes()], ["nobody, 4", 1]);
  });

  it("holds the contrary for its own time, however soon the word before it was to be written", async () => {
    const noSession = (): ServiceWord => ({
      ...word(undefined, 10_000),
      wish: { status: "False", reason: "NoSession", message: "no session" },
    });
    writer.put(word("by BGP"));
    await elapse(clock, 10);
    for (const up of [1, 2, 3]) {
      writer.put(noSession());
      await elapse(clock, 1_000);
      writer.put(word(`by BGP, ${up}`, 2_000));
      await elapse(clock, 1_000);
    }
    writer.put(noSession());
    await elapse(clock, 9_990);
    const early = [written(), writes()];
    await elapse(clock, 20);
    assert.deepEqual([early, written(), writes()], [["by BGP", 1], "no session", 2]);
  });

  it("holds the next word while the one before cannot be written", async () => {
    api.setReachable(false);
    writer.put(word("first"));
    await elapse(clock, 10_000);
    writer.put(word("nobody", 120_000));
    api.setReachable(true);
    await elapse(clock, 110_000);
    const early = writes();
    await elapse(clock, 70_000);
    assert.deepEqual([early, written(), writes()], [0, "nobody", 1]);
  });

  it("tries again until the API server is back, with the newest word by then", async () => {
    api.setReachable(false);
    writer.put(word("first"));
    await elapse(clock, 1_000);
    assert.ok(
      failures.length > 0 && failures.every((line) => line === "shop/web Unreachable"),
      `${failures}`,
    );
    writer.put(word("second"));
    await elapse(clock, 1_000);
    api.setReachable(true);
    await elapse(clock, 60_000);
    assert.deepEqual([written(), writes()], ["second", 1]);
  });

  it("writes again after somebody else was faster", async () => {
    api.failNext(1, new ApiError(409, "Conflict", "changed"), ({ method }) => method === "PATCH");
    writer.put(word("first"));
    await elapse(clock, 5_000);
    assert.deepEqual([written(), failures], ["first", ["shop/web Conflict"]]);
  });
});
