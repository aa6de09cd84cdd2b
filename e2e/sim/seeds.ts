import { Worker } from "node:worker_threads";
import type { Outcome } from "./run.ts";
import type { SabotageName } from "./sabotage.ts";
import type { ScriptWishes } from "./script.ts";
import type { SeedJob } from "./seeds-worker.ts";

export interface SeedsOptions {
  readonly first: number;
  readonly last: number;
  readonly threads: number;
  readonly wishes?: ScriptWishes;
  readonly sabotage?: SabotageName;
  /** Ends the run after so many failures; all seeds when left out. */
  readonly failuresMax?: number;
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** Stories make much short-lived garbage: with room for it, little of it is ever copied. */
const YOUNG_GENERATION_MB = 64;

/** Runs many seeds on several threads. @returns the outcomes, by seed. */
export async function runSeeds(options: SeedsOptions): Promise<readonly Outcome[]> {
  const { last, threads, failuresMax = Number.POSITIVE_INFINITY } = options;
  const outcomes: Outcome[] = [];
  let next = options.first;
  let failures = 0;
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL("./seeds-worker.ts", import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    while (next <= last && failures < failuresMax) {
      const seed = next;
      next += 1;
      const outcome = await ask(worker, { seed, wishes: options.wishes ?? {}, sabotage: options.sabotage });
      outcomes.push(outcome);
      if (outcome.violation !== undefined) failures += 1;
      options.onOutcome?.(outcome);
    }
    await worker.terminate();
  };
  await Promise.all(Array.from({ length: threads }, work));
  return outcomes.toSorted((a, b) => a.seed - b.seed);
}

function ask(worker: Worker, job: SeedJob): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => reject(new Error(`seed ${job.seed} crashed`, { cause: error }));
    worker.once("error", failed);
    worker.once("message", (outcome: Outcome) => {
      worker.off("error", failed);
      resolve(outcome);
    });
    worker.postMessage(job);
  });
}
