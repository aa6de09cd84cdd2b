import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import fc from "fast-check";
import { ARP_OCTETS, type ArpPacket, decodeArp, encodeArp, targetOfRequest } from "./arp.ts";
import { DecodeError } from "./bytes.ts";
import { decodeEthernet, ETHERTYPE, encodeEthernet } from "./ethernet.ts";

const capture = (name: string): Uint8Array =>
  parseHex(readFileSync(new URL(`testdata/${name}.hex`, import.meta.url), "utf8"));

const a = hex`02000000000a`;
const b = hex`02000000000b`;
const nobody = hex`000000000000`;
const everybody = hex`ffffffffffff`;

const captures: { name: string; packet: ArpPacket }[] = [
  {
    name: "linux-request",
    packet: {
      operation: "request",
      senderMac: a,
      senderIp: 0xc0000201,
      targetMac: nobody,
      targetIp: 0xc0000202,
    },
  },
  {
    name: "linux-reply",
    packet: { operation: "reply", senderMac: b, senderIp: 0xc0000202, targetMac: a, targetIp: 0xc0000201 },
  },
  {
    name: "linux-announcement",
    packet: {
      operation: "request",
      senderMac: a,
      senderIp: 0xc0000201,
      targetMac: nobody,
      targetIp: 0xc0000201,
    },
  },
  {
    name: "linux-reply-to-probe",
    packet: { operation: "reply", senderMac: b, senderIp: 0xc0000202, targetMac: a, targetIp: 0 },
  },
  {
    name: "arping-request",
    packet: {
      operation: "request",
      senderMac: a,
      senderIp: 0xc0000201,
      targetMac: nobody,
      targetIp: 0xc0000202,
    },
  },
  {
    name: "arping-announcement",
    packet: {
      operation: "request",
      senderMac: a,
      senderIp: 0xc0000201,
      targetMac: everybody,
      targetIp: 0xc0000201,
    },
  },
  {
    name: "arping-gratuitous-reply",
    packet: {
      operation: "reply",
      senderMac: a,
      senderIp: 0xc0000201,
      targetMac: everybody,
      targetIp: 0xc0000201,
    },
  },
  {
    name: "arping-probe",
    packet: { operation: "request", senderMac: a, senderIp: 0, targetMac: nobody, targetIp: 0xc0000202 },
  },
];

describe("ARP", () => {
  for (const { name, packet } of captures) {
    const { payload } = decodeEthernet(capture(name));
    it(`decodes the capture ${name}`, () => assert.deepEqual(decodeArp(payload), packet));
    it(`encodes the capture ${name} over whatever was in the buffer`, () => {
      const into = new Uint8Array(ARP_OCTETS).fill(0xa5);
      assert.deepEqual(encodeArp(packet, into), payload.slice(0, ARP_OCTETS));
    });
  }

  const request = decodeEthernet(capture("linux-request")).payload;
  const changed = (at: number, value: number): Uint8Array => request.with(at, value);
  const refused = [
    { name: "nothing", bytes: hex``, error: "arp.htype: truncated (need 2, have 0)" },
    {
      name: "one octet too few",
      bytes: request.subarray(0, 27),
      error: "arp.tpa: truncated (need 4, have 3)",
    },
    { name: "token ring", bytes: changed(1, 6), error: "arp.htype: unsupported (6, want 1)" },
    { name: "IPv6", bytes: hex`0001 86dd 06 10 0001`, error: "arp.ptype: unsupported (34525, want 2048)" },
    { name: "short MACs", bytes: changed(4, 2), error: "arp.hlen: unsupported (2, want 6)" },
    { name: "long addresses", bytes: changed(5, 16), error: "arp.plen: unsupported (16, want 4)" },
    { name: "reverse ARP", bytes: changed(7, 3), error: "arp.oper: unsupported (3, want 1 or 2)" },
  ];
  for (const { name, bytes, error } of refused) {
    it(`refuses ${name}`, () =>
      assert.throws(() => decodeArp(bytes), { name: "DecodeError", message: error }));
  }

  it("refuses to encode into a buffer of another size", () => {
    const { packet } = captures[0] as (typeof captures)[0];
    assert.throws(() => encodeArp(packet, new Uint8Array(27)), RangeError);
    assert.throws(() => encodeArp(packet, new Uint8Array(29)), RangeError);
  });

  const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
  const ip = fc.integer({ min: 0, max: 0xffffffff });
  const packet = fc.record<ArpPacket>(
    {
      operation: fc.constantFrom("request", "reply"),
      senderMac: mac,
      senderIp: ip,
      targetMac: mac,
      targetIp: ip,
    },
    { noNullPrototype: true },
  );
  it("comes back as it went, with any padding", () => {
    fc.assert(
      fc.property(packet, fc.uint8Array(), (value, padding) => {
        assert.deepEqual(decodeArp(new Uint8Array([...encodeArp(value), ...padding])), value);
      }),
    );
  });

  /** A capture cut somewhere and with some octets changed: more often nearly right than random bytes are. */
  const nearlyArp = fc
    .record({ octets: fc.nat(60), changes: fc.array(fc.tuple(fc.nat(41), fc.nat(255)), { maxLength: 3 }) })
    .map(({ octets, changes }) => {
      const bytes = capture("arping-request");
      for (const [at, value] of changes) bytes[at] = value;
      return bytes.subarray(0, octets);
    });
  const outcome = (frame: Uint8Array): ArpPacket | string => {
    try {
      const { etherType, payload } = decodeEthernet(frame);
      return etherType === ETHERTYPE.arp ? decodeArp(payload) : "not ARP";
    } catch (error) {
      assert.ok(error instanceof DecodeError);
      return error.message;
    }
  };
  it("makes a packet or a DecodeError of any bytes", () => {
    fc.assert(
      fc.property(fc.oneof(nearlyArp, fc.uint8Array({ maxLength: 60 })), (bytes) => void outcome(bytes)),
    );
  });
  it("reads the target straight from a frame exactly where decoding would find a request", () => {
    fc.assert(
      fc.property(nearlyArp, (frame) => {
        const decoded = outcome(frame);
        const isTagged = frame[12] === 0x81;
        const wanted =
          typeof decoded === "string" || decoded.operation === "reply" || isTagged
            ? undefined
            : decoded.targetIp;
        assert.equal(targetOfRequest(frame), wanted);
      }),
      { numRuns: 2_000 },
    );
  });
  it("reads no target from a reply", () => assert.equal(targetOfRequest(capture("linux-reply")), undefined));
  it("leaves a tagged frame to the decoder", () => {
    const { destination, source, etherType, payload } = decodeEthernet(capture("linux-request"));
    assert.equal(
      targetOfRequest(encodeEthernet({ destination, source, vlan: 7, etherType, payload })),
      undefined,
    );
  });
});
