import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
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
    const [busy, answered] = [await localSocket(), await localSocket()];
    const happened: string[] = [];
    const rang = Promise.withResolvers<void>();
    busy.on("message", () => {
      const due = systemClock.now() + 1; // counted from here: what comes late is not in time
      systemClock.at(due, () => rang.resolve(void happened.push("rang")));
      busy.send("an answer", answered.address().port, "127.0.0.1");
      setTimeout(() => busy.close(), 0);
      while (systemClock.now() < due + 20);
    });
    const heard = new Promise<void>((done) => {
      answered.on("message", () => done(void happened.push("heard")));
    });
    answered.send("much work", busy.address().port, "127.0.0.1");
    await Promise.all([heard, rang.promise]);
    answered.close();
    assert.deepEqual(happened, ["heard", "rang"]);
  });

  it("does not ring once cancelled, not even when it is late already", async () => {
    let rang = false;
    const cancel = systemClock.at(systemClock.now() - 1_000, () => {
      rang = true;
    });
    // The timer behind that of the clock, in one turn with it: what is late waits until sockets are read.
    const cancelled = new Promise<void>((done) => setTimeout(() => done(cancel()), 1));
    const bothAreDue = systemClock.now() + 5;
    while (systemClock.now() < bothAreDue);
    await cancelled;
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

async function localSocket(): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
  return socket;
}
