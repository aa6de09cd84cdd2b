import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parseHex } from "@herald/lab/hex";
import { type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import { decodeEthernet, ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { decodeIcmpv6, encodeIcmpv6 } from "@herald/wire/icmpv6";
import { decodeIpv6, encodeIpv6, type Ipv6Packet } from "@herald/wire/ipv6";
import { type MacAddress, macOctets } from "@herald/wire/mac";
import { decodeRouterMessage } from "@herald/wire/router-discovery";
import fc from "fast-check";
import { advertisementFrame, ROUTER_DROP_REASONS, readRouter, solicitationFrame } from "./router-frames.ts";

const OWN = "c6:23:c3:0c:2d:41" as MacAddress;
const own = { mac: OWN, address: parseAddress("fe80::c423:c3ff:fe0c:2d41") as IpAddress };
const router = {
  mac: "8a:24:9f:c3:06:96" as MacAddress,
  address: parseAddress("fe80::8824:9fff:fec3:696") as IpAddress,
};
const capture = (name: string): Uint8Array =>
  parseHex(readFileSync(new URL(`../../wire/src/testdata/${name}.hex`, import.meta.url), "utf8"));
const heard = capture("frr-ra");
const frame = decodeEthernet(heard);
const packet = decodeIpv6(frame.payload);
const message = decodeIcmpv6(packet);

/** The advertisement, changed and with a checksum that is right. */
function changed(change: Partial<Ipv6Packet>, icmp: Partial<typeof message> = {}): Uint8Array {
  const next = { ...packet, ...change };
  const payload = encodeIcmpv6({ ...message, ...icmp }, next.source, next.destination);
  return encodeEthernet({ ...frame, payload: encodeIpv6({ ...next, payload }) });
}
const source = (text: string): Partial<Ipv6Packet> => ({
  source: toOctets(parseAddress(text) as IpAddress),
});

const DROPPED = [
  { name: "nothing", bytes: new Uint8Array(0), reason: "truncated" },
  { name: "what ends too early", bytes: heard.subarray(0, 70), reason: "truncated" },
  { name: "a VLAN's", bytes: encodeEthernet({ ...frame, vlan: 7 }), reason: "vlan-tagged" },
  { name: "our own", bytes: encodeEthernet({ ...frame, source: macOctets(OWN) }), reason: "own-frame" },
  { name: "ARP", bytes: encodeEthernet({ ...frame, etherType: ETHERTYPE.arp }), reason: "unsupported" },
  {
    name: "a solicitation",
    bytes: changed({}, { type: 133, body: message.body.subarray(8) }),
    reason: "unsupported",
  },
  { name: "another code", bytes: changed({}, { code: 1 }), reason: "unsupported" },
  { name: "one from beyond a router", bytes: changed({ hopLimit: 254 }), reason: "hop-limit" },
  { name: "one that was changed on its way", bytes: heard.with(60, 99), reason: "checksum" },
  {
    name: "an option without length",
    bytes: changed({}, { body: message.body.with(13, 0) }),
    reason: "invalid-option",
  },
  { name: "one from a global address", bytes: changed(source("2001:db8::1")), reason: "invalid-sender" },
  { name: "one from beside fe80::/10", bytes: changed(source("fec0::1")), reason: "invalid-sender" },
  {
    name: "one from a group's MAC",
    bytes: encodeEthernet({ ...frame, source: Uint8Array.of(1, 0, 0, 0, 0, 1) }),
    reason: "invalid-sender",
  },
] as const;

describe("A router advertisement", () => {
  it("of FRR says who the router is and for how long", () =>
    assert.deepEqual(readRouter(heard, OWN), { ...router, lifetimeSeconds: 30 }));

  for (const { name, bytes, reason } of DROPPED) {
    it(`counts for nothing: ${name}`, () => assert.equal(readRouter(bytes, OWN), reason));
  }

  it("is a router or a reason, whatever the bytes", () => {
    const nearly = fc
      .array(fc.tuple(fc.nat(heard.length - 1), fc.nat(255)), { maxLength: 3 })
      .map((changes) => changes.reduce((bytes, [at, octet]) => bytes.with(at, octet), heard));
    fc.assert(
      fc.property(fc.oneof(nearly, fc.uint8Array({ maxLength: 100 })), (bytes) => {
        const read = readRouter(bytes, OWN);
        assert.ok(typeof read === "object" || Object.hasOwn(ROUTER_DROP_REASONS, read));
      }),
      { numRuns: 1_000 },
    );
  });

  it("of ours goes to the one router alone, which need not think that we lead anywhere", () => {
    const sent = advertisementFrame(own, router);
    const { destination, payload } = decodeEthernet(sent);
    const inside = decodeIpv6(payload);
    assert.deepEqual(
      {
        mac: destination,
        to: inside.destination,
        hopLimit: inside.hopLimit,
        says: decodeRouterMessage(decodeIcmpv6(inside)),
        heardAs: readRouter(sent, router.mac),
      },
      {
        mac: macOctets(router.mac),
        to: toOctets(router.address),
        hopLimit: 255,
        says: { type: "advertisement", lifetimeSeconds: 0, linkAddress: macOctets(OWN) },
        heardAs: { ...own, lifetimeSeconds: 0 },
      },
    );
  });
});

describe("A router solicitation", () => {
  it("is that of Linux", () => assert.deepEqual(solicitationFrame(own), capture("linux-rs")));
});
