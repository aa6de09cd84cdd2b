import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { familyOf, fromOctets, type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import { type ArpPacket, decodeArp, encodeArp } from "@herald/wire/arp";
import { readU32, writeU32 } from "@herald/wire/bytes";
import { decodeEthernet, ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { decodeIcmpv6 } from "@herald/wire/icmpv6";
import { decodeIpv6 } from "@herald/wire/ipv6";
import { BROADCAST, formatMac, type MacAddress, macOctets } from "@herald/wire/mac";
import { decodeNdp } from "@herald/wire/ndp";
import fc from "fast-check";
import { Announcer, type AnnouncerEffect, type AnnouncerInput } from "./announcer.ts";
import { SLOT_MS } from "./gratuitous.ts";
import { advertisementTemplate, checkSolicitation, unsolicitedAdvertisement } from "./ndp-frames.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

const PACE = 6;
const VIPS = ["192.0.2.100", "192.0.2.101", "10.255.255.255", "2001:db8::2", "2001:db8:1::2"].map(
  (text) => parseAddress(text) as IpAddress,
);
const MACS = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"] as MacAddress[];
const CLIENT = "02:00:00:00:00:cc" as MacAddress;
const RIVAL = "02:00:00:00:00:dd" as MacAddress;

type Step =
  | { type: "sleep"; ms: number }
  | { type: "ask"; address: IpAddress; interface: string; to: MacAddress }
  | { type: "claim"; address: IpAddress; interface: string }
  | { type: "input"; input: AnnouncerInput };

const name = fc.constantFrom("eth0", "eth1");
const vip = fc.constantFrom(...VIPS);
const input = fc.oneof(
  fc.record({
    type: fc.constant("announce" as const),
    address: vip,
    interfaces: fc.oneof(fc.constant("all" as const), fc.subarray(["eth0", "eth1"])),
  }),
  fc.record({
    type: fc.constant("withdraw" as const),
    address: vip,
    how: fc.constantFrom("now" as const, "yield" as const),
  }),
  fc.record({
    type: fc.constant("interface-up" as const),
    interface: fc.record({ name, index: fc.integer({ min: 1, max: 3 }), mac: fc.constantFrom(...MACS) }),
  }),
  fc.record({ type: fc.constant("interface-down" as const), interface: name }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("sleep" as const), ms: fc.integer({ min: 0, max: 700 }) }),
  fc.record({
    type: fc.constant("ask" as const),
    address: vip,
    interface: name,
    to: fc.constantFrom(BROADCAST, ...MACS),
  }),
  fc.record({ type: fc.constant("claim" as const), address: vip, interface: name }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant("input" as const), input }) },
);

/** What ought to be true, kept as simply as can be. */
class Model {
  readonly held = new Map<IpAddress, { interfaces: "all" | readonly string[]; yielding: boolean }>();
  readonly up = new Map<string, MacAddress>();

  before(told: AnnouncerInput): void {
    if (told.type === "announce")
      this.held.set(told.address, { interfaces: told.interfaces, yielding: false });
    if (told.type === "withdraw" && told.how === "now") this.held.delete(told.address);
    const held = told.type === "withdraw" ? this.held.get(told.address) : undefined;
    if (held !== undefined) held.yielding = true;
    if (told.type === "interface-up") this.up.set(told.interface.name, told.interface.mac);
    if (told.type === "interface-down") this.up.delete(told.interface);
  }

  answers(address: IpAddress, on: string, to: MacAddress): boolean {
    const held = this.held.get(address);
    const own = this.up.get(on);
    if (held === undefined || own === undefined || (to !== BROADCAST && to !== own)) return false;
    return held.interfaces === "all" || held.interfaces.includes(on);
  }
}

const arpFrame = (to: MacAddress, packet: ArpPacket): Uint8Array =>
  encodeEthernet({
    destination: macOctets(to),
    source: packet.senderMac,
    vlan: 0,
    etherType: ETHERTYPE.arp,
    payload: encodeArp(packet),
  });
