import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Lan } from "@herald/lab/lan";
import { LanHost } from "@herald/lab/lan-host";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { type Driven, drive } from "@herald/shared/driver";
import { type IpAddress, type IpFamily, parseAddress } from "@herald/shared/ip/address";
import { describeFrame } from "@herald/wire/describe";
import type { MacAddress } from "@herald/wire/mac";
import { Announcer, type AnnouncerEffect, type AnnouncerInput } from "./announcer.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

const PREFIX = { 4: "192.0.2.", 6: "2001:db8::" } as const;
/** From a crash until the others know. */
const DETECTION_MS = 300;
/** How much later than the first the last of them knows. */
const LAG_MS = 30;

const macOf = (number: number): MacAddress => `02:00:00:00:00:0${number}` as MacAddress;
const MACS = new Map([1, 2, 3].map((number) => [macOf(number), `node-${number}`]));

interface Node {
  readonly name: string;
  readonly host: LanHost;
  readonly announcer: Driven<AnnouncerInput>;
  readonly said: AnnouncerEffect[];
}

/** Nodes that spread one address, and clients of it. */
class Segment {
  readonly clock = new VirtualClock();
  readonly lan: Lan;
  readonly vip: IpAddress;
  readonly clients: readonly LanHost[];
  readonly nodes = new Map<string, Node>();
  readonly #random: SeededRandom;
  readonly #family: IpFamily;
  /** As in LanOptions; may change. */
  loss = 0;
  /** Datagrams that came to a node that is up. */
  taken = 0;
  sent = 0;
  constructor(family: IpFamily, { seed = 1, clients = 40, nodes = 3 } = {}) {
    this.#random = new SeededRandom(seed);
    this.#family = family;
    this.vip = this.#address(100);
    const { clock } = this;
    const segment = this;
    this.lan = new Lan({
      clock,
      random: this.#random,
      get loss() {
        return segment.loss;
      },
      duplication: 0,
      delayMs: [0.05, 0.4],
    });
    for (let number = 1; number <= nodes; number += 1) this.boot(number);
    this.clients = Array.from({ length: clients }, (_, index) => {
      const mac = `02:00:00:00:cc:${(index + 16).toString(16)}` as MacAddress;
      return new LanHost({ lan: this.lan, clock, mac, address: this.#address(110 + index) });
    });
    this.tell(this.up);
  }

  /** Plugs in a node that knows nothing, or one that does no more. */
  boot(number: number): void {
    const name = `node-${number}`;
    const mac = macOf(number);
    const said: AnnouncerEffect[] = [];
    const host = new LanHost({
      lan: this.lan,
      clock: this.clock,
      mac,
      address: this.#address(number),
      receive: () => {
        this.taken += 1;
      },
    });
    const announcer = drive(new Announcer(DEFAULT_ANNOUNCER_OPTIONS), this.clock, (effect) => {
      said.push(effect);
      if (effect.type === "send") host.inject(effect.bytes);
    });
    host.tap((bytes) => announcer.feed({ type: "frame", interface: "eth0", bytes }));
    announcer.feed({ type: "interface-up", interface: { name: "eth0", index: 2, mac } });
    announcer.feed({ type: "speakers", names: MACS });
    this.nodes.set(name, { name, host, announcer, said });
  }

  get up(): readonly string[] {
    return [...this.nodes.keys()].sort();
  }

  crash(name: string): void {
    const node = this.node(name);
    node.host.unplug();
    node.announcer.stop();
    this.nodes.delete(name);
  }

  node(name: string): Node {
    const node = this.nodes.get(name);
    assert.ok(node, name);
    return node;
  }

  /** Each node hears of the nodes there are at a moment of its own. */
  tell(nodes: readonly string[], to = nodes): void {
    for (const self of to) {
      const spread = { self, nodes };
      const { announcer } = this.node(self);
      this.clock.at(this.clock.now() + this.#random.next() * LAG_MS, () =>
        announcer.feed({ type: "announce", address: this.vip, interfaces: "all", spread }),
      );
    }
    this.clock.advance(LAG_MS + 1);
  }

  /** Which node each client would send to. */
  get where(): readonly (string | undefined)[] {
    const names = new Map([...this.nodes.values()].map(({ name, host }) => [host.mac, name]));
    return this.clients.map((client) => {
      const mac = client.neighbour(this.vip);
      return mac === undefined ? undefined : (names.get(mac) ?? "gone");
    });
  }

  everybodySends(): void {
    for (const client of this.clients) client.send(this.vip);
    this.sent += this.clients.length;
    this.clock.advance(5);
  }

  sendFor(durationMs: number): void {
    for (const end = this.clock.now() + durationMs; this.clock.now() < end; ) this.everybodySends();
  }

  get questions(): number {
    const clients = new Set(this.clients.map(({ mac }) => mac));
    return this.lan.log.filter(({ frame }) => {
      const text = describeFrame(frame);
      const [from = ""] = text.split(" ");
      return clients.has(from as MacAddress) && /who-has|neighbor solicitation/i.test(text);
    }).length;
  }

  answers(): number {
    return [...this.nodes.values()].flatMap(({ said }) => said).filter(({ type }) => type === "answered")
      .length;
  }

  story(): string {
    return this.lan.log
      .slice(-200)
      .map(({ at, frame }) => `${at.toFixed(2)} ${describeFrame(frame)}`)
      .join("\n");
  }

  #address(last: number): IpAddress {
    return parseAddress(`${PREFIX[this.#family]}${last}`) as IpAddress;
  }
}

for (const family of [4, 6] as const) {
  describe(`An IPv${family} address that is spread`, () => {
    it("is answered for by one node for each client, and all nodes have some", () => {
      const segment = new Segment(family);
      segment.everybodySends();
      assert.equal(segment.answers(), segment.clients.length, segment.story());
      assert.deepEqual([...new Set(segment.where)].sort(), segment.up);
      segment.sendFor(200);
      assert.equal(segment.taken, segment.sent);
    });

    it("is never announced to everybody", () => {
      const segment = new Segment(family);
      segment.sendFor(100);
      segment.crash("node-2");
      segment.tell(segment.up);
      segment.boot(2);
      segment.tell(segment.up);
      segment.clock.advance(6_000);
      const said = [...segment.nodes.values()].flatMap(({ said }) => said.map(({ type }) => type));
      assert.ok(!said.includes("gratuitous") && !said.includes("advertised"));
      assert.ok(said.includes("refreshed"));
    });

    for (let seed = 1; seed <= 5; seed += 1) {
      it(`moves the clients of a node that crashes within the detection time, unasked, and no others (seed ${seed})`, () => {
        const segment = new Segment(family, { seed });
        segment.everybodySends();
        segment.clock.advance(seed * 400);
        const before = segment.where;
        const asked = segment.questions;
        segment.crash("node-2");
        segment.everybodySends();
        segment.clock.advance(DETECTION_MS);
        segment.tell(segment.up);
        segment.clock.advance(1);
        assert.equal(segment.questions, asked);
        segment.where.forEach((name, index) => {
          if (before[index] === "node-2") assert.ok(name === "node-1" || name === "node-3");
          else assert.equal(name, before[index]);
        });
        assert.deepEqual([...new Set(segment.where)].sort(), ["node-1", "node-3"]);
      });
    }

    it("serves as soon as the crash is known a client that asked for the first time before that", () => {
      const segment = new Segment(family);
      segment.crash("node-2");
      segment.everybodySends();
      segment.sendFor(DETECTION_MS - 50);
      assert.ok(segment.where.includes(undefined));
      segment.tell(segment.up);
      segment.clock.advance(1);
      assert.ok(!segment.where.includes(undefined), segment.story());
      assert.ok(segment.clock.now() < 1_000);
    });

    it("moves its clients within one repeat for every frame the wire loses", () => {
      for (let seed = 1; seed <= 10; seed += 1) {
        const segment = new Segment(family, { seed, clients: 20 });
        segment.everybodySends();
        segment.loss = 0.1;
        segment.clock.advance(4_000);
        segment.crash("node-1");
        segment.tell(segment.up);
        segment.clock.advance(4_500);
        assert.ok(!segment.where.includes("gone"), `seed ${seed}`);
      }
    });

    it("moves nobody when a node comes back, however long, but those who ask anew", () => {
      const segment = new Segment(family);
      segment.sendFor(100);
      segment.crash("node-2");
      segment.tell(segment.up);
      const before = segment.where;
      segment.boot(2);
      segment.tell(segment.up);
      for (let second = 0; second < 90; second += 1) {
        // Long enough for each to make sure of its neighbour more than once.
        segment.everybodySends();
        segment.clock.advance(995);
      }
      assert.deepEqual(segment.where, before);
      assert.deepEqual([...new Set(before)].sort(), ["node-1", "node-3"]);
    });

    it("has every client taken over, also when all nodes have been restarted since it asked", () => {
      const segment = new Segment(family);
      segment.sendFor(100);
      for (const crashed of [2, 1, 3, 2, 1]) {
        const before = segment.where;
        segment.crash(`node-${crashed}`);
        segment.tell(segment.up);
        segment.clock.advance(10);
        segment.where.forEach((name, index) => {
          if (before[index] === `node-${crashed}`) assert.ok(segment.nodes.has(name ?? ""));
          else assert.equal(name, before[index]);
        });
        segment.boot(crashed);
        segment.tell(segment.up);
        segment.everybodySends();
        segment.clock.advance(500);
      }
    });

    for (const lagMs of [0, 20, 700]) {
      it(`loses nothing when a node yields and the others hear of it ${lagMs} ms later`, () => {
        const segment = new Segment(family, { clients: 12 });
        segment.sendFor(100);
        const { announcer, host } = segment.node("node-2");
        assert.ok(segment.where.includes("node-2"));
        announcer.feed({ type: "withdraw", address: segment.vip, how: "yield" });
        segment.sendFor(lagMs);
        segment.tell(["node-1", "node-3"]);
        segment.sendFor(200);
        segment.clock.advance(5_000);
        segment.sendFor(50);
        assert.equal(segment.taken, segment.sent);
        assert.ok(segment.clients.every((client) => client.neighbour(segment.vip) !== host.mac));
      });
    }
  });
}
