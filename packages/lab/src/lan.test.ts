import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { describeFrame } from "@herald/wire/describe";
import type { MacAddress } from "@herald/wire/mac";
import { hex, parseHex } from "./hex.ts";
import { Lan, type LanOptions } from "./lan.ts";
import { type Datagram, LanHost } from "./lan-host.ts";
import { SeededRandom } from "./random.ts";
import { VirtualClock } from "./virtual-clock.ts";

const A = "02:00:00:00:00:0a" as MacAddress;
const B = "02:00:00:00:00:0b" as MacAddress;
const C = "02:00:00:00:00:0c" as MacAddress;
const address = (last: number): IpAddress => parseAddress(`192.0.2.${last}`) as IpAddress;

const table = (options: Partial<LanOptions> = {}) => {
  const clock = new VirtualClock();
  const lan = new Lan({
    clock,
    random: new SeededRandom(1),
    loss: 0,
    duplication: 0,
    delayMs: [1, 1],
    ...options,
  });
  const got: Datagram[] = [];
  const host = (mac: MacAddress, last: number) =>
    new LanHost({ lan, clock, mac, address: address(last), receive: (datagram) => got.push(datagram) });
  return {
    clock,
    lan,
    got,
    host,
    said: () => lan.log.map(({ at, frame }) => `${at} ${describeFrame(frame)}`),
  };
};

describe("Lan", () => {
  it("asks for a neighbour once and then sends what waited", () => {
    const { clock, got, host, said } = table();
    const a = host(A, 1);
    host(B, 2);
    a.send(address(2), hex`01`);
    a.send(address(2), hex`02`);
    clock.advance(10);
    a.send(address(2), hex`03`);
    clock.advance(10);
    assert.deepEqual(
      got,
      [1, 2, 3].map((n) => ({ from: address(1), to: address(2), data: new Uint8Array([n]) })),
    );
    assert.deepEqual(said(), [
      `0 ${A} > ff:ff:ff:ff:ff:ff, ARP, Request who-has 192.0.2.2 tell 192.0.2.1`,
      `1 ${B} > ${A}, ARP, Reply 192.0.2.2 is-at ${B}`,
      `2 ${A} > ${B}, ethertype 0x0800, length 21`,
      `2 ${A} > ${B}, ethertype 0x0800, length 21`,
      `10 ${A} > ${B}, ethertype 0x0800, length 21`,
    ]);
  });

  it("gives up after three questions, a second apart", () => {
    const { clock, host, lan } = table();
    const a = host(A, 1);
    a.send(address(9));
    clock.advance(10_000);
    assert.deepEqual([lan.log.map(({ at }) => at), a.undeliverable], [[0, 1000, 2000], 1]);
  });

  it("sends a frame for one station to nobody else, once it knows where that is", () => {
    const { clock, host } = table();
    const a = host(A, 1);
    host(B, 2);
    const overheard: string[] = [];
    host(C, 3).tap((frame) => overheard.push(describeFrame(frame)));
    a.send(address(2));
    clock.advance(10);
    assert.deepEqual(overheard, [`${A} > ff:ff:ff:ff:ff:ff, ARP, Request who-has 192.0.2.2 tell 192.0.2.1`]);
  });

  it("probes an old neighbour by unicast before it forgets it", () => {
    const { clock, host, said } = table();
    const a = host(A, 1);
    const b = host(B, 2);
    a.send(address(2));
    clock.advance(31_000);
    b.unplug();
    a.send(address(2));
    clock.advance(20_000);
    assert.deepEqual(said().slice(3), [
      `31000 ${A} > ${B}, ethertype 0x0800, length 20`,
      `36000 ${A} > ${B}, ARP, Request who-has 192.0.2.2 tell 192.0.2.1`,
      `37000 ${A} > ${B}, ARP, Request who-has 192.0.2.2 tell 192.0.2.1`,
      `38000 ${A} > ${B}, ARP, Request who-has 192.0.2.2 tell 192.0.2.1`,
    ]);
    assert.equal(a.neighbour(address(2)), undefined);
  });

  // What Linux 6.18 does with these very frames, tried on a veth pair.
  const moves = [
    { name: "a gratuitous request at once", frame: "0001 ffffffffffff", young: C, old: C },
    {
      name: "a gratuitous reply to the sender's own MAC at once",
      frame: "0002 02000000000c",
      young: C,
      old: C,
    },
    {
      name: "a gratuitous reply to another MAC after the lock time",
      frame: "0002 ffffffffffff",
      young: B,
      old: C,
    },
  ];
  for (const { name, frame, young, old } of moves) {
    for (const [age, ageMs, wanted] of [
      ["young", 500, young],
      ["old", 1500, old],
    ] as const) {
      it(`moves a neighbour on ${name}: a ${age} entry ends at ${wanted}`, () => {
        const { clock, host } = table();
        const a = host(A, 1);
        host(B, 2);
        a.send(address(2));
        clock.advance(ageMs);
        const [operation = "", targetMac = ""] = frame.split(" ");
        const claim = `ffffffffffff 02000000000c 0806 0001 0800 06 04 ${operation}
          02000000000c c0000202 ${targetMac} c0000202`;
        host(C, 3).inject(parseHex(claim));
        clock.advance(10);
        assert.equal(a.neighbour(address(2)), wanted);
      });
    }
  }

  it("does not learn a neighbour from an announcement it had no use for", () => {
    const { clock, host } = table();
    const a = host(A, 1);
    host(B, 2).inject(hex`ffffffffffff 02000000000b 0806 0001 0800 06 04 0001
      02000000000b c0000209 ffffffffffff c0000209`);
    clock.advance(10);
    assert.equal(a.neighbour(address(9)), undefined);
  });

  it("loses and doubles about as many frames as it is told to", () => {
    const { clock, host, got } = table({ loss: 0.2, duplication: 0.1 });
    const a = host(A, 1);
    const b = host(B, 2);
    while (a.neighbour(address(2)) === undefined) {
      a.send(address(2));
      clock.advance(1000);
    }
    got.length = 0;
    for (let index = 0; index < 1000; index += 1) a.send(b.address);
    clock.advance(10);
    assert.ok(got.length > 850 && got.length < 910, `${got.length} of 1000 at 0.8 times 1.1`);
  });

  it("shows a capture what goes out, too", () => {
    const { host } = table();
    const a = host(A, 1);
    const seen: string[] = [];
    const stop = a.tap((frame) => seen.push(describeFrame(frame)));
    a.send(address(2));
    stop();
    a.send(address(3));
    assert.deepEqual(seen, [`${A} > ff:ff:ff:ff:ff:ff, ARP, Request who-has 192.0.2.2 tell 192.0.2.1`]);
  });
});
