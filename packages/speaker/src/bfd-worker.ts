import { randomBytes } from "node:crypto";
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

post({ type: "priority", priority: raiseThread() });
const runner = new BfdRunner({
  clock: systemClock,
  random,
  open: openBfdSockets,
  post,
  sharedMs: () => Number(process.hrtime.bigint()) / 1e6,
});
port.on("message", (message: ToBfd) => runner.obey(message));
