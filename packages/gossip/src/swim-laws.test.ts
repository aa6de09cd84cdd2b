import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DatagramNet } from "@herald/lab/datagrams";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { SwimEffect } from "./effect.ts";
import type { Endpoint } from "./message.ts";
import { PROFILES } from "./options.ts";
import { type Cargo, Cluster, endpointOf, type Happening, keyOf, type Machine } from "./testing/cluster.ts";

/** Random lives of small clusters. More of them: `HERALD_GOSSIP_SEEDS=5000`; one again: `HERALD_GOSSIP_SEED=17`. */
const SEEDS = Number(process.env["HERALD_GOSSIP_SEEDS"] ?? 120);
const ONLY = process.env["HERALD_GOSSIP_SEED"];

const OPTIONS = PROFILES.default;
/** Longest pause that must not cost a healthy member its life, ms. */
const MAX_PAUSE_MS = 100;
/** How long old deaths go round after a partition before everybody agrees again, ms. */
const SETTLE_MS = 2 * OPTIONS.rejoinIntervalMs + 3_000;

interface Living {
  readonly machine: Machine;
  /** The incarnation it booted with. */
  readonly bootedAs: number;
  meta: number;
}

/** A cluster, what happened to it, and what nobody in it may ever see. */
class History {
  readonly clock = new VirtualClock();
  readonly story: string[] = [];
  readonly #random: SeededRandom;
  readonly #net: DatagramNet<Cargo>;
  readonly #cluster: Cluster;
  /** Who is up, by name. */
  readonly #up = new Map<string, Living>();
  readonly #down = new Map<string, Endpoint>();
  /** The last incarnation each observer's process saw of each member at each address. */
  readonly #seen = new Map<string, number>();
  /** Who heard what was broadcast, by what was said. */
  readonly #heard = new Map<string, Set<string>>();
  #boots = 0;
  #metas = 0;
  #words = 0;
  #addresses = 0;
  /** Until then deaths may be the partition's. */
  #excusedUntil = 0;
  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const [clock, random] = [this.clock, this.#random];
    const loss = this.#pick([0, 0.01, 0.02]);
    this.#net = new DatagramNet<Cargo>({ clock, random, loss, duplication: 0.01, delayMs: [0.1, 2] });
    this.#cluster = new Cluster({
      net: this.#net,
      random,
      swim: OPTIONS,
      onMember: (each) => this.#judge(each),
      onEffect: (observer, effect) => this.#hear(observer, effect),
    });
    this.#tell(`seed ${seed}, loss ${loss}`);
    const size = 3 + Math.floor(random.next() * 5);
    for (let index = 0; index < size; index += 1) this.#boot(`n${index}`, this.#newAddress());
    this.wait(1_000);
  }

  wait(ms: number): void {
    this.clock.advance(ms);
    for (const [name, { machine }] of this.#up) {
      const health = machine.core.health();
      const bounded =
        health.newsQueued <= health.members &&
        health.broadcastsQueued <= this.#words &&
        health.suspicions <= health.members &&
        health.members <= this.#addresses &&
        health.probesUnderWay <= OPTIONS.probesAtOnce &&
        health.streamsOpen <= 2 * OPTIONS.probesAtOnce;
      assert.ok(bounded, `${name} outgrew its bounds: ${JSON.stringify(health)}`);
    }
  }

  step(): void {
    this.#pick([
      this.#pause,
      this.#pause,
      this.#crash,
      this.#partition,
      this.#leave,
      this.#reboot,
      this.#move,
      this.#setMeta,
      this.#broadcast,
    ]).call(this);
    this.wait(this.#random.next() * 2_000);
  }

  /** Everybody comes back into reach, and then they all must see the same. */
  end(): void {
    this.#heal();
    this.wait(SETTLE_MS);
    const expected = [...this.#up.keys()].sort();
    for (const [name, { machine }] of this.#up) {
      const living = [...machine.core.members()].filter(
        ({ state }) => state === "alive" || state === "suspect",
      );
      assert.deepEqual(living.map((member) => member.name).sort(), expected, `what ${name} sees in the end`);
      for (const { name: of, endpoint, meta } of living) {
        const { machine, meta: said } = this.#up.get(of) ?? assert.fail();
        assert.equal(keyOf(endpoint), keyOf(machine.endpoint), `where ${of} is`);
        assert.deepEqual(meta, metaOf(said), `what ${name} knows of ${of}`);
      }
    }
    const word = this.#broadcast();
    this.wait(1_000);
    assert.deepEqual([...(this.#heard.get(word) ?? [])].sort(), expected, "who heard it in the end");
  }

  #judge({ at, observer, change, member }: Happening): void {
    this.#tell(
      `${at.toFixed(1)} ${observer} sees ${member.name} ${change}, incarnation ${member.incarnation}`,
    );
    if (!this.#up.has(observer) && this.#boots > 0 && observer !== member.name) return;
    const key = `${observer}#${this.#up.get(observer)?.bootedAs} ${member.name} ${keyOf(member.endpoint)}`;
    assert.ok(
      member.incarnation >= (this.#seen.get(key) ?? 0),
      `${observer}: incarnation of ${member.name} went back`,
    );
    this.#seen.set(key, member.incarnation);
    const subject = this.#up.get(member.name);
    if (change !== "dead" || subject === undefined || at < this.#excusedUntil) return;
    const itself =
      member.incarnation >= subject.bootedAs && keyOf(member.endpoint) === keyOf(subject.machine.endpoint);
    assert.ok(!itself, `${observer} buries ${member.name}, which is well`);
  }

  #boot(name: string, endpoint: Endpoint): void {
    this.#boots += 1;
    const bootedAs = 1_000 * this.#boots;
    this.#tell(`boot ${name} at ${keyOf(endpoint)}`);
    const others = [...this.#up.values()].map(({ machine }) => machine.endpoint);
    const machine = this.#cluster.boot(name, endpoint.address[3] ?? 0, bootedAs, others);
    this.#up.set(name, { machine, bootedAs, meta: 0 });
    for (const { machine: other } of this.#up.values()) {
      other.feed({ type: "discovered", endpoints: [...others, endpoint] });
    }
  }

  #pause(): void {
    const ms = this.#random.next() * MAX_PAUSE_MS;
    const name = this.#anybody();
    const machine = this.#up.get(name)?.machine;
    this.#tell(`pause ${name} for ${ms.toFixed(1)} ms`);
    if (machine !== undefined) this.#net.pause(keyOf(machine.endpoint), ms);
  }

  #crash(): void {
    const how = this.#pick(["machine", "process"] as const);
    const name = this.#anybody();
    if (this.#up.size <= 2) return;
    this.#tell(`crash ${name}'s ${how}`);
    this.#remove(name, (machine) => machine.stop(how));
  }

  #leave(): void {
    const name = this.#anybody();
    if (this.#up.size <= 2) return;
    this.#tell(`leave ${name}`);
    this.#up.get(name)?.machine.feed({ type: "leave" });
    this.clock.advance(300);
    this.#remove(name, (machine) => machine.stop("process"));
  }

  #remove(name: string, stop: (machine: Machine) => void): void {
    const { machine } = this.#up.get(name) ?? assert.fail();
    this.#up.delete(name);
    this.#down.set(name, machine.endpoint);
    stop(machine);
  }

  #reboot(): void {
    for (const [name, endpoint] of this.#down) {
      this.#down.delete(name);
      this.#boot(name, endpoint);
      return;
    }
  }

  /** The same name comes back from another address. */
  #move(): void {
    for (const name of this.#down.keys()) {
      this.#down.delete(name);
      this.#boot(name, this.#newAddress());
      return;
    }
  }

  #partition(): void {
    const places = [...this.#up.values()].map(({ machine }) => keyOf(machine.endpoint));
    const sides: [string[], string[]] = [[], []];
    for (const place of places) this.#pick(sides).push(place);
    this.#tell(`partition ${JSON.stringify(sides)}`);
    this.#excusedUntil = Number.POSITIVE_INFINITY;
    this.#net.partition(sides);
    this.wait(this.#random.next() * this.#pick([500, 8_000, 40_000]));
    this.#heal();
    this.wait(this.#random.next() * SETTLE_MS);
  }

  #heal(): void {
    if (this.#excusedUntil === 0) return;
    this.#tell("heal");
    this.#net.heal();
    if (this.#excusedUntil === Number.POSITIVE_INFINITY) this.#excusedUntil = this.clock.now() + SETTLE_MS;
  }

  #setMeta(): void {
    const name = this.#anybody();
    const living = this.#up.get(name);
    if (living === undefined) return;
    this.#metas += 1;
    living.meta = this.#metas;
    this.#tell(`${name} changes its meta to ${living.meta}`);
    living.machine.feed({ type: "update-meta", meta: metaOf(living.meta) });
  }

  /** Everybody who hears it passes it on. @returns what was said. */
  #broadcast(): string {
    const name = this.#anybody();
    this.#words += 1;
    const word = `${this.#words}`;
    this.#tell(`${name} says ${word}`);
    this.#heard.set(word, new Set());
    this.#say(name, word);
    return word;
  }

  #hear(observer: string, effect: SwimEffect): void {
    if (effect.type === "told") this.#say(observer, String.fromCharCode(...effect.payload));
  }

  #say(name: string, word: string): void {
    const heard = this.#heard.get(word) ?? assert.fail(word);
    if (heard.has(name)) return;
    heard.add(name);
    const payload = Uint8Array.from(word, (digit) => digit.charCodeAt(0));
    this.#up.get(name)?.machine.feed({ type: "broadcast", name: word, payload });
  }

  #newAddress(): Endpoint {
    this.#addresses += 1;
    return endpointOf(this.#addresses);
  }

  #anybody(): string {
    return this.#pick([...this.#up.keys()]);
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random.next() * from.length)] as T;
  }

  #tell(line: string): void {
    this.story.push(`${this.clock.now().toFixed(1)} ${line}`);
  }
}

/** None before it was set. */
function metaOf(number: number): Uint8Array {
  return number === 0 ? new Uint8Array() : new Uint8Array([number]);
}

describe("any life of a cluster", () => {
  it(`keeps the laws: ${ONLY === undefined ? `${SEEDS} lives` : `seed ${ONLY}`}`, () => {
    const seeds =
      ONLY === undefined ? Array.from({ length: SEEDS }, (_, index) => index + 1) : [Number(ONLY)];
    for (const seed of seeds) {
      const history = new History(seed);
      try {
        for (let step = 0; step < 25; step += 1) history.step();
        history.end();
      } catch (error) {
        throw new Error(`seed ${seed}\n${history.story.slice(-300).join("\n")}\n${error}`, { cause: error });
      }
    }
  });
});
