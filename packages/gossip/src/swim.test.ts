import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import type { SwimEffect } from "./effect.ts";
import type {
  Alive,
  DatagramMessage,
  Dead,
  Endpoint,
  NodeRecord,
  Ping,
  PushPull,
  StreamMessage,
  Suspect,
} from "./message.ts";
import { FULL_VERSIONS } from "./message.ts";
import { PROFILES } from "./options.ts";
import { Swim } from "./swim.ts";
import { endpointOf, estimateOctets } from "./testing/cluster.ts";

const [US, B, C, D] = [1, 2, 3, 4].map(endpointOf) as [Endpoint, Endpoint, Endpoint, Endpoint];
const OPTIONS = { ...PROFILES.default, gossipIntervalMs: 10_000_000 }; // news travels only on the back of others
const none = new Uint8Array();

const alive = (node: string, endpoint: Endpoint, incarnation = 1): Alive => ({
  type: "alive",
  incarnation,
  node,
  endpoint,
  meta: none,
  versions: FULL_VERSIONS,
});
const suspect = (node: string, from: string, incarnation = 1): Suspect => ({
  type: "suspect",
  incarnation,
  node,
  from,
});
const dead = (node: string, from: string, incarnation = 1): Dead => ({
  type: "dead",
  incarnation,
  node,
  from,
});
const ping = (sequence: number, node: string, sourceNode = "", source?: Endpoint): Ping => ({
  type: "ping",
  sequence,
  node,
  source,
  sourceNode,
});
const ack = (sequence: number): DatagramMessage => ({ type: "ack", sequence, payload: none });

/** A member among others that a test plays; everything that was said so far is out of the way. */
class Bench {
  readonly core: Swim;
  now = 0;
  constructor(others: readonly Alive[], options = OPTIONS) {
    const self = { name: "us", endpoint: US, meta: none, versions: FULL_VERSIONS, incarnation: 1 };
    this.core = new Swim(options, self, new SeededRandom(1), {
      octetsOf: estimateOctets,
      overheadOctets: 29,
    });
    this.core.handle({ type: "start" }, 0);
    this.hear(B, ...others);
    for (let round = 0; round < 40; round += 1) this.hear(B, ping(round, "us"));
  }

  hear(from: Endpoint, ...messages: DatagramMessage[]): readonly SwimEffect[] {
    return this.core.handle({ type: "datagram", from, messages }, this.now);
  }

  /** Steps from timer to timer, each on time. */
  pass(ms: number): readonly SwimEffect[] {
    const effects: SwimEffect[] = [];
    const until = this.now + ms;
    for (let due = this.core.nextWake(); due !== undefined && due <= until; due = this.core.nextWake()) {
      this.now = due;
      effects.push(...this.core.wake(due));
    }
    this.now = until;
    return effects;
  }

  /** To whichever stream wants to hear it. */
  answerStreams(message: StreamMessage): void {
    for (let stream = 1; stream < 5; stream += 1) {
      this.core.handle({ type: "stream-reply", stream, message }, this.now);
    }
  }

  /** Runs until the first ping goes out to `to`. @returns its sequence. */
  probed(to: Endpoint): number {
    for (let tries = 0; tries < 100; tries += 1) {
      for (const [where, [first]] of sends(this.pass(1))) {
        if (where === to && first?.type === "ping") return first.sequence;
      }
    }
    return assert.fail("no ping");
  }
}

function sends(effects: readonly SwimEffect[]): (readonly [Endpoint, readonly DatagramMessage[]])[] {
  return effects.flatMap((effect) => (effect.type === "send" ? [[effect.to, effect.messages] as const] : []));
}

const changes = (effects: readonly SwimEffect[]) =>
  effects.flatMap((effect) => (effect.type === "member" ? [`${effect.member.name} ${effect.change}`] : []));

