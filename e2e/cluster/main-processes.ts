import { readFileSync, readlinkSync } from "node:fs";
import type { Cluster } from "./cluster.ts";

/** Those of a cluster's processes that are the main process of a container of ours. */
export function mainProcesses(cluster: Cluster, program: string): readonly number[] {
  return cluster.processes().filter((pid) => isMain(pid, program));
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
