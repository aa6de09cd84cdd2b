import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DatagramNet } from "@herald/lab/datagrams";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import fc from "fast-check";
import { userOctets } from "./application.ts";
import { encodeDatagram } from "./datagram.ts";
import type { SwimEffect, SwimInput } from "./effect.ts";
import { framing, framingOverhead } from "./framing.ts";
import { keyRing } from "./key-ring.ts";
import { type DatagramMessage, FULL_VERSIONS } from "./message.ts";
import { encodeMessage } from "./message-codec.ts";
import { PROFILES } from "./options.ts";
import type { Measure } from "./post.ts";
import { CountedNonces } from "./sealer.ts";
import { Swim } from "./swim.ts";
import { NODE_SEALER } from "./testdata/node-sealer.ts";
import { alive, B, Bench, C, ping, suspect, US } from "./testing/bench.ts";
import { type Cargo, Cluster, endpointOf, estimateOctets, FRAMING_OCTETS } from "./testing/cluster.ts";

/** For the figures in docs/gossip.md, broadcasts of each size: `HERALD_GOSSIP_BROADCASTS=5000`. */
const ROUNDS = Number(process.env["HERALD_GOSSIP_BROADCASTS"] ?? 0);

/** A cluster at 2 % loss in which everybody passes on what is new to him, as an application does. */
class Tellers {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly net: DatagramNet<Cargo>;
  readonly cluster: Cluster;
  /** Who heard it, and when, by the number that was told. */
  readonly heard = new Map<number, Map<string, number>>();
  readonly buried: string[] = [];
  readonly sent: (readonly DatagramMessage[])[] = [];
  #told = 0;
  constructor(size: number, seed: number) {
    const [clock, random] = [this.clock, new SeededRandom(seed)];
    this.random = random;
    this.net = new DatagramNet<Cargo>({ clock, random, loss: 0.02, duplication: 0.01, delayMs: [0.1, 0.5] });
    this.cluster = new Cluster({
      net: this.net,
      random,
      swim: PROFILES.default,
      onMember: ({ change, member }) => {
        if (change === "dead") this.buried.push(member.name);
      },
      onEffect: (observer, effect) => this.#hear(observer, effect),
    });
    const seeds = Array.from({ length: Math.min(3, size) }, (_, index) => endpointOf(index + 1));
    for (let index = 1; index <= size; index += 1) this.cluster.boot(`n${index}`, index, 1, seeds);
    this.clock.advance(3_000);
  }

  /** @returns its number. */
  broadcast(from: string, octets: number): number {
    this.#told += 1;
    this.heard.set(this.#told, new Map([[from, this.clock.now()]]));
    this.#feed(from, { type: "broadcast", name: `${this.#told}`, payload: numbered(this.#told, octets) });
    return this.#told;
  }

  #hear(observer: string, effect: SwimEffect): void {
    if (effect.type === "send") this.sent.push(effect.messages);
    if (effect.type !== "told") return;
    const number = numberOf(effect.payload);
    const by = this.heard.get(number) ?? assert.fail();
    if (by.has(observer)) return;
    by.set(observer, this.clock.now());
    this.#feed(observer, { type: "broadcast", name: `${number}`, payload: effect.payload });
  }

  #feed(name: string, input: SwimInput): void {
    this.cluster.machines.get(name)?.feed(input);
  }
}

