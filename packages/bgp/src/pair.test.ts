import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { BgpEffect } from "./effect.ts";
import type { SessionOptions } from "./options.ts";
import type { RouteTable } from "./route.ts";
import { ip, LOCAL, OPTIONS, RESTART, routes } from "./testdata/bench.ts";
import { RouterTable } from "./testdata/router-table.ts";
import { Speaker, Wire } from "./testdata/wire.ts";

const THEIRS: SessionOptions = { ...OPTIONS, asn: 64_513, peerAsn: 64_512, routerId: ip("192.0.2.254") };

/** Two sessions with each other, and what ours told the other one in its present session. */
class Pair {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly wire: Wire;
  readonly ours: Speaker;
  readonly theirs: Speaker;
  table = new RouterTable({ asnOctets: 4, external: true, pathIds: [] });
  #told = 0;
  constructor(seed = 1, ours: Partial<SessionOptions> = {}, theirs: Partial<SessionOptions> = {}) {
    this.random = new SeededRandom(seed);
    this.wire = new Wire(this.clock, this.random);
    const all = [
      { ...OPTIONS, ...ours },
      { ...THEIRS, ...theirs },
    ] as const;
    this.ours = new Speaker(
      this.wire,
      all[0],
      LOCAL,
      this.random,
      () => this.theirs,
      (effect) => this.#watch(effect),
    );
    this.theirs = new Speaker(this.wire, all[1], LOCAL, this.random, () => this.ours);
  }

  both(start: "start" | "ours" = "start"): this {
    this.ours.feed({ type: "start" });
    if (start === "start") this.theirs.feed({ type: "start" });
    return this;
  }

  run(ms: number): this {
    this.clock.advance(ms);
    return this;
  }

  want(wanted: RouteTable): this {
    this.ours.feed({ type: "routes", routes: wanted });
    return this;
  }

  get states(): readonly string[] {
    return [this.ours, this.theirs].map(({ session }) => session.status().state);
  }

  get story(): string {
    return [...this.ours.log.slice(-60), "---", ...this.theirs.log.slice(-60)].join("\n");
  }

  #watch(effect: BgpEffect): void {
    if (effect.type === "established") {
      this.#told = this.ours.session.status().negotiated === undefined ? 0 : 1;
      this.table = new RouterTable({ asnOctets: 4, external: true, pathIds: [] });
    }
    if (effect.type === "send" && this.#told > 0) this.table.take(effect.bytes);
  }
}

const WANTED = routes("203.0.113.1/32", "203.0.113.2/32", "2001:db8:1::/48");

