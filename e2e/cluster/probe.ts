import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { parseArgs } from "node:util";

/**
 * node probe.ts --to ADDRESS --port PORT [--every-ms 5] [--count N] [--flows 1]: sends numbered datagrams, from so many
 * ports in turn, and watches for the answers; says "answered" on standard error at the first. After N of them, or on
 * SIGTERM, it waits a moment for the last ones and prints one line of JSON, a ProbeReport.
 */
export interface ProbeReport {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  /** Longest time between two answers, from the start to the first, or from the last to the end, ms. */
  readonly longestGapMs: number;
  /** When the longest gap began, ms after the start. */
  readonly longestGapAtMs: number;
  /** Who answered, and how many: by pod name. */
  readonly by: Readonly<Record<string, number>>;
}

const LAST_ANSWERS_MS = 300;

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
if (to === undefined || port === undefined)
  throw new Error("usage: probe.ts --to ADDRESS --port PORT [--every-ms 5] [--count N] [--flows 1]");

const sockets = Array.from({ length: Number(values.flows) }, () =>
  createSocket(isIPv6(to) ? "udp6" : "udp4"),
);
const from = performance.now();
const answered = new Set<number>(); // by number; bounded by what we send
const by: Record<string, number> = {};
const longest = { gapMs: 0, atMs: 0 };
let sent = 0;
let lastAnswerMs = 0;

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
  sockets[sent % sockets.length]?.send(`${sent}`, Number(port), to, () => {});
  sent += 1;
  if (sent >= Number(values.count)) finish();
}, Number(values["every-ms"]));

function noteGap(): void {
  const nowMs = performance.now() - from;
  if (nowMs - lastAnswerMs > longest.gapMs)
    Object.assign(longest, { gapMs: nowMs - lastAnswerMs, atMs: lastAnswerMs });
  lastAnswerMs = nowMs;
}

function finish(): void {
  clearInterval(timer);
  noteGap(); // one that lasts until now counts too
  setTimeout(() => {
    const report: ProbeReport = {
      sent,
      answered: answered.size,
      lost: sent - answered.size,
      longestGapMs: Math.round(longest.gapMs * 10) / 10,
      longestGapAtMs: Math.round(longest.atMs * 10) / 10,
      by,
    };
    process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
  }, LAST_ANSWERS_MS);
}
process.once("SIGTERM", finish);
process.once("SIGINT", finish);
