import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { encodeIcmpv6, type Icmpv6Message } from "@herald/wire/icmpv6";
import { encodeIpv6 } from "@herald/wire/ipv6";
import { type MacAddress, parseMac } from "@herald/wire/mac";
import { encodeNdp, type NeighbourMessage } from "@herald/wire/ndp";
import { Announcer, type AnnouncerEffect, type AnnouncerInput, type ClaimKind } from "./announcer.ts";
import type { NdpDropReason } from "./drop-reasons.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

/** What Linux and ndisc6 put on the wire; see the files. */
const capture = (name: string): Uint8Array =>
  parseHex(readFileSync(new URL(`../../wire/src/testdata/${name}.hex`, import.meta.url), "utf8"));

const vip = parseAddress("2001:db8::2") as IpAddress;
const eth0 = { name: "eth0", index: 2, mac: parseMac("02:00:00:00:00:0b") as MacAddress };
const eth1 = { name: "eth1", index: 3, mac: parseMac("02:00:00:00:01:0b") as MacAddress };
const rival = parseMac("02:00:00:00:00:0c") as MacAddress;

const VIP = hex`20010db8000000000000000000000002`;
const CLIENT = hex`20010db8000000000000000000000001`;
const NOBODY = hex`00000000000000000000000000000000`;
const GROUP = hex`ff0200000000000000000001ff000002`;
const ALL_NODES = hex`ff020000000000000000000000000001`;
const OWN_MAC = hex`02000000000b`;
const CLIENT_MAC = hex`02000000000a`;
const RIVAL_MAC = hex`02000000000c`;
const GROUP_MAC = hex`3333ff000002`;
const ALL_NODES_MAC = hex`333300000001`;

interface Ndp {
  readonly macs: readonly [from: Uint8Array, to: Uint8Array];
  readonly ips: readonly [from: Uint8Array, to: Uint8Array];
  readonly message: NeighbourMessage | Icmpv6Message;
  readonly hopLimit?: number;
}
const ndp = ({ macs, ips, message, hopLimit = 255 }: Ndp): Uint8Array =>
  encodeEthernet({
    destination: macs[1],
    source: macs[0],
    vlan: 0,
    etherType: ETHERTYPE.ipv6,
    payload: encodeIpv6({
      trafficClass: 0,
      flowLabel: 0,
      hopLimit,
      source: ips[0],
      destination: ips[1],
      hopByHop: undefined,
      nextHeader: 58,
      payload: encodeIcmpv6("body" in message ? message : encodeNdp(message), ips[0], ips[1]),
    }),
  });
const asks = (mac: Uint8Array | "nowhere" = CLIENT_MAC, target = VIP): NeighbourMessage => ({
  type: "solicitation",
  target,
  linkAddress: mac === "nowhere" ? undefined : mac,
  nonce: undefined,
});
const has = (flags: string, mac: Uint8Array | "nowhere" = RIVAL_MAC, target = VIP): NeighbourMessage => ({
  type: "advertisement",
  router: false,
  solicited: flags.includes("s"),
  override: flags.includes("o"),
  target,
  linkAddress: mac === "nowhere" ? undefined : mac,
});
const fromClient = (change: Partial<Ndp>): Uint8Array =>
  ndp({ macs: [CLIENT_MAC, GROUP_MAC], ips: [CLIENT, GROUP], message: asks(), ...change });
const fromRival = (change: Partial<Ndp>): Uint8Array =>
  ndp({ macs: [RIVAL_MAC, ALL_NODES_MAC], ips: [VIP, ALL_NODES], message: has("o"), ...change });

const frame = (bytes: Uint8Array, name = "eth0"): AnnouncerInput => ({
  type: "frame",
  interface: name,
  bytes,
});
const up = (which: typeof eth0): AnnouncerInput => ({ type: "interface-up", interface: which });
const down: AnnouncerInput = { type: "interface-down", interface: "eth0" };
const announce = (interfaces: "all" | string[] = "all", address = vip): AnnouncerInput => ({
  type: "announce",
  address,
  interfaces,
});
const watch: AnnouncerInput = { type: "watch", address: vip, interfaces: ["eth0"] };
const withdraw = (how: "now" | "yield"): AnnouncerInput => ({ type: "withdraw", address: vip, how });

