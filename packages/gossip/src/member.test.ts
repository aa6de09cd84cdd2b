import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type AliveVerdict,
  type DeadVerdict,
  type Judge,
  judgeAlive,
  judgeDead,
  judgeSuspect,
  MAX_INCARNATION,
  type Member,
  type SuspectVerdict,
} from "./member.ts";
import { type Alive, FULL_VERSIONS, type NodeState } from "./message.ts";

const HERE = { address: new Uint8Array([192, 0, 2, 1]), port: 7946 };
const ELSEWHERE = { address: new Uint8Array([192, 0, 2, 2]), port: 7946 };
const NOW = 100_000;
const INCARNATION = 5;

const US: Judge = { name: "us", leaving: false, deadReclaimMs: 1_000 };
const LEAVING: Judge = { ...US, leaving: true };
const NO_RECLAIM: Judge = { ...US, deadReclaimMs: 0 };

function member(name: string, state: NodeState, since = 0): Member {
  const [meta, versions] = [new Uint8Array(), FULL_VERSIONS];
  return { name, endpoint: HERE, meta, versions, incarnation: INCARNATION, state, since };
}

function alive(node: string, incarnation: number, more: Partial<Alive> = {}): Alive {
  return {
    type: "alive",
    node,
    incarnation,
    endpoint: HERE,
    meta: new Uint8Array(),
    versions: FULL_VERSIONS,
    ...more,
  };
}

/** By how the news' incarnation compares with the one we know: older, the same, newer. */
type Row<Verdict> = readonly [older: Verdict, same: Verdict, newer: Verdict];
const RELATIONS = [-1, 0, 1] as const;

describe("alive", () => {
  const others: Record<NodeState, Row<AliveVerdict>> = {
    alive: ["ignore", "ignore", "accept"],
    suspect: ["ignore", "ignore", "accept"],
    dead: ["ignore", "ignore", "accept"],
    left: ["ignore", "ignore", "accept"],
  };
  for (const [state, row] of Object.entries(others) as [NodeState, Row<AliveVerdict>][]) {
    it(`of a member that is ${state} needs a newer incarnation`, () => {
      const verdicts = RELATIONS.map((by) =>
        judgeAlive(member("b", state), alive("b", INCARNATION + by), US, NOW),
      );
      assert.deepEqual(verdicts, row);
    });
  }

  const moves: Record<NodeState, Row<AliveVerdict>> = {
    alive: ["conflict", "conflict", "conflict"],
    suspect: ["conflict", "conflict", "conflict"],
    dead: ["accept", "accept", "accept"],
    left: ["accept", "accept", "accept"],
  };
  for (const [state, row] of Object.entries(moves) as [NodeState, Row<AliveVerdict>][]) {
    it(`from another address, of a member that is ${state} for long, is ${row[0]}`, () => {
      const verdicts = RELATIONS.map((by) =>
        judgeAlive(member("b", state), alive("b", INCARNATION + by, { endpoint: ELSEWHERE }), US, NOW),
      );
      assert.deepEqual(verdicts, row);
    });
  }

  it("from another address waits until the name was dead for long enough", () => {
    const news = alive("b", 9, { endpoint: ELSEWHERE });
    assert.equal(judgeAlive(member("b", "dead", NOW - 1_000), news, US, NOW), "conflict");
    assert.equal(judgeAlive(member("b", "dead", NOW - 1_001), news, US, NOW), "accept");
    assert.equal(judgeAlive(member("b", "dead"), news, NO_RECLAIM, NOW), "conflict");
    assert.equal(judgeAlive(member("b", "left"), news, NO_RECLAIM, NOW), "accept");
  });

  it("takes 192.0.2.1 in 4 octets and in 16 for two addresses", () => {
    const address = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1]);
    const news = alive("b", 9, { endpoint: { address, port: 7946 } });
    assert.equal(judgeAlive(member("b", "alive"), news, US, NOW), "conflict");
  });

  it("of a stranger is accepted with any incarnation but 0", () => {
    const verdicts = [0, 1, MAX_INCARNATION].map((incarnation) =>
      judgeAlive(undefined, alive("b", incarnation), US, NOW),
    );
    assert.deepEqual(verdicts, ["ignore", "accept", "accept"]);
  });

  const aboutUs: Record<string, { more: Partial<Alive>; row: Row<AliveVerdict> }> = {
    "as we are": { more: {}, row: ["ignore", "ignore", "refute"] },
    "with other meta": { more: { meta: new Uint8Array([1]) }, row: ["ignore", "refute", "refute"] },
    "with other versions": {
      more: { versions: { ...FULL_VERSIONS, applicationMax: 2 } },
      row: ["ignore", "refute", "refute"],
    },
    "somewhere else": { more: { endpoint: ELSEWHERE }, row: ["conflict", "conflict", "conflict"] },
  };
  for (const [how, { more, row }] of Object.entries(aboutUs)) {
    it(`of ourselves ${how} is ${row.join(", ")}`, () => {
      const verdicts = RELATIONS.map((by) =>
        judgeAlive(member("us", "alive"), alive("us", INCARNATION + by, more), US, NOW),
      );
      assert.deepEqual(verdicts, row);
    });
  }

  it("of ourselves is ignored on the way out", () => {
    assert.equal(judgeAlive(member("us", "left"), alive("us", 9), LEAVING, NOW), "ignore");
  });

  const refused: readonly { what: string; news: Alive; verdict: AliveVerdict }[] = [
    { what: "no name", news: alive("", 9), verdict: "unusable" },
    { what: "a name of 256 letters", news: alive("x".repeat(256), 9), verdict: "unusable" },
    { what: "protocolMin 0", news: versioned(0, 5), verdict: "unusable" },
    { what: "protocolMax 0", news: versioned(1, 0), verdict: "unusable" },
    { what: "protocolMin above protocolMax", news: versioned(3, 2), verdict: "unusable" },
    { what: "an incarnation near the end", news: alive("b", MAX_INCARNATION + 1), verdict: "implausible" },
  ];
  for (const { what, news, verdict } of refused) {
    it(`with ${what} is ${verdict}`, () => assert.equal(judgeAlive(undefined, news, US, NOW), verdict));
  }
});

