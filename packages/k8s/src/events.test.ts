import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { CoreV1Event } from "@kubernetes/client-node";
import { ApiError } from "./api.ts";
import { elapse } from "./elapse.ts";
import { createEventRecorder, type EventRecord, type EventRecorder } from "./events.ts";
import { FakeApi } from "./fake.ts";
import { eventsPath } from "./paths.ts";

interface World {
  readonly clock: VirtualClock;
  readonly api: FakeApi;
  readonly recorder: EventRecorder;
  readonly dropped: string[];
  /** Every Event of the namespace as `message xCOUNT`. */
  readonly told: () => string[];
}

function world(): World {
  const clock = new VirtualClock();
  const api = new FakeApi({ clock });
  const dropped: string[] = [];
  const recorder = createEventRecorder({
    client: api,
    component: "metallb-controller",
    instance: "controller-1",
    clock,
    random: { next: () => 0.5 },
    epochMs: () => 1_700_000_000_123 + clock.now(),
    dropped: ({ message }, why) => dropped.push(`${message}: ${why instanceof ApiError ? why.status : why}`),
  });
  const told = (): string[] =>
    api
      .peekAll<CoreV1Event>(eventsPath())
      .map(({ message, count }) => `${message} x${count}`)
      .sort();
  return { clock, api, recorder, dropped, told };
}

const fact = (message: string, name = "web"): EventRecord => ({
  regarding: { apiVersion: "v1", kind: "Service", namespace: "shop", name, uid: "u1" },
  type: "Normal",
  reason: "IPAllocated",
  message,
});

describe("event recorder", () => {
  it("writes what kubectl describe shows", async () => {
    const { clock, api, recorder } = world();
    recorder.record(fact('Assigned IP ["192.0.2.1"]'));
    await elapse(clock, 0);
    const [event] = api.peekAll<CoreV1Event>(eventsPath("shop"));
    const { metadata, ...rest } = event ?? {};
    assert.match(metadata?.name ?? "", /^web\./);
    assert.deepEqual(rest, {
      apiVersion: "v1",
      kind: "Event",
      involvedObject: { apiVersion: "v1", kind: "Service", namespace: "shop", name: "web", uid: "u1" },
      type: "Normal",
      reason: "IPAllocated",
      message: 'Assigned IP ["192.0.2.1"]',
      count: 1,
      firstTimestamp: "2023-11-14T22:13:20Z",
      lastTimestamp: "2023-11-14T22:13:20Z",
      source: { component: "metallb-controller" },
      reportingComponent: "metallb-controller",
      reportingInstance: "controller-1",
    });
  });

  it("tells of objects outside namespaces in the namespace default", async () => {
    const { clock, api, recorder } = world();
    const regarding = { apiVersion: "v1", kind: "Node", namespace: "", name: "n1", uid: "u" };
    recorder.record({ ...fact("m"), regarding });
    await elapse(clock, 0);
    assert.deepEqual(
      api.peekAll<CoreV1Event>(eventsPath("default")).map(({ involvedObject }) => involvedObject),
      [{ apiVersion: "v1", kind: "Node", name: "n1", uid: "u" }],
    );
  });

  it("counts the same fact on one Event, with one request in ten seconds", async () => {
    const { clock, api, recorder, told } = world();
    for (let times = 0; times < 100; times += 1) {
      recorder.record(fact("same"));
      await elapse(clock, 100);
    }
    await elapse(clock, 10_000);
    assert.deepEqual(told(), ["same x100"]);
    assert.deepEqual(
      api.requests.map(({ method }) => method),
      ["POST", "PATCH"],
    );
    const [event] = api.peekAll<CoreV1Event>(eventsPath());
    assert.deepEqual(
      [event?.firstTimestamp, event?.lastTimestamp],
      ["2023-11-14T22:13:20Z", "2023-11-14T22:13:30Z"],
    );
  });

  it("begins a new Event for a fact not told for ten minutes", async () => {
    const { clock, recorder, told } = world();
    recorder.record(fact("same"));
    await elapse(clock, 600_000);
    recorder.record(fact("same"));
    await elapse(clock, 0);
    assert.deepEqual(told(), ["same x1", "same x1"]);
  });

  it("writes a new Event when the API server has forgotten the old one", async () => {
    const { clock, api, recorder, told } = world();
    recorder.record(fact("same"));
    await elapse(clock, 20_000);
    const [event] = api.peekAll<CoreV1Event>(eventsPath());
    api.remove(`${eventsPath("shop")}/${event?.metadata.name}`);
    recorder.record(fact("same"));
    await elapse(clock, 1000);
    assert.deepEqual(told(), ["same x2"]);
  });

  it("keeps what it cannot write while the API server is away, and writes it later", async () => {
    const { clock, api, recorder, dropped, told } = world();
    api.setReachable(false);
    recorder.record(fact("a"));
    recorder.record(fact("b"));
    await elapse(clock, 60_000);
    recorder.record(fact("a"));
    api.setReachable(true);
    await elapse(clock, 60_000);
    assert.deepEqual([told(), dropped], [["a x2", "b x1"], []]);
  });

  it("drops what the API server will never take, and counts it", async () => {
    const { clock, api, recorder, dropped, told } = world();
    api.failNext(1, new ApiError(403, "Forbidden", "namespace is being terminated"));
    recorder.record(fact("a"));
    recorder.record(fact("b"));
    await elapse(clock, 1000);
    assert.deepEqual([told(), dropped, recorder.dropped], [["b x1"], ["a: 403"], 1]);
  });

  it("drops the oldest of more than 4,096 facts", async () => {
    const { clock, api, recorder, dropped, told } = world();
    api.setReachable(false);
    for (let index = 0; index < 4103; index += 1) recorder.record(fact(`f${index}`));
    assert.deepEqual(
      dropped,
      ["f4", "f5", "f6"].map((message) => `${message}: queue-full`),
    );
    api.setReachable(true);
    await elapse(clock, 60_000);
    assert.equal(told().length, 4096);
  });

  it("writes 3,000 facts at once without losing one, four requests at a time", async () => {
    const { clock, api, recorder, dropped, told } = world();
    api.setDelay(5);
    for (let index = 0; index < 3000; index += 1) recorder.record(fact("assigned", `s${index}`));
    await elapse(clock, 5);
    assert.equal(told().length, 4);
    await elapse(clock, 5000);
    assert.deepEqual([told().length, dropped], [3000, []]);
  });

  it("cuts messages the API server would refuse", async () => {
    const { clock, recorder, told } = world();
    recorder.record(fact("x".repeat(3000)));
    await elapse(clock, 0);
    assert.deepEqual(told(), [`${"x".repeat(1023)}… x1`]);
  });

  it("flushes what waits for its turn, then closes", async () => {
    const { clock, recorder, told } = world();
    recorder.record(fact("same"));
    await elapse(clock, 0);
    recorder.record(fact("same"));
    await elapse(clock, 0);
    const flushed = recorder.flush();
    await elapse(clock, 0);
    await flushed;
    recorder.close();
    recorder.record(fact("late"));
    await elapse(clock, 100_000);
    assert.deepEqual(told(), ["same x2"]);
  });

  it("stops flushing when aborted", async () => {
    const { api, recorder } = world();
    api.setHanging(true);
    recorder.record(fact("a"));
    const stop = new AbortController();
    const flushed = recorder.flush(stop.signal);
    stop.abort();
    await flushed;
    recorder.close();
  });
});
