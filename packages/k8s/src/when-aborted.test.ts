import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { whenAborted } from "./when-aborted.ts";

describe("whenAborted", () => {
  it("waits for an abort that is to come, and listens no longer", async () => {
    const abort = new AbortController();
    const aborted = whenAborted(abort.signal);
    assert.equal(getEventListeners(abort.signal, "abort").length, 1);
    abort.abort();
    await aborted;
    assert.equal(getEventListeners(abort.signal, "abort").length, 0);
  });

  it("waits for none that has come already", async () => {
    await whenAborted(AbortSignal.abort());
  });
});