const group = parseAddress("ff02::1:ff00:2") as IpAddress;
const join = (which = eth0): AnnouncerEffect => ({
  type: "join",
  interface: which.name,
  index: which.index,
  group,
});
const leave = (which = eth0): AnnouncerEffect => ({ ...join(which), type: "leave" }) as AnnouncerEffect;
const send = (bytes: Uint8Array): AnnouncerEffect => ({ type: "send", interface: "eth0", bytes });
const answered: AnnouncerEffect = { type: "answered", interface: "eth0", address: vip };
const dropped = (reason: NdpDropReason, name = "eth0"): AnnouncerEffect => ({
  type: "dropped",
  protocol: "ndp",
  reason,
  interface: name,
});
const claimed = (how: ClaimKind): AnnouncerEffect => ({
  type: "claimed",
  interface: "eth0",
  address: vip,
  by: rival,
  how,
});
const advertisement = ndp({
  macs: [OWN_MAC, ALL_NODES_MAC],
  ips: [VIP, ALL_NODES],
  message: has("o", OWN_MAC),
});
const advertised: AnnouncerEffect[] = [
  send(advertisement),
  { type: "advertised", interface: "eth0", address: vip },
];

let announcer: Announcer;
beforeEach(() => {
  announcer = new Announcer(DEFAULT_ANNOUNCER_OPTIONS);
});
const tell = (inputs: readonly AnnouncerInput[], now = 0): AnnouncerEffect[] =>
  inputs.flatMap((input) => announcer.handle(input, now));

