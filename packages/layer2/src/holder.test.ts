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
import { DEFAULT_CONFLICT_OPTIONS } from "./conflict-options.ts";
import { Holder, type HolderEffect, type HolderInput } from "./holder.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

const vip = parseAddress("192.0.2.100") as IpAddress;
const vip6 = parseAddress("2001:db8::100") as IpAddress;
const macOf = (number: number): MacAddress => `02:00:00:00:00:0${number}` as MacAddress;
const announce = (epoch: number, probe: "first" | "skip", address = vip): HolderInput => ({
  type: "announce",
  address,
  interfaces: "all",
  epoch,
  probe,
});

interface Node {
  readonly holder: Driven<HolderInput>;
  readonly log: { readonly at: number; readonly effect: HolderEffect }[];
}

/** Two speakers of one cluster and a switch, frames on their way for up to 0.4 ms. */
class Segment {
  readonly clock = new VirtualClock();
  readonly lan: Lan;
  readonly nodes: readonly [Node, Node];
  readonly client: LanHost;
  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.lan = new Lan({ clock: this.clock, random, loss: 0, duplication: 0, delayMs: [0.05, 0.4] });
    this.nodes = [this.#node(1, seed), this.#node(2, seed)];
    this.client = this.host("02:00:00:00:00:cc", "192.0.2.10");
  }

  host(mac: string, address: string): LanHost {
    const { lan, clock } = this;
    return new LanHost({ lan, clock, mac: mac as MacAddress, address: parseAddress(address) as IpAddress });
  }

  /** Effects of that kind and when, on a node. */
  seen(
    node: Node,
    type: HolderEffect["type"],
  ): readonly { readonly at: number; readonly effect: HolderEffect }[] {
    return node.log.filter(({ effect }) => effect.type === type);
  }

  story(): string {
    return this.lan.log.map(({ at, frame }) => `${at.toFixed(2)} ${describeFrame(frame)}`).join("\n");
  }

  #node(number: 1 | 2, seed: number): Node {
    const mac = macOf(number);
    const host = this.host(mac, `192.0.2.${number}`);
    const log: Node["log"] = [];
    const core = new Holder(
      { self: `node-${number}`, announcer: DEFAULT_ANNOUNCER_OPTIONS, conflicts: DEFAULT_CONFLICT_OPTIONS },
      new SeededRandom(seed * 10 + number),
    );
    const holder = drive(core, this.clock, (effect) => {
      log.push({ at: this.clock.now(), effect });
      if (effect.type === "send") host.inject(effect.bytes);
    });
    host.tap((bytes) => holder.feed({ type: "frame", interface: "eth0", bytes }));
    holder.feed({ type: "interface-up", interface: { name: "eth0", index: 2, mac } });
    const other = 3 - number;
    holder.feed({ type: "speakers", names: new Map([[macOf(other), `node-${other}`]]) });
    return { holder, log };
  }
}

