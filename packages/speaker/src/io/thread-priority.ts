import { getSystemErrorName } from "node:util";
import koffi from "koffi";
import type { ThreadPriority } from "../bfd-protocol.ts";

/** <sched.h>, <sys/resource.h>. The thread's children do not inherit it. */
const SCHED_RR_RESET_ON_FORK = 2 | 0x4000_0000;
/** The least there is: anything real-time on the machine still goes first. */
const REAL_TIME_PRIORITY = 1;
const PRIO_PROCESS = 0;
const NICEST = -20;

/** 0 is the calling thread. */
const SELF = 0;

/**
 * Puts the calling thread before others, as far as this process may: that takes the capability SYS_NICE. Does nothing to
 * other threads of the process.
 */
export function raiseThread(): ThreadPriority {
  const library = koffi.load(null);
  const sched_setscheduler = library.func("int sched_setscheduler(int, int, void *)");
  const setpriority = library.func("int setpriority(int, uint32_t, int)");
  const parameters = new Int32Array([REAL_TIME_PRIORITY]); // struct sched_param
  if (sched_setscheduler(SELF, SCHED_RR_RESET_ON_FORK, parameters) === 0) return { level: "real-time" };
  if (setpriority(PRIO_PROCESS, SELF, NICEST) === 0) return { level: "high" };
  return { level: "ordinary", reason: getSystemErrorName(-koffi.errno()) };
}
