import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { BfdSessions } from "./sessions.ts";
import type { BfdState } from "./states.ts";
import { Bench, OPTIONS, PATH, told } from "./testdata/bench.ts";

const STATES: readonly BfdState[] = ["admin-down", "down", "init", "up"];

/** A session that is in this state, the peer's last word known, nothing under way. */
function inState(state: BfdState): Bench {
  const bench = new Bench();
  if (state === "admin-down") bench.want({}, true);
  if (state === "init") bench.hear({ state: "down" });
  if (state === "up") bench.up();
  return bench;
}

/** RFC 5880 §6.2 and §6.8.6, whole: by our state and then by the one that the peer says it is in. */
const table: Readonly<Record<BfdState, Readonly<Record<BfdState, readonly string[]>>>> = {
  "admin-down": {
    "admin-down": ["drop admin-down"],
    down: ["drop admin-down"],
    init: ["drop admin-down"],
    up: ["drop admin-down"],
  },
  down: {
    "admin-down": [],
    down: ["down -> init", "send init diag 0"],
    init: ["down -> up", "send up P diag 0"],
    up: [],
  },
  init: {
    "admin-down": ["init -> down", "send down diag 3"],
    down: [],
    init: ["init -> up", "send up P diag 0"],
    up: ["init -> up", "send up P diag 0"],
  },
  up: {
    "admin-down": [
      "up -> down",
      "down peer-admin-down: shut down by the peer: no diagnostic",
      "send down P diag 3",
    ],
    down: ["up -> down", "failed peer-down: the peer went down: no diagnostic", "send down P diag 3"],
    init: [],
    up: [],
  },
};

describe("the state of a session", () => {
  for (const ours of STATES) {
    for (const theirs of STATES) {
      it(`is ${ours}, and the peer is ${theirs}`, () => {
        assert.deepEqual(inState(ours).hear({ state: theirs }), table[ours][theirs]);
      });
    }
  }

  const expiries: Readonly<Record<BfdState, readonly string[]>> = {
    "admin-down": [],
    down: [],
    init: ["init -> down", "send down diag 1"],
    up: ["up -> down", "failed detection-expired: nothing heard for 150 ms", "send down P diag 1"],
  };
  for (const ours of STATES) {
    it(`is ${ours} when nothing is heard for the detection time`, () => {
      const bench = inState(ours);
      const periodic = /^send (\S+)( P)? diag [07]$/;
      const effects = bench.run(ours === "up" ? 152 : 3_002).filter((effect) => !periodic.test(effect));
      assert.deepEqual(effects, expiries[ours]);
      assert.equal(bench.status.remote, undefined);
      assert.equal(bench.sent.at(-1)?.yourDiscriminator, 0);
    });
  }

  const shutDowns: Readonly<Record<BfdState, readonly string[]>> = {
    "admin-down": [],
    down: ["down -> admin-down", "send admin-down P diag 7"],
    init: ["init -> admin-down", "send admin-down P diag 7"],
    up: ["up -> admin-down", "down disabled: shut down on this side", "send admin-down P diag 7"],
  };
  for (const ours of STATES) {
    it(`is ${ours} when it is shut down`, () => {
      assert.deepEqual(inState(ours).want({}, true), shutDowns[ours]);
    });
  }

  it("is admin-down from the first word where it begins shut down", () => {
    const core = new BfdSessions(new SeededRandom(7));
    const wanted = [{ path: PATH, options: OPTIONS, disabled: true }];
    assert.deepEqual(told(core.handle({ type: "sessions", wanted }, 0)), [
      "down -> admin-down",
      "send admin-down P diag 7",
    ]);
  });

  it("is down once it is allowed again", () => {
    assert.deepEqual(inState("admin-down").want({}), ["admin-down -> down", "send down P diag 7"]);
  });

  for (const [diagnostic, words] of [
    [2, "echo function failed"],
    [30, "diagnostic 30"],
  ] as const) {
    it(`goes with the peer's own reason: ${words}`, () => {
      const [, down] = inState("up").hear({ state: "down", diagnostic });
      assert.equal(down, `failed peer-down: the peer went down: ${words}`);
    });
  }

  it("says why it went until it is up again, and since when it is what it is", () => {
    const bench = inState("up");
    bench.run(1_000);
    const { state, since } = bench.status;
    assert.deepEqual([state, since], ["down", 152]);
    assert.deepEqual(bench.hear({ state: "down" }), ["down -> init", "send init P diag 1"]);
    assert.equal(bench.status.since, 1_000);
    assert.deepEqual(bench.hear({ state: "init" }), ["init -> up", "send up P diag 0"]);
  });

  it("counts what it sent", () => {
    const bench = new Bench();
    bench.run(10_000);
    assert.equal(bench.status.counters.sent, bench.sent.length);
  });

  it("counts how often it came up, and went", () => {
    const bench = inState("up");
    bench.hear({ state: "down" });
    const { sent: _, ...counters } = bench.status.counters;
    assert.deepEqual(counters, { received: 5, up: 1, down: 1 });
  });
});