/** To the group where ARP would ask everybody. */
const solicits = (target: Uint8Array, to: MacAddress): Uint8Array => {
  const frame = checkSolicitation(target, macOctets(CLIENT));
  if (to !== BROADCAST) frame.set(macOctets(to), 0);
  return frame;
};
const u32 = (address: IpAddress): number => readU32(toOctets(address), 0);
const asks = (address: IpAddress, to: MacAddress): Uint8Array =>
  familyOf(address) === 6
    ? solicits(toOctets(address), to)
    : arpFrame(to, {
        operation: "request",
        senderMac: macOctets(CLIENT),
        senderIp: 1,
        targetMac: new Uint8Array(6),
        targetIp: u32(address),
      });
const claims = (address: IpAddress): Uint8Array =>
  familyOf(address) === 6
    ? unsolicitedAdvertisement(toOctets(address), advertisementTemplate(macOctets(RIVAL)))
    : arpFrame(BROADCAST, {
        operation: "request",
        senderMac: macOctets(RIVAL),
        senderIp: u32(address),
        targetMac: new Uint8Array(6),
        targetIp: u32(address),
      });

/** For which address a frame speaks, and with which MACs: that of the frame and that in the packet. */
const speakerOf = (bytes: Uint8Array): { address: IpAddress; macs: readonly Uint8Array[] } => {
  const { source, etherType, payload } = decodeEthernet(bytes);
  if (etherType === ETHERTYPE.arp) {
    const { senderIp, senderMac } = decodeArp(payload);
    const octets = new Uint8Array(4);
    writeU32(octets, 0, senderIp);
    return { address: fromOctets(octets), macs: [source, senderMac] };
  }
  const packet = decodeIpv6(payload);
  const message = decodeNdp(decodeIcmpv6(packet));
  assert.deepEqual(packet.source, message.target);
  return { address: fromOctets(message.target), macs: [source, message.linkAddress ?? new Uint8Array(6)] };
};

/** Joins nothing twice and leaves nothing it is not in, as the kernel would have it. */
const follow = (effect: AnnouncerEffect, joined: Set<string>): void => {
  if (effect.type !== "join" && effect.type !== "leave") return;
  const key = `${effect.group} ${effect.interface}`;
  assert.equal(joined.has(key), effect.type === "leave");
  if (!joined.delete(key)) joined.add(key);
};

/** Both IPv6 addresses have the same last 24 bits, so one group. */
const groupsWanted = (model: Model): readonly string[] =>
  [...model.up.keys()]
    .filter((on) => VIPS.some((each) => familyOf(each) === 6 && model.answers(each, on, BROADCAST)))
    .map((on) => `ff02::1:ff00:2 ${on}`);

interface Said {
  readonly at: number;
  readonly effect: AnnouncerEffect;
}

type Check = (effects: readonly AnnouncerEffect[], model: Model, step?: Step) => void;

/** Plays a history, waking the announcer whenever it asks for it. `check` sees each batch of effects. */
function play(steps: readonly Step[], check: Check, after: Check = () => {}): Said[] {
  const announcer = new Announcer({ ...DEFAULT_ANNOUNCER_OPTIONS, gratuitousFramesPerSlot: PACE });
  const model = new Model();
  const said: Said[] = [];
  let now = 0;
  const note = (effects: readonly AnnouncerEffect[], s?: Step): void => {
    check(effects, model, s);
    for (const effect of effects) {
      said.push({ at: now, effect });
      if (effect.type === "yielded") model.held.delete(effect.address);
    }
    after(effects, model, s);
  };
  const sleep = (end: number): void => {
    for (let due = announcer.nextWake(); due !== undefined && due <= end; due = announcer.nextWake()) {
      now = Math.max(now, due);
      note(announcer.wake(now));
    }
    now = end;
  };
  const tell = (told: AnnouncerInput, s: Step): void => {
    model.before(told);
    note(announcer.handle(told, now), s);
  };
  for (const s of steps) {
    if (s.type === "sleep") sleep(now + s.ms);
    else if (s.type === "input") tell(s.input, s);
    else tell({ type: "frame", interface: s.interface, bytes: frameOf(s) }, s);
  }
  return said;
}