describe("Announcer, solicited", () => {
  beforeEach(() => void tell([up(eth0), up(eth1), announce(["eth0"])]));

  it("answers Linux as Linux would, octet for octet", () =>
    assert.deepEqual(tell([frame(capture("linux-ns"))]), [send(capture("linux-na")), answered]));

  it("answers ndisc6", () => {
    const asker = hex`fe80000000000000000000fffe00000a`;
    const wanted = ndp({ macs: [OWN_MAC, CLIENT_MAC], ips: [VIP, asker], message: has("so", OWN_MAC) });
    assert.deepEqual(tell([frame(capture("ndisc6-ns"))]), [send(wanted), answered]);
  });

  it("answers a neighbour that makes sure by unicast, with its link-layer address all the same (MetalLB defect 21)", () => {
    const asker = hex`fe80000000000000000000fffe00000a`;
    const wanted = ndp({ macs: [OWN_MAC, CLIENT_MAC], ips: [VIP, asker], message: has("so", OWN_MAC) });
    assert.deepEqual(tell([frame(capture("linux-ns-nud"))]), [send(wanted), answered]);
  });

  for (const [name, change] of [
    ["to the group", {}],
    ["by unicast", { macs: [CLIENT_MAC, OWN_MAC], ips: [CLIENT, VIP] }],
  ] as const) {
    it(`answers who does not say where, to where the frame came from: ${name}`, () =>
      assert.deepEqual(tell([frame(fromClient({ ...change, message: asks("nowhere") }))]).slice(0, 1), [
        send(capture("linux-na")),
      ]));
  }

  it("answers to the MAC in the option, which a proxy's frame does not come from", () =>
    assert.deepEqual(tell([frame(fromClient({ macs: [RIVAL_MAC, GROUP_MAC] }))]), [
      send(capture("linux-na")),
      answered,
    ]));

  it("answers a probe to all nodes, octet for octet as Linux does (MetalLB defect 21)", () => {
    const one = parseAddress("2001:db8::1") as IpAddress;
    tell([up({ ...eth0, mac: parseMac("02:00:00:00:00:0a") as MacAddress }), announce(["eth0"], one)]);
    const probe = capture("linux-ns-dad");
    probe.set(RIVAL_MAC, 6);
    assert.deepEqual(tell([frame(probe)]), [
      send(capture("linux-na-dad-defence")),
      { ...answered, address: one },
    ]);
  });

  it("answers a question with nothing but a priority in its tag", () => {
    const bytes = capture("linux-ns");
    const tagged = new Uint8Array([...bytes.subarray(0, 12), ...hex`8100 e000`, ...bytes.subarray(12)]);
    assert.deepEqual(tell([frame(tagged)]), [send(capture("linux-na")), answered]);
  });

  const zeroLength = encodeNdp(asks());
  zeroLength.body[21] = 0;
  const changed = capture("linux-ns");
  changed[80] = 1;
  const report = capture("linux-mld-report");
  report.set(RIVAL_MAC, 6);
  const multicastTarget = hex`ff0200000000000000000001ff000002`;
  const ignored: { name: string; bytes: Uint8Array; reason: NdpDropReason; on?: string }[] = [
    {
      name: "a question for an address it does not announce",
      bytes: fromClient({ message: asks(CLIENT_MAC, CLIENT) }),
      reason: "not-announced",
    },
    {
      name: "a question on an interface the address is not announced on",
      bytes: fromClient({}),
      reason: "interface-not-selected",
      on: "eth1",
    },
    {
      name: "a question that ends within its options",
      bytes: fromClient({}).subarray(0, 80),
      reason: "truncated",
    },
    { name: "what it sent itself", bytes: fromClient({ macs: [OWN_MAC, GROUP_MAC] }), reason: "own-frame" },
    {
      name: "a question to somebody else's MAC",
      bytes: fromClient({ macs: [CLIENT_MAC, RIVAL_MAC] }),
      reason: "foreign-ethernet-destination",
    },
    {
      name: "a question to another group's MAC",
      bytes: fromClient({ macs: [CLIENT_MAC, ALL_NODES_MAC] }),
      reason: "foreign-ethernet-destination",
    },
    {
      name: "a question to somebody else's address",
      bytes: fromClient({ macs: [CLIENT_MAC, OWN_MAC], ips: [CLIENT, CLIENT] }),
      reason: "foreign-ip-destination",
    },
    { name: "a report of group members", bytes: report, reason: "not-ndp" },
    {
      name: "a question from beyond a router (MetalLB defect 21)",
      bytes: fromClient({ hopLimit: 254 }),
      reason: "hop-limit",
    },
    { name: "a question changed on its way", bytes: changed, reason: "checksum" },
    {
      name: "another code",
      bytes: fromClient({ message: { ...encodeNdp(asks()), code: 1 } }),
      reason: "unsupported",
    },
    {
      name: "an option without length",
      bytes: fromClient({ message: zeroLength }),
      reason: "invalid-option",
    },
    {
      name: "an advertisement for a group",
      bytes: fromRival({ message: has("o", RIVAL_MAC, multicastTarget) }),
      reason: "multicast-target",
    },
    {
      name: "a question that wants everybody to be answered",
      bytes: fromClient({ message: asks(hex`ffffffffffff`) }),
      reason: "invalid-sender",
    },
    {
      name: "a question from a group",
      bytes: fromClient({ ips: [ALL_NODES, GROUP] }),
      reason: "invalid-sender",
    },
    {
      name: "a probe that says where to answer",
      bytes: fromClient({ ips: [NOBODY, GROUP] }),
      reason: "invalid-probe",
    },
    {
      name: "a probe by unicast",
      bytes: fromClient({ macs: [CLIENT_MAC, OWN_MAC], ips: [NOBODY, VIP], message: asks("nowhere") }),
      reason: "invalid-probe",
    },
    {
      name: "an answer to everybody's question",
      bytes: fromRival({ message: has("so") }),
      reason: "invalid-advertisement",
    },
    {
      name: "an advertisement to somebody else's MAC",
      bytes: fromRival({ macs: [RIVAL_MAC, CLIENT_MAC] }),
      reason: "foreign-ethernet-destination",
    },
    {
      name: "an advertisement for an address it does not announce",
      bytes: fromRival({ message: has("o", RIVAL_MAC, CLIENT) }),
      reason: "neighbour-advertisement",
    },
  ];
  for (const { name, bytes, reason, on = "eth0" } of ignored) {
    it(`ignores ${name}: ${reason}`, () => assert.deepEqual(tell([frame(bytes, on)]), [dropped(reason, on)]));
  }

  const claims: { name: string; bytes: Uint8Array; how: ClaimKind }[] = [
    { name: "an advertisement of its own address", bytes: fromRival({}), how: "announcement" },
    {
      name: "one that does not say where the address is",
      bytes: fromRival({ message: has("o", "nowhere") }),
      how: "announcement",
    },
    { name: "one that does not want to be believed", bytes: fromRival({ message: has("") }), how: "answer" },
    {
      name: "an answer to a question",
      bytes: fromRival({ macs: [RIVAL_MAC, OWN_MAC], ips: [VIP, CLIENT], message: has("so") }),
      how: "answer",
    },
  ];
  for (const { name, bytes, how } of claims) {
    it(`reports ${name}`, () =>
      assert.deepEqual(tell([frame(bytes)]), [claimed(how), dropped("neighbour-advertisement")]));
  }
});

