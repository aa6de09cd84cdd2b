import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Lan } from "@herald/lab/lan";
import { LanHost } from "@herald/lab/lan-host";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { type Driven, drive } from "@herald/shared/driver";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { describeFrame } from "@herald/wire/describe";
import type { MacAddress } from "@herald/wire/mac";
import { Announcer, type AnnouncerEffect, type AnnouncerInput } from "./announcer.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

const vip = parseAddress("2001:db8::100") as IpAddress;

interface Node {
  readonly host: LanHost;
  readonly announcer: Driven<AnnouncerInput>;
  readonly effects: AnnouncerEffect[];
  /** Datagrams for the address that came here. */
  taken: number;
}

/** Two nodes, a client and a switch; the client sends to the address every 5 ms. */
class Segment {
  readonly clock = new VirtualClock();
  readonly lan: Lan;
  readonly nodes: readonly [Node, Node];
  readonly client: LanHost;
  sent = 0;
  constructor(seed: number, loss = 0) {
    const random = new SeededRandom(seed);
    this.lan = new Lan({ clock: this.clock, random, loss, duplication: loss, delayMs: [0.05, 0.4] });
    this.nodes = [this.#node(1), this.#node(2)];
    this.client = this.#host("02:00:00:00:00:cc", "2001:db8::10", () => {});
  }

  sendFor(durationMs: number): void {
    const end = this.clock.now() + durationMs;
    while (this.clock.now() < end) {
      this.client.send(vip);
      this.sent += 1;
      this.clock.advance(5);
    }
  }

  get lost(): number {
    return this.sent - this.nodes[0].taken - this.nodes[1].taken;
  }

  story(): string {
    return this.lan.log
      .map(({ at, frame }) => `${at.toFixed(2)} ${describeFrame(frame)}`)
      .filter((line) => line.includes("NDP"))
      .join("\n");
  }

  #host(mac: string, address: string, receive: (to: IpAddress) => void): LanHost {
    const { lan, clock } = this;
    return new LanHost({
      lan,
      clock,
      mac: mac as MacAddress,
      address: parseAddress(address) as IpAddress,
      receive: ({ to }) => receive(to),
    });
  }

  #node(number: 1 | 2): Node {
    const effects: AnnouncerEffect[] = [];
    const host = this.#host(`02:00:00:00:00:0${number}`, `2001:db8::${number}`, (to) => {
      if (to === vip) node.taken += 1;
    });
    const announcer = drive(new Announcer(DEFAULT_ANNOUNCER_OPTIONS), this.clock, (effect) => {
      effects.push(effect);
      if (effect.type === "send") host.inject(effect.bytes);
    });
    const node: Node = { host, announcer, effects, taken: 0 };
    host.tap((bytes) => announcer.feed({ type: "frame", interface: "eth0", bytes }));
    announcer.feed({ type: "interface-up", interface: { name: "eth0", index: 2, mac: host.mac } });
    return node;
  }
}

const announce: AnnouncerInput = { type: "announce", address: vip, interfaces: "all" };
const giveUp: AnnouncerInput = { type: "withdraw", address: vip, how: "yield" };
const yields = (node: Node): AnnouncerEffect[] => node.effects.filter(({ type }) => type === "yielded");

describe("A takeover of an IPv6 address", () => {
  for (const lagMs of [-300, -1, 0, 1, 300]) {
    it(`loses nothing when the new owner begins ${lagMs} ms after the old one yields`, () => {
      for (let seed = 1; seed <= 4; seed += 1) {
        const segment = new Segment(seed);
        const [old, next] = segment.nodes;
        old.announcer.feed(announce);
        segment.sendFor(2_000 + seed * 7);
        segment.clock.at(segment.clock.now() + 400, () => old.announcer.feed(giveUp));
        segment.clock.at(segment.clock.now() + 400 + lagMs, () => next.announcer.feed(announce));
        segment.sendFor(12_000);
        segment.clock.advance(10);
        assert.equal(segment.lost, 0, segment.story());
        assert.equal(segment.client.neighbour(vip), next.host.mac);
        assert.deepEqual(yields(old), [{ type: "yielded", address: vip, by: next.host.mac }]);
      }
    });
  }

  it("moves the client within one repeat for every advertisement the wire loses", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const segment = new Segment(seed, 0.2);
      const [old, next] = segment.nodes;
      old.announcer.feed(announce);
      segment.sendFor(2_000);
      old.announcer.feed(giveUp);
      next.announcer.feed(announce);
      segment.sendFor(5_000);
      assert.equal(segment.client.neighbour(vip), next.host.mac, `seed ${seed}\n${segment.story()}`);
    }
  });

  it("moves the client without a yield, when the old owner is gone", () => {
    const segment = new Segment(5);
    const [old, next] = segment.nodes;
    old.announcer.feed(announce);
    segment.sendFor(2_000);
    old.host.unplug();
    old.announcer.stop();
    segment.sendFor(100);
    next.announcer.feed(announce);
    segment.clock.advance(1);
    segment.sendFor(1_000);
    assert.equal(segment.lost, 20, segment.story());
  });
});
