import { SeededRandom } from "@herald/lab/random";
import type { IpAddress } from "@herald/shared/ip/address";
import { type BfdDatagram, type BfdEffect, pathKey } from "../effect.ts";
import type { BfdPath } from "../options.ts";
import { decodePacket, encodePacket } from "../packet.ts";
import { BfdSessions } from "../sessions.ts";
import { datagram, OPTIONS, THEIRS } from "./bench.ts";

export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly note: string;
}

/** What a packet costs without its socket, each way, and a node with so many peers at 3 × 50 ms. A few seconds. */
export function benchPackets(): readonly BenchRow[] {
  const packet = { ...THEIRS, state: "up" as const, yourDiscriminator: 7 };
  const bytes = encodePacket(packet);
  return [
    { name: "decode a packet", value: perCall(() => decodePacket(bytes)), unit: "µs CPU", note: "" },
    { name: "encode a packet", value: perCall(() => encodePacket(packet)), unit: "µs CPU", note: "" },
    ...[1, 16, 128].flatMap(rowsFor),
  ];
}

function rowsFor(count: number): readonly BenchRow[] {
  const node = new Node(count);
  const watchedMs = Math.max(10_000, 1_600_000 / count); // virtual; so many packets that the compiler has done its work
  node.watch(watchedMs / 10);
  const before = process.cpuUsage();
  const packets = node.watch(watchedMs);
  const { user, system } = process.cpuUsage(before);
  const micros = user + system;
  const name = `${count} session${count === 1 ? "" : "s"} at 3 × 50 ms`;
  return [
    { name: `${name}, a packet in or out`, value: micros / packets, unit: "µs CPU", note: `${packets} packets` },
    { name, value: micros / watchedMs, unit: "ms CPU per second", note: "without sockets" },
  ];
}

/** So many sessions that are up, whose peers send every 45 ms. */
class Node {
  readonly #core = new BfdSessions(new SeededRandom(1));
  readonly #paths: readonly BfdPath[];
  #heard: readonly BfdDatagram[] = [];
  #now = 0;

  constructor(count: number) {
    this.#paths = Array.from({ length: count }, (_, index) => ({
      hops: "single",
      remote: `192.0.2.${index + 1}` as IpAddress,
      local: undefined,
      interface: "eth0",
    }));
    const wanted = this.#paths.map((path) => ({ path, options: OPTIONS, disabled: false }));
    this.#core.handle({ type: "sessions", wanted }, 0);
    for (const state of ["down", "up"] as const) {
      this.#heard = this.#paths.map((path) =>
        datagram(
          {
            state,
            desiredMinTxMicros: 50_000,
            yourDiscriminator: this.#core.status(pathKey(path))?.localDiscriminator ?? 0,
          },
          { from: path.remote },
        ),
      );
      for (const one of this.#heard) this.#core.handle({ type: "datagram", datagram: one }, this.#now);
    }
  }

  /** @returns how many packets went and came. */
  watch(ms: number): number {
    let packets = 0;
    const count = (effects: readonly BfdEffect[]): void => {
      for (const { type } of effects) {
        if (type === "down" || type === "drop") throw new Error(`a session did not hold: ${type}`);
        if (type === "send") packets += 1;
      }
    };
    const gapMs = 45 / this.#heard.length;
    const end = this.#now + ms;
    for (let turn = 0; this.#now < end; turn += 1) {
      const next = this.#now + gapMs;
      for (let due = this.#core.nextWake(); due !== undefined && due <= next; due = this.#core.nextWake()) {
        this.#now = Math.max(this.#now, due);
        count(this.#core.wake(this.#now));
      }
      this.#now = next;
      const one = this.#heard[turn % this.#heard.length] as BfdDatagram;
      count(this.#core.handle({ type: "datagram", datagram: one }, this.#now));
      packets += 1;
    }
    return packets;
  }
}

function perCall(run: () => unknown): number {
  const times = 300_000;
  for (let turn = 0; turn < times / 10; turn += 1) run();
  const before = process.cpuUsage();
  for (let turn = 0; turn < times; turn += 1) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}
