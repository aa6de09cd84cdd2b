import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
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

  it("rings after what arrived while the thread was busy was read", async (t) => {
    const [here, there] = await twoEnds(t);
    const happened: string[] = [];
    const heard = once(here, "data").then(() => happened.push("heard"));
    const due = systemClock.now() + 1; // counted from here: what comes late is not in time
    const rang = new Promise<void>((done) => {
      systemClock.at(due, () => done(void happened.push("rang")));
    });
    there.write("an answer");
    while (systemClock.now() < due + 20);
    await Promise.all([heard, rang]);
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

/** Both ends of a connection. Why no network: what is written to a Unix socket lies in the other one at once. */
async function twoEnds(t: TestContext): Promise<readonly [Socket, Socket]> {
  const server = createServer().listen(`\0herald clock ${process.pid}`);
  const there = once(server, "connection");
  const here = connect(server.address() as string);
  await once(here, "connect");
  const ends = [here, (await there)[0] as Socket] as const;
  t.after(() => {
    for (const end of ends) end.destroy();
    server.close();
  });
  return ends;
}
