import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import { encodeArp } from "@herald/wire/arp";
import { readU32 } from "@herald/wire/bytes";
import { ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { BROADCAST, type MacAddress, macOctets } from "@herald/wire/mac";
import fc from "fast-check";
import { DEFAULT_CONFLICT_OPTIONS } from "./conflict-options.ts";
import { Holder, type HolderEffect, type HolderInput } from "./holder.ts";
import { advertisementTemplate, probeSolicitation, unsolicitedAdvertisement } from "./ndp-frames.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

const OWN = "02:00:00:00:00:0a" as MacAddress;
const PEER = "02:00:00:00:00:0b" as MacAddress;
const STRANGER = "02:00:00:00:00:ee" as MacAddress;
const VIPS = ["192.0.2.100", "2001:db8::2"].map((text) => parseAddress(text) as IpAddress);
const INTERVAL = DEFAULT_CONFLICT_OPTIONS.defendIntervalMs;

type Step =
  | { type: "sleep"; ms: number }
  | { type: "hears"; address: IpAddress; from: MacAddress; what: "claim" | "probe" | "question" }
  | { type: "input"; input: HolderInput };

const vip = fc.constantFrom(...VIPS);
const input: fc.Arbitrary<HolderInput> = fc.oneof(
  fc.record({
    type: fc.constant("announce" as const),
    address: vip,
    interfaces: fc.constant("all" as const),
    epoch: fc.nat(5),
    probe: fc.constantFrom("first" as const, "first" as const, "skip" as const),
  }),
  fc.record({
    type: fc.constant("withdraw" as const),
    address: vip,
    how: fc.constantFrom("now" as const, "yield" as const),
  }),
  fc.record({ type: fc.constant("release" as const), address: vip }),
  fc.record({
    type: fc.constant("rival" as const),
    address: vip,
    speaker: fc.constant("node-b"),
    epoch: fc.option(fc.nat(5), { nil: undefined }),
  }),
  fc.record({
    type: fc.constant("speakers" as const),
    names: fc.constantFrom(new Map<MacAddress, string>(), new Map([[PEER, "node-b"]])),
  }),
  fc.record({ type: fc.constant("foreign" as const), present: fc.boolean() }),
  fc.constant<HolderInput>({ type: "interface-up", interface: { name: "eth0", index: 2, mac: OWN } }),
  fc.constant<HolderInput>({ type: "interface-down", interface: "eth0" }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("sleep" as const), ms: fc.oneof(fc.nat(400), fc.nat(20_000)) }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("hears" as const),
      address: vip,
      from: fc.constantFrom(PEER, STRANGER),
      what: fc.constantFrom("claim" as const, "claim" as const, "probe" as const, "question" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("input" as const), input }) },
);

function frameOf({ address, from, what }: Extract<Step, { type: "hears" }>): Uint8Array {
  const mac = macOctets(from);
  const octets = toOctets(address);
  if (octets.length === 16) {
    return what === "claim"
      ? unsolicitedAdvertisement(octets, advertisementTemplate(mac))
      : probeSolicitation(octets, mac);
  }
  const ip = readU32(octets, 0);
  const payload = encodeArp({
    operation: "request",
    senderMac: mac,
    senderIp: what === "claim" ? ip : what === "probe" ? 0 : 1,
    targetMac: new Uint8Array(6),
    targetIp: ip,
  });
  return encodeEthernet({
    destination: macOctets(BROADCAST),
    source: mac,
    vlan: 0,
    etherType: ETHERTYPE.arp,
    payload,
  });
}

/** Plays a history from a node that is up, waking the holder whenever it asks for it. */
function play(
  steps: readonly Step[],
  watch: (effect: HolderEffect, at: number) => void,
  before: (told: HolderInput) => void = () => {},
): void {
  const holder = new Holder(
    { self: "node-a", announcer: DEFAULT_ANNOUNCER_OPTIONS, conflicts: DEFAULT_CONFLICT_OPTIONS },
    new SeededRandom(1),
  );
  let now = 0;
  const tell = (told: HolderInput): void => {
    before(told);
    for (const effect of holder.handle(told, now)) watch(effect, now);
  };
  tell({ type: "interface-up", interface: { name: "eth0", index: 2, mac: OWN } });
  const sleep = (end: number): void => {
    for (let due = holder.nextWake(); due !== undefined && due <= end; due = holder.nextWake()) {
      now = Math.max(now, due);
      for (const effect of holder.wake(now)) watch(effect, now);
    }
    now = end;
  };
  for (const s of steps) {
    if (s.type === "sleep") sleep(now + s.ms);
    else tell(s.type === "input" ? s.input : { type: "frame", interface: "eth0", bytes: frameOf(s) });
  }
}