describe("a broadcast that everybody passes on", () => {
  for (const { size, rounds } of [
    { size: 3, rounds: 40 },
    { size: 10, rounds: 20 },
    { size: 50, rounds: 5 },
  ]) {
    it(`reaches all the living of ${size} at 2 % loss, also in the moment of a crash`, () => {
      const tellers = new Tellers(size, size);
      const living = new Set(tellers.cluster.machines.keys());
      for (let round = 1; round <= rounds; round += 1) {
        if (round === rounds) crash(tellers, living);
        const { heardBy, tookMs } = tellAll(tellers, living);
        assert.deepEqual(heardBy, [...living].sort(), `round ${round}`);
        assert.ok(tookMs < 100, `${tookMs} ms`);
      }
    });
  }

  // Figures, made only when asked for.
  for (const size of ROUNDS === 0 ? [] : [3, 5, 9, 10, 50]) {
    it(`is missed by so many of ${size}`, (t) => {
      const tellers = new Tellers(size, size);
      const living = new Set(tellers.cluster.machines.keys());
      const told = Array.from({ length: ROUNDS }, () => tellAll(tellers, living));
      const missed = told.reduce((sum, { heardBy }) => sum + size - heardBy.length, 0);
      const sorted = told.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
      const [p50 = 0, p99 = 0] = [0.5, 0.99].map((share) => sorted[Math.ceil(share * ROUNDS) - 1]);
      t.diagnostic(
        `${missed} of ${ROUNDS * (size - 1)} missed; p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      );
    });
  }
});

describe("a flood of broadcasts", () => {
  const tellers = new Tellers(5, 1);
  tellers.sent.length = 0;
  const longest = userOctets(PROFILES.default, FRAMING_OCTETS);
  for (let step = 0; step < 1_000; step += 1) {
    const from = `n${1 + (step % 5)}`;
    tellers.broadcast(from, step % 3 === 0 ? longest : 4 + Math.floor(tellers.random.next() * 200));
    tellers.clock.advance(3);
  }

  it("has nobody buried, and leaves the first place to questions and answers", () => {
    assert.deepEqual(tellers.buried, []);
    for (const messages of tellers.sent) {
      const probing = messages.findLastIndex(({ type }) => PROBING.has(type));
      assert.ok(probing <= 0, messages.map(({ type }) => type).join());
    }
  });

  it("makes no datagram larger than it may be", () => {
    for (const messages of tellers.sent) {
      const parts = messages.map((message) => estimateOctets(message) + 2).reduce((a, b) => a + b, 0);
      assert.ok(2 + parts + FRAMING_OCTETS <= 1_402 && messages.length <= 255, `${parts}`);
    }
  });
});

describe("probes", () => {
  it("go out and are answered at the very same moments, whatever the application tells", () => {
    const quiet = probesOf(() => {});
    assert.ok(quiet.length > 100);
    let told = 0;
    const loud = probesOf((bench) => {
      told += 1;
      bench.core.handle({ type: "broadcast", name: `${told}`, payload: new Uint8Array(1_000) }, bench.now);
    });
    assert.deepEqual(loud, quiet);
  });
});

describe("any datagram", () => {
  it("stays within the budget, counted in octets on the wire", () => {
    const around = framing({
      label: "herald",
      compress: false,
      encryption: {
        ring: keyRing(new Uint8Array(32)),
        sealer: NODE_SEALER,
        nonces: new CountedNonces({ octets: (count) => new Uint8Array(count) }),
        version: 1,
        verifyIncoming: true,
        verifyOutgoing: true,
      },
    });
    const overheadOctets = framingOverhead(around);
    const longest = userOctets(PROFILES.default, overheadOctets);
    const node = fc.integer({ min: 0, max: 40 }).map((index) => `${"n".repeat(1 + 6 * index)}${index}`);
    const octets = (max: number) => fc.integer({ min: 0, max }).map((length) => new Uint8Array(length));
    const heard = (message: DatagramMessage): SwimInput => ({
      type: "datagram",
      from: B,
      messages: [message],
    });
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.tuple(node, octets(512)).map(([name, meta]) => heard({ ...alive(name, B), meta })),
      fc.tuple(node, node).map(([name, from]) => heard(suspect(name, from))),
      node.map((name) => heard(ping(7, "us", name))),
      fc.record({ type: fc.constant("broadcast" as const), name: node, payload: octets(longest) }),
      fc.record({ type: fc.constant("tell" as const), node, payload: octets(longest) }),
      fc.record({ type: fc.constant("ack-payload" as const), payload: octets(32) }),
      fc.record({ type: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 100 }) }),
    );
    const measure = { octetsOf: (message: DatagramMessage) => encodeMessage(message).length, overheadOctets };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        for (const effect of effectsOf(steps, measure)) {
          if (effect.type !== "send") continue;
          const datagram = encodeDatagram(effect.messages.map(encodeMessage), { crc: false }, around);
          assert.ok(datagram.length <= 1_400, `${datagram.length} octets`);
        }
      }),
    );
  });
});

const PROBING: ReadonlySet<string> = new Set(["ping", "ack", "indirect-ping", "nack"]);

type Step = SwimInput | { readonly type: "pass"; readonly ms: number };

/** What a member that starts among strangers does. */
function effectsOf(steps: readonly Step[], measure: Measure): readonly SwimEffect[] {
  const meta = new Uint8Array();
  const self = { name: "us", endpoint: US, meta, versions: FULL_VERSIONS, incarnation: 1 };
  const core = new Swim(PROFILES.default, self, new SeededRandom(1), measure, { userState: () => meta });
  let now = 0;
  const effects = [...core.handle({ type: "start" }, now)];
  for (const each of steps) {
    if (each.type === "pass") now += each.ms;
    effects.push(...(each.type === "pass" ? core.wake(now) : core.handle(each, now)));
  }
  return effects;
}

/** Everything but broadcasts that a member says in ten seconds, and when, while it is asked by one of two others. */
function probesOf(meanwhile: (bench: Bench) => void): readonly unknown[] {
  const bench = new Bench([alive("b", B), alive("c", C)]);
  // Why: with news at hand, members are chosen by dice once; from then on there is no gossip but on the back of probes.
  bench.core.handle({ type: "broadcast", name: "first", payload: new Uint8Array(1) }, 0);
  const said: unknown[] = [];
  const note = (effects: readonly SwimEffect[]) => {
    for (const effect of effects) {
      if (effect.type !== "send") said.push([bench.now, effect]);
      else said.push([bench.now, effect.to, effect.messages.filter(({ type }) => type !== "user")]);
    }
  };
  bench.pass(60);
  for (let step = 0; step < 1_000; step += 1) {
    meanwhile(bench);
    if (step % 5 === 0) note(bench.hear(B, ping(step, "us", "b")));
    for (const effect of bench.pass(10)) {
      note([effect]);
      const answered = effect.type === "send" && effect.to === B && effect.messages[0];
      if (answered && answered.type === "ping") {
        const { sequence } = answered;
        note(bench.hear(B, { type: "ack", sequence, payload: new Uint8Array() }));
      }
    }
  }
  return said;
}

/** @returns who heard it, oneself included, and after how long the last of them did. */
function tellAll(
  tellers: Tellers,
  living: ReadonlySet<string>,
): { readonly heardBy: readonly string[]; readonly tookMs: number } {
  const { clock, random, heard } = tellers;
  tellers.sent.length = 0;
  clock.advance(random.next() * 50); // anywhere between two rounds of probes
  const from = [...living][Math.floor(random.next() * living.size)] as string;
  const startedAt = clock.now();
  const by = heard.get(tellers.broadcast(from, 60)) ?? assert.fail();
  clock.advance(200);
  return { heardBy: [...by.keys()].sort(), tookMs: Math.max(...by.values()) - startedAt };
}

function crash(tellers: Tellers, living: Set<string>): void {
  living.delete("n2");
  tellers.cluster.machines.get("n2")?.stop("machine");
}

function numbered(number: number, octets: number): Uint8Array {
  const payload = new Uint8Array(octets);
  new DataView(payload.buffer).setUint32(0, number);
  return payload;
}

function numberOf(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}