function frameOf(s: Extract<Step, { type: "ask" | "claim" }>): Uint8Array {
  return s.type === "ask" ? asks(s.address, s.to) : claims(s.address);
}

const runs = { numRuns: 300 };
const histories = fc.array(step, { maxLength: 60, size: "max" });
const sends = (effects: readonly AnnouncerEffect[]) => effects.filter((effect) => effect.type === "send");

describe("Announcer, whatever happens", () => {
  it("never speaks for an address that is not announced there, nor with a MAC that is not the interface's", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        play(steps, (effects, model) => {
          for (const { interface: on, bytes } of sends(effects)) {
            const { address, macs } = speakerOf(bytes);
            assert.ok(VIPS.includes(address) && model.answers(address, on, BROADCAST));
            assert.deepEqual(macs.map(formatMac), [model.up.get(on), model.up.get(on)]);
          }
        });
      }),
      runs,
    );
  });

  it("never announces what it is yielding", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        play(steps, (effects, model) => {
          for (const effect of effects) {
            const isAnnounced = effect.type === "gratuitous" || effect.type === "advertised";
            if (isAnnounced) assert.equal(model.held.get(effect.address)?.yielding, false);
          }
        });
      }),
      runs,
    );
  });

  it("answers every valid request exactly once and every other frame with exactly one reason", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        play(steps, (effects, model, s) => {
          if (s?.type !== "ask") return;
          const types = effects.map(({ type }) => type);
          const wanted = model.answers(s.address, s.interface, s.to) ? ["send", "answered"] : ["dropped"];
          assert.deepEqual(types, wanted);
        });
      }),
      runs,
    );
  });

  it("yields only what it was told to, and to nobody but one it heard", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const claimed = new Set<IpAddress>();
        play(steps, (effects, model, s) => {
          if (s?.type === "claim") claimed.add(s.address);
          for (const { address, by } of effects.filter((effect) => effect.type === "yielded")) {
            assert.equal(model.held.get(address)?.yielding, true);
            assert.ok(by === undefined || (by === RIVAL && claimed.has(address)), `to ${by}`);
          }
        });
      }),
      runs,
    );
  });

  it("is in the group of every IPv6 address it answers for, on each interface, and in no other", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const joined = new Set<string>();
        const check: Check = (effects, model) => {
          for (const effect of effects) follow(effect, joined);
          assert.deepEqual([...joined].sort(), [...groupsWanted(model)].sort());
        };
        play(steps, () => {}, check);
      }),
      runs,
    );
  });

  it("keeps its pace in any 10 ms", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const at = play(steps, () => {})
          .filter(({ effect }) => effect.type === "gratuitous" || effect.type === "advertised")
          .map((said) => said.at);
        const busiest = Math.max(
          0,
          ...at.map((end) => at.filter((t) => t <= end && t + SLOT_MS > end).length),
        );
        assert.ok(busiest <= PACE, `${busiest} frames`);
      }),
      runs,
    );
  });

  it("leaves nothing pending after everything is withdrawn and time has passed", () => {
    fc.assert(
      fc.property(histories, fc.constantFrom("now" as const, "yield" as const), (steps, how) => {
        const end: Step[] = VIPS.map((address) => ({
          type: "input",
          input: { type: "withdraw", address, how },
        }));
        const model: Model[] = [];
        play([...steps, ...end, { type: "sleep", ms: 1_000 }, { type: "sleep", ms: 0 }], (_, seen) =>
          model.push(seen),
        );
        assert.equal(model[0]?.held.size ?? 0, 0);
      }),
      runs,
    );
  });
});
