import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { DETECTION_MS } from "./bounds.ts";
import type { FaultKind } from "./fault-kinds.ts";
import { type Outcome, run } from "./run.ts";
import type { SabotageName } from "./sabotage.ts";
import { measureScale } from "./scale.ts";
import { writeScript } from "./script.ts";
import { runSeeds } from "./seeds.ts";
import { shrink } from "./shrink.ts";

/** All of them in CI; fewer where somebody is in a hurry. */
const SEEDS = Number(process.env["HERALD_SIM_SEEDS"] ?? 1_000);
const THREADS = 2;

/** How a speaker is broken, what must go wrong for that to matter, and which sentence then is not true. */
const BROKEN: readonly {
  readonly sabotage: SabotageName;
  readonly kinds: readonly FaultKind[];
  readonly sentence: RegExp;
}[] = [
  { sabotage: "never-buries", kinds: ["dies"], sentence: /^held/ },
  { sabotage: "knows-nobody", kinds: ["partition"], sentence: /^(one holder|sticky|caches)/ },
  { sabotage: "claims-count-for-nothing", kinds: ["power-cut", "drain"], sentence: /^sticky/ },
  { sabotage: "never-withdraws", kinds: ["drain", "excluded"], sentence: /^one holder/ },
  { sabotage: "misses-deletions", kinds: ["service-gone"], sentence: /^nothing but what is allocated/ },
  { sabotage: "asks-nobody", kinds: ["boots-deaf"], sentence: /^(sticky|steady)/ },
  { sabotage: "takes-over-in-silence", kinds: ["dies"], sentence: /^caches/ },
  { sabotage: "forgetful", kinds: ["duplicates"], sentence: /^(sticky|one holder)/ },
];

/** Within so many stories one must tell. */
const CAUGHT_WITHIN = 12;

describe("a whole cluster on virtual time", () => {
  it("lives the same life for the same seed, to the octet", async () => {
    const lives = [await lifeOf(6), await lifeOf(6)];
    assert.equal(lives[0], lives[1]);
    assert.notEqual(lives[0], await lifeOf(7));
  });

  it(`keeps its word in ${SEEDS} stories`, { timeout: 1_800_000 }, async () => {
    const outcomes = await runSeeds({ first: 1, last: SEEDS, threads: THREADS });
    assert.deepEqual(outcomes.filter(isViolated).map(sentenceOf), []);
    assert.equal(outcomes.length, SEEDS);
  });

  for (const { sabotage, kinds, sentence } of BROKEN) {
    it(`notices speakers of which each is broken like this: ${sabotage}`, { timeout: 600_000 }, async () => {
      const wishes = { nodes: 3, profile: "default", kinds } as const;
      const last = CAUGHT_WITHIN;
      const outcomes = await runSeeds({ first: 1, last, threads: THREADS, wishes, sabotage, failuresMax: 1 });
      const violated = outcomes.filter(isViolated).map(({ violation }) => violation?.invariant ?? "");
      assert.ok(
        violated.some((invariant) => sentence.test(invariant)),
        `in ${outcomes.length} stories, violated: ${violated.join("; ") || "nothing"}`,
      );
    });
  }

  it("sends no more per node in a cluster of 50 than in one of 10, and is as soon over a crash", async () => {
    const [few, many] = [await measureScale(10, "default", 2), await measureScale(50, "default", 2)];
    assert.ok(many.datagrams < 1.2 * few.datagrams, `${few.datagrams} datagrams, then ${many.datagrams}`);
    assert.ok(
      many.datagramsMost < 1.3 * few.datagramsMost,
      `${few.datagramsMost}, then ${many.datagramsMost}`,
    );
    for (const { takeoverMostMs } of [few, many]) {
      assert.ok(takeoverMostMs <= DETECTION_MS.default, `${takeoverMostMs} ms without a holder`);
    }
    assert.deepEqual([few.mistakes, many.mistakes], [0, 0]);
  });

  it("cuts a story that fails down to what it fails with", { timeout: 600_000 }, async () => {
    const script = writeScript(1, { nodes: 3, profile: "default", kinds: ["duplicates", "jitter", "dies"] });
    const options = { invariants: [{ name: "time stands still", check: () => "it does not" }] };
    const cut = await shrink(script, await run(script, options), options);
    assert.deepEqual([cut.script.faults, cut.script.services.length, cut.script.loss], [[], 0, 0]);
  });
});

/** Everything that anybody says, with its time, in one number. */
async function lifeOf(seed: number): Promise<string> {
  const hash = createHash("sha256");
  const onOctets = (at: number, octets: Uint8Array): void => {
    hash.update(`${at} `);
    hash.update(octets);
  };
  const tell = (at: number, who: string, text: string): void => void hash.update(`${at} ${who} ${text}`);
  await run(writeScript(seed), { tell, onOctets });
  return hash.digest("hex");
}

function isViolated({ violation }: Outcome): boolean {
  return violation !== undefined;
}

function sentenceOf({ seed, violation }: Outcome): string {
  return `npm run sim -- --seed ${seed}: at ${violation?.at} ms "${violation?.invariant}": ${violation?.how}`;
}
