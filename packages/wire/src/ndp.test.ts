import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import fc from "fast-check";
import { DecodeError } from "./bytes.ts";
import { decodeEthernet, ETHERTYPE, encodeEthernet } from "./ethernet.ts";
import { decodeIcmpv6, encodeIcmpv6 } from "./icmpv6.ts";
import { decodeIpv6 } from "./ipv6.ts";
import {
  decodeNdp,
  encodeNdp,
  groupMac,
  isSolicitedNodeGroupOf,
  type NeighbourMessage,
  solicitedNodeGroup,
  targetAtOfSolicitation,
} from "./ndp.ts";

const capture = (name: string): Uint8Array =>
  parseHex(readFileSync(new URL(`testdata/${name}.hex`, import.meta.url), "utf8"));

const one = hex`20010db8000000000000000000000001`;
const two = hex`20010db8000000000000000000000002`;
const a = hex`02000000000a`;
const b = hex`02000000000b`;

const asks = (
  target: Uint8Array,
  linkAddress: Uint8Array | undefined,
  nonce?: Uint8Array,
): NeighbourMessage => ({
  type: "solicitation",
  target,
  linkAddress,
  nonce,
});
const has = (target: Uint8Array, flags: "s" | "o" | "so", linkAddress?: Uint8Array): NeighbourMessage => ({
  type: "advertisement",
  router: false,
  solicited: flags.includes("s"),
  override: flags.includes("o"),
  target,
  linkAddress,
});

const captures: { name: string; message: NeighbourMessage }[] = [
  { name: "linux-ns", message: asks(two, a) },
  { name: "linux-ns-nud", message: asks(two, a) },
  { name: "linux-ns-dad", message: asks(one, undefined, hex`b923a0a7016d`) },
  { name: "ndisc6-ns", message: asks(two, a) },
  { name: "linux-na", message: has(two, "so", b) },
  { name: "linux-na-nud", message: has(two, "s") },
  { name: "linux-na-unsolicited", message: has(one, "o", a) },
  { name: "linux-na-dad-defence", message: has(one, "o", a) },
];

