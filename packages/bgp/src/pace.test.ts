import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { BgpInput } from "./effect.ts";
import { encodeMessage } from "./message.ts";
import { formatPrefix, parsePrefix } from "./prefix.ts";
import { RouteTable } from "./route.ts";
import { Bench, ip, KEEPALIVE, LOCAL, theirOpen } from "./testdata/bench.ts";
import { RouterTable } from "./testdata/router-table.ts";

// MinRouteAdvertisementIntervalTimer, RFC 4271 §9.2.1.1.

const INTERVAL_MS = 5_000;
const NO_INTERVAL = {
  holdTimeSeconds: 90,
  keepaliveSeconds: undefined,
  retryMaxMs: 10_000,
  delayOpenMs: 0,
  advertisementIntervalMs: 0,
};
const A = "203.0.113.1/32";
const B = "203.0.113.2/32";
const C = "2001:db8:1::/48";

/** A session, what it is to tell, and a router that notes when it heard what. */
class Telling {
  readonly bench: Bench;
  readonly router = new RouterTable({ asnOctets: 4, external: true, pathIds: [] });
  readonly wanted = new RouteTable();
  /** `5 +203.0.113.1/32`: by the second. */
  readonly story: string[] = [];
  messages = 0;
  constructor() {
    // Why no hold time: nothing is heard for as long as a test likes.
    const open = theirOpen({ holdTimeSeconds: 0 });
    this.bench = new Bench({ advertisementIntervalMs: INTERVAL_MS }).reach("established", open);
  }

  /** @param med of the route; `undefined`: there is none. */
  put(text: string, med: number | undefined): this {
    const prefix = parsePrefix(text) ?? assert.fail(text);
    const routes = med === undefined ? [] : [{ prefix, pathId: 0, attributes: { med } }];
    this.wanted.set(formatPrefix(prefix), routes);
    return this;
  }

  tell(): this {
    return this.feed({ type: "routes", routes: this.wanted });
  }

  feed(input: BgpInput): this {
    return this.#hear(this.bench.session.handle(input, this.bench.now));
  }

  pass(ms: number): this {
    const { bench } = this;
    const until = bench.now + ms;
    for (
      let due = bench.session.nextWake();
      due !== undefined && due <= until;
      due = bench.session.nextWake()
    ) {
      bench.now = Math.max(due, bench.now);
      this.#hear(bench.session.wake(bench.now));
    }
    bench.now = until;
    return this;
  }

  /** The session ends, and the next one is there a second later. */
  again(): this {
    this.bench.closed();
    this.pass(1_000);
    this.bench.connected(2);
    this.bench.hear(encodeMessage(theirOpen()), 2);
    return this.feed({ type: "bytes", connection: 2, bytes: KEEPALIVE });
  }

  med(text: string): number | undefined {
    return this.router.routes.get(text)?.attributes.med;
  }

  #hear(effects: ReturnType<Bench["session"]["handle"]>): this {
    for (const effect of effects) {
      if (effect.type === "told") this.messages += effect.updates;
      if (effect.type !== "send") continue;
      const before = this.router.story.length;
      this.router.take(effect.bytes);
      this.story.push(...this.router.story.slice(before).map((each) => `${this.bench.now / 1_000} ${each}`));
    }
    return this;
  }
}

