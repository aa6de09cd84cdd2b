import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { parseArgs } from "node:util";

/**
 * node probe.ts --to ADDRESS --port PORT [--every-ms 5] [--count N] [--flows 1]: sends numbered datagrams, from so many
 * ports in turn, and watches for the answers; says "answered" on standard error at the first. After N of them, or on
 * SIGTERM, it waits for the last ones and prints one line of JSON, a ProbeReport.
 */
export interface ProbeReport {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  /**
   * Longest time between two answers, from the start to the first, or from the last to the end, ms. While the probe itself
   * stood still nothing was asked: of that, 100 ms count at most.
   */
  readonly longestGapMs: number;
  /** When the longest gap began, ms after the start. */
  readonly longestGapAtMs: number;
  /** Who answered, and how many: by pod name. */
  readonly by: Readonly<Record<string, number>>;
}

/** After so long whatever is not answered is lost; after the least, once what was sent in the last second is answered. */
const LAST_ANSWERS_MS = { least: 300, most: 3_000 };
const LAST_SENT_MS = 1_000;
const LOOK_EVERY_MS = 20;
const OWN_STEP_MS = 100;

const { values } = parseArgs({
  options: {
    to: { type: "string" },
    port: { type: "string" },
    "every-ms": { type: "string", default: "5" },
    count: { type: "string", default: "Infinity" },
    flows: { type: "string", default: "1" },
  },
});
const { to, port } = values;
const everyMs = Number(values["every-ms"]);
if (to === undefined || port === undefined)
  throw new Error("usage: probe.ts --to ADDRESS --port PORT [--every-ms 5] [--count N] [--flows 1]");

const sockets = Array.from({ length: Number(values.flows) }, () =>
  createSocket(isIPv6(to) ? "udp6" : "udp4"),
);
const answered = new Set<number>(); // by number; bounded by what we send
const by: Record<string, number> = {};
const longest = { gapMs: 0, atMs: 0 };
let sent = 0;

/** A clock that goes on while this process runs. */
class OwnClock {
  readonly #from = performance.now();
  #last = this.#from;
  #ownMs = 0;

  /** To be asked at every turn. @returns ms since the start: what it had of them, and all. */
  now(): { readonly ownMs: number; readonly atMs: number } {
    const now = performance.now();
    this.#ownMs += Math.min(now - this.#last, OWN_STEP_MS);
    this.#last = now;
    return { ownMs: this.#ownMs, atMs: now - this.#from };
  }
}
const clock = new OwnClock();
let lastAnswer = clock.now();

for (const socket of sockets) {
  socket.on("error", () => {}); // an address nobody has yet: the datagram counts as lost
  socket.on("message", hear);
}

function hear(message: Buffer): void {
  const { pod, data } = JSON.parse(`${message}`) as { pod: string; data: string };
  if (answered.has(Number(data))) return;
  answered.add(Number(data));
  by[pod] = (by[pod] ?? 0) + 1;
  if (answered.size === 1) process.stderr.write("answered\n");
  noteGap();
}

const timer = setInterval(() => {
  clock.now();
  sockets[sent % sockets.length]?.send(`${sent}`, Number(port), to, () => {});
  sent += 1;
  if (sent >= Number(values.count)) finish();
}, everyMs);

function noteGap(): void {
  const now = clock.now();
  const gapMs = now.ownMs - lastAnswer.ownMs;
  if (gapMs > longest.gapMs) Object.assign(longest, { gapMs, atMs: lastAnswer.atMs });
  lastAnswer = now;
}

/** On a busy machine answers lie in sockets for a while, in their order. */
function isTailAnswered(): boolean {
  for (let number = sent - Math.ceil(LAST_SENT_MS / everyMs); number < sent; number += 1)
    if (number >= 0 && !answered.has(number)) return false;
  return true;
}

function finish(): void {
  clearInterval(timer);
  noteGap(); // one that lasts until now counts too
  const end = performance.now();
  const waiting = setInterval(() => {
    const most = isTailAnswered() ? LAST_ANSWERS_MS.least : LAST_ANSWERS_MS.most;
    if (answered.size < sent && performance.now() - end < most) return;
    clearInterval(waiting);
    const report: ProbeReport = {
      sent,
      answered: answered.size,
      lost: sent - answered.size,
      longestGapMs: Math.round(longest.gapMs * 10) / 10,
      longestGapAtMs: Math.round(longest.atMs * 10) / 10,
      by,
    };
    process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
  }, LOOK_EVERY_MS);
}
process.once("SIGTERM", finish);
process.once("SIGINT", finish);
