import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Endpoint, FULL_VERSIONS, type NodeRecord, type PushPull } from "./message.ts";
import { PROFILES } from "./options.ts";
import { ack, alive, B, Bench, C, changes, dead, none, OPTIONS, ping, sends, US } from "./testing/bench.ts";

describe("places where nobody is", () => {
  it("are knocked at as soon as there are any, and not looked for while all are inhabited", () => {
    const bench = new Bench([alive("b", B)]);
    const knocked = (ms: number): Set<Endpoint> =>
      new Set(
        sends(bench.pass(ms)).flatMap(([to, [first]]) =>
          first?.type === "ping" && first.node === "" ? [to] : [],
        ),
      );
    bench.core.handle({ type: "discovered", endpoints: [US, B] }, bench.now);
    const whileAllLive = knocked(3 * OPTIONS.probeIntervalMs);
    bench.core.handle({ type: "discovered", endpoints: [US, B, C] }, bench.now);
    const withOneMore = knocked(OPTIONS.probeIntervalMs);
    assert.deepEqual([whileAllLive, withOneMore], [new Set(), new Set([C])]);
    assert.deepEqual(changes(bench.hear(B, dead("b", "d"))), ["b dead"]);
    assert.deepEqual(knocked(2 * OPTIONS.probeIntervalMs), new Set([B, C]));
  });
});

describe("a place that answers knocks and no streams", () => {
  it("is joined once a second, and keeps no regular exchange waiting", () => {
    const bench = new Bench([alive("b", B)]);
    bench.core.handle({ type: "discovered", endpoints: [US, B, C] }, bench.now);
    let opened: Endpoint[] = [];
    const until = bench.now + 40_000;
    while (bench.now < until) {
      const effects = bench.pass(10);
      const answered = sends(effects).flatMap(([to, [first]]) =>
        first?.type === "ping" ? bench.hear(to, ack(first.sequence)) : [],
      );
      for (const effect of [...effects, ...answered]) if (effect.type === "open") opened.push(effect.to);
    }
    const joins = opened.filter((to) => to === C).length;
    opened = opened.filter((to) => to === B);
    assert.ok(joins >= 20 && joins <= 60, `${joins} joins`);
    assert.ok(opened.length >= 1, "no exchange with b");
  });
});