describe("two sessions with each other", () => {
  for (const [who, ours, theirs] of [
    ["both", 2_000, 2_000],
    ["one of them", 2_000, 0],
  ] as const) {
    it(`come up although ${who} would have the other speak first (DelayOpen), for a hundred seeds`, () => {
      for (let seed = 1; seed <= 100; seed += 1) {
        const pair = new Pair(seed, { delayOpenMs: ours }, { delayOpenMs: theirs })
          .want(WANTED)
          .both()
          .run(5_000);
        assert.deepEqual(pair.states, ["established", "established"], `seed ${seed}\n${pair.story}`);
        assert.deepEqual(pair.ours.session.status().told, { 4: 2, 6: 1 });
      }
    });
  }

  it("come up although both sides connect at once, for a hundred seeds", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const pair = new Pair(seed).want(WANTED).both().run(1_000);
      assert.deepEqual(pair.states, ["established", "established"], `seed ${seed}\n${pair.story}`);
      assert.equal(pair.table.routes.size, 3, `seed ${seed}\n${pair.story}`);
      assert.ok(pair.theirs.session.status().counters.routesReceived >= 3, `seed ${seed}\n${pair.story}`);
      // One that the other side had let go of before it knew of both may have been up for a moment.
      assert.ok(pair.ours.session.status().counters.lost <= 1, `seed ${seed}\n${pair.story}`);
      assert.equal(pair.wire.cut(), 1, `seed ${seed}: one connection stays`);
    }
  });

  it("come up when one side only waits", () => {
    for (const [ours, theirs] of [
      [{ passive: true }, {}],
      [{}, { passive: true }],
    ]) {
      const pair = new Pair(3, ours, theirs).want(WANTED).both().run(3_000);
      assert.deepEqual(pair.states, ["established", "established"], pair.story);
    }
  });

  it("come up when one side cannot be reached", () => {
    const pair = new Pair();
    pair.theirs.listening = false;
    pair.both().run(3_000);
    assert.deepEqual(pair.states, ["established", "established"], pair.story);
  });

  it("come up when the other one starts late", () => {
    const pair = new Pair().want(WANTED).both("ours").run(60_000);
    pair.theirs.feed({ type: "start" });
    pair.run(12_000);
    assert.deepEqual(pair.states, ["established", "established"], pair.story);
  });

  it("stay up for a day", () => {
    const pair = new Pair().want(WANTED).both().run(86_400_000);
    assert.deepEqual(
      [pair.ours.session.status().counters.lost, pair.states],
      [0, ["established", "established"]],
    );
  });

  it("stay up at the shortest hold time", () => {
    const pair = new Pair(1, { holdTimeSeconds: 3 }).both().run(600_000);
    assert.equal(pair.ours.session.status().counters.lost, 0);
  });

  it("notice within the hold time that the other one is gone, and find each other again", () => {
    const pair = new Pair(1, { holdTimeSeconds: 9 }).want(WANTED).both().run(10_000);
    pair.wire.plugged = false;
    pair.run(9_000);
    assert.equal(pair.ours.session.status().lastError?.reason, "hold-expired", pair.story);
    pair.run(60_000);
    pair.wire.plugged = true;
    pair.run(40_000);
    assert.deepEqual(pair.states, ["established", "established"], pair.story);
    assert.deepEqual([...pair.table.routes.keys()].sort(), [
      "2001:db8:1::/48",
      "203.0.113.1/32",
      "203.0.113.2/32",
    ]);
  });

  it("keep to what a role forbids (RFC 9234)", () => {
    const pair = new Pair(1, { role: "customer" }, { role: "customer" }).both().run(5_000);
    assert.notDeepEqual(pair.states, ["established", "established"]);
    const texts = [pair.ours, pair.theirs].map(({ session }) => session.status().lastError?.text ?? "");
    assert.ok(
      texts.some((text) => text.includes("want provider")),
      texts.join("\n"),
    );
  });

  it("shut down with a word, and do not come back by themselves", () => {
    const pair = new Pair().both().run(1_000);
    pair.theirs.feed({ type: "stop", how: "shutdown", text: "good night" });
    pair.run(60_000);
    assert.equal(
      pair.ours.log.some((line) => line.includes('Cease, administrative shutdown: "good night"')),
      true,
    );
    assert.equal(pair.theirs.session.status().state, "idle");
    pair.theirs.feed({ type: "start" });
    pair.run(15_000);
    assert.deepEqual(pair.states, ["established", "established"], pair.story);
  });

  it("restart gracefully: a new process takes over without a word", () => {
    const graceful = { gracefulRestart: RESTART };
    const pair = new Pair(1, graceful, graceful).want(WANTED).both().run(2_000);
    pair.ours.feed({ type: "stop", how: "restart", text: "" });
    pair.run(10);
    assert.equal(pair.theirs.session.status().lastError?.reason, "closed");
    pair.ours.feed({ type: "start" });
    pair.run(15_000);
    assert.deepEqual(pair.states, ["established", "established"], pair.story);
    assert.deepEqual(pair.table.ended, [4, 6]);
  });

  it("take a peer back that died and came again before anybody noticed (RFC 4724 §4.2)", () => {
    const graceful = { gracefulRestart: RESTART };
    const pair = new Pair(1, graceful, graceful).want(WANTED).both().run(2_000);
    pair.wire.plugged = false; // its last words get lost
    pair.theirs.feed({ type: "stop", how: "restart", text: "" });
    pair.run(5);
    pair.wire.plugged = true;
    pair.theirs.feed({ type: "start" });
    pair.run(2_000);
    assert.deepEqual(pair.states, ["established", "established"], pair.story);
    assert.equal(pair.ours.session.status().lastError?.text, "the peer came back");
  });
});

describe("a session whose connection is cut anywhere", () => {
  it("comes back, and the peer's table becomes what is wanted", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const pair = new Pair(seed).want(WANTED).both();
      for (let turn = 0; turn < 6; turn += 1) {
        pair.run(pair.random.next() * 12);
        pair.wire.cut();
        pair.want(turn % 2 === 0 ? routes("203.0.113.9/32") : WANTED);
      }
      pair.run(60_000);
      assert.deepEqual(pair.states, ["established", "established"], `seed ${seed}\n${pair.story}`);
      const keys = [...pair.table.routes.keys()].sort();
      assert.deepEqual(
        keys,
        ["2001:db8:1::/48", "203.0.113.1/32", "203.0.113.2/32"],
        `seed ${seed}\n${pair.story}`,
      );
    }
  });
});
