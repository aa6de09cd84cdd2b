import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "../cluster/command.ts";
import { AnnounceProcess } from "../real/announce-process.ts";
import { VethPair, whyNoPair } from "../real/veth-pair.ts";
import type { Row } from "./row.ts";

/** Held by the announcer, and by the node's own kernel: the same path, the best that can be had. */
const PROTOCOLS = [
  {
    name: "ARP",
    sender: "192.0.2.1",
    held: "192.0.2.77",
    alsoHeld: "192.0.2.78",
    kernels: "192.0.2.76",
    prefix: 24,
  },
  {
    name: "NDP",
    sender: "2001:db8::1",
    held: "2001:db8::77",
    alsoHeld: "2001:db8::78",
    kernels: "2001:db8::76",
    prefix: 64,
  },
] as const;
type Protocol = (typeof PROTOCOLS)[number];
const PROBES = 1000;
const PROBES_PER_SECOND = 200;
const FLOOD_SECONDS = 3;
const FLOODS_PER_SECOND = [20_000, 100_000];
/** While answers are timed, and for that long: probes that wait in vain take a second each. */
const FLOOD_MEANWHILE_PER_SECOND = 20_000;
const PROBES_MEANWHILE = 600;
const FLAPS = 50;

/** How fast ARP and NDP are answered over a veth pair, alone and under a flood, beside the kernel's own answers. */
export async function benchAnswers(): Promise<readonly Row[]> {
  const reason = await whyNoPair();
  if (reason !== undefined)
    return [{ name: "ARP and NDP", value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  const folder = mkdtempSync(join(tmpdir(), "herald-prober-"));
  const pair = await VethPair.create();
  try {
    const prober = join(folder, "prober");
    await command(["g++", "-x", "c", "-O2", "-o", prober, join(import.meta.dirname, "prober.c")]);
    for (const { kernels, sender, prefix, name } of PROTOCOLS) {
      const how = name === "NDP" ? ["nodad"] : [];
      await pair.inNode(["ip", "address", "add", `${kernels}/${prefix}`, "dev", "n0", ...how]);
      await pair.inNeighbour(["ip", "address", "replace", `${sender}/${prefix}`, "dev", "p0", ...how]);
    }
    const announcer = new AnnounceProcess(
      pair.node,
      PROTOCOLS.flatMap(({ held, alsoHeld }) => [held, alsoHeld]),
    );
    await announcer.until(
      "the announcer has n0",
      ({ metrics }) => metrics["herald_speaker_capture_opens_total"] === 1,
    );
    const rows: Row[] = [];
    for (const protocol of PROTOCOLS) rows.push(...(await measure(pair, prober, protocol)));
    rows.push(await worstDelay(pair, announcer));
    await announcer.stop();
    return rows;
  } finally {
    await pair.delete();
    rmSync(folder, { recursive: true });
  }
}

async function measure(pair: VethPair, prober: string, protocol: Protocol): Promise<Row[]> {
  const { name, sender, held, alsoHeld, kernels } = protocol;
  const probe = (target: string, ...rest: readonly (string | number)[]): Promise<string> =>
    pair.inNeighbour([prober, "p0", sender, target, ...rest.map(String)]);
  const flood = async (target: string, perSecond: number): Promise<readonly number[]> =>
    (await probe(target, "flood", FLOOD_SECONDS, perSecond)).trim().split(" ").map(Number);
  const rows: Row[] = [];
  await probe(held, "latency", 200, PROBES_PER_SECOND); // the first ones find code that is not compiled yet
  const kernel = readTimes(await probe(kernels, "latency", PROBES, PROBES_PER_SECOND));
  const herald = readTimes(await probe(held, "latency", PROBES, PROBES_PER_SECOND));
  rows.push(...latencyRows(`${name} answer`, herald, kernel));
  for (const perSecond of FLOODS_PER_SECOND) {
    const [ownSent = 0, own = 0] = await flood(kernels, perSecond);
    const [sent = 0, answered = 0] = await flood(held, perSecond);
    rows.push({
      name: `${name} requests answered, ${Math.round(sent / FLOOD_SECONDS)}/s offered`,
      value: round((100 * answered) / sent),
      unit: "%",
      note: `${Math.round(answered / FLOOD_SECONDS)}/s; the kernel itself: ${round((100 * own) / ownSent)} %`,
    });
  }
  const meanwhile = async (flooded: string, target: string): Promise<readonly number[]> => {
    const [times] = await Promise.all([
      probe(target, "latency", PROBES_MEANWHILE, PROBES_PER_SECOND),
      flood(flooded, FLOOD_MEANWHILE_PER_SECOND),
    ]);
    return readTimes(times);
  };
  // Why another address: an answer to the flood must not pass for one to the probe.
  const busyKernel = await meanwhile(held, kernels);
  const busy = await meanwhile(held, alsoHeld);
  rows.push(...latencyRows(`${name} answer during ${FLOOD_MEANWHILE_PER_SECOND}/s`, busy, busyKernel));
  return rows;
}

function latencyRows(name: string, herald: readonly number[], kernel: readonly number[]): readonly Row[] {
  return [0.5, 0.99].map((share) => ({
    name: `${name}, p${share * 100}`,
    value: quantile(herald, share),
    unit: "us",
    note: `the kernel itself: ${quantile(kernel, share)} us; ${unanswered(herald)} of ${herald.length} unanswered, ${PROBES_PER_SECOND}/s asked`,
  }));
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

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function unanswered(times: readonly number[]): number {
  return times.filter((time) => time === Number.POSITIVE_INFINITY).length;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
