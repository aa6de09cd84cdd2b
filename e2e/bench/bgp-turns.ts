import type { Clock } from "@herald/shared/core";
import { parseAddress } from "@herald/shared/ip/address";
import type { BgpConnection, BgpListeners } from "@herald/speaker/bgp-port";
import { BgpSide } from "./bgp-side.ts";
import { percentile } from "./histogram.ts";
import type { Row } from "./row.ts";

const CHANGES = 200;
const ROUTERS = ["192.0.2.1", "192.0.2.2"];

/**
 * For how long the main thread of a speaker with so many Services does nothing else, in time of a processor; with two
 * routers, without sockets.
 */
export function benchTurns(count: number): readonly Row[] {
  const clock = new TurnClock();
  const side = new BgpSide(count, clock, { dial: (_, listeners) => answered(clock, listeners) });
  side.serveAll();
  side.begin(ROUTERS);
  const start = clock.run();
  const changes = Array.from({ length: CHANGES }, (_, at) => {
    side.serve((at * 37) % count, at % 2 === 1);
    return sum(clock.run());
  });
  side.configure(ROUTERS, "2");
  const anew = clock.run();
  void side.stop();
  const row = (name: string, value: number, note: string): Row => {
    return { name: `${count} Services, ${name}`, value, unit: "ms CPU", note };
  };
  return [
    row("first told: p99 of turns", percentile(start, 99), `of ${start.length}; two routers`),
    row("first told: longest turn", Math.max(...start), "with what garbage it collects"),
    row("first told: all turns", sum(start), ""),
    row("one comes or goes: p50", percentile(changes, 50), `all turns of each of ${changes.length}`),
    row("one comes or goes: p99", percentile(changes, 99), ""),
    row("all change: p99 of turns", percentile(anew, 99), `of ${anew.length}`),
    row("all change: longest turn", Math.max(...anew), "with what garbage it collects"),
    row("all change: all turns", sum(anew), ""),
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

/** A router that agrees to all, and reads. */
function answered(clock: Clock, listeners: BgpListeners): BgpConnection {
  const ipv4 = parseAddress("192.0.2.9");
  clock.at(clock.now(), () => {
    listeners.onConnected({ transport: 4, ipv4, ipv6: undefined, linkLocal: undefined });
    listeners.onBytes(OPEN);
    listeners.onBytes(KEEPALIVE);
  });
  return { send: () => {}, close: () => {} };
}

const MARKER = "ff".repeat(16);
/** Version 4, AS 64512, no hold time, 192.0.2.1, no capabilities. */
const OPEN = Buffer.from(`${MARKER} 001d 01 04 fc00 0000 c0000201 00`.replaceAll(" ", ""), "hex");
const KEEPALIVE = Buffer.from(`${MARKER}001304`, "hex");

interface Entry {
  readonly due: number;
  readonly ring: () => void;
}

/** Lets what is due happen when it is told to, one thing at a time. */
class TurnClock implements Clock {
  readonly #entries = new Set<Entry>();

  now(): number {
    return performance.now();
  }

  at(due: number, ring: () => void): () => void {
    const entry = { due, ring };
    this.#entries.add(entry);
    return () => this.#entries.delete(entry);
  }

  /** Until nothing is due. @returns how long each turn took. */
  run(): readonly number[] {
    const turns: number[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#entries.delete(next);
      const before = ranMs();
      next.ring();
      turns.push(ranMs() - before);
    }
    return turns;
  }

  #next(): Entry | undefined {
    const now = performance.now();
    for (const entry of this.#entries) if (entry.due <= now) return entry;
    return undefined;
  }
}

/** How long this thread has had a processor: on a machine that is shared, clocks tell more of others than of us. */
function ranMs(): number {
  process.cpuUsage(); // Why: it has the kernel bring its accounts of this thread up to date, else they may be 4 ms old
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
