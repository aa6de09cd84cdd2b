import { parentPort } from "node:worker_threads";
import { run } from "./run.ts";
import { SABOTAGES, type SabotageName } from "./sabotage.ts";
import type { ScriptWishes } from "./script.ts";
import { writeScript } from "./script.ts";

// One of several threads that run seeds: it is given one at a time, and says how it ended.

export interface SeedJob {
  readonly seed: number;
  readonly wishes: ScriptWishes;
  /** Run it with speakers that are broken in this way. */
  readonly sabotage: SabotageName | undefined;
}

parentPort?.on("message", ({ seed, wishes, sabotage }: SeedJob) => {
  const create = sabotage === undefined ? undefined : SABOTAGES[sabotage];
  void run(writeScript(seed, wishes), create === undefined ? {} : { create }).then((outcome) =>
    parentPort?.postMessage(outcome),
  );
});
