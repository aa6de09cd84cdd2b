import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import { macOctets } from "@herald/wire/mac";
import { Announcer, type AnnouncerEffect, type AnnouncerInput } from "./announcer.ts";
import type { DropReason } from "./drop-reasons.ts";
import { checkSolicitation, probeSolicitation } from "./ndp-frames.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

const vip = parseAddress("192.0.2.100") as IpAddress; // c0000264
const vip6 = parseAddress("2001:db8::2") as IpAddress;
const eth0 = { name: "eth0", index: 2, mac: "02:00:00:00:00:0a" as MacAddress };
const CLIENT = macOctets("02:00:00:00:00:0c" as MacAddress);
/** Of these two nodes it is `mine` that has the client 192.0.2.1 of the address, and `others` that does not. */
const mine = { self: "node-b", nodes: ["node-a", "node-b"] };
const others = { self: "node-a", nodes: ["node-a", "node-b"] };

const request = hex`
  ffffffffffff 02000000000c 0806
  0001 0800 06 04 0001
  02000000000c c0000201
  000000000000 c0000264`;
const toUs = (frame: Uint8Array): Uint8Array => {
  const copy = frame.slice();
  copy.set(macOctets(eth0.mac), 0);
  return copy;
};
const reply = hex`
  02000000000c 02000000000a 0806
  0001 0800 06 04 0002
  02000000000a c0000264
  02000000000c c0000201`;
/** What a client is told unasked: to it alone, and as a gratuitous reply, which Linux believes at once. */
const refresh = hex`
  02000000000c 02000000000a 0806
  0001 0800 06 04 0002
  02000000000a c0000264
  02000000000a c0000264`;
const answered: AnnouncerEffect[] = [
  { type: "send", interface: "eth0", bytes: reply },
  { type: "answered", interface: "eth0", address: vip },
];
const refreshed: AnnouncerEffect[] = [
  { type: "send", interface: "eth0", bytes: refresh },
  { type: "refreshed", interface: "eth0", address: vip },
];
const dropped = (reason: DropReason, protocol: "arp" | "ndp" = "arp"): AnnouncerEffect[] => [
  { type: "dropped", protocol, reason, interface: "eth0" },
];