describe("a member that is asked", () => {
  it("answers a ping to where it came from, or to where it says", () => {
    const bench = new Bench([]);
    assert.deepEqual(bench.hear(C, ping(7, "us")), [{ type: "send", to: C, messages: [ack(7)] }]);
    assert.deepEqual(bench.hear(C, ping(8, "", "", D)), [{ type: "send", to: D, messages: [ack(8)] }]);
  });

  it("does not answer for others", () => {
    const notice = { type: "notice", reason: "wrong-target", node: "c", detail: "b" };
    assert.deepEqual(new Bench([]).hear(C, ping(7, "b", "c")), [notice]);
  });

  it("tells a member it takes for dead, so that it can refute", () => {
    const bench = new Bench([alive("b", B)]);
    bench.hear(C, dead("b", "c"));
    for (let round = 0; round < 10; round += 1) bench.hear(C, ping(round, "us")); // the news is told
    assert.deepEqual(bench.hear(B, ping(9, "us", "b")), [
      { type: "send", to: B, messages: [ack(9), dead("b", "us")] },
    ]);
    assert.deepEqual(changes(bench.hear(B, alive("b", B, 2))), ["b alive"]);
  });

  it("probes for others, and passes the answer on", () => {
    const bench = new Bench([]);
    const asked = bench.hear(B, {
      type: "indirect-ping",
      sequence: 70,
      target: C,
      node: "c",
      wantsNack: true,
      source: undefined,
      sourceNode: "b",
    });
    assert.deepEqual(asked, [{ type: "send", to: C, messages: [ping(1, "c", "us", US)] }]);
    assert.deepEqual(bench.hear(C, ack(1)), [{ type: "send", to: B, messages: [ack(70)] }]);
    assert.deepEqual(sends(bench.pass(40)), []);
  });

  it("says that it got no answer either, when that is wanted", () => {
    const bench = new Bench([]);
    const ask = { type: "indirect-ping", target: C, node: "c", source: D, sourceNode: "d" } as const;
    bench.hear(B, { ...ask, sequence: 70, wantsNack: true }, { ...ask, sequence: 71, wantsNack: false });
    assert.deepEqual(sends(bench.pass(19)), []);
    assert.deepEqual(sends(bench.pass(1)), [[D, [{ type: "nack", sequence: 70 }]]]);
  });

  it("answers a ping over TCP, and closes on anything that is not for it", () => {
    const bench = new Bench([]);
    const ask = (message: Ping) => bench.core.handle({ type: "stream-request", stream: 5, message }, 0);
    assert.deepEqual(ask(ping(7, "us")), [{ type: "reply", stream: 5, message: ack(7) }]);
    assert.deepEqual(ask(ping(7, "b")), [{ type: "close", stream: 5 }]);
  });
});

