// Feeds the decoders what the network must never be able to hurt us with, on all processors, until it is stopped (Ctrl-C).
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { BFD_FUZZ } from "../packages/bfd/src/testdata/fuzz-target.ts";
import { BGP_FUZZ } from "../packages/bgp/src/testdata/fuzz-target.ts";
import { GOSSIP_FUZZ } from "../packages/gossip/src/testdata/fuzz-target.ts";
import { FuzzFailure, type FuzzTarget, fuzz } from "../packages/lab/src/fuzz.ts";
import { parseHex } from "../packages/lab/src/hex.ts";
import { WIRE_FUZZ } from "../packages/wire/src/testdata/fuzz-target.ts";

const TARGETS = new Map([BGP_FUZZ, BFD_FUZZ, GOSSIP_FUZZ, WIRE_FUZZ].map((target) => [target.name, target]));

const HELP = `npm run fuzz -- [--target NAME] [--seconds N] [--seed N] [--threads N]
npm run fuzz -- --target NAME --input HEX

Changes recorded and made-up messages at random and gives them to the decoders, until something is neither
understood nor refused, N seconds are over, or Ctrl-C.

  --target NAME   ${[...TARGETS.keys()].join(", ")}; all of them in turns by default
  --seconds N     end after so long
  --seed N        begin with this input; another one each time by default
  --threads N     ${availableParallelism()} by default, one for each processor
  --input HEX     try this one input, as a failure shows it
`;

/** Inputs between two words of a thread. */
const BATCH = 20_000;
const PROGRESS_MS = 5_000;

interface Errand {
  readonly targets: readonly string[];
  readonly seed: number;
  /** Between the first seeds of two batches of a thread. */
  readonly step: number;
}

type Word =
  | { readonly type: "done"; readonly target: string; readonly taken: number; readonly refused: number }
  | { readonly type: "failed"; readonly target: string; readonly message: string; readonly hex: string };

function main(): void {
  const { values: flags } = parseArgs({
    options: {
      target: { type: "string" },
      seconds: { type: "string" },
      seed: { type: "string" },
      threads: { type: "string" },
      input: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (flags.help) {
    process.stdout.write(HELP);
    return;
  }
  if (flags.input !== undefined) {
    tryAgain(targetOf(flags.target), parseHex(flags.input));
    return;
  }
  const targets = flags.target === undefined ? [...TARGETS.keys()] : [targetOf(flags.target).name];
  const seed = Number(flags.seed ?? Date.now() % 2 ** 31);
  run(targets, seed, Number(flags.threads ?? availableParallelism()), Number(flags.seconds ?? Infinity));
}

function run(targets: readonly string[], seed: number, threads: number, seconds: number): void {
  process.stdout.write(`fuzzing ${targets.join(", ")} from seed ${seed}, on ${threads} threads\n`);
  const began = performance.now();
  const counts = new Map(targets.map((target) => [target, { taken: 0, refused: 0 }]));
  const workers: Worker[] = [];
  const tell = (): void => {
    const parts = [...counts].map(
      ([target, { taken, refused }]) => `${target} ${taken + refused} (${refused} refused)`,
    );
    const passed = Math.round((performance.now() - began) / 1_000);
    process.stdout.write(`${passed} s: ${parts.join(", ")}\n`);
  };
  const end = (code: number): void => {
    tell();
    for (const worker of workers) void worker.terminate();
    process.exit(code);
  };
  for (let thread = 0; thread < threads; thread += 1) {
    const errand: Errand = { targets, seed: seed + thread * BATCH, step: threads * BATCH };
    const worker = new Worker(import.meta.filename, { workerData: errand });
    worker.on("message", (word: Word) => {
      if (word.type === "done") {
        const count = counts.get(word.target) ?? { taken: 0, refused: 0 };
        count.taken += word.taken;
        count.refused += word.refused;
        return;
      }
      process.stdout.write(`\nFAILED ${word.message}\n\n`);
      process.stdout.write(`again: npm run fuzz -- --target ${word.target} --input ${word.hex}\n\n`);
      end(1);
    });
    workers.push(worker);
  }
  setInterval(tell, PROGRESS_MS);
  if (seconds !== Infinity) setTimeout(() => end(0), seconds * 1_000);
  process.on("SIGINT", () => end(0));
}

/** In a thread: batches of each target in turns, for ever. */
function work({ targets, seed, step }: Errand): void {
  const say = (word: Word): void => parentPort?.postMessage(word);
  for (let first = seed; ; first += step) {
    for (const name of targets) {
      try {
        say({ type: "done", target: name, ...fuzz(targetOf(name), first, BATCH) });
      } catch (error) {
        if (!(error instanceof FuzzFailure)) throw error;
        const hex = Buffer.from(error.input).toString("hex");
        say({ type: "failed", target: name, message: error.message, hex });
        return;
      }
    }
  }
}

function tryAgain(target: FuzzTarget, input: Uint8Array): void {
  process.stdout.write(`${target.name}: ${target.judge(input, true)}\n`);
}

function targetOf(name: string | undefined): FuzzTarget {
  const target = TARGETS.get(name ?? "");
  if (target !== undefined) return target;
  throw new Error(`--target ${name ?? "is missing"}: want one of ${[...TARGETS.keys()].join(", ")}`);
}

if (isMainThread) main();
else work(workerData as Errand);
