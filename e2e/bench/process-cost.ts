import { readFileSync } from "node:fs";
import type { Running } from "../cluster/launch.ts";

/** proc(5): user and system time are in these, of which Linux shows programs 100 a second. */
const TICKS_PER_SECOND = 100;

/** Time of processors that a program has used since it started, in user and kernel. */
export function processorSeconds({ pid }: Pick<Running, "pid">): number {
  // proc(5): after the name, which may contain anything, the state is field 3, and times are 14 and 15.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export interface Memory {
  readonly residentMib: number;
  /** The part that no other process shares. */
  readonly ownMib: number;
  /** The most that ever was resident. */
  readonly peakMib: number;
}

export function memory({ pid }: Pick<Running, "pid">): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mib = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1_024;
  return { residentMib: mib("VmRSS"), ownMib: mib("RssAnon"), peakMib: mib("VmHWM") };
}