describe("suspect", () => {
  const others: Record<NodeState, Row<SuspectVerdict>> = {
    alive: ["ignore", "accept", "accept"],
    suspect: ["ignore", "ignore", "ignore"],
    dead: ["ignore", "ignore", "ignore"],
    left: ["ignore", "ignore", "ignore"],
  };
  for (const [state, row] of Object.entries(others) as [NodeState, Row<SuspectVerdict>][]) {
    it(`of a member that is ${state} is ${row.join(", ")}`, () => {
      assert.deepEqual(
        RELATIONS.map((by) => suspect(member("b", state), by, US)),
        row,
      );
    });
  }

  it("of a suspect whose time runs confirms, unless it is older", () => {
    const verdicts = RELATIONS.map((by) => suspect(member("b", "suspect"), by, US, true));
    assert.deepEqual(verdicts, ["ignore", "confirm", "confirm"]);
  });

  it("of ourselves is refuted, an older one answered", () => {
    assert.deepEqual(
      RELATIONS.map((by) => suspect(member("us", "alive"), by, US)),
      ["answer", "refute", "refute"],
    );
    assert.deepEqual(
      RELATIONS.map((by) => suspect(member("us", "left"), by, LEAVING)),
      ["ignore", "ignore", "ignore"],
    );
  });

  it("of a stranger is ignored, near the end of incarnations implausible", () => {
    assert.equal(suspect(undefined, 0, US), "ignore");
    assert.equal(suspect(member("us", "alive"), MAX_INCARNATION, US), "implausible");
  });
});

describe("dead", () => {
  const others: Record<NodeState, Row<DeadVerdict>> = {
    alive: ["ignore", "accept", "accept"],
    suspect: ["ignore", "accept", "accept"],
    dead: ["ignore", "ignore", "ignore"],
    left: ["ignore", "ignore", "ignore"],
  };
  for (const [state, row] of Object.entries(others) as [NodeState, Row<DeadVerdict>][]) {
    it(`of a member that is ${state} is ${row.join(", ")}`, () => {
      assert.deepEqual(
        RELATIONS.map((by) => dead(member("b", state), by, US)),
        row,
      );
    });
  }

  it("of ourselves is refuted, an older one answered, on the way out accepted", () => {
    assert.deepEqual(
      RELATIONS.map((by) => dead(member("us", "alive"), by, US)),
      ["answer", "refute", "refute"],
    );
    assert.deepEqual(
      RELATIONS.map((by) => dead(member("us", "alive"), by, LEAVING)),
      ["ignore", "accept", "accept"],
    );
  });

  it("of a stranger is ignored, near the end of incarnations implausible", () => {
    assert.equal(dead(undefined, 0, US), "ignore");
    assert.equal(dead(member("b", "alive"), MAX_INCARNATION, US), "implausible");
  });
});

function versioned(protocolMin: number, protocolMax: number): Alive {
  return alive("b", 9, { versions: { ...FULL_VERSIONS, protocolMin, protocolMax } });
}

function suspect(known: Member | undefined, by: number, judge: Judge, running = false): SuspectVerdict {
  const news = { incarnation: INCARNATION + by, node: known?.name ?? "nobody", from: "c" };
  return judgeSuspect(known, { type: "suspect", ...news }, judge, running);
}

function dead(known: Member | undefined, by: number, judge: Judge): DeadVerdict {
  const news = { incarnation: INCARNATION + by, node: known?.name ?? "nobody", from: "c" };
  return judgeDead(known, { type: "dead", ...news }, judge);
}
