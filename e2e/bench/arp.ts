import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "../cluster/command.ts";
import { AnnounceProcess } from "../real/announce-process.ts";
import { VethPair, whyNoPair } from "../real/veth-pair.ts";
import type { Row } from "./row.ts";

/** Held by the announcer, and by the node's own kernel: the same path, the best that can be had. */
const HELD = "192.0.2.77";
const KERNELS = "192.0.2.76";
const PROBES = 1000;
const PROBES_PER_SECOND = 200;
const FLOOD_SECONDS = 3;
const FLOODS_PER_SECOND = [20_000, 100_000];
const FLAPS = 50;

/** How fast ARP is answered over a veth pair, and how many requests a second; beside the kernel's own answers. */
export async function benchArp(): Promise<readonly Row[]> {
  const reason = await whyNoPair();
  if (reason !== undefined)
    return [{ name: "ARP", value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  const folder = mkdtempSync(join(tmpdir(), "herald-prober-"));
  const pair = await VethPair.create();
  try {
    const prober = join(folder, "arp-prober");
    await command(["g++", "-x", "c", "-O2", "-o", prober, join(import.meta.dirname, "arp-prober.c")]);
    await pair.inNode(["ip", "address", "add", `${KERNELS}/24`, "dev", "n0"]);
    const announcer = new AnnounceProcess(pair.node, [HELD]);
    await announcer.until(
      "the announcer has n0",
      ({ metrics }) => metrics["herald_speaker_capture_opens_total"] === 1,
    );
    const rows = await measure(pair, prober);
    rows.push(await worstDelay(pair, announcer));
    await announcer.stop();
    return rows;
  } finally {
    await pair.delete();
    rmSync(folder, { recursive: true });
  }
}

async function measure(pair: VethPair, prober: string): Promise<Row[]> {
  const probe = (target: string, ...rest: readonly (string | number)[]): Promise<string> =>
    pair.inNeighbour([prober, "p0", "192.0.2.1", target, ...rest.map(String)]);
  const rows: Row[] = [];
  await probe(HELD, "latency", 200, PROBES_PER_SECOND); // the first ones find code that is not compiled yet
  const kernel = readTimes(await probe(KERNELS, "latency", PROBES, PROBES_PER_SECOND));
  const herald = readTimes(await probe(HELD, "latency", PROBES, PROBES_PER_SECOND));
  for (const share of [0.5, 0.99]) {
    rows.push({
      name: `ARP answer at ${PROBES_PER_SECOND}/s, p${share * 100}`,
      value: quantile(herald, share),
      unit: "us",
      note: `the kernel itself: ${quantile(kernel, share)} us; ${unanswered(herald)} of ${PROBES} unanswered`,
    });
  }
  for (const perSecond of FLOODS_PER_SECOND) {
    const [ownSent = 0, own = 0] = readCounts(await probe(KERNELS, "flood", FLOOD_SECONDS, perSecond));
    const [sent = 0, answered = 0] = readCounts(await probe(HELD, "flood", FLOOD_SECONDS, perSecond));
    rows.push({
      name: `ARP requests answered, ${Math.round(sent / FLOOD_SECONDS)}/s offered`,
      value: round((100 * answered) / sent),
      unit: "%",
      note: `${Math.round(answered / FLOOD_SECONDS)}/s; the kernel itself: ${round((100 * own) / ownSent)} %`,
    });
  }
  return rows;
}

/** How long the thread that answers is busy with anything else while an interface comes and goes. */
async function worstDelay(pair: VethPair, announcer: AnnounceProcess): Promise<Row> {
  const delays: number[] = [];
  const set = async (state: "up" | "down"): Promise<void> => {
    await pair.inNode(["ip", "link", "set", "n0", state]);
    const series = `herald_speaker_interfaces{state="${state === "up" ? "announcing" : "down"}"}`;
    for (let seen = false; !seen; ) {
      const { metrics, worstDelayMs } = await announcer.report();
      delays.push(worstDelayMs);
      seen = metrics[series] === 1;
    }
  };
  await announcer.report(); // what the flood did is measured above
  for (let flap = 0; flap < FLAPS; flap += 1) {
    await set("down");
    await set("up");
  }
  const { captureCallsMs } = await announcer.report();
  return {
    name: `event loop's worst delay during ${FLAPS} flaps`,
    value: round(Math.max(...delays)),
    unit: "ms",
    note: `of it to open or close a capture: ${round(Math.max(...captureCallsMs))} ms at most`,
  };
}

/** Sorted; those without an answer at the end, as infinite. */
function readTimes(text: string): readonly number[] {
  const times = text.trim().split("\n").map(Number);
  return times.map((time) => (time < 0 ? Number.POSITIVE_INFINITY : time)).sort((a, b) => a - b);
}

function readCounts(text: string): readonly number[] {
  return text.trim().split(" ").map(Number);
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function unanswered(times: readonly number[]): number {
  return times.filter((time) => time === Number.POSITIVE_INFINITY).length;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