describe("A holder on a segment", () => {
  it("announces an address that nobody has within 0.6 s", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const segment = new Segment(seed);
      segment.nodes[0].holder.feed(announce(1, "first"));
      segment.clock.advance(600);
      assert.equal(segment.seen(segment.nodes[0], "gratuitous").length, 2, segment.story());
    }
  });

  it("does not announce an address that a machine has already, and takes it once that is gone", () => {
    const segment = new Segment(1);
    const stranger = segment.host("02:00:00:00:00:ee", vip);
    const [node] = segment.nodes;
    node.holder.feed(announce(1, "first"));
    segment.clock.advance(5_000);
    assert.deepEqual(segment.seen(node, "gratuitous"), []);
    assert.deepEqual(
      node.log.find(({ effect }) => effect.type === "probed")?.effect,
      { type: "probed", address: vip, takenBy: stranger.mac },
      segment.story(),
    );
    stranger.unplug();
    segment.clock.advance(61_000);
    assert.notDeepEqual(segment.seen(node, "gratuitous"), []);
  });

  it("notices a silent machine with its address within a millisecond of the first question to both", () => {
    const segment = new Segment(2);
    const [node] = segment.nodes;
    node.holder.feed(announce(1, "skip"));
    segment.clock.advance(10_000);
    const stranger = segment.host("02:00:00:00:00:ee", vip);
    const asked = segment.clock.now();
    segment.client.send(vip);
    segment.clock.advance(2);
    const [first] = segment.seen(node, "conflict");
    assert.ok(first !== undefined && first.at - asked < 2, segment.story());
    assert.deepEqual(first.effect, {
      type: "conflict",
      kind: "stranger",
      address: vip,
      interface: "eth0",
      by: stranger.mac,
      speaker: undefined,
    });
    assert.equal(segment.seen(node, "defended").length, 1);
  });

  for (const { protocol, address, clients } of [
    { protocol: "ARP", address: vip, clients: ["192.0.2.11", "192.0.2.12"] },
    { protocol: "NDP", address: vip6, clients: ["2001:db8::11", "2001:db8::12"] },
  ]) {
    it(`notices a silent machine within a second though it has looked a moment ago, by ${protocol}`, () => {
      const segment = new Segment(4);
      const [node] = segment.nodes;
      node.holder.feed(announce(1, "skip", address));
      segment.clock.advance(10_000);
      const [before, after] = clients.map((client, index) =>
        segment.host(`02:00:00:00:00:d${index}`, client),
      ) as [LanHost, LanHost];
      before.send(address);
      segment.clock.advance(2);
      const { mac } = segment.host("02:00:00:00:00:ee", address);
      const asked = segment.clock.now();
      after.send(address);
      segment.clock.advance(1_000);
      const noticed = segment.seen(node, "conflict").map(({ at, effect }) => ({
        within: at - asked <= 1_000,
        by: "by" in effect ? effect.by : undefined,
      }));
      assert.deepEqual(noticed, [{ within: true, by: mac }], segment.story());
    });
  }

  for (const [first, second, winner] of [
    [7, 8, 1],
    [8, 7, 0],
    [7, 7, 1],
  ] as const) {
    it(`leaves one holder when two of one cluster meet with epochs ${first} and ${second}`, () => {
      for (let seed = 1; seed <= 10; seed += 1) {
        const segment = new Segment(seed);
        const [a, b] = segment.nodes;
        a.holder.feed(announce(first, "skip"));
        b.holder.feed(announce(second, "skip"));
        segment.clock.advance(20); // both have heard the other, and know nothing of its epoch
        a.holder.feed({ type: "rival", address: vip, speaker: "node-2", epoch: second });
        b.holder.feed({ type: "rival", address: vip, speaker: "node-1", epoch: first });
        segment.clock.advance(5);
        const losers = [a, b].map((node) => segment.seen(node, "lost").length);
        assert.deepEqual(losers, winner === 0 ? [0, 1] : [1, 0], segment.story());
        segment.client.send(vip);
        segment.clock.advance(5);
        assert.equal(segment.client.neighbour(vip), macOf(winner + 1));
      }
    });
  }

  it("takes over at once while it says again all that it holds", () => {
    const segment = new Segment(3);
    const [node] = segment.nodes;
    for (let last = 0; last < 200; last += 1)
      node.holder.feed(announce(1, "skip", `192.0.3.${last}` as IpAddress));
    segment.clock.advance(10_000);
    const before = segment.seen(node, "gratuitous").length;
    node.holder.feed({ type: "say-again" });
    segment.clock.advance(1);
    const begun = segment.clock.now();
    node.holder.feed(announce(1, "skip"));
    segment.clock.advance(1_000);
    const said = segment.seen(node, "gratuitous").slice(before);
    const first = said.find(({ effect }) => "address" in effect && effect.address === vip);
    assert.ok(first !== undefined && first.at - begun <= 10, `at ${first?.at}, begun at ${begun}`);
    assert.equal(said.length, 2 * 201, "the others, too, each once");
  });
});
