import { hash } from "node:crypto";
import { SeededRandom } from "@herald/lab/random";
import { Announcer } from "@herald/layer2/announcer";
import { type Digest, Election } from "@herald/layer2/election";
import { DEFAULT_ANNOUNCER_OPTIONS } from "@herald/layer2/options";
import { fromBigint, type IpAddress, toBigint } from "@herald/shared/ip/address";
import { encodeArp } from "@herald/wire/arp";
import { ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { BROADCAST, type MacAddress, macOctets } from "@herald/wire/mac";
import { benchClaims } from "./claims.ts";
import type { Row } from "./row.ts";

const MAC = "02:00:00:00:00:0a" as MacAddress;
const CLIENT = macOctets("02:00:00:00:00:cc" as MacAddress);
const FIRST = 0x0a00_0000n; // 10.0.0.0
const FIRST_FOREIGN = 0x0b00_0000n; // 11.0.0.0
const FRAMES = 1_024;
const BATCHES = 60;

/** What layer 2 costs without its I/O: a frame heard, an owner elected, claims taken in. Some seconds. */
export async function benchLayer2(): Promise<Row[]> {
  return [
    ...[1, 100, 10_000].flatMap((addresses) => frameRows(addresses)),
    takeoverRow(1_000),
    ...electionRows({ addresses: 1_000, nodes: 100 }),
    ...benchClaims(),
  ];
}

function frameRows(addresses: number): Row[] {
  const announcer = announcing(addresses);
  const random = new SeededRandom(addresses);
  const asks = (first: bigint): Uint8Array[] =>
    Array.from({ length: FRAMES }, () => request(first + BigInt(Math.floor(random.next() * addresses))));
  const hear = (frames: readonly Uint8Array[]) => () => {
    for (const bytes of frames) announcer.handle({ type: "frame", interface: "eth0", bytes }, 0);
  };
  const note = `${addresses.toLocaleString("en")} addresses announced`;
  return [
    { name: "ARP request answered", value: bestNanos(hear(asks(FIRST)), FRAMES), unit: "ns", note },
    { name: "ARP request ignored", value: bestNanos(hear(asks(FIRST_FOREIGN)), FRAMES), unit: "ns", note },
  ];
}

/** How long one wake keeps the thread at most while a whole node is taken over. */
function takeoverRow(addresses: number): Row {
  const announcer = announcing(addresses);
  let now = 0;
  let longestMs = 0;
  for (let due = announcer.nextWake(); due !== undefined; due = announcer.nextWake()) {
    now = Math.max(now, due);
    const began = performance.now();
    announcer.wake(now);
    longestMs = Math.max(longestMs, performance.now() - began);
  }
  const note = `${addresses.toLocaleString("en")} addresses taken over, all rounds`;
  return { name: "Gratuitous ARP, longest wake", value: longestMs * 1_000, unit: "µs", note };
}

function electionRows({ addresses, nodes }: { addresses: number; nodes: number }): Row[] {
  const digest: Digest = (text) => hash("sha256", text, "buffer");
  const election = new Election(digest);
  const candidates = Array.from({ length: nodes }, (_, index) => `worker-${index}.cluster.example`);
  const electAll = (): void => {
    for (let index = 0; index < addresses; index += 1) election.ownerOf(nth(FIRST, index), candidates);
  };
  const note = `${nodes} candidates, each of ${addresses.toLocaleString("en")} addresses`;
  const began = performance.now();
  electAll();
  const coldMicros = ((performance.now() - began) * 1_000) / addresses;
  return [
    { name: "Election, address seen first", value: coldMicros, unit: "µs", note },
    { name: "Election, digests kept", value: bestNanos(electAll, addresses) / 1_000, unit: "µs", note },
  ];
}

function announcing(addresses: number): Announcer {
  const announcer = new Announcer(DEFAULT_ANNOUNCER_OPTIONS);
  announcer.handle({ type: "interface-up", interface: { name: "eth0", index: 2, mac: MAC } }, 0);
  for (let index = 0; index < addresses; index += 1) {
    announcer.handle({ type: "announce", address: nth(FIRST, index), interfaces: "all" }, 0);
  }
  return announcer;
}

/** The fastest of many batches: what the code costs when nothing else takes the processor from it. */
function bestNanos(run: () => void, times: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const began = process.hrtime.bigint();
    run();
    best = Math.min(best, Number(process.hrtime.bigint() - began) / times);
  }
  return best;
}

function nth(first: bigint, index: number): IpAddress {
  return fromBigint(4, first + BigInt(index));
}

function request(target: bigint): Uint8Array {
  const packet = encodeArp({
    operation: "request",
    senderMac: CLIENT,
    senderIp: Number(toBigint(nth(FIRST_FOREIGN, 1))),
    targetMac: new Uint8Array(6),
    targetIp: Number(target),
  });
  return encodeEthernet({
    destination: macOctets(BROADCAST),
    source: CLIENT,
    vlan: 0,
    etherType: ETHERTYPE.arp,
    payload: packet,
  });
}
