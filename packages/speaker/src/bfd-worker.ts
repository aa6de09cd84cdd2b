import { randomBytes } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { parentPort } from "node:worker_threads";
import { systemClock } from "@herald/daemon/clock";
import type { Random } from "@herald/shared/core";
import type { FromBfd, ToBfd } from "./bfd-protocol.ts";
import { openBfdSockets } from "./io/bfd-sockets.ts";
import { raiseThread } from "./io/thread-priority.ts";
import { BfdRunner } from "./run-bfd.ts";

// The thread that keeps BFD sessions, so that nothing the main thread does can hold one up. It must never load anything
// that loads cap: see docs/adr/0004-packets-through-cap.md.

const port = parentPort;
if (port === null) throw new Error("this file is a worker of the speaker; start main.ts");
const post = (message: FromBfd): void => port.postMessage(message);

/** Who can foretell discriminators needs not see packets to forge them. */
const random: Random = { next: () => randomBytes(4).readUInt32LE() / 2 ** 32 };

// Garbage of young objects is collected with the help of threads that are like everybody else's, and this one would wait for
// them: on a machine with far too much to do up to 60 ms were seen, 14 without. The flags are the process's; for a heap of a
// few MB the help is worth little.
setFlagsFromString("--no-parallel-scavenge");
setFlagsFromString("--no-concurrent-array-buffer-sweeping");

post({ type: "priority", priority: raiseThread() });
const runner = new BfdRunner({
  clock: systemClock,
  random,
  open: openBfdSockets,
  post,
  sharedMs: () => Number(process.hrtime.bigint()) / 1e6,
});
port.on("message", (message: ToBfd) => runner.obey(message));