describe("Announcer, taking over an IPv6 address", () => {
  it("joins the group first, then advertises to all nodes, and repeats that", () => {
    tell([up(eth0)]);
    assert.deepEqual(tell([announce()]), [join(), ...advertised]);
    const seen: number[] = [];
    for (let due = announcer.nextWake(); due !== undefined; due = announcer.nextWake()) {
      assert.deepEqual(announcer.wake(due), advertised);
      seen.push(due);
    }
    assert.deepEqual(seen, [1100, 2200, 3300, 4400]);
  });

  it("advertises octet for octet as Linux does", () => {
    const one = parseAddress("2001:db8::1") as IpAddress;
    tell([up({ ...eth0, mac: parseMac("02:00:00:00:00:0a") as MacAddress })]);
    assert.deepEqual(tell([announce("all", one)])[1], send(capture("linux-na-unsolicited")));
  });

  it("joins and advertises on an interface that appears later (MetalLB defect 21)", () => {
    assert.deepEqual(tell([announce()]), []);
    assert.deepEqual(tell([up(eth0)]), [join(), ...advertised]);
  });

  it("leaves on an interface that goes down, and joins again when it comes back", () => {
    tell([up(eth0), announce()]);
    assert.deepEqual(tell([down]), [leave()]);
    assert.deepEqual(tell([up(eth0)]), [join(), ...advertised]);
  });

  it("joins anew on an interface that was replaced by another of its name", () => {
    tell([up(eth0), announce()]);
    const next = { ...eth0, index: 9 };
    assert.deepEqual(tell([up(next)]), [leave(), join(next), ...advertised]);
    assert.deepEqual(tell([up(next)]), []);
  });

  it("joins and leaves as interfaces are selected", () => {
    tell([up(eth0), up(eth1), announce(["eth0"])]);
    assert.deepEqual(tell([announce(["eth1"])]).slice(0, 2), [leave(), join(eth1)]);
  });

  it("shares a group among addresses with the same last 24 bits", () => {
    const twin = parseAddress("2001:db8:1::2") as IpAddress;
    tell([up(eth0), announce()]);
    assert.deepEqual(
      tell([announce("all", twin)]).filter(({ type }) => type === "join"),
      [],
    );
    assert.deepEqual(tell([withdraw("now")]), []);
    assert.deepEqual(tell([{ type: "withdraw", address: twin, how: "now" }]), [leave()]);
  });
});

describe("Announcer, withdrawing an IPv6 address", () => {
  beforeEach(() => void tell([up(eth0), announce(["eth0"])]));

  it("leaves the group and answers no more when the address is to go now", () =>
    assert.deepEqual(tell([withdraw("now"), frame(fromClient({}))]), [leave(), dropped("not-announced")]));

  it("stays in the group and answers on while it yields, until time is up", () => {
    assert.deepEqual(tell([withdraw("yield"), frame(fromClient({}))]), [send(capture("linux-na")), answered]);
    assert.deepEqual(announcer.wake(1_000), [leave(), { type: "yielded", address: vip, by: undefined }]);
  });

  it("ends its yield when the new owner is heard", () =>
    assert.deepEqual(tell([withdraw("yield"), frame(fromRival({}))]), [
      leave(),
      { type: "yielded", address: vip, by: rival },
      dropped("neighbour-advertisement"),
    ]));

  it("goes at once when its successor was heard before it was told", () =>
    assert.deepEqual(tell([frame(fromRival({})), withdraw("yield")]).slice(2), [
      leave(),
      { type: "yielded", address: vip, by: rival },
    ]));

  for (const flags of ["", "so"]) {
    it(`does not take an advertisement flagged "${flags}" for a new owner's`, () => {
      const macs = [RIVAL_MAC, flags === "so" ? OWN_MAC : ALL_NODES_MAC] as const;
      const ips = [VIP, flags === "so" ? CLIENT : ALL_NODES] as const;
      assert.deepEqual(tell([withdraw("yield"), frame(fromRival({ macs, ips, message: has(flags) }))]), [
        dropped("neighbour-advertisement"),
      ]);
    });
  }
});

