import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { describe, it } from "node:test";
import { systemClock } from "./clock.ts";

describe("the system clock", () => {
  it("rings once its time has come, never before", async () => {
    const due = systemClock.now() + 12.3;
    const rang = await new Promise<number>((done) => systemClock.at(due, () => done(systemClock.now())));
    assert.ok(rang >= due, `${rang} is before ${due}`);
  });

  it("does not ring once cancelled", async () => {
    let rang = false;
    const cancel = systemClock.at(systemClock.now() + 1, () => {
      rang = true;
    });
    cancel();
    await new Promise<void>((done) => systemClock.at(systemClock.now() + 5, done));
    assert.equal(rang, false);
  });

  it("rings after what arrived while the thread was busy was read", async () => {
    const socket = createSocket("udp4");
    await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
    const happened: string[] = [];
    const heard = new Promise<void>((done) => {
      socket.on("message", () => done(void happened.push("heard")));
    });
    const start = performance.now();
    const rang = new Promise<void>((done) => {
      systemClock.at(start + 4, () => done(void happened.push("rang")));
    });
    setTimeout(() => socket.send("an answer", socket.address().port, "127.0.0.1"), 2);
    setTimeout(() => {
      while (performance.now() < start + 30);
    }, 3);
    await Promise.all([heard, rang]);
    socket.close();
    assert.deepEqual(happened, ["heard", "rang"]);
  });

  it("does not ring once cancelled, not even when it is late already", async () => {
    let rang = false;
    const cancel = systemClock.at(systemClock.now() - 1_000, () => {
      rang = true;
    });
    // The timer behind that of the clock: what is late waits until sockets are read.
    await new Promise<void>((done) => setTimeout(() => done(cancel()), 1));
    await new Promise<void>((done) => setImmediate(done));
    assert.equal(rang, false);
  });

  it("keeps a due time that is further off than a timer can count", () => {
    let rang = false;
    const cancel = systemClock.at(systemClock.now() + 2 ** 40, () => {
      rang = true;
    });
    cancel();
    assert.equal(rang, false);
  });
});