describe("An announcer of a spread address", () => {
  let announcer: Announcer;
  beforeEach(() => {
    announcer = new Announcer(DEFAULT_ANNOUNCER_OPTIONS);
    announcer.handle({ type: "interface-up", interface: eth0 }, 0);
  });
  const tell = (input: AnnouncerInput, now = 0) => announcer.handle(input, now);
  const announce = (spread: { self: string; nodes: readonly string[] }, now = 0, address = vip) =>
    tell({ type: "announce", address, interfaces: "all", spread }, now);
  const hear = (bytes: Uint8Array, now = 0) => tell({ type: "frame", interface: "eth0", bytes }, now);

  it("says nothing when it begins, or when an interface comes up", () => {
    assert.deepEqual(announce(mine), []);
    assert.deepEqual(tell({ type: "interface-down", interface: "eth0" }), []);
    assert.deepEqual(tell({ type: "interface-up", interface: { ...eth0, index: 3 } }), []);
    assert.equal(announcer.nextWake(), undefined);
  });

  it("answers its own client", () => {
    announce(mine);
    assert.deepEqual(hear(request), answered);
  });

  it("is silent to another node's client that asks everybody", () => {
    announce(others);
    assert.deepEqual(hear(request), dropped("other-node"));
  });

  it("answers another node's client that asks this node alone: its cache leads here", () => {
    announce(others);
    assert.deepEqual(hear(toUs(request)), answered);
  });

  it("tells a client whose node is gone, five times, 1.1 s apart, and answers it from then on", () => {
    announce(others);
    hear(request);
    assert.deepEqual(announce({ self: "node-a", nodes: ["node-a"] }, 10), refreshed);
    for (const due of [1110, 2210, 3310, 4410]) {
      assert.equal(announcer.nextWake(), due);
      assert.deepEqual(announcer.wake(due), refreshed);
    }
    assert.equal(announcer.nextWake(), undefined);
    assert.deepEqual(hear(request, 5000), answered);
  });

  it("tells nobody when a node comes", () => {
    announce({ self: "node-b", nodes: ["node-b"] });
    hear(request);
    assert.deepEqual(announce({ self: "node-b", nodes: ["node-a", "node-b", "node-c"] }), []);
  });

  it("tells a client no more once that has asked again and become another node's", () => {
    announce(others);
    hear(request);
    announce({ self: "node-a", nodes: ["node-a"] }, 10);
    announce(others, 20);
    assert.deepEqual(hear(request, 30), dropped("other-node"));
    assert.deepEqual(announcer.wake(1110), []);
  });

  it("tells a node that came later of its clients, in their names, twice", () => {
    const names = new Map([["02:00:00:00:00:0d" as MacAddress, "node-a"]]);
    tell({ type: "speakers", names });
    announce({ self: "node-b", nodes: ["node-b"] });
    hear(request);
    const introduction = request.slice();
    introduction.set(hex`02000000000d 02000000000a`);
    const introduced: AnnouncerEffect[] = [
      { type: "send", interface: "eth0", bytes: introduction },
      { type: "introduced", interface: "eth0", address: vip },
    ];
    assert.deepEqual(announce(mine, 10), introduced);
    assert.deepEqual(announcer.wake(1110), introduced);
    assert.equal(announcer.nextWake(), undefined);
    assert.deepEqual(announce({ self: "node-b", nodes: ["node-b"] }, 5_000), []);
  });

  it("notes a client that another node tells of, does not answer it, and takes it over when that one goes", () => {
    tell({ type: "speakers", names: new Map([["02:00:00:00:00:0d" as MacAddress, "node-a"]]) });
    announce(mine);
    const introduction = request.slice();
    introduction.set(hex`02000000000a 02000000000d`);
    assert.deepEqual(hear(introduction), dropped("introduction"));
    assert.deepEqual(announce({ self: "node-b", nodes: ["node-b"] }, 10), refreshed);
  });

  it("answers a question that comes through a machine that is no speaker", () => {
    announce(others);
    const relayed = toUs(request);
    relayed.set(hex`02000000000e`, 6);
    assert.deepEqual(hear(relayed), answered);
  });

  it("tells its clients its new MAC when the interface has another, and defends them one by one", () => {
    announce(mine);
    hear(request);
    assert.deepEqual(tell({ type: "interface-up", interface: { ...eth0, index: 3 } }), refreshed);
    assert.deepEqual(tell({ type: "defend", address: vip, interface: "eth0" }, 100), refreshed);
  });

  it("answers while it yields whoever asks it alone, and leaves all others to the others", () => {
    announce(mine);
    tell({ type: "withdraw", address: vip, how: "yield" }, 0);
    assert.deepEqual(hear(request, 1), dropped("other-node"));
    assert.deepEqual(hear(toUs(request), 1), answered);
    assert.deepEqual(announcer.wake(DEFAULT_ANNOUNCER_OPTIONS.yieldMs), [
      { type: "yielded", address: vip, by: undefined },
    ]);
  });

  it("answers everybody while it yields as the only node there was", () => {
    announce({ self: "node-b", nodes: ["node-b"] });
    tell({ type: "withdraw", address: vip, how: "yield" }, 0);
    assert.deepEqual(hear(request, 1), answered);
  });

  it("tells nobody once it yields", () => {
    announcer = new Announcer({ ...DEFAULT_ANNOUNCER_OPTIONS, yieldMs: 5_000 });
    tell({ type: "interface-up", interface: eth0 });
    announce(others);
    hear(request);
    announce({ self: "node-a", nodes: ["node-a"] }, 10);
    tell({ type: "withdraw", address: vip, how: "yield" }, 20);
    assert.deepEqual(announcer.wake(1110), []);
  });

  it("announces to everybody when it is to have the address alone", () => {
    announce(mine);
    const effects = tell({ type: "announce", address: vip, interfaces: "all" });
    assert.deepEqual(
      effects.filter(({ type }) => type !== "send").map(({ type }) => type),
      ["gratuitous", "gratuitous"],
    );
  });

  it("stops announcing to everybody when others begin to share the address", () => {
    tell({ type: "announce", address: vip, interfaces: "all" });
    assert.deepEqual(announce(mine, 10), []);
    assert.equal(announcer.nextWake(), undefined);
  });

  it("answers a probe by one node, and keeps no client of it", () => {
    const probe = request.slice();
    probe.fill(0, 28, 32);
    const all = ["node-a", "node-b"].map((self) => {
      const each = new Announcer(DEFAULT_ANNOUNCER_OPTIONS);
      each.handle({ type: "interface-up", interface: eth0 }, 0);
      const spread = { self, nodes: ["node-a", "node-b"] };
      each.handle({ type: "announce", address: vip, interfaces: "all", spread }, 0);
      const heard = each.handle({ type: "frame", interface: "eth0", bytes: probe }, 0);
      const alone = { self, nodes: [self] };
      assert.deepEqual(
        each.handle({ type: "announce", address: vip, interfaces: "all", spread: alone }, 1),
        [],
      );
      return heard.length;
    });
    assert.deepEqual(all.sort(), [1, 2]);
  });

  describe("of IPv6", () => {
    const alone = { self: "node-a", nodes: ["node-a"] };
    const asks = checkSolicitation(toOctets(vip6), CLIENT); // from fe80::ff:fe00:c
    const joined = { type: "join", interface: "eth0", index: 2, group: "ff02::1:ff00:2" };
    /** Of the advertisements sent: to whom on Ethernet and in IPv6, and the flags. */
    const heads = (effects: readonly AnnouncerEffect[]) =>
      effects.flatMap((effect) =>
        effect.type === "send"
          ? [
              {
                mac: Buffer.from(effect.bytes.subarray(0, 6)).toString("hex"),
                to: Buffer.from(effect.bytes.subarray(38, 54)).toString("hex"),
                flags: effect.bytes[58],
              },
            ]
          : [],
      );

    it("joins the group, announces nothing, and is silent to another node's client", () => {
      assert.deepEqual(announce(alone, 0, vip6), [joined]);
      announce({ self: "nobody", nodes: ["node-a", "node-b"] }, 0, vip6);
      assert.deepEqual(hear(asks), dropped("other-node", "ndp"));
    });

    it("tells a client by an unsolicited advertisement to it alone that overrides", () => {
      announce({ self: "node-a", nodes: ["node-a", "x"] }, 0, vip6);
      const before = hear(asks);
      const self = before[0]?.type === "dropped" ? "node-a" : "x";
      const effects = new Announcer(DEFAULT_ANNOUNCER_OPTIONS);
      effects.handle({ type: "interface-up", interface: eth0 }, 0);
      const say = (nodes: readonly string[]) =>
        effects.handle({ type: "announce", address: vip6, interfaces: "all", spread: { self, nodes } }, 0);
      say(["node-a", "x"]);
      effects.handle({ type: "frame", interface: "eth0", bytes: asks }, 0);
      const told = say([self]);
      assert.deepEqual(heads(told), [
        { mac: "02000000000c", to: "fe80000000000000000000fffe00000c", flags: 0x20 },
      ]);
      assert.deepEqual(told[1], { type: "refreshed", interface: "eth0", address: vip6 });
    });

    it("tells a node that came later of its clients, so that they are noted there", () => {
      const other = { name: "eth0", index: 7, mac: "02:00:00:00:00:0d" as MacAddress };
      const names = new Map([
        [other.mac, "x"],
        [eth0.mac, "node-a"],
      ]);
      tell({ type: "speakers", names });
      announce(alone, 0, vip6);
      hear(asks);
      const later = new Announcer(DEFAULT_ANNOUNCER_OPTIONS);
      later.handle({ type: "interface-up", interface: other }, 0);
      later.handle({ type: "speakers", names }, 0);
      const spread = { self: "x", nodes: ["node-a", "x"] };
      later.handle({ type: "announce", address: vip6, interfaces: "all", spread }, 0);
      const [sent] = announce({ self: "node-a", nodes: ["node-a", "x"] }, 0, vip6);
      assert.ok(sent?.type === "send");
      assert.deepEqual(
        later.handle({ type: "frame", interface: "eth0", bytes: sent.bytes }, 0),
        dropped("introduction", "ndp"),
      );
      const left = { self: "x", nodes: ["x"] };
      const told = later.handle({ type: "announce", address: vip6, interfaces: "all", spread: left }, 0);
      assert.deepEqual(heads(told), [
        { mac: "02000000000c", to: "fe80000000000000000000fffe00000c", flags: 0x20 },
      ]);
    });

    it("answers a probe so that nobody else is drawn here", () => {
      announce(alone, 0, vip6);
      assert.deepEqual(heads(hear(probeSolicitation(toOctets(vip6), CLIENT))), [
        { mac: "02000000000c", to: "ff020000000000000000000000000001", flags: 0 },
      ]);
    });
  });
});
