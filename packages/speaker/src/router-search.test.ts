import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import fc from "fast-check";
import type { HeardRouter } from "./router-frames.ts";
import { RouterSearch, type RouterSearchEffect, type RouterSearchInput } from "./router-search.ts";

const [A, B] = ["fe80::a", "fe80::b"] as const;
const router = (address: string, lifetimeSeconds = 30): HeardRouter => ({
  address: address as IpAddress,
  mac: "02:00:00:00:00:01" as MacAddress,
  lifetimeSeconds,
});
const up: RouterSearchInput = { type: "up", interface: "eth1" };
const down: RouterSearchInput = { type: "down", interface: "eth1" };
const doubt: RouterSearchInput = { type: "doubt", interface: "eth1" };
const heard = (address: string, lifetimeSeconds?: number): RouterSearchInput => ({
  type: "heard",
  interface: "eth1",
  router: router(address, lifetimeSeconds),
});

/** Feeds inputs at their time, s, and lets time pass to the end: what came out, as `time: what`. */
function story(inputs: readonly (readonly [at: number, RouterSearchInput])[], end: number): string[] {
  const core = new RouterSearch();
  const lines: string[] = [];
  const note = (at: number, effects: readonly RouterSearchEffect[]): void => {
    for (const effect of effects) lines.push(`${at}: ${inWords(effect)}`);
  };
  const pass = (until: number): void => {
    for (let due = core.nextWake(); due !== undefined && due <= until * 1_000; due = core.nextWake()) {
      note(due / 1_000, core.wake(due));
    }
  };
  for (const [at, input] of inputs) {
    pass(at);
    note(at, core.handle(input, at * 1_000));
  }
  pass(end);
  return lines;
}

function inWords(effect: RouterSearchEffect): string {
  switch (effect.type) {
    case "solicit":
      return "solicit";
    case "answer":
      return `answer ${effect.to.address}`;
    case "rivals":
      return `rivals ${effect.addresses.join(" and ")}`;
    default:
      return `${effect.type} ${effect.address}`;
  }
}

