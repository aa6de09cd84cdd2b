import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DatagramNet } from "@herald/lab/datagrams";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { PROFILES, type ProfileName } from "./options.ts";
import { type Cargo, Cluster, endpointOf, type Happening, keyOf } from "./testing/cluster.ts";

/** Prints the table of docs/gossip.md: minutes of work. */
const TABLE = process.env["HERALD_GOSSIP_TABLE"] !== undefined;

/** A cluster on a segment: 0.1 to 0.5 ms from anybody to anybody. */
class Segment {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly net: DatagramNet<Cargo>;
  readonly names: readonly string[];
  deaths: Happening[] = [];
  readonly #cluster: Cluster;
  readonly #patience: number;
  readonly #down = new Set<string>();
  #boots = 0;
  constructor(profile: ProfileName, size: number, loss: number, seed = 1) {
    this.random = new SeededRandom(seed);
    const [clock, random, swim] = [this.clock, this.random, PROFILES[profile]];
    this.net = new DatagramNet<Cargo>({ clock, random, loss, duplication: 0.001, delayMs: [0.1, 0.5] });
    this.#cluster = new Cluster({ net: this.net, random, swim, onMember: (each) => this.#hear(each) });
    this.#patience = swim.probeIntervalMs;
    this.names = Array.from({ length: size }, (_, index) => `n${index}`);
    for (const name of this.names) this.#boot(name);
    this.clock.advance(40 * this.#patience);
  }

  /** Datagrams sent per node and second while nothing happens. */
  rate(seconds: number): number {
    this.net.sent.clear();
    this.clock.advance(seconds * 1_000);
    const sent = [...this.net.sent.values()].reduce((sum, each) => sum + each, 0);
    return Math.round(sent / this.names.length / seconds);
  }

  /** Cuts the power of some at once. @returns ms until all others have buried all of them. */
  crash(victims: number): number {
    this.clock.advance(this.random.next() * 20 * this.#patience);
    const at = this.clock.now();
    this.deaths = [];
    while (this.#down.size < victims) {
      this.#down.add(this.names[Math.floor(this.random.next() * this.names.length)] as string);
    }
    for (const name of this.#down) this.#cluster.machines.get(name)?.stop("machine");
    const wanted = victims * (this.names.length - victims);
    while (this.deaths.length < wanted) {
      assert.ok(this.clock.now() < at + 2_000 * this.#patience, "somebody never learns of it");
      this.clock.advance(this.#patience / 25);
    }
    const last = this.deaths.at(-1)?.at ?? at;
    const gone = [...this.#down];
    this.#down.clear();
    for (const name of gone) this.#boot(name);
    this.#gather();
    return last - at;
  }

  /** Stops somebody for a while, and waits for what comes of it. @returns how many died. */
  pause(ms: number): number {
    this.clock.advance(this.random.next() * 2 * this.#patience);
    this.deaths = [];
    this.net.pause(keyOf(endpointOf(1 + Math.floor(this.random.next() * this.names.length))), ms);
    this.clock.advance(ms + 20 * this.#patience);
    return this.deaths.length;
  }

  /** Cuts one off from all others for a while. @returns ms from its return until all see all again. */
  part(ms: number): number {
    this.clock.advance(this.random.next() * 2 * this.#patience);
    const places = this.names.map((_, index) => keyOf(endpointOf(1 + index)));
    const [lost = "", ...rest] = this.random.next() < 0.5 ? places : places.toReversed();
    this.net.partition([[lost], rest]);
    this.clock.advance(ms);
    assert.ok(!this.#isTogether(), "nobody was missed");
    this.net.heal();
    const at = this.clock.now();
    while (!this.#isTogether() && this.clock.now() < at + 100_000) this.clock.advance(this.#patience / 25);
    return this.clock.now() - at;
  }

  #isTogether(): boolean {
    return [...this.#cluster.machines.values()].every(
      ({ core }) => [...core.members()].filter(({ state }) => state === "alive").length === this.names.length,
    );
  }

  /** Until all see all: seeds may all have been down, then the rejoin of the others brings them together. */
  #gather(): void {
    const until = this.clock.now() + 100_000;
    do this.clock.advance(10 * this.#patience);
    while (!this.#isTogether() && this.clock.now() < until);
    assert.ok(this.#isTogether(), "they never come together again");
  }

  #boot(name: string): void {
    this.#boots += 1;
    const seeds = [1, 2, 3].slice(0, this.names.length).map(endpointOf);
    this.#cluster.boot(name, Number(name.slice(1)) + 1, 1_000 * this.#boots, seeds);
  }

  #hear(each: Happening): void {
    if (each.change !== "dead" || this.#down.has(each.observer)) return;
    this.deaths.push(each);
  }
}

interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

function detect(profile: ProfileName, size: number, victims: number, crashes: number, loss: number): Times {
  const segment = new Segment(profile, size, loss);
  const times = Array.from({ length: crashes }, () => segment.crash(victims)).sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(times[Math.min(crashes - 1, Math.floor(share * crashes))] as number);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

describe("a crash is known to all", () => {
  const bounds: readonly (readonly [
    ProfileName,
    size: number,
    victims: number,
    crashes: number,
    boundMs: number,
  ])[] = [
    ["default", 3, 1, 100, 350],
    ["default", 10, 1, 30, 350],
    ["default", 50, 1, 8, 350],
    ["fast", 3, 1, 100, 200],
    ["fast", 10, 1, 30, 200],
    ["fast", 50, 1, 8, 200],
    ["default", 4, 2, 30, 1_000],
    ["default", 4, 3, 15, 1_000],
    ["default", 10, 5, 12, 1_000],
    ["fast", 10, 5, 12, 1_000],
  ];
  for (const [profile, size, victims, crashes, boundMs] of bounds) {
    it(`within ${boundMs} ms, ${victims} of ${size}, profile ${profile}, at 2 % loss`, () => {
      const { max } = detect(profile, size, victims, crashes, 0.02);
      assert.ok(max <= boundMs, `${max} ms`);
    });
  }

  it("when memberlist's members know it, in its own profile (measured with real ones: 5.06 to 7.86 s)", () => {
    const { p50, max } = detect("lan", 3, 1, 40, 0);
    assert.ok(p50 > 5_000 && p50 < 6_500 && max < 8_000, `${p50}, ${max} ms`);
  });
});

describe("nobody who is well is buried", () => {
  for (const [profile, ms] of [
    ["default", 100],
    ["default", 200],
    ["fast", 60],
  ] as const) {
    it(`after pauses of ${ms} ms, profile ${profile}, at 2 % loss`, () => {
      for (const size of [3, 10]) {
        const segment = new Segment(profile, size, 0.02);
        const died = Array.from({ length: 40 }, () => segment.pause(ms));
        assert.deepEqual(died, Array(40).fill(0));
      }
    });
  }

  it("in minutes at 10 % loss", () => {
    const segment = new Segment("default", 10, 0.1);
    segment.clock.advance(120_000);
    assert.deepEqual(segment.deaths, []);
  });
});

describe("whoever was cut off", () => {
  for (const [profile, boundMs] of [
    ["default", 250],
    ["fast", 150],
  ] as const) {
    for (const size of [3, 10, 50]) {
      it(`is with all ${size} again within ${boundMs} ms, profile ${profile}, at 2 % loss`, () => {
        const segment = new Segment(profile, size, 0.02);
        const times = Array.from({ length: size === 50 ? 2 : 15 }, () => segment.part(20_000));
        assert.ok(Math.max(...times) <= boundMs, `${times.map(Math.round)} ms`);
      });
    }
  }
});

describe("a quiet cluster", () => {
  it("costs each member as much whether it is large or small", () => {
    const [small, large] = [new Segment("default", 10, 0).rate(5), new Segment("default", 150, 0).rate(2)];
    assert.ok(large <= small * 1.2 && large <= 325, `${small} and ${large} datagrams per second`);
  });
});

describe("the table of docs/gossip.md", () => {
  for (const profile of TABLE ? (["fast", "default", "lan"] as const) : []) {
    for (const [size, crashes] of [
      [3, 300],
      [10, 100],
      [50, 40],
      [200, 10],
    ] as const) {
      it(`${profile}, ${size} nodes`, () => {
        const rate = new Segment(profile, size, 0).rate(5);
        const one = detect(profile, size, 1, crashes, 0.02);
        const half = detect(profile, size, Math.floor(size / 2), Math.ceil(crashes / 3), 0.02);
        const text = ({ p50, p99, max }: Times) => `${p50} / ${p99} / ${max}`;
        console.log(`| \`${profile}\` | ${size} | ${text(one)} | ${text(half)} | ${rate} |`);
      });
    }
  }
});