describe("Neighbour discovery", () => {
  for (const { name, message } of captures) {
    const packet = decodeIpv6(decodeEthernet(capture(name)).payload);
    it(`decodes the capture ${name}, whose checksum is right`, () =>
      assert.deepEqual(decodeNdp(decodeIcmpv6(packet)), message));
    it(`encodes the capture ${name}, checksum and all`, () =>
      assert.deepEqual(
        encodeIcmpv6(encodeNdp(message), packet.source, packet.destination),
        packet.payload.slice(),
      ));
  }

  const body = encodeNdp(asks(two, a)).body;
  const withOptions = (options: Uint8Array): Uint8Array =>
    new Uint8Array([...body.subarray(0, 20), ...options]);
  const solicited = (options: Uint8Array): NeighbourMessage =>
    decodeNdp({ type: 135, code: 0, body: withOptions(options) });
  const options = [
    { name: "none", bytes: hex``, linkAddress: undefined },
    {
      name: "one it knows behind one it does not",
      bytes: hex`fd02 0000000000000000000000000000 0101 02000000000a`,
      linkAddress: a,
    },
    {
      name: "one of the other kind of message",
      bytes: hex`0201 02000000000b 0101 02000000000a`,
      linkAddress: a,
    },
    {
      name: "the same twice: the first counts",
      bytes: hex`0101 02000000000a 0101 02000000000b`,
      linkAddress: a,
    },
  ];
  for (const { name, bytes, linkAddress } of options) {
    it(`reads options: ${name}`, () => assert.deepEqual(solicited(bytes), asks(two, linkAddress)));
  }

  const refused = [
    {
      name: "nothing",
      message: { type: 135, code: 0, body: hex`` },
      error: "ndp.flags: truncated (need 4, have 0)",
    },
    {
      name: "half a target",
      message: { type: 136, code: 0, body: body.subarray(0, 19) },
      error: "ndp.target: truncated (need 16, have 15)",
    },
    {
      name: "a router's",
      message: { type: 134, code: 0, body },
      error: "icmpv6.type: unsupported (134, want 135 or 136)",
    },
    {
      name: "another code",
      message: { type: 135, code: 1, body },
      error: "ndp.code: unsupported (1, want 0)",
    },
    {
      name: "an option without length",
      message: { type: 135, code: 0, body: withOptions(hex`0100 02000000000a`) },
      error: "ndp.option.length: invalid (0)",
    },
    {
      name: "an option longer than the message",
      message: { type: 135, code: 0, body: withOptions(hex`0102 02000000000a`) },
      error: "ndp.option.value: truncated (need 14, have 6)",
    },
    {
      name: "half an option",
      message: { type: 135, code: 0, body: withOptions(hex`01`) },
      error: "ndp.option.length: truncated (need 1, have 0)",
    },
    {
      name: "a link-layer address that is no MAC",
      message: { type: 135, code: 0, body: withOptions(hex`0102 02000000000a 0000000000000000`) },
      error: "ndp.option.linkAddress: unsupported (14, want 6)",
    },
  ];
  for (const { name, message, error } of refused) {
    it(`refuses ${name}`, () =>
      assert.throws(() => decodeNdp(message), { name: "DecodeError", message: error }));
  }

  it("refuses a message in which one bit of message or addresses was changed", () => {
    const packet = decodeIpv6(decodeEthernet(capture("linux-ns")).payload);
    fc.assert(
      fc.property(
        fc.constantFrom("source", "destination", "payload"),
        fc.nat(31),
        fc.nat(7),
        (field, at, bit) => {
          const octets = packet[field as "payload"].slice();
          octets[at % octets.length] = (octets[at % octets.length] as number) ^ (1 << bit);
          assert.throws(() => decodeIcmpv6({ ...packet, [field]: octets }), {
            message: "icmpv6.checksum: checksum",
          });
        },
      ),
    );
  });

  const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const maybe = (length: number) => fc.option(octets(length), { nil: undefined });
  const message = fc.oneof(
    fc.record(
      {
        type: fc.constant("solicitation" as const),
        target: octets(16),
        linkAddress: maybe(6),
        nonce: maybe(6),
      },
      { noNullPrototype: true },
    ),
    fc.record(
      {
        type: fc.constant("advertisement" as const),
        router: fc.boolean(),
        solicited: fc.boolean(),
        override: fc.boolean(),
        target: octets(16),
        linkAddress: maybe(6),
      },
      { noNullPrototype: true },
    ),
  );
  it("comes back as it went", () => {
    fc.assert(
      fc.property(message, octets(16), octets(16), (value: NeighbourMessage, source, destination) => {
        const payload = encodeIcmpv6(encodeNdp(value), source, destination);
        const packet = {
          ...decodeIpv6(decodeEthernet(capture("linux-ns")).payload),
          source,
          destination,
          payload,
        };
        assert.deepEqual(decodeNdp(decodeIcmpv6(packet)), value);
      }),
    );
  });

  /** A capture cut somewhere and with some octets changed, its sum put right again. */
  const nearlyNdp = fc
    .record({
      name: fc.constantFrom(...captures.map(({ name }) => name)),
      octets: fc.nat(90),
      changes: fc.array(fc.tuple(fc.nat(85), fc.nat(255)), { maxLength: 3 }),
    })
    .map(({ name, octets: length, changes }) => {
      const bytes = capture(name);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes.subarray(0, length);
    });
  const outcome = (frame: Uint8Array): NeighbourMessage | string => {
    try {
      const { etherType, payload } = decodeEthernet(frame);
      if (etherType !== ETHERTYPE.ipv6) return "not IPv6";
      const packet = decodeIpv6(payload);
      if (packet.nextHeader !== 58) return "not ICMPv6";
      const [type = 0, code = 0] = packet.payload;
      return decodeNdp({ type, code, body: packet.payload.subarray(4) });
    } catch (error) {
      assert.ok(error instanceof DecodeError);
      return error.message;
    }
  };
  it("makes a message or a DecodeError of any bytes", () => {
    fc.assert(
      fc.property(fc.oneof(nearlyNdp, fc.uint8Array({ maxLength: 90 })), (bytes) => void outcome(bytes)),
      { numRuns: 2_000 },
    );
  });
  it("finds the target in a frame wherever decoding would find a solicitation for it", () => {
    fc.assert(
      fc.property(nearlyNdp, (frame) => {
        const decoded = outcome(frame);
        if (typeof decoded === "string" || decoded.type !== "solicitation") return;
        const at = targetAtOfSolicitation(frame) ?? assert.fail("no target");
        assert.deepEqual(frame.subarray(at, at + 16), decoded.target);
      }),
      { numRuns: 2_000 },
    );
  });
  const glances = [
    { name: "an advertisement", frame: capture("linux-na") },
    { name: "a report behind a hop-by-hop header", frame: capture("linux-mld-report") },
    { name: "ARP", frame: capture("linux-ns").with(13, 0x06) },
    { name: "a frame that ends before the target does", frame: capture("linux-ns").subarray(0, 77) },
    {
      name: "a tagged frame",
      frame: encodeEthernet({ ...decodeEthernet(capture("linux-ns")), vlan: 7 }),
    },
  ];
  for (const { name, frame } of glances) {
    it(`finds no target in ${name}`, () => assert.equal(targetAtOfSolicitation(frame), undefined));
  }
});

describe("A solicited-node group", () => {
  it("is where captures were sent", () => {
    const { destination, payload } = decodeEthernet(capture("linux-ns"));
    const group = solicitedNodeGroup(two);
    assert.deepEqual(
      [groupMac(group), group],
      [destination.slice(), decodeIpv6(payload).destination.slice()],
    );
  });

  it("is that of all addresses with the same last 24 bits, and of no other", () => {
    const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(address, address, fc.nat(15), (own, other, at) => {
        const alike = other.slice();
        alike.set(own.subarray(13), 13);
        assert.ok(isSolicitedNodeGroupOf(solicitedNodeGroup(own), alike));
        const group = solicitedNodeGroup(own);
        group[at] = (group[at] as number) ^ 1;
        assert.ok(!isSolicitedNodeGroupOf(group, own));
      }),
    );
  });
});