describe("a table", () => {
  it("is exchanged to join, and a death in it is a suspicion only", () => {
    const bench = new Bench([]);
    const opened = bench.core.handle({ type: "discovered", endpoints: [US, B] }, 0);
    const us: NodeRecord = {
      node: "us",
      endpoint: US,
      meta: none,
      incarnation: 1,
      state: "alive",
      versions: FULL_VERSIONS,
    };
    const mine: PushPull = { type: "push-pull", join: true, nodes: [us], userState: none };
    assert.deepEqual(opened, [{ type: "open", stream: 1, to: B, message: mine }]);
    const b: NodeRecord = { ...us, node: "b", endpoint: B };
    const theirs = [
      b,
      { ...us, state: "dead" as const },
      { ...b, node: "x", endpoint: C, state: "dead" as const },
    ];
    const message: PushPull = { ...mine, nodes: theirs };
    assert.deepEqual(bench.core.handle({ type: "stream-reply", stream: 1, message }, 0), [
      {
        type: "member",
        change: "alive",
        member: {
          name: "b",
          endpoint: B,
          meta: none,
          versions: FULL_VERSIONS,
          incarnation: 1,
          state: "alive",
          since: 0,
        },
      },
      { type: "notice", reason: "refuted", node: "us", detail: "" },
      { type: "send", to: B, messages: [alive("us", US, 2)] },
      { type: "joined", via: B },
    ]);
  });

  it("is exchanged with three at once, and after an answer with the next only a probe interval later", () => {
    const bench = new Bench([]);
    const places = [1, 2, 3, 4, 5].map((host) => ({ ...B, address: Uint8Array.of(10, 9, 9, host) }));
    const opened = (effects: ReturnType<Bench["pass"]>): readonly Endpoint[] =>
      effects.flatMap((effect) => (effect.type === "open" ? [effect.to] : []));
    const asked = opened(bench.core.handle({ type: "discovered", endpoints: places }, bench.now));
    const message: PushPull = { type: "push-pull", join: true, nodes: [], userState: none };
    const answered = [1, 2, 3].flatMap((stream) =>
      opened(bench.core.handle({ type: "stream-reply", stream, message }, bench.now)),
    );
    const before = opened(bench.pass(OPTIONS.probeIntervalMs - 1));
    const after = opened(bench.pass(1));
    assert.deepEqual([asked, answered, before, after], [places.slice(0, 3), [], [], places.slice(3)]);
  });

  it("is answered after it was read: whoever takes us for dead reads that we live", () => {
    const bench = new Bench([]);
    const us: NodeRecord = {
      node: "us",
      endpoint: US,
      meta: none,
      incarnation: 7,
      state: "suspect",
      versions: FULL_VERSIONS,
    };
    const message: PushPull = { type: "push-pull", join: false, nodes: [us], userState: none };
    const answer = { ...message, nodes: [{ ...us, incarnation: 8, state: "alive" }] };
    assert.deepEqual(bench.core.handle({ type: "stream-request", stream: 3, message }, 0), [
      { type: "notice", reason: "refuted", node: "us", detail: "" },
      { type: "reply", stream: 3, message: answer },
    ]);
  });

  it("asked for by somebody who joins makes us joined, too, once", () => {
    const bench = new Bench([]);
    const b: NodeRecord = {
      node: "b",
      endpoint: B,
      meta: none,
      incarnation: 1,
      state: "alive",
      versions: FULL_VERSIONS,
    };
    const message: PushPull = { type: "push-pull", join: true, nodes: [b], userState: none };
    const answers = [3, 4].map((stream) =>
      bench.core.handle({ type: "stream-request", stream, message }, 0).map(({ type }) => type),
    );
    assert.deepEqual(answers, [["member", "reply", "joined"], ["reply"]]);
  });

  it("with versions that exclude each other is dropped whole", () => {
    const bench = new Bench([]);
    const versions = { ...FULL_VERSIONS, applicationMin: 2, applicationMax: 3, applicationCurrent: 2 };
    const b: NodeRecord = { node: "b", endpoint: B, meta: none, incarnation: 1, state: "alive", versions };
    const message: PushPull = { type: "push-pull", join: true, nodes: [b], userState: none };
    const [notice] = bench.core.handle({ type: "stream-request", stream: 3, message }, 0);
    assert.deepEqual(notice, { type: "notice", reason: "incompatible-versions", node: "", detail: "" });
    assert.equal(bench.core.member("b"), undefined);
  });

  it("holds no more members than it may", () => {
    const bench = new Bench([alive("b", B)], { ...OPTIONS, maxMembers: 2 });
    const notice = { type: "notice", reason: "table-full", node: "c", detail: "" };
    assert.deepEqual(bench.hear(B, alive("c", C)), [notice]);
  });
});

describe("leaving", () => {
  it("is told until it was told often enough, and the other side learns that it was a leave", () => {
    const bench = new Bench([alive("b", B)], PROFILES.default);
    const left = [...bench.core.handle({ type: "leave" }, bench.now), ...bench.pass(200)];
    assert.deepEqual(
      sends(left),
      Array.from({ length: 6 }, () => [B, [dead("us", "us")]]),
    );
    assert.deepEqual(left.at(-1), { type: "left" });
    assert.equal(bench.core.nextWake(), undefined);
    assert.deepEqual(bench.hear(B, ping(9, "us")), [{ type: "send", to: B, messages: [ack(9)] }]);
  });

  it("alone is over at once", () => {
    const bench = new Bench([]);
    assert.deepEqual(bench.core.handle({ type: "leave" }, bench.now).at(-1), { type: "left" });
  });

  it("can be taken back: a start afterwards has a higher incarnation", () => {
    const bench = new Bench([]);
    bench.core.handle({ type: "leave" }, bench.now);
    assert.deepEqual(changes(bench.core.handle({ type: "start" }, bench.now)), ["us alive"]);
    assert.equal(bench.core.member("us")?.incarnation, 2);
  });

  it("of another member is a leave, not a death", () => {
    const bench = new Bench([alive("b", B)]);
    assert.deepEqual(changes(bench.hear(B, dead("b", "b"))), ["b left"]);
  });
});