/** Which addresses owe a word about the end of their yield. */
class Yields {
  readonly pending = new Set<IpAddress>();
  readonly #wanted = new Set<IpAddress>();

  note(address: IpAddress, how: "announce" | "now" | "yield"): void {
    if (how === "yield" && this.#wanted.has(address)) this.pending.add(address);
    if (how !== "yield") this.pending.delete(address);
    if (how === "announce") this.#wanted.add(address);
    else this.#wanted.delete(address);
  }
}

/** What may be spoken for: probed, taken over, or nobody may be asked. */
class Cleared {
  readonly addresses = new Set<IpAddress>();
  #foreign = false;

  see(effect: HolderEffect): void {
    if (effect.type === "probed" && effect.takenBy === undefined) this.addresses.add(effect.address);
    if (effect.type === "lost") this.addresses.add(effect.address); // one of ours has it, so nobody else
    if (effect.type === "quarantined") this.addresses.delete(effect.address);
  }

  hear(told: HolderInput): void {
    if (told.type === "foreign") this.#foreign = told.present;
    if (told.type === "announce" && told.probe === "skip") this.addresses.add(told.address);
    // What yields is still answered for: it is cleared until it is gone.
    if (told.type === "withdraw" && told.how === "now") this.addresses.delete(told.address);
    if (this.#foreign) for (const address of VIPS) this.addresses.add(address);
  }
}

const runs = { numRuns: 500 };
const histories = fc.array(step, { maxLength: 60, size: "max" });
const speaksFor = (effect: HolderEffect): IpAddress | undefined =>
  effect.type === "answered" || effect.type === "gratuitous" || effect.type === "advertised"
    ? effect.address
    : undefined;

describe("Holder, whatever happens", () => {
  it("never defends an address twice within the interval", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const last = new Map<IpAddress, number>();
        play(steps, (effect, at) => {
          if (effect.type !== "defended") return;
          assert.ok(at - (last.get(effect.address) ?? Number.NEGATIVE_INFINITY) >= INTERVAL);
          last.set(effect.address, at);
        });
      }),
      runs,
    );
  });

  it("never speaks for an address in quarantine before it is released or no longer wanted", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const quarantined = new Set<IpAddress>();
        play(
          steps,
          (effect) => {
            if (effect.type === "quarantined") quarantined.add(effect.address);
            if (effect.type === "released") quarantined.delete(effect.address);
            const address = speaksFor(effect);
            assert.ok(address === undefined || !quarantined.has(address));
          },
          (told) => void (told.type === "withdraw" && quarantined.delete(told.address)),
        );
      }),
      runs,
    );
  });

  it("never speaks for an address before its probe has ended, unless it was told to skip that or may ask nobody", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const cleared = new Cleared();
        play(
          steps,
          (effect) => {
            cleared.see(effect);
            const address = speaksFor(effect);
            assert.ok(address === undefined || cleared.addresses.has(address));
          },
          (told) => cleared.hear(told),
        );
      }),
      runs,
    );
  });

  it("never gives an address up for what a speaker of ours does, or while others do not say who they are", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        let [known, foreign] = [false, false];
        play(
          steps,
          (effect) => {
            if (effect.type !== "quarantined") return;
            assert.ok(!foreign && !(known && effect.by === PEER));
          },
          (told) => {
            if (told.type === "foreign") foreign = told.present;
            if (told.type === "speakers") known = told.names.has(PEER);
          },
        );
      }),
      runs,
    );
  });

  it("says nothing for an address it lost before it is told of a newer claim or the winner lets go", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const lost = new Set<IpAddress>();
        play(
          steps,
          (effect) => {
            if (effect.type === "lost") lost.add(effect.address);
            const address = speaksFor(effect);
            assert.ok(address === undefined || !lost.has(address));
          },
          (told) => {
            const ends = told.type === "announce" || told.type === "withdraw" || told.type === "rival";
            if (ends) lost.delete(told.address);
          },
        );
      }),
      runs,
    );
  });

  it("ends every yield of an address it was to hold with exactly one word, or is told otherwise first", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const yields = new Yields();
        play(
          [...steps, { type: "sleep", ms: 2_000 }],
          (effect) => {
            if (effect.type === "yielded") assert.ok(yields.pending.delete(effect.address));
          },
          (told) => {
            if (told.type === "announce") yields.note(told.address, "announce");
            if (told.type === "withdraw") yields.note(told.address, told.how);
          },
        );
        assert.deepEqual([...yields.pending], []);
      }),
      runs,
    );
  });
});
