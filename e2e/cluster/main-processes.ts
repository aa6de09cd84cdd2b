import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Pids of the main processes of a program of ours that run in containers, of any cluster on this machine. */
export function mainProcesses(program: string): readonly number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => isMain(pid, program));
}

function isMain(pid: number, program: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const inContainer = readlinkSync(`/proc/${pid}/ns/mnt`) !== readlinkSync("/proc/self/ns/mnt");
    return inContainer && words.includes(`/${program}/${program}.js`);
  } catch (error) {
    if (error instanceof Error && "code" in error) return false; // it ended meanwhile
    throw error;
  }
}
