import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import { Checks } from "./checks.ts";
import { DEFAULT_CONFLICT_OPTIONS } from "./conflict-options.ts";

const { checkIntervalMs, checkGapMs } = DEFAULT_CONFLICT_OPTIONS;
const options = { checkIntervalMs: Number(checkIntervalMs), checkGapMs };
const addresses = (count: number): readonly IpAddress[] =>
  Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}` as IpAddress);

/** Who is asked for when, for ten seconds, each five times a second at random; the first three seconds are left out. */
class Questions {
  /** From the first question since an address was checked until it was checked again, the longest, ms. */
  longestMs = 0;
  /** Most checks in any second. */
  inOneSecond = 0;
  readonly #asked = new Map<IpAddress, Instant>();
  readonly #lastSecond: Instant[] = [];
  constructor(count: number) {
    const random = new SeededRandom(1);
    const checks = new Checks(options);
    const questions = addresses(count)
      .flatMap((address) => Array.from({ length: 50 }, () => ({ address, at: random.next() * 10_000 })))
      .sort((a, b) => a.at - b.at);
    for (const { address, at } of questions) {
      for (let due = checks.nextWake(); due !== undefined && due <= at; due = checks.nextWake())
        for (const each of checks.take(due)) this.#check(each, due);
      if (!this.#asked.has(address)) this.#asked.set(address, at);
      if (checks.want(address, at)) this.#check(address, at);
    }
  }

  #check(address: IpAddress, now: Instant): void {
    const waitedMs = now - (this.#asked.get(address) ?? now);
    this.#asked.delete(address);
    this.#lastSecond.push(now);
    while (this.#lastSecond[0] !== undefined && this.#lastSecond[0] <= now - 1_000) this.#lastSecond.shift();
    if (now > 3_000) this.longestMs = Math.max(this.longestMs, waitedMs);
    this.inOneSecond = Math.max(this.inOneSecond, this.#lastSecond.length);
  }
}

describe("Checks", () => {
  for (const { count, withinMs } of [
    { count: 40, withinMs: 1_000 },
    { count: 1_000, withinMs: 1_000 },
    { count: 3_000, withinMs: 3_000 },
  ]) {
    it(`look after ${count} addresses that are asked for all the time within ${withinMs / 1000} s each`, () => {
      const { longestMs, inOneSecond } = new Questions(count);
      assert.ok(longestMs <= withinMs, `${longestMs} ms`);
      assert.ok(inOneSecond <= 1_010, `${inOneSecond} in one second`);
    });
  }

  it("make up for a late timer, and not for a pause", () => {
    const checks = new Checks(options);
    const all = addresses(300);
    const atOnce = all.filter((address) => checks.want(address, 0)).length;
    assert.deepEqual(
      [atOnce, ...[2, 5, 105, 106].map((now) => checks.take(now).length), checks.nextWake()],
      [11, 2, 3, 11, 1, 107],
    );
  });

  it("take those that wait in the order of time, and none twice", () => {
    const checks = new Checks({ checkIntervalMs: 100, checkGapMs: 20 });
    const [a, b, c] = addresses(3) as [IpAddress, IpAddress, IpAddress];
    assert.deepEqual(
      [a, b, c, b].map((address) => checks.want(address, 0)),
      [true, false, false, false],
    );
    assert.equal(checks.want(a, 5), false);
    const taken = [10, 30, 50, 70, 100, 120].map((now) => checks.take(now));
    assert.deepEqual(taken, [[b], [c], [], [], [a], []]);
    assert.equal(checks.nextWake(), undefined);
  });

  it("forget an address wherever it waits", () => {
    const checks = new Checks({ checkIntervalMs: 100, checkGapMs: 20 });
    const [a, b] = addresses(2) as [IpAddress, IpAddress];
    for (const address of [a, b, a]) checks.want(address, 0);
    for (const address of [a, b]) checks.forget(address);
    assert.deepEqual([checks.nextWake(), checks.take(1_000)], [undefined, []]);
  });
});
