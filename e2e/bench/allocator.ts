import { Allocator } from "@herald/shared/allocator/allocator";
import { samplePool, sampleService } from "@herald/shared/allocator/samples";
import { fromBigint, type IpAddress, parseAddress, toBigint } from "@herald/shared/ip/address";
import type { Row } from "./row.ts";

/** What it costs to give out an address of a /16, by how full it is, and what looking at each would cost. */
export async function benchAllocator(): Promise<Row[]> {
  const rows = [1, 50, 99, 99.99].flatMap(benchFill);
  const fresh = new Allocator();
  fresh.setPools([samplePool("huge", ["fd00::/64"])]);
  const micros = median(TRIALS, (trial) => {
    fresh.hold(sampleService(`trial-${trial}`, { stack: "6" }));
  });
  rows.push({ name: "allocation, fresh /64", value: micros, unit: "µs", note: "median, IPv6" });
  return rows;
}

const SIZE = 65_536;
const FIRST = toBigint(parseAddress("10.0.0.0") ?? fromBigint(4, 0n));
/** Listed beforehand, so that the scan is as fast as a scan can be. */
const EVERY_ADDRESS = Array.from({ length: SIZE }, (_, offset) => fromBigint(4, FIRST + BigInt(offset)));
const TRIALS = 1_000;
/** The scan is slow; some are enough to know it. */
const SCANS = 51;

function benchFill(percent: number): Row[] {
  const held = Math.min(SIZE - 1, Math.round((SIZE * percent) / 100));
  const pool = samplePool("pool", ["10.0.0.0/16"]);
  const allocator = new Allocator();
  allocator.setPools([pool]);
  const taken = new Set<IpAddress>();
  for (let index = 0; index < held; index += 1) {
    for (const address of allocator.hold(sampleService(`held-${index}`)).addresses) taken.add(address);
  }
  const newcomer = sampleService("newcomer");
  const micros = median(TRIALS, () => {
    allocator.hold(newcomer);
    allocator.release(newcomer.key);
  });
  const scanMicros = median(SCANS, () => {
    EVERY_ADDRESS.find((address) => !taken.has(address));
  });
  const name = `allocation, /16 ${percent} % full`;
  return [
    { name, value: micros, unit: "µs", note: `median, ${held} addresses held; given and taken back` },
    {
      name: `${name}, linear scan`,
      value: scanMicros,
      unit: "µs",
      note: `${(scanMicros / micros).toFixed(1)} times ours`,
    },
  ];
}

/** Median duration of one run, in microseconds. */
function median(runs: number, run: (index: number) => void): number {
  const micros: number[] = [];
  for (let index = 0; index < runs; index += 1) {
    const start = process.hrtime.bigint();
    run(index);
    micros.push(Number(process.hrtime.bigint() - start) / 1_000);
  }
  return micros.sort((one, other) => one - other)[runs >> 1] ?? 0;
}

if (import.meta.main) {
  for (const { name, value, unit, note } of await benchAllocator()) {
    console.log(`${name.padEnd(44)} ${value.toFixed(2).padStart(10)} ${unit}  ${note}`);
  }
}