describe("a prefix of a peer with an advertisement interval", () => {
  it("is told at once when it is new, and only as it is in the end when it changes soon after", () => {
    const telling = new Telling().put(A, 1).tell().pass(1_000);
    telling.put(A, 2).tell().pass(1_000).put(A, 3).tell().pass(2_999);
    assert.deepEqual([telling.story, telling.med(A)], [[`0 +${A}`], 1]);
    telling.pass(1);
    assert.deepEqual([telling.story, telling.med(A)], [[`0 +${A}`, `5 +${A}`], 3]);
    assert.equal(telling.put(A, 4).tell().pass(5_000).story.at(-1), `10 +${A}`);
  });

  it("does not wait for others", () => {
    const telling = new Telling().put(A, 1).tell().pass(1_000).put(A, 2).put(B, 1).tell();
    assert.deepEqual(telling.pass(5_000).story, [`0 +${A}`, `1 +${B}`, `5 +${A}`]);
  });

  it("is told at once when it changes once in a while", () => {
    const telling = new Telling().put(A, 1).tell().pass(5_000).put(A, 2).tell();
    assert.deepEqual(telling.story, [`0 +${A}`, `5 +${A}`]);
  });

  it("is taken back at once, and comes back when the time is over", () => {
    const telling = new Telling().put(A, 1).tell().pass(1_000).put(A, undefined).tell();
    telling.pass(1_000).put(A, 1).tell().pass(10_000);
    assert.deepEqual(telling.story, [`0 +${A}`, `1 -${A}`, `5 +${A}`]);
  });

  it("is not told anew when it is as before by then", () => {
    const telling = new Telling().put(A, 1).tell().pass(1_000).put(A, 2).tell();
    telling.pass(1_000).put(A, 1).tell();
    assert.equal(telling.bench.session.nextWake(), undefined);
    assert.deepEqual(telling.pass(10_000).story, [`0 +${A}`]);
  });

  it("is not told any more when it is gone by then", () => {
    const telling = new Telling().put(A, 1).tell().pass(1_000).put(A, 2).tell();
    telling.pass(1_000).put(A, undefined).tell().pass(10_000);
    assert.deepEqual(telling.story, [`0 +${A}`, `2 -${A}`]);
  });

  it("says at once that we are about to go (RFC 8326)", () => {
    const telling = new Telling().put(A, 1).tell().pass(1_000).put(A, 2).tell();
    telling.feed({ type: "drain", draining: true });
    assert.deepEqual([telling.story, telling.med(A)], [[`0 +${A}`, `1 +${A}`], 2]);
    assert.deepEqual(telling.router.routes.get(A)?.attributes.communities, ["65535:0"]);
  });

  it("has another next hop at once", () => {
    const telling = new Telling().put(C, 1).tell().pass(1_000);
    telling.feed({ type: "addresses", connection: 1, local: { ...LOCAL, ipv6: ip("2001:db8::9") } });
    assert.deepEqual(telling.story, [`0 +${C}`, `1 +${C}`]);
  });

  it("counts from then when it was told out of turn, and others from when they were", () => {
    const telling = new Telling().put(C, 1).tell().pass(1_000).put(A, 1).tell().pass(3_000);
    telling.feed({ type: "addresses", connection: 1, local: { ...LOCAL, ipv6: ip("2001:db8::9") } });
    telling.put(A, 2).put(C, 2).tell().pass(10_000);
    assert.deepEqual(telling.story, [`0 +${C}`, `1 +${A}`, `4 +${C}`, `6 +${A}`, `9 +${C}`]);
  });

  it("goes into one message with all that waited with it", () => {
    const telling = new Telling();
    const all = Array.from({ length: 100 }, (_, at) => `203.0.113.${at}/32`);
    const tellAll = (med: number) => {
      for (const each of all) telling.put(each, med);
      return telling.tell().pass(1_000).messages;
    };
    assert.deepEqual([tellAll(1), tellAll(2), tellAll(3), telling.pass(5_000).messages], [1, 1, 1, 2]);
    assert.deepEqual(new Set(all.map((each) => telling.med(each))), new Set([3]));
  });

  it("is told at once from when there is none any more, and what waits with it", () => {
    const telling = new Telling().put(A, 1).tell().pass(1_000).put(A, 2).tell();
    telling.feed({ type: "timers", timers: NO_INTERVAL }).pass(0);
    assert.deepEqual(telling.put(A, 3).tell().story, [`0 +${A}`, `1 +${A}`, `1 +${A}`]);
  });

  it("is told at once in later sessions, too, when there is none any more", () => {
    const telling = new Telling().feed({ type: "timers", timers: NO_INTERVAL }).again();
    telling.put(A, 1).tell().put(A, 2).tell();
    assert.deepEqual(telling.story, [`1 +${A}`, `1 +${A}`]);
  });

  it("does not wait in the next session for what was told in the last", () => {
    const telling = new Telling().put(A, 1).tell().put(A, 2).again();
    assert.deepEqual([telling.story, telling.med(A)], [[`0 +${A}`, `1 +${A}`], 2]);
  });
});

const step = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 8_000 }) },
  { weight: 1, arbitrary: fc.constant("drain" as const) },
  {
    weight: 6,
    arbitrary: fc.record({
      text: fc.constantFrom(A, B, C, "203.0.113.0/24"),
      med: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A session under whatever comes, and what must hold of it. */
class Life extends Telling {
  /** By what was heard. */
  readonly #at = new Map<string, number>();
  #draining = false;

  take(each: Step): void {
    const heard = this.story.length;
    if (typeof each === "number") this.pass(each);
    else if (each === "drain") this.#drain();
    else this.put(each.text, each.med).tell();
    for (const one of this.story.slice(heard)) this.#judge(one, each === "drain");
    const gone = [...this.router.routes.keys()].filter((text) => this.wanted.get(text).length === 0);
    assert.deepEqual(gone, [], "what is gone is taken back at once");
  }

  #drain(): void {
    this.#draining = !this.#draining;
    this.feed({ type: "drain", draining: this.#draining });
  }

  #judge(one: string, isUrgent: boolean): void {
    const [second, what = ""] = one.split(" ");
    const at = Math.round(Number(second) * 1_000); // 8.001 s are 8000.999… ms
    const since = at - (this.#at.get(what) ?? Number.NEGATIVE_INFINITY);
    this.#at.set(what, at);
    assert.ok(isUrgent || what.startsWith("-") || since >= INTERVAL_MS, `${one}, ${since} ms after the last`);
  }
}

describe("any history of routes with an advertisement interval", () => {
  it("takes back at once, announces nothing twice within it, and ends with what is wanted", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const life = new Life();
        for (const each of steps) life.take(each);
        life.pass(INTERVAL_MS);
        const told = [...life.router.routes].map(([text, { attributes }]) => [text, attributes.med]);
        const wanted = [...life.wanted.best()].map(([text, { attributes }]) => [text, attributes.med]);
        assert.deepEqual(told.sort(), wanted.sort());
        assert.equal(life.bench.session.nextWake(), undefined);
      }),
    );
  });
});