describe("The search for a router", () => {
  it("asks ever less often until somebody says that it is one", () =>
    assert.deepEqual(
      story([[0, up], [150, heard(A)]], 170), // biome-ignore format: a story
      [
        "0: solicit",
        "4: solicit",
        "12: solicit",
        "28: solicit",
        "60: solicit",
        "120: solicit",
        "150: answer fe80::a",
        "150: found fe80::a",
      ],
    ));

  it("answers each advertisement, but not more often than RFC 4861 §10 lets it", () => {
    const at = [1, 2, 3, 4, 14] as const;
    assert.deepEqual(story([[0, up], ...at.map((time) => [time, heard(A)] as const)], 20), [
      "0: solicit",
      "1: answer fe80::a",
      "1: found fe80::a",
      "4: answer fe80::a",
      "14: answer fe80::a",
    ]);
  });

  it("follows a router to another address, and says that there may be two", () =>
    assert.deepEqual(
      story(
        [
          [0, up],
          [1, heard(A)],
          [5, heard(B)],
          [9, heard(A)],
        ],
        20,
      ),
      [
        "0: solicit",
        "1: answer fe80::a",
        "1: found fe80::a",
        "5: answer fe80::b",
        "5: found fe80::b",
        "5: rivals fe80::a and fe80::b",
        "9: answer fe80::a",
      ],
    ));

  it("answers two routers in step, and takes neither for a new one", () => {
    const times = Array.from({ length: 720 }, (_, at) => 5 * at + 1);
    const inStep = times.flatMap((at) => [[at, heard(A)] as const, [at, heard(B)] as const]);
    const lines = story([[0, up], ...inStep], 3_600);
    assert.deepEqual(
      lines.filter((line) => !line.includes("answer")),
      ["0: solicit", "1: found fe80::a", "1: rivals fe80::a and fe80::b", "4: found fe80::b"],
    );
    for (const router of [A, B]) {
      assert.equal(lines.filter((line) => line.endsWith(`answer ${router}`)).length, 720);
    }
  });

  it("makes little of somebody who speaks from ever new addresses, and finds the last of them", () => {
    const flood = Array.from(
      { length: 10_000 },
      (_, at) => [1 + at / 10_000, heard(`fe80::${at.toString(16)}`)] as const,
    );
    const lines = story([[0, up], ...flood, [600, heard(A)]], 600);
    const answers = Array.from({ length: 8 }, (_, at) => `answer fe80::${at}`);
    assert.deepEqual(
      lines.filter((line) => !/solicit/.test(line)).map((line) => line.replace(/^1\.\d*/, "1")),
      [
        "1: answer fe80::0",
        "1: found fe80::0",
        "1: answer fe80::1",
        "1: rivals fe80::0 and fe80::1",
        ...answers.slice(2).map((answer) => `1: ${answer}`),
        "4: found fe80::270f",
        "31.9999: silent fe80::270f",
        "600: answer fe80::a",
        "600: found fe80::a",
      ],
    );
  });

  it("finds ever less often while there are new ones without end", () => {
    const flood = Array.from(
      { length: 3_600 },
      (_, at) => [at + 1, heard(`fe80::${at.toString(16)}`)] as const,
    );
    const times = story([[0, up], ...flood], 3_600)
      .filter((line) => line.includes("found"))
      .map((line) => Number.parseFloat(line));
    assert.deepEqual(times.slice(0, 7), [1, 4, 10, 22, 46, 94, 154]);
    assert.equal(times.length, 64);
  });

  it("asks again for a router that does not answer, but not over and over", () => {
    const at = [2, 5, 6, 8, 9] as const;
    assert.deepEqual(story([[0, up], [1, heard(A)], ...at.map((time) => [time, doubt] as const)], 10), [
      "0: solicit",
      "1: answer fe80::a",
      "1: found fe80::a",
      "5: solicit",
      "9: solicit",
    ]);
  });

  for (const [name, lifetime, silentAt] of [
    ["for as long as it said", 45, 46],
    ["for three advertisements of FRR where it says that it is no default router", 0, 31],
  ] as const) {
    it(`relies on a router ${name}, then asks again`, () =>
      assert.deepEqual(
        story(
          [
            [0, up],
            [1, heard(A, lifetime)],
          ],
          silentAt + 4,
        ),
        [
          "0: solicit",
          "1: answer fe80::a",
          "1: found fe80::a",
          `${silentAt}: silent fe80::a`,
          `${silentAt}: solicit`,
          `${silentAt + 4}: solicit`,
        ],
      ));
  }

  it("begins anew on a link that was down, and hears nothing on one that is", () =>
    assert.deepEqual(
      story(
        [
          [0, up],
          [1, heard(A)],
          [2, down],
          [3, heard(A)],
          [4, up],
          [5, heard(A)],
        ],
        6,
      ),
      [
        "0: solicit",
        "1: answer fe80::a",
        "1: found fe80::a",
        "4: solicit",
        "5: answer fe80::a",
        "5: found fe80::a",
      ],
    ));

  it("goes on where only the listening was interrupted", () =>
    assert.deepEqual(
      story(
        [
          [0, up],
          [1, heard(A)],
          [2, up],
        ],
        20,
      ),
      ["0: solicit", "1: answer fe80::a", "1: found fe80::a"],
    ));

  it("knows who was heard last, whether somebody was, and nobody on a link that is down", () => {
    const core = new RouterSearch();
    const known = (input: RouterSearchInput, at: number): unknown => {
      core.handle(input, at);
      core.wake(at);
      return core.on("eth1");
    };
    assert.deepEqual(
      [
        known(down, 0),
        known(up, 0),
        known(heard(A), 0),
        known(heard(B), 1),
        known(up, 90_000),
        known(down, 1),
      ],
      ["unheard", "unheard", { address: A }, { address: B }, "silent", "unheard"],
    );
  });

  it("knows whoever was heard last and was not silent since, and says little, over any history", () => {
    const step = fc.oneof(
      fc.constantFrom(up, down, heard(A), heard(A, 0), heard(B, 100), doubt),
      fc.integer({ min: 1, max: 12 }).map((last) => heard(`fe80::1:${last}`)),
      fc.integer({ min: 0, max: 60_000 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const life = new Life();
        for (const each of steps) life.take(each);
      }),
      { numRuns: 500 },
    );
  });
});

/** A search under whatever comes, and what must hold of it at any time. */
class Life {
  readonly #core = new RouterSearch();
  #now = 0;
  #isUp = false;
  /** Time and router of each. */
  #answers: (readonly [at: number, router: string])[] = [];
  #foundAt = Number.NEGATIVE_INFINITY;
  #last: string | undefined;

  /** @param step an input, or how much time passes, ms. */
  take(step: RouterSearchInput | number): void {
    if (typeof step === "number") this.#now += step;
    else this.#expect(step);
    const core = this.#core;
    for (const effect of typeof step === "number" ? core.wake(this.#now) : core.handle(step, this.#now)) {
      this.#see(effect);
    }
    const known = core.on("eth1");
    assert.equal(typeof known === "object" ? known.address : undefined, this.#last);
  }

  #expect(input: RouterSearchInput): void {
    if (input.type === "up") this.#isUp = true;
    if (input.type === "heard" && this.#isUp) this.#last = input.router.address;
    if (input.type !== "down") return;
    this.#isUp = false;
    this.#answers = [];
    this.#foundAt = Number.NEGATIVE_INFINITY;
    this.#last = undefined;
  }

  #see(effect: RouterSearchEffect): void {
    if (effect.type === "silent") {
      this.#last = undefined;
      this.#foundAt = Number.NEGATIVE_INFINITY;
    }
    if (effect.type === "found") {
      assert.ok(this.#now - this.#foundAt >= 3_000, "finds too often");
      this.#foundAt = this.#now;
    }
    if (effect.type !== "answer") return;
    const { address } = effect.to;
    this.#answers = this.#answers.filter(([at]) => this.#now - at < 3_000);
    assert.ok(!this.#answers.some(([, router]) => router === address), "answers one too often");
    this.#answers.push([this.#now, address]);
    assert.ok(this.#answers.length <= 8, "answers too many");
  }
}