describe("a member that asks", () => {
  it("asks others and over TCP after the timeout, then accuses and calls the suspect itself", () => {
    const bench = new Bench([alive("b", B), alive("c", C)], {
      ...OPTIONS,
      probesPerRound: 1,
      probesAtOnce: 1,
    });
    const sequence = bench.probed(B);
    const indirect = {
      type: "indirect-ping",
      sequence,
      target: B,
      node: "b",
      wantsNack: true,
      source: US,
      sourceNode: "us",
    };
    const asked = bench.pass(20);
    assert.deepEqual(sends(asked), [[C, [indirect]]]);
    assert.deepEqual(asked[1], { type: "open", stream: 1, to: B, message: ping(sequence, "b", "us", US) });
    const accused = bench.pass(31);
    assert.deepEqual(changes(accused), ["b suspect"]);
    assert.deepEqual(sends(accused)[0], [B, [ping(sequence + 1, "b", "us", US), suspect("b", "us")]]);
  });

  it("accuses early when all relays heard it and TCP is refused", () => {
    const bench = new Bench([alive("b", B), alive("c", C)], {
      ...OPTIONS,
      probesPerRound: 1,
      probesAtOnce: 1,
    });
    const sequence = bench.probed(B);
    bench.pass(22);
    assert.deepEqual(changes(bench.hear(C, { type: "nack", sequence })), []);
    const refused = bench.core.handle({ type: "stream-failed", stream: 1, why: "refused" }, bench.now);
    assert.deepEqual(changes(refused), ["b suspect"]);
    assert.equal(bench.core.health().awareness, 0);
  });

  it("goes on waiting while a relay is silent: it may not have been heard itself", () => {
    const bench = new Bench([alive("b", B), alive("c", C)], {
      ...OPTIONS,
      probesPerRound: 1,
      probesAtOnce: 1,
    });
    bench.probed(B);
    bench.pass(22);
    const refused = bench.core.handle({ type: "stream-failed", stream: 1, why: "refused" }, bench.now);
    assert.deepEqual(changes(refused), []);
    assert.deepEqual(changes(bench.pass(30)), ["b suspect"]);
    assert.equal(bench.core.health().awareness, 1);
  });

  const answers: Record<string, (bench: Bench, sequence: number) => unknown> = {
    directly: (bench, sequence) => bench.hear(B, ack(sequence)),
    "through a relay": (bench, sequence) => bench.hear(C, ack(sequence)),
    "over TCP": (bench, sequence) => bench.answerStreams({ type: "ack", sequence, payload: none }),
  };
  for (const [how, answer] of Object.entries(answers)) {
    it(`believes an answer that comes late ${how}`, () => {
      const bench = new Bench([alive("b", B), alive("c", C)]);
      const sequence = bench.probed(B);
      bench.pass(25);
      answer(bench, sequence);
      assert.ok(!changes(bench.pass(60)).includes("b suspect"));
    });
  }

  it("asks others at once when the network says that nobody is there", () => {
    const bench = new Bench([alive("b", B), alive("c", C)]);
    bench.probed(B);
    const effects = bench.core.handle({ type: "send-failed", to: B }, bench.now);
    assert.deepEqual(
      sends(effects).map(([to, [first]]) => [to, first?.type]),
      [[C, "indirect-ping"]],
    );
  });

  it("buries a suspect that nobody hears of, and forgets it in the end", () => {
    const bench = new Bench([alive("b", B)]);
    assert.deepEqual(changes(bench.pass(400)), ["b suspect", "b dead"]);
    bench.pass(29_000);
    assert.equal(bench.core.member("b")?.state, "dead");
    bench.pass(2_000);
    assert.equal(bench.core.member("b"), undefined);
  });

  it("holds nothing against others after a pause of its own", () => {
    const bench = new Bench([alive("b", B), alive("c", C)]);
    bench.probed(B);
    bench.now += 5_000;
    const woken = bench.core.wake(bench.now);
    assert.deepEqual(changes(woken), []);
    assert.ok(woken.some((effect) => effect.type === "notice" && effect.reason === "stalled"));
    assert.equal(bench.core.member("b")?.state, "alive");
  });

  it("gives a suspect time after a pause of its own to be heard", () => {
    const bench = new Bench([alive("b", B), alive("c", C)]);
    bench.hear(C, suspect("b", "c"));
    bench.now += 1_000;
    assert.deepEqual(changes(bench.core.wake(bench.now)), []);
    assert.deepEqual(changes(bench.pass(45)), []);
    assert.deepEqual(changes(bench.hear(B, alive("b", B, 2))), ["b alive"]);
  });
});

describe("a member that is talked about", () => {
  it("refutes with a higher incarnation, at once to the accuser", () => {
    const bench = new Bench([alive("b", B)]);
    assert.deepEqual(bench.hear(B, suspect("us", "b", 4)), [
      { type: "notice", reason: "refuted", node: "us", detail: "" },
      { type: "send", to: B, messages: [alive("us", US, 5)] },
    ]);
    assert.deepEqual(bench.hear(C, ping(9, "us")), [
      { type: "send", to: C, messages: [ack(9), alive("us", US, 5)] },
    ]);
  });

  it("repeats itself to whoever did not hear it", () => {
    const bench = new Bench([alive("b", B)]);
    bench.hear(B, dead("us", "b", 4));
    assert.deepEqual(bench.hear(C, suspect("us", "c", 4)), [
      { type: "send", to: C, messages: [alive("us", US, 5)] },
    ]);
  });

  it("does not act on an accusation that it could never outbid", () => {
    const notice = { type: "notice", reason: "implausible-incarnation", node: "us", detail: "" };
    assert.deepEqual(new Bench([]).hear(B, dead("us", "b", 0xffff_ffff)), [notice]);
  });

  it("reports another machine with its name", () => {
    const notice = { type: "notice", reason: "name-conflict", node: "us", detail: "10.0.0.4 port 7946" };
    assert.deepEqual(new Bench([]).hear(D, alive("us", D, 9)), [notice]);
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