describe("Announcer, watching an address", () => {
  const probe = ndp({ macs: [OWN_MAC, GROUP_MAC], ips: [NOBODY, GROUP], message: asks("nowhere") });
  const foreignProbe = ndp({ macs: [RIVAL_MAC, GROUP_MAC], ips: [NOBODY, GROUP], message: asks("nowhere") });
  beforeEach(() => void tell([up(eth0), up(eth1)]));

  it("joins the group and says nothing", () => {
    assert.deepEqual(tell([watch]), [join()]);
    assert.equal(announcer.nextWake(), undefined);
    assert.deepEqual(tell([frame(fromClient({}))]), [dropped("probing")]);
  });

  it("asks on every interface selected whether somebody has it", () =>
    assert.deepEqual(tell([watch, { type: "probe", address: vip }]), [join(), send(probe)]));

  it("asks for an address it announces so that the answer comes to it alone", () => {
    const self = hex`fe80000000000000000000fffe00000b`; // as in the captures of Linux with this MAC
    const check = ndp({ macs: [OWN_MAC, GROUP_MAC], ips: [self, GROUP], message: asks(OWN_MAC) });
    const answer = fromRival({ macs: [RIVAL_MAC, OWN_MAC], ips: [VIP, self], message: has("so") });
    tell([announce(["eth0"])]);
    assert.deepEqual(tell([{ type: "probe", address: vip }, frame(answer)]), [
      send(check),
      claimed("answer"),
      dropped("neighbour-advertisement"),
    ]);
  });

  it("asks for an address of IPv4 in the same way, from nobody", () => {
    const address = parseAddress("192.0.2.100") as IpAddress;
    const bytes = hex`
      ffffffffffff 02000000000b 0806 0001 0800 06 04 0001
      02000000000b 00000000 000000000000 c0000264`;
    tell([{ type: "watch", address, interfaces: ["eth0"] }]);
    assert.deepEqual(tell([{ type: "probe", address }]), [send(bytes)]);
    const foreign = bytes.slice();
    foreign.set(RIVAL_MAC, 6);
    foreign.set(RIVAL_MAC, 22);
    assert.deepEqual(tell([frame(foreign)]), [
      { ...claimed("probe"), address },
      { ...dropped("probing"), protocol: "arp" },
    ]);
  });

  it("reports who is about to use it, and who has it", () =>
    assert.deepEqual(tell([watch, frame(foreignProbe), frame(fromRival({}))]).slice(1), [
      claimed("probe"),
      dropped("probing"),
      claimed("announcement"),
      dropped("neighbour-advertisement"),
    ]));

  it("answers and advertises once it is told to, without joining twice", () => {
    tell([watch]);
    assert.deepEqual(tell([announce(["eth0"])]), advertised);
  });

  it("falls silent when it is told to watch what it announced, and stays in the group", () => {
    tell([announce(["eth0"])]);
    assert.deepEqual(tell([watch, frame(fromClient({}))]), [dropped("probing")]);
    assert.equal(announcer.nextWake(), undefined);
  });

  it("has nothing to yield", () => assert.deepEqual(tell([watch, withdraw("yield")]), [join(), leave()]));
});

describe("Announcer, defending an address", () => {
  const defend: AnnouncerInput = { type: "defend", address: vip, interface: "eth0" };

  it("advertises once more, and goes on with its repeats where it was", () => {
    tell([up(eth0), announce()]);
    assert.deepEqual(tell([defend], 500), advertised);
    assert.equal(announcer.nextWake(), 1600);
  });

  it("advertises just once when its repeats are over", () => {
    tell([up(eth0), announce()]);
    for (let due = announcer.nextWake(); due !== undefined; due = announcer.nextWake()) announcer.wake(due);
    assert.deepEqual(tell([defend], 9_000), advertised);
    assert.equal(announcer.nextWake(), undefined);
  });

  for (const [name, before] of [
    ["it does not announce", []],
    ["it watches", [watch]],
    ["it yields", [announce(), withdraw("yield")]],
    ["it announces elsewhere", [announce(["eth1"])]],
  ] as const) {
    it(`says nothing for an address that ${name}`, () => {
      tell([up(eth0), ...before]);
      assert.deepEqual(tell([defend], 10), []);
    });
  }
});
