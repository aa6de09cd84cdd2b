import { type Outcome, type RunOptions, run } from "./run.ts";
import type { Script } from "./script.ts";

/**
 * Leaves out of a script that fails whatever it fails without: faults one at a time, Services, the base loss.
 *
 * @returns the shortest that still breaks the same sentence, and how.
 */
export async function shrink(
  failing: Script,
  outcome: Outcome,
  options: RunOptions = {},
): Promise<{ readonly script: Script; readonly outcome: Outcome }> {
  let best = { script: failing, outcome };
  for (let found = true; found; ) {
    found = false;
    for (const script of shorter(best.script)) {
      const tried = await run(script, options);
      if (tried.violation?.invariant !== outcome.violation?.invariant) continue;
      best = { script, outcome: tried };
      found = true;
      break;
    }
  }
  return best;
}

function* shorter(script: Script): Generator<Script> {
  for (const index of script.faults.keys()) yield { ...script, faults: script.faults.toSpliced(index, 1) };
  for (const index of script.services.keys()) {
    yield { ...script, services: script.services.toSpliced(index, 1) };
  }
  if (script.loss > 0) yield { ...script, loss: 0 };
  if (script.lagMs.some((lag) => lag > 1)) yield { ...script, lagMs: script.lagMs.map(() => 1) };
  if (script.skewMs.some((skew) => skew !== 0)) yield { ...script, skewMs: script.skewMs.map(() => 0) };
}
