// Stories of a whole cluster on virtual time, each from one seed.
//   node e2e/sim/main.ts --seed 7                 one story, told in full; cut short to what it fails with
//   node e2e/sim/main.ts --seeds 1..1000          many, on as many threads as there are cores
//   node e2e/sim/main.ts --scale 10,30,100,300    how traffic and takeover grow with the number of nodes
//   [--nodes N] [--profile fast|default|lan] [--sabotage NAME] [--threads N] [--whole]
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { PROFILES, type ProfileName } from "@herald/gossip/options";
import { FAULTS } from "./faults.ts";
import { type Outcome, run } from "./run.ts";
import { SABOTAGES, type SabotageName } from "./sabotage.ts";
import { measureScale } from "./scale.ts";
import { type Script, type ScriptWishes, writeScript } from "./script.ts";
import { runSeeds } from "./seeds.ts";
import { shrink } from "./shrink.ts";

const { values: flags } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    nodes: { type: "string" },
    profile: { type: "string" },
    sabotage: { type: "string" },
    threads: { type: "string" },
    scale: { type: "string" },
    whole: { type: "boolean" },
  },
});

async function main(): Promise<void> {
  if (flags.seeds !== undefined) return await many(flags.seeds);
  if (flags.seed !== undefined) return await one(Number(flags.seed));
  if (flags.scale !== undefined) return await scale(flags.scale.split(",").map(Number));
  throw new Error("want --seed N, --seeds A..B or --scale N,N");
}

async function many(range: string): Promise<void> {
  const [first = 1, last = first] = range.split("..").map(Number);
  const started = performance.now();
  const threads = Number(flags.threads ?? availableParallelism());
  const sabotage = sabotageOf();
  const outcomes = await runSeeds({
    first,
    last,
    threads,
    wishes: wishes(),
    ...(sabotage === undefined ? {} : { sabotage }),
    onOutcome: (outcome) => {
      if (outcome.violation !== undefined) console.log(sentenceOf(outcome));
    },
  });
  const failed = outcomes.filter(({ violation }) => violation !== undefined);
  const hours = outcomes.reduce((sum, { lastedMs }) => sum + lastedMs, 0) / 3_600_000;
  const datagrams = outcomes.reduce((sum, outcome) => sum + outcome.datagrams, 0);
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${outcomes.length} seeds, ${failed.length} failed: ${hours.toFixed(1)} h of virtual time, ${(datagrams / 1e6).toFixed(1)} million datagrams, in ${seconds.toFixed(1)} s on ${threads} threads`,
  );
  if (failed.length > 0) process.exitCode = 1;
}

async function one(seed: number): Promise<void> {
  const script = writeScript(seed, wishes());
  const sabotage = sabotageOf();
  const options = sabotage === undefined ? {} : { create: SABOTAGES[sabotage] };
  const outcome = await run(script, options);
  const told =
    outcome.violation === undefined || flags.whole ? script : (await shrink(script, outcome, options)).script;
  console.log(headOf(told, script));
  const tell = (at: number, who: string, text: string): void =>
    console.log(`${(at / 1000).toFixed(4).padStart(9)}  ${who.padEnd(10)}  ${text}`);
  const end = await run(told, { ...options, tell });
  console.log(end.violation === undefined ? `seed ${seed}: all sentences are true` : sentenceOf(end));
  if (end.violation !== undefined) process.exitCode = 1;
}

async function scale(sizes: readonly number[]): Promise<void> {
  console.log(
    "| nodes | datagrams per node and second | of the busiest | takeover, median | longest | mistakes |",
  );
  console.log("|---|---|---|---|---|---|");
  for (const nodes of sizes) {
    const row = await measureScale(nodes, wishes().profile ?? "default", 3);
    const { datagrams, datagramsMost, takeoverMs, takeoverMostMs, mistakes } = row;
    console.log(
      `| ${nodes} | ${datagrams.toFixed(0)} | ${datagramsMost.toFixed(0)} | ${takeoverMs.toFixed(0)} ms | ${takeoverMostMs.toFixed(0)} ms | ${mistakes} |`,
    );
  }
}

function headOf(script: Script, whole: Script): string {
  const cut = whole.faults.length - script.faults.length;
  const faults = script.faults.map(
    (fault) => `  ${(fault.at / 1000).toFixed(3)} s, ${fault.forMs} ms: ${FAULTS[fault.kind].say(fault)}`,
  );
  const kind = script.calm ? "calm" : "rough";
  return [
    `seed ${script.seed}: ${script.nodes} nodes, profile ${script.profile}, ${kind}, ${100 * script.loss} % loss`,
    `API heard late by ${script.lagMs.map((lag) => Math.round(lag)).join(", ")} ms; clocks ahead by ${script.skewMs.map((skew) => Math.round(skew)).join(", ")} ms`,
    ...script.services.map(
      ({ name, families, policy, endpoints, pool }) =>
        `  ${name}: ${families.join("+")}, ${policy}, pool ${pool}, endpoints on ${endpoints.join(", ")}`,
    ),
    ...faults,
    ...(cut > 0 ? [`  (${cut} faults left out, it fails without them; --whole keeps them)`] : []),
  ].join("\n");
}

function sentenceOf({ seed, violation }: Outcome): string {
  if (violation === undefined) return `seed ${seed}: all sentences are true`;
  return `seed ${seed} at ${(violation.at / 1000).toFixed(2)} s: VIOLATED "${violation.invariant}": ${violation.how}`;
}

function wishes(): ScriptWishes {
  const profile = flags.profile;
  if (profile !== undefined && !(profile in PROFILES)) throw new Error(`there is no profile ${profile}`);
  return {
    ...(flags.nodes === undefined ? {} : { nodes: Number(flags.nodes) }),
    ...(profile === undefined ? {} : { profile: profile as ProfileName }),
  };
}

function sabotageOf(): SabotageName | undefined {
  const { sabotage } = flags;
  if (sabotage !== undefined && !(sabotage in SABOTAGES)) throw new Error(`there is no sabotage ${sabotage}`);
  return sabotage as SabotageName | undefined;
}

await main();
