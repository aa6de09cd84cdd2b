import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import type { OnProgress } from "../progress.ts";

/**
 * Runs `work` while no other process of this machine holds the same lock. The kernel frees it when its holder dies.
 *
 * @param path of a file that is made when it is not there.
 */
export async function alone<T>(path: string, onProgress: OnProgress, work: () => Promise<T>): Promise<T> {
  const file = openSync(path, "a");
  try {
    if (!(await lock(file, ["--nonblock"]))) {
      onProgress("another process builds the same; waiting for it");
      if (!(await lock(file, []))) throw new Error(`no lock on ${path}`);
    }
    return await work();
  } finally {
    closeSync(file);
  }
}

/** flock(1) locks the open file, which stays ours and locked when it has ended. */
async function lock(file: number, options: readonly string[]): Promise<boolean> {
  const child = spawn("flock", [...options, "3"], { stdio: ["ignore", "ignore", "inherit", file] });
  const [code] = (await once(child, "exit")) as [number | null];
  return code === 0;
}
