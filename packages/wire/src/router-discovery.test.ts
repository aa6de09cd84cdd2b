import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import fc from "fast-check";
import { DecodeError } from "./bytes.ts";
import { decodeEthernet } from "./ethernet.ts";
import { decodeIcmpv6, encodeIcmpv6 } from "./icmpv6.ts";
import { decodeIpv6, type Ipv6Packet } from "./ipv6.ts";
import { decodeRouterMessage, encodeRouterMessage, type RouterMessage } from "./router-discovery.ts";

const capture = (name: string): Ipv6Packet =>
  decodeIpv6(
    decodeEthernet(parseHex(readFileSync(new URL(`testdata/${name}.hex`, import.meta.url), "utf8"))).payload,
  );

const asked: RouterMessage = { type: "solicitation", linkAddress: hex`c623c30c2d41` };
const told: RouterMessage = {
  type: "advertisement",
  lifetimeSeconds: 30,
  linkAddress: hex`8a249fc30696`,
};

describe("Router discovery", () => {
  it("decodes a solicitation of Linux, whose checksum is right", () =>
    assert.deepEqual(decodeRouterMessage(decodeIcmpv6(capture("linux-rs"))), asked));

  it("decodes an advertisement of FRR, whose checksum is right", () =>
    assert.deepEqual(decodeRouterMessage(decodeIcmpv6(capture("frr-ra"))), told));

  it("encodes the solicitation, checksum and all", () => {
    const { source, destination, payload } = capture("linux-rs");
    assert.deepEqual(encodeIcmpv6(encodeRouterMessage(asked), source, destination), payload.slice());
  });

  it("encodes an advertisement that gives hosts no orders", () =>
    assert.deepEqual(encodeRouterMessage(told), {
      type: 134,
      code: 0,
      body: hex`00 00 001e 00000000 00000000 01 01 8a249fc30696`,
    }));

  const { body } = encodeRouterMessage(told);
  const refused = [
    {
      name: "no more than a header",
      message: { type: 133, code: 0, body: hex`` },
      error: "router.reserved: truncated (need 4, have 0)",
    },
    {
      name: "an advertisement that ends before its timers do",
      message: { type: 134, code: 0, body: body.subarray(0, 11) },
      error: "router.retransmit: truncated (need 4, have 3)",
    },
    {
      name: "a neighbour's",
      message: { type: 135, code: 0, body },
      error: "icmpv6.type: unsupported (135, want 133 or 134)",
    },
    {
      name: "another code",
      message: { type: 134, code: 1, body },
      error: "router.code: unsupported (1, want 0)",
    },
    {
      name: "an option without length",
      message: { type: 134, code: 0, body: body.with(13, 0) },
      error: "ndp.option.length: invalid (0)",
    },
    {
      name: "an option longer than the message",
      message: { type: 134, code: 0, body: body.with(13, 2) },
      error: "ndp.option.value: truncated (need 14, have 6)",
    },
  ];
  for (const { name, message, error } of refused) {
    it(`refuses ${name}`, () =>
      assert.throws(() => decodeRouterMessage(message), { name: "DecodeError", message: error }));
  }

  const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const linkAddress = fc.option(octets(6), { nil: undefined });
  const message: fc.Arbitrary<RouterMessage> = fc.oneof(
    fc.record({ type: fc.constant("solicitation" as const), linkAddress }, { noNullPrototype: true }),
    fc.record(
      { type: fc.constant("advertisement" as const), lifetimeSeconds: fc.nat(0xffff), linkAddress },
      { noNullPrototype: true },
    ),
  );
  it("comes back as it went", () => {
    fc.assert(
      fc.property(message, octets(16), octets(16), (value, source, destination) => {
        const payload = encodeIcmpv6(encodeRouterMessage(value), source, destination);
        const packet = { ...capture("frr-ra"), source, destination, payload };
        assert.deepEqual(decodeRouterMessage(decodeIcmpv6(packet)), value);
      }),
    );
  });

  it("makes a message or a DecodeError of any bytes", () => {
    const type = fc.constantFrom(133, 134, 134, 135);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .tuple(octets(12), fc.array(fc.uint8Array({ maxLength: 16 })))
        .map(([fixed, options]) => new Uint8Array([...fixed, ...options.flatMap((each) => [...each])])),
    );
    fc.assert(
      fc.property(type, bytes, (type, body) => {
        try {
          decodeRouterMessage({ type, code: 0, body });
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
