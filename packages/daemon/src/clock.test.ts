import assert from "node:assert/strict";
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

  it("keeps a due time that is further off than a timer can count", () => {
    let rang = false;
    const cancel = systemClock.at(systemClock.now() + 2 ** 40, () => {
      rang = true;
    });
    cancel();
    assert.equal(rang, false);
  });
});
