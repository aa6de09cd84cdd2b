import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharedRead } from "./shared-read.ts";

/** Reads that end when the test says so, each with its number. */
function bench() {
  const reads: PromiseWithResolvers<number>[] = [];
  const read = new SharedRead(() => {
    const each = Promise.withResolvers<number>();
    reads.push(each);
    return each.promise;
  });
  const end = async (number: number): Promise<void> => {
    reads[number]?.resolve(number);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { read, reads, end };
}

describe("a shared read", () => {
  it("gives everybody what was read after he asked, in one read for all who came meanwhile", async () => {
    const { read, reads, end } = bench();
    const first = read.ask();
    const meanwhile = [read.ask(), read.ask()];
    assert.equal(reads.length, 1);
    await end(0);
    const later = read.ask();
    await end(1);
    await end(2);
    assert.deepEqual(await Promise.all([first, ...meanwhile, later]), [0, 1, 1, 2]);
    assert.equal(reads.length, 3);
  });

  it("begins anew after one that failed, for those who came meanwhile, too", async () => {
    const { read, reads, end } = bench();
    const first = read.ask();
    const meanwhile = read.ask();
    reads[0]?.reject(new Error("no"));
    await assert.rejects(first, /no/);
    await end(1);
    assert.equal(await meanwhile, 1);
    const later = read.ask();
    await end(2);
    assert.equal(await later, 2);
  });
});
