import { SeededRandom } from "@herald/lab/random";
import { encodeBook, encodePage } from "@herald/layer2/claims/claim-codec";
import { loadConfig } from "@herald/shared/config/load";
import type { Clock, Instant } from "@herald/shared/core";
import { fromBigint, type IpAddress } from "@herald/shared/ip/address";
import type { Change } from "@herald/speaker/kubernetes-protocol";
import { fit, on, service } from "@herald/speaker/planner-fixture";
import { createSpeaker, type Speaker } from "@herald/speaker/speaker";
import type { MacAddress } from "@herald/wire/mac";
import type { Row } from "./row.ts";
import { SILENT_PORTS, speakerOptions } from "./speaker-parts.ts";

const FIRST = 0x0a00_0000n; // 10.0.0.0
const WALL_MS = 1_700_000_000_000;
const SELF = "node-1";
const OTHER = "node-2";
const ROUNDS = 7;

/** How long a speaker keeps frames waiting when another one's claims of many addresses become known at once. */
export function benchClaims(): Row[] {
  return [3_000, 10_000].map((addresses) => {
    const rounds = Array.from({ length: ROUNDS }, () => takeClaims(addresses)).sort((a, b) => a - b);
    return {
      name: "Claims of another speaker, longest wait of a frame",
      value: rounds[Math.floor(ROUNDS / 2)] ?? 0,
      unit: "ms",
      note: `${addresses.toLocaleString("en")} Services, all claimed in one table`,
    };
  });
}

/** @returns the longest that the thread was kept, ms. */
function takeClaims(addresses: number): number {
  const loop = new Loop();
  const speaker = speakerWith(addresses, loop);
  loop.run();
  const claims = Array.from({ length: addresses }, (_, index) => ({ address: nth(index), epoch: WALL_MS }));
  const page = encodePage({ speaker: OTHER, life: WALL_MS, version: addresses, claims });
  const book = encodeBook([page]);
  loop.longestMs = 0;
  loop.measure(() => speaker.claims.state(book));
  loop.run();
  speaker.stop();
  return loop.longestMs;
}

function speakerWith(addresses: number, clock: Clock): Speaker {
  const speaker = createSpeaker(speakerOptions(SELF), {
    ...SILENT_PORTS,
    clock,
    wallMs: () => WALL_MS,
    random: new SeededRandom(1),
    packets: {
      open: ({ onOpen }) => {
        clock.at(clock.now(), onOpen);
        return { send: () => "sent", close: () => {} };
      },
    },
    gossip: { broadcast: () => {}, tell: () => {}, setAckPayload: () => {} },
    onStations: () => {},
    onSynced: () => {},
    onSpeakers: () => {},
  });
  const up = { up: true, broadcast: true, noArp: false, hasMaster: false, operational: true };
  speaker.setLinks([{ name: "eth0", index: 2, mac: "02:00:00:00:00:01" as MacAddress, ...up }]);
  const both = new Set([SELF, OTHER]);
  speaker.hearPresence({
    speakers: new Map([...both].map((name) => [name, "all"])),
    names: new Map(),
    foreign: false,
  });
  speaker.setMembers(both);
  speaker.apply([...clusterOf(addresses)], () => {});
  return speaker;
}

function* clusterOf(addresses: number): Generator<Change> {
  for (const name of [SELF, OTHER]) yield { type: "node", name, node: fit };
  const pools = "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.0/16]}]";
  yield { type: "config", config: loadConfig(pools) };
  for (let index = 0; index < addresses; index += 1) {
    const web = service(`web-${index}`, [nth(index)]);
    yield { type: "service", service: web };
    yield { type: "endpoints", key: web.key, endpoints: on(SELF, OTHER) };
  }
  yield { type: "synced" };
}

function nth(index: number): IpAddress {
  return fromBigint(4, FIRST + BigInt(index));
}

/** The time that this thread computes, whatever else the machine does; turns are taken when it is told to, each measured. */
class Loop implements Clock {
  longestMs = 0;
  readonly #turns = new Set<{ readonly due: Instant; readonly act: () => void }>();

  now(): Instant {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  }

  at(due: Instant, act: () => void): () => void {
    const turn = { due, act };
    this.#turns.add(turn);
    return () => this.#turns.delete(turn);
  }

  /** Takes all turns that are due, and those that these make due. */
  run(): void {
    for (const turn of this.#turns) {
      if (turn.due > this.now()) continue;
      this.#turns.delete(turn);
      this.measure(turn.act);
    }
  }

  measure(act: () => void): void {
    const began = this.now();
    act();
    this.longestMs = Math.max(this.longestMs, this.now() - began);
  }
}
