import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { ApiError } from "./api.ts";
import { elapse } from "./elapse.ts";
import { type RetriedKey, WorkQueue } from "./queue.ts";

interface World {
  readonly clock: VirtualClock;
  readonly queue: WorkQueue;
  readonly retries: string[];
  readonly stop: AbortController;
}

function world(concurrency = 1): World {
  const clock = new VirtualClock();
  const retries: string[] = [];
  const retried = ({ key, error, inMs, failures }: RetriedKey): void => {
    retries.push(`${key} ${error.reason} ${inMs} ${failures}`);
  };
  const retry = { minMs: 100, maxMs: 4000 };
  const queue = new WorkQueue({ clock, random: { next: () => 0.5 }, concurrency, retry, retried });
  return { clock, queue, retries, stop: new AbortController() };
}

describe("work queue", () => {
  it("handles what was added before and during its run", async () => {
    const { queue, stop } = world();
    const handled: string[] = [];
    queue.add("a");
    const run = queue.run(async (key) => void handled.push(key), stop.signal);
    queue.add("b");
    await queue.whenIdle();
    stop.abort();
    await run;
    assert.deepEqual(handled, ["a", "b"]);
  });

  it("retries a key whose handler threw an ApiError and says so", async () => {
    const { clock, queue, retries, stop } = world();
    let attempts = 0;
    const run = queue.run(async () => {
      attempts += 1;
      if (attempts < 3) throw new ApiError(500, "InternalError", "no");
    }, stop.signal);
    queue.add("a");
    await elapse(clock, 1000);
    assert.deepEqual([attempts, retries], [3, ["a InternalError 150 1", "a InternalError 300 2"]]);
    stop.abort();
    await run;
  });

  it("rejects when a handler fails with anything else", async () => {
    const { queue, stop } = world();
    queue.add("a");
    const run = queue.run(() => Promise.reject(new TypeError("our bug")), stop.signal);
    await assert.rejects(run, { message: "our bug" });
  });

  it("stops by finishing what is in hand and nothing more, and goes on in a later run", async () => {
    const { clock, queue, stop } = world();
    const handled: string[] = [];
    const gate = Promise.withResolvers<void>();
    const run = queue.run(async (key) => {
      await gate.promise;
      handled.push(key);
    }, stop.signal);
    queue.add("a");
    queue.add("b");
    stop.abort();
    let stopped = false;
    const stopping = run.then(() => {
      stopped = true;
    });
    await elapse(clock, 1000);
    assert.deepEqual([stopped, handled], [false, []]);
    gate.resolve();
    await stopping;
    assert.deepEqual(handled, ["a"]);
    const again = new AbortController();
    const rerun = queue.run(async (key) => void handled.push(key), again.signal);
    await queue.whenIdle();
    again.abort();
    await rerun;
    assert.deepEqual(handled, ["a", "b"]);
  });

  it("keeps the key of a handler that stopped because the run was aborted", async () => {
    const { clock, queue, stop } = world();
    const run = queue.run(async () => {
      await new Promise((_, reject) =>
        stop.signal.addEventListener("abort", () => reject(stop.signal.reason)),
      );
    }, stop.signal);
    queue.add("a");
    stop.abort(new Error("lease lost"));
    await run;
    const handled: string[] = [];
    const again = new AbortController();
    const rerun = queue.run(async (key) => void handled.push(key), again.signal);
    await elapse(clock, 1000);
    again.abort();
    await rerun;
    assert.deepEqual(handled, ["a"]);
  });

  it("counts keys that wait for a retry as work", async () => {
    const { clock, queue, stop } = world();
    let healthy = false;
    const run = queue.run(async () => {
      if (!healthy) throw new ApiError(0, "Unreachable", "no");
    }, stop.signal);
    queue.add("a");
    let idle = false;
    const waiting = queue.whenIdle().then(() => {
      idle = true;
    });
    await elapse(clock, 10_000);
    assert.equal(idle, false);
    healthy = true;
    await elapse(clock, 10_000);
    await waiting;
    stop.abort();
    await run;
  });
});
