import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { type MacAddress, parseMac } from "@herald/wire/mac";
import { Announcer, type AnnouncerEffect, type AnnouncerInput, type ClaimKind } from "./announcer.ts";
import type { DropReason } from "./drop-reasons.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
};
const mac = (text: string): MacAddress => {
  const parsed = parseMac(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
};

const vip = address("192.0.2.100"); // c0000264
const eth0 = { name: "eth0", index: 2, mac: mac("02:00:00:00:00:0a") };
const eth1 = { name: "eth1", index: 3, mac: mac("02:00:00:00:01:0a") };
const other = mac("02:00:00:00:00:0b");

const request = hex`
  ffffffffffff 02000000000c 0806      # a client asks everybody
  0001 0800 06 04 0001
  02000000000c c0000201
  000000000000 c0000264`;
const reply = hex`
  02000000000c 02000000000a 0806
  0001 0800 06 04 0002
  02000000000a c0000264
  02000000000c c0000201`;
const answer: AnnouncerEffect[] = [
  { type: "send", interface: "eth0", bytes: reply },
  { type: "answered", interface: "eth0", address: vip },
];
const gratuitous = (name: string, own: Uint8Array, ip = hex`c0000264`, subject = vip): AnnouncerEffect[] => [
  {
    type: "send",
    interface: name,
    bytes: new Uint8Array([
      ...hex`ffffffffffff`,
      ...own,
      ...hex`0806 0001 0800 06 04 0001`,
      ...own,
      ...ip,
      ...hex`ffffffffffff`,
      ...ip,
    ]),
  },
  { type: "gratuitous", interface: name, address: subject, operation: "request" },
  {
    type: "send",
    interface: name,
    bytes: new Uint8Array([
      ...hex`ffffffffffff`,
      ...own,
      ...hex`0806 0001 0800 06 04 0002`,
      ...own,
      ...ip,
      ...own,
      ...ip,
    ]),
  },
  { type: "gratuitous", interface: name, address: subject, operation: "reply" },
];
const onEth0 = gratuitous("eth0", hex`02000000000a`);
const onEth1 = gratuitous("eth1", hex`02000000010a`);

const frame = (bytes: Uint8Array, name = "eth0"): AnnouncerInput => ({
  type: "frame",
  interface: name,
  bytes,
});
const up = (which: typeof eth0): AnnouncerInput => ({ type: "interface-up", interface: which });
const down = (name: string): AnnouncerInput => ({ type: "interface-down", interface: name });
const announce = (interfaces: "all" | string[] = "all", subject = vip): AnnouncerInput => ({
  type: "announce",
  address: subject,
  interfaces,
});
const withdraw = (how: "now" | "yield", subject = vip): AnnouncerInput => ({
  type: "withdraw",
  address: subject,
  how,
});
const dropped = (reason: DropReason, name = "eth0"): AnnouncerEffect => ({
  type: "dropped",
  protocol: "arp",
  reason,
  interface: name,
});
const claimed = (how: ClaimKind, by = other): AnnouncerEffect => ({
  type: "claimed",
  interface: "eth0",
  address: vip,
  by,
  how,
});
const foreign = (operation: 1 | 2, sender = "0b"): Uint8Array =>
  new Uint8Array([
    ...hex`ffffffffffff 02000000000b 0806 0001 0800 06 04 00`,
    operation,
    ...hex`0200000000`,
    Number.parseInt(sender, 16),
    ...hex`c0000264 ffffffffffff c0000264`,
  ]);

let announcer: Announcer;
beforeEach(() => {
  announcer = new Announcer(DEFAULT_ANNOUNCER_OPTIONS);
});
const tell = (inputs: readonly AnnouncerInput[], now = 0): AnnouncerEffect[] =>
  inputs.flatMap((input) => announcer.handle(input, now));

describe("Announcer, asked", () => {
  beforeEach(() => void tell([up(eth0), up(eth1), announce(["eth0"])]));

  it("answers a request to everybody", () => assert.deepEqual(tell([frame(request)]), answer));

  it("answers a request to its own MAC, padded as it comes off a wire", () => {
    const unicast = new Uint8Array([...hex`02000000000a`, ...request.subarray(6), ...new Uint8Array(18)]);
    assert.deepEqual(tell([frame(unicast)]), answer);
  });

  it("answers a request with nothing but a priority in its tag", () => {
    const tagged = new Uint8Array([...request.subarray(0, 12), ...hex`8100 e000`, ...request.subarray(12)]);
    assert.deepEqual(tell([frame(tagged)]), answer);
  });

  it("answers a probe: the address is in use", () => {
    const probe = request.slice();
    probe.fill(0, 28, 32);
    const toProbe = reply.slice();
    toProbe.fill(0, 38, 42);
    assert.deepEqual(tell([frame(probe)]), [{ type: "send", interface: "eth0", bytes: toProbe }, answer[1]]);
  });

  it("answers to the MAC in the packet, which a proxy's frame does not come from", () => {
    const proxied = request.slice();
    proxied.set(hex`0200000000fe`, 6);
    assert.deepEqual(tell([frame(proxied)]), answer);
  });

  const changed = (at: number, bytes: Uint8Array): Uint8Array => {
    const copy = request.slice();
    copy.set(bytes, at);
    return copy;
  };
  const ignored: { name: string; bytes: Uint8Array; reason: DropReason; on?: string }[] = [
    {
      name: "a request for an address it does not announce",
      bytes: changed(38, hex`c0000265`),
      reason: "not-announced",
    },
    {
      name: "the same with a priority in its tag",
      bytes: new Uint8Array([
        ...request.subarray(0, 12),
        ...hex`8100 e000`,
        ...changed(38, hex`c0000265`).subarray(12),
      ]),
      reason: "not-announced",
    },
    {
      name: "a request on an interface the address is not announced on",
      bytes: request,
      reason: "interface-not-selected",
      on: "eth1",
    },
    {
      name: "a frame of an interface it does not know",
      bytes: request,
      reason: "unknown-interface",
      on: "eth9",
    },
    { name: "nothing", bytes: hex``, reason: "truncated" },
    { name: "half a header", bytes: request.subarray(0, 13), reason: "truncated" },
    { name: "a packet that ends one octet early", bytes: request.subarray(0, 41), reason: "truncated" },
    { name: "another protocol", bytes: changed(12, hex`0800`), reason: "not-arp" },
    {
      name: "a frame of a VLAN",
      bytes: new Uint8Array([...request.subarray(0, 12), ...hex`8100 0007`, ...request.subarray(12)]),
      reason: "vlan-tagged",
    },
    { name: "what it sent itself", bytes: changed(6, hex`02000000000a`), reason: "own-frame" },
    {
      name: "a request to somebody else's MAC",
      bytes: changed(0, hex`02000000000f`),
      reason: "foreign-ethernet-destination",
    },
    {
      name: "a request to a multicast group",
      bytes: changed(0, hex`01005e000001`),
      reason: "foreign-ethernet-destination",
    },
    { name: "another operation", bytes: changed(21, hex`03`), reason: "unsupported" },
    { name: "another link", bytes: changed(15, hex`06`), reason: "unsupported" },
    { name: "a reply", bytes: changed(21, hex`02`), reason: "arp-reply" },
    {
      name: "a request that wants everybody to be answered",
      bytes: changed(22, hex`ffffffffffff`),
      reason: "invalid-sender",
    },
  ];
  for (const { name, bytes, reason, on = "eth0" } of ignored) {
    it(`ignores ${name}: ${reason}`, () => assert.deepEqual(tell([frame(bytes, on)]), [dropped(reason, on)]));
  }

  const claims: { name: string; bytes: Uint8Array; effects: AnnouncerEffect[] }[] = [
    {
      name: "a gratuitous request for an address of its own",
      bytes: foreign(1),
      effects: [claimed("announcement"), dropped("gratuitous-request")],
    },
    {
      name: "a gratuitous reply for an address of its own",
      bytes: foreign(2),
      effects: [claimed("announcement"), dropped("arp-reply")],
    },
    {
      name: "somebody else's answer for an address of its own",
      bytes: changed(
        0,
        hex`02000000000a 02000000000b 0806 0001 0800 06 04 0002 02000000000b c0000264 02000000000a c0000201`,
      ),
      effects: [claimed("answer"), dropped("arp-reply")],
    },
    {
      name: "a question in the name of an address of its own",
      bytes: changed(22, hex`02000000000b c0000264 000000000000 c0000201`),
      effects: [claimed("use"), dropped("not-announced")],
    },
  ];
  for (const { name, bytes, effects } of claims) {
    it(`reports ${name}`, () => assert.deepEqual(tell([frame(bytes)]), effects));
  }
});

describe("Announcer, taking over", () => {
  const instants = (until: number): number[] => {
    const seen: number[] = [];
    for (let due = announcer.nextWake(); due !== undefined && due <= until; due = announcer.nextWake()) {
      if (announcer.wake(due).length > 0) seen.push(due);
    }
    return seen;
  };

  it("announces on every interface at once, by request and by reply, and repeats that", () => {
    tell([up(eth0), up(eth1)]);
    assert.deepEqual(tell([announce()]), [...onEth0, ...onEth1]);
    assert.equal(announcer.nextWake(), 1100);
    assert.deepEqual(announcer.wake(1100), [...onEth0, ...onEth1]);
    assert.deepEqual(instants(10_000), [2200, 3300, 4400]);
  });

  it("announces on nothing but the interfaces selected", () => {
    tell([up(eth0), up(eth1)]);
    assert.deepEqual(tell([announce(["eth1", "eth7"])]), onEth1);
  });

  it("does not begin again when it is told the same again", () => {
    tell([up(eth0), announce()]);
    assert.deepEqual(tell([announce(), up(eth0), announce()], 50), []);
    assert.deepEqual(instants(10_000), [1100, 2200, 3300, 4400]);
  });

  it("announces on an interface that is selected later, and no more on one that is not", () => {
    tell([up(eth0), up(eth1), announce(["eth0"])]);
    assert.deepEqual(tell([announce(["eth1"])], 10), onEth1);
    assert.deepEqual(announcer.wake(1110), onEth1);
    assert.deepEqual(tell([frame(request)]), [dropped("interface-not-selected")]);
  });

  it("announces on an interface that appears later", () => {
    assert.deepEqual(tell([announce()]), []);
    assert.deepEqual(tell([up(eth0)], 99), onEth0);
  });

  it("announces anew on an interface that comes back with another index or MAC (MetalLB defect 21)", () => {
    tell([up(eth0), announce()]);
    assert.deepEqual(tell([up({ ...eth0, index: 9 })], 50), onEth0);
    const moved = { ...eth0, index: 9, mac: other };
    assert.deepEqual(tell([up(moved)], 60), gratuitous("eth0", hex`02000000000b`));
    const answered = tell([frame(request)])[0];
    assert.ok(answered?.type === "send");
    assert.deepEqual(answered.bytes.subarray(6, 12), hex`02000000000b`);
  });

  it("says and answers nothing on an interface that went down", () => {
    tell([up(eth0), up(eth1), announce(), down("eth0"), down("eth7")]);
    assert.deepEqual(tell([frame(request)]), [dropped("unknown-interface")]);
    assert.deepEqual(announcer.wake(1100), onEth1);
    assert.deepEqual(tell([up(eth0)], 1200), onEth0);
  });

  it("wakes for nothing on an interface that went down", () => {
    tell([up(eth0), announce(), down("eth0")]);
    assert.equal(announcer.nextWake(), undefined);
  });

  it("does not announce what it yields on an interface that appears", () => {
    tell([up(eth0), announce(), withdraw("yield")]);
    assert.deepEqual(tell([up(eth1), up({ ...eth0, index: 9 })]), []);
    assert.equal(announcer.nextWake(), 1000);
  });

  it("stops announcing an address that is withdrawn or yielding", () => {
    tell([up(eth0), announce(), withdraw("now")]);
    assert.equal(announcer.nextWake(), undefined);
    tell([announce(), withdraw("yield")]);
    assert.deepEqual(announcer.wake(1100), [{ type: "yielded", address: vip, by: undefined }]);
  });
});

describe("Announcer, withdrawing", () => {
  beforeEach(() => void tell([up(eth0), up(eth1), announce(["eth0"])]));

  it("answers no more when the address is to go now", () => {
    assert.deepEqual(tell([withdraw("now"), frame(request)]), [dropped("not-announced")]);
  });

  it("answers on while it yields, until time is up", () => {
    assert.deepEqual(tell([withdraw("yield"), frame(request)], 10), answer);
    assert.equal(announcer.nextWake(), 1010);
    assert.deepEqual(announcer.wake(1009), []);
    assert.deepEqual(announcer.wake(1010), [{ type: "yielded", address: vip, by: undefined }]);
    assert.deepEqual(tell([frame(request)]), [dropped("not-announced")]);
    assert.equal(announcer.nextWake(), undefined);
  });

  for (const [operation, reason] of [
    [1, "gratuitous-request"],
    [2, "arp-reply"],
  ] as const) {
    it(`ends its yield when the new owner is heard: ${reason}`, () => {
      tell([withdraw("yield")]);
      assert.deepEqual(tell([frame(foreign(operation)), frame(request)], 5), [
        { type: "yielded", address: vip, by: other },
        dropped(reason),
        dropped("not-announced"),
      ]);
      assert.equal(announcer.nextWake(), undefined);
    });
  }

  it("does not take its own announcement, heard on another interface, for a new owner", () => {
    tell([announce("all"), withdraw("yield")]);
    const echoed = foreign(1);
    echoed.set(hex`02000000000a`, 6);
    echoed.set(hex`02000000000a`, 22);
    assert.deepEqual(tell([frame(echoed, "eth1"), frame(request)]), [
      dropped("gratuitous-request", "eth1"),
      ...answer,
    ]);
  });

  it("does not take a claim on a segment where it does not announce for a new owner", () => {
    tell([withdraw("yield")]);
    assert.deepEqual(tell([frame(foreign(1), "eth1"), frame(request)]), [
      dropped("gratuitous-request", "eth1"),
      ...answer,
    ]);
  });

  it("goes at once when its successor was heard before it was told", () => {
    assert.deepEqual(tell([frame(foreign(1)), withdraw("yield"), frame(request)], 5), [
      claimed("announcement"),
      dropped("gratuitous-request"),
      { type: "yielded", address: vip, by: other },
      dropped("not-announced"),
    ]);
  });

  it("waits for its successor when a claim was heard long ago", () => {
    tell([frame(foreign(1))], 5);
    assert.deepEqual(tell([withdraw("yield"), frame(request)], 2_005), answer);
    assert.equal(announcer.nextWake(), 3_005);
  });

  it("waits for its successor when the claim was heard before it took over itself", () => {
    tell([frame(foreign(1)), withdraw("yield"), announce(["eth0"])], 5);
    assert.deepEqual(tell([withdraw("yield"), frame(request)], 10), answer);
  });

  it("waits for its successor when the claim was heard while it only listened", () => {
    tell([withdraw("now"), { type: "watch", address: vip, interfaces: ["eth0"] }, frame(foreign(1))]);
    tell([announce(["eth0"])], 5);
    assert.deepEqual(tell([withdraw("yield"), frame(request)], 10), answer);
  });

  it("waits for its successor when it had the address defended against the claim", () => {
    tell([frame(foreign(1)), { type: "defend", address: vip, interface: "eth0" }], 5);
    assert.deepEqual(tell([withdraw("yield"), frame(request)], 10), answer);
  });

  it("does not wait longer when it is told to yield again", () => {
    tell([withdraw("yield")]);
    tell([withdraw("yield")], 900);
    assert.equal(announcer.nextWake(), 1000);
  });

  it("goes at once when it is told so while it yields", () => {
    assert.deepEqual(tell([withdraw("yield"), withdraw("now"), frame(request)]), [dropped("not-announced")]);
    assert.equal(announcer.nextWake(), undefined);
  });

  it("takes over again when the address comes back while it yields", () => {
    tell([withdraw("yield")]);
    assert.deepEqual(tell([announce(["eth0"])], 100), onEth0);
    assert.equal(announcer.nextWake(), 1200);
    assert.deepEqual(tell([frame(foreign(1)), frame(request)], 1200), [
      claimed("announcement"),
      dropped("gratuitous-request"),
      ...answer,
    ]);
  });

  it("has nothing to yield when it never announced", () => {
    assert.deepEqual(
      tell([withdraw("yield", address("192.0.2.7")), withdraw("now", address("192.0.2.7"))]),
      [],
    );
    assert.equal(announcer.wake(9_000).filter(({ type }) => type === "yielded").length, 0);
  });
});
