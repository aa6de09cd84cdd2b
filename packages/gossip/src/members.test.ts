import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import fc from "fast-check";
import type { Member } from "./member.ts";
import { Members } from "./members.ts";
import { FULL_VERSIONS, type NodeState } from "./message.ts";

const endpoint = { address: new Uint8Array([192, 0, 2, 1]), port: 7946 };

function member(name: string, state: NodeState = "alive", since = 0): Member {
  return { name, endpoint, meta: new Uint8Array(), versions: FULL_VERSIONS, incarnation: 1, state, since };
}

function table(size: number, seed = 1): Members {
  const members = new Members(new SeededRandom(seed));
  for (let index = 0; index < size; index += 1) members.set(member(`n${index}`));
  return members;
}

const names = (of: readonly Member[]) => of.map(({ name }) => name).sort();
const anybody = () => true;

describe("the table of members", () => {
  it("counts the living through every change of state", () => {
    const members = table(3);
    members.set(member("n0", "suspect"));
    members.set(member("n1", "left"));
    members.set(member("n1", "alive"));
    assert.deepEqual([members.size, members.alive], [3, 2]);
  });

  it("knows where somebody lives, suspects included, and whether anything changed", () => {
    const there = "192.0.2.1/7946";
    const members = table(2);
    const lives = [members.inhabits(there)];
    for (const [name, state] of [
      ["n0", "dead"],
      ["n1", "suspect"],
      ["n1", "left"],
      ["n0", "alive"],
    ] as const) {
      members.set(member(name, state));
      lives.push(members.inhabits(there));
    }
    assert.deepEqual(lives, [true, true, true, false, true]);
    assert.deepEqual([members.version, members.inhabits("192.0.2.2/7946")], [6, false]);
  });

  it("probes all of a few in every round", () => {
    const members = table(6);
    for (let round = 0; round < 20; round += 1) {
      assert.deepEqual(
        names(
          members.nextTargets(
            5,
            ({ name }) => name !== "n0",
            () => {},
          ),
        ),
        ["n1", "n2", "n3", "n4", "n5"],
      );
    }
  });

  it("probes each of many once per lap", () => {
    const members = table(40);
    let laps = 0;
    for (let lap = 1; lap <= 5; lap += 1) {
      const probed = Array.from({ length: 10 }, () =>
        members.nextTargets(4, anybody, () => {
          laps += 1;
        }),
      ).flat();
      assert.deepEqual([names(probed).length, new Set(names(probed)).size, laps], [40, 40, lap]);
    }
  });

  it("never probes twice in one round, whatever joins and goes meanwhile", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.boolean()), { maxLength: 50 }),
        (seed, steps) => {
          const members = table(2, seed);
          for (const [index, gone] of steps) {
            members.set(member(`n${index}`, gone ? "dead" : "alive"));
            const targets = names(
              members.nextTargets(
                3,
                ({ state }) => state === "alive",
                () => members.forgetGone(1),
              ),
            );
            assert.equal(new Set(targets).size, targets.length);
            assert.ok(targets.length <= Math.min(3, members.alive));
          }
        },
      ),
    );
  });

  it("draws different members, all that are accepted when they are few", () => {
    const members = table(50);
    const odd = ({ name }: Member) => Number(name.slice(1)) % 2 === 1;
    for (let draw = 0; draw < 50; draw += 1) {
      const drawn = names(members.sample(3, odd));
      assert.equal(new Set(drawn).size, 3);
      assert.ok(drawn.every((name) => Number(name.slice(1)) % 2 === 1));
    }
    assert.deepEqual(names(table(4).sample(3, ({ name }) => name !== "n0")), ["n1", "n2", "n3"]);
  });

  it("forgets those who have been gone for long, and nobody else", () => {
    const members = table(2);
    members.set(member("old", "dead", 10));
    members.set(member("left", "left", 10));
    members.set(member("fresh", "dead", 20));
    members.set(member("suspect", "suspect", 10));
    assert.deepEqual(names(members.forgetGone(20)), ["left", "old"]);
    assert.deepEqual(names([...members.values()]), ["fresh", "n0", "n1", "suspect"]);
  });
});
