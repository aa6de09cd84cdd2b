import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { loadConfig } from "@herald/shared/config/load";
import { serviceKey } from "@herald/shared/service/view";
import { BATCH_CHANGES, type Change } from "./kubernetes-protocol.ts";
import { Outbox } from "./outbox.ts";

const gone = (name: string): Change => ({ type: "service-gone", key: serviceKey("default", name) });
const endpoints = (name: string, nodeName: string): Change => ({
  type: "endpoints",
  key: serviceKey("default", name),
  endpoints: [{ nodeName, addresses: [], ready: true, serving: true }],
});

function start() {
  const clock = new VirtualClock();
  const batches: (readonly Change[])[] = [];
  const outbox = new Outbox(clock, (changes) => batches.push(changes));
  return { clock, batches, outbox };
}

describe("the outbox", () => {
  it("gathers what changes at once into one batch", () => {
    const { clock, batches, outbox } = start();
    outbox.put(gone("a"));
    outbox.put(gone("b"));
    clock.advance(10);
    assert.deepEqual(batches, [[gone("a"), gone("b")]]);
  });

  it("sends the newest of each object, at the place of the first", () => {
    const { clock, batches, outbox } = start();
    outbox.put(endpoints("a", "node-1"));
    outbox.put({ type: "synced" });
    outbox.put(endpoints("a", "node-2"));
    clock.advance(10);
    assert.deepEqual(batches, [[endpoints("a", "node-2"), { type: "synced" }]]);
  });

  const config: Change = { type: "config", config: loadConfig("") };
  const refused: Change = { type: "config-refused", mistakes: [], message: "a peer is bad" };

  it("sends what is in force, then what is wrong beside it, whichever waits longer", () => {
    const { clock, batches, outbox } = start();
    for (const change of [refused, config, refused, gone("a"), config, refused]) outbox.put(change);
    clock.advance(10);
    assert.deepEqual(batches, [[config, gone("a"), refused]]);
  });

  it("does not send a refusal that is over", () => {
    const { clock, batches, outbox } = start();
    for (const change of [refused, config]) outbox.put(change);
    clock.advance(10);
    assert.deepEqual(batches, [[config]]);
  });

  it("waits until the last batch was taken", () => {
    const { clock, batches, outbox } = start();
    outbox.put(gone("a"));
    clock.advance(10);
    outbox.put(gone("b"));
    clock.advance(10);
    assert.deepEqual(batches, [[gone("a")]]);
    outbox.taken();
    assert.deepEqual(batches, [[gone("a")], [gone("b")]]);
    outbox.taken();
    assert.equal(batches.length, 2);
  });

  it("splits what is too much for one batch", () => {
    const { clock, batches, outbox } = start();
    for (let index = 0; index < BATCH_CHANGES + 3; index += 1) outbox.put(gone(`s${index}`));
    clock.advance(10);
    outbox.taken();
    assert.deepEqual(
      batches.map((batch) => batch.length),
      [BATCH_CHANGES, 3],
    );
  });
});
