import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import type { IpAddress } from "@herald/shared/ip/address";
import type { Capability } from "./capability.ts";
import { encodeMessage } from "./message.ts";
import { MessageError } from "./message-error.ts";
import { notification } from "./notification.ts";
import { decodeOpen, encodeOpen, type Open } from "./open.ts";

const [IPV4, IPV6] = [
  { afi: 1, safi: 1 },
  { afi: 2, safi: 1 },
];

/** Made by hand from the figures of the RFCs that stand beside each capability. */
const openBytes = hex`
  04                            # version
  5ba0                          # AS_TRANS
  005a                          # 90 s
  c0000201                      # 192.0.2.1
  4d                            # 77 octets of parameters
  02 4b                         # capabilities, 75 octets
    01 04 0001 00 01            # multiprotocol: IPv4 unicast (RFC 4760)
    01 04 0002 00 01            # and IPv6
    02 00                       # route refresh (RFC 2918)
    05 06 0001 0001 0002        # IPv4 over IPv6 next hops (RFC 8950)
    06 00                       # extended messages (RFC 8654)
    09 01 03                    # role: customer (RFC 9234)
    40 0a c078                  # graceful restart: R, N, 120 s (RFC 4724, 8538)
       0001 01 80 0002 01 00
    41 04 fde8ffff              # AS 4259905535 (RFC 6793)
    45 04 0001 01 03            # ADD-PATH: both ways (RFC 7911)
    46 00                       # enhanced route refresh (RFC 7313)
    47 07 0001 01 80 015180     # long-lived: 86,400 s (RFC 9494)
    49 07 02 6e31 03 6c6162     # n1, lab
    80 02 0102                  # somebody's own`;

const capabilities: readonly Capability[] = [
  { type: "multiprotocol", family: IPV4 },
  { type: "multiprotocol", family: IPV6 },
  { type: "route-refresh" },
  { type: "extended-next-hop", nextHops: [{ family: IPV4, nextHopAfi: 2 }] },
  { type: "extended-message" },
  { type: "role", role: "customer" },
  {
    type: "graceful-restart",
    restarting: true,
    notifications: true,
    restartTimeSeconds: 120,
    families: [
      { family: IPV4, forwarding: true },
      { family: IPV6, forwarding: false },
    ],
  },
  { type: "four-octet-asn", asn: 4_259_905_535 },
  { type: "add-path", families: [{ family: IPV4, mode: "both" }] },
  { type: "enhanced-route-refresh" },
  {
    type: "long-lived-graceful-restart",
    families: [{ family: IPV4, forwarding: true, staleTimeSeconds: 86_400 }],
  },
  { type: "fqdn", host: "n1", domain: "lab" },
  { type: "unknown", code: 128, value: hex`0102` },
];
const open: Open = {
  type: "open",
  version: 4,
  asn: 23_456,
  holdTimeSeconds: 90,
  routerId: "192.0.2.1" as IpAddress,
  capabilities,
};
const plain: Open = { ...open, asn: 64_512, capabilities: [] };

const withParameters = (parameters: Uint8Array): Uint8Array =>
  Uint8Array.of(...hex`04 fc00 00b4 c0000201`, parameters.length, ...parameters);

/** Sent by BIRD 2.0.12: graceful restart and a role of its own, ADD-PATH for receiving. */
const birdBytes = hex`
  04 fc01 0009 0a0000fe 47 02 45
  01 04 0001 00 01  01 04 0002 00 01  02 00  05 06 0001 0001 0002  06 00  09 01 00
  40 0a 0078 0001 01 00 0002 01 00  41 04 0000fc01  45 04 0001 01 01  46 00
  47 0e 0001 01 00 000e10 0002 01 00 000e10`;

const bird: Open = {
  type: "open",
  version: 4,
  asn: 64_513,
  holdTimeSeconds: 9,
  routerId: "10.0.0.254" as IpAddress,
  capabilities: [
    { type: "multiprotocol", family: IPV4 },
    { type: "multiprotocol", family: IPV6 },
    { type: "route-refresh" },
    { type: "extended-next-hop", nextHops: [{ family: IPV4, nextHopAfi: 2 }] },
    { type: "extended-message" },
    { type: "role", role: "provider" },
    {
      type: "graceful-restart",
      restarting: false,
      notifications: false,
      restartTimeSeconds: 120,
      families: [
        { family: IPV4, forwarding: false },
        { family: IPV6, forwarding: false },
      ],
    },
    { type: "four-octet-asn", asn: 64_513 },
    { type: "add-path", families: [{ family: IPV4, mode: "receive" }] },
    { type: "enhanced-route-refresh" },
    {
      type: "long-lived-graceful-restart",
      families: [
        { family: IPV4, forwarding: false, staleTimeSeconds: 3_600 },
        { family: IPV6, forwarding: false, staleTimeSeconds: 3_600 },
      ],
    },
  ],
};

describe("OPEN", () => {
  it("reads and writes BIRD's", () => {
    assert.deepEqual(decodeOpen(birdBytes), bird);
    assert.deepEqual(encodeOpen(bird), birdBytes);
  });

  it("encodes the golden one", () => assert.deepEqual(encodeOpen(open), openBytes));
  it("decodes the golden one", () => assert.deepEqual(decodeOpen(openBytes), open));

  it("is 29 octets long without capabilities", () => {
    assert.deepEqual(
      encodeMessage(plain),
      hex`ffffffffffffffffffffffffffffffff 001d 01  04 fc00 005a c0000201 00`,
    );
  });

  it("takes capabilities in a parameter each, as old routers write them", () => {
    const bytes = withParameters(hex`02 06 01 04 0001 00 01  02 02 02 00  02 06 41 04 0000fc00`);
    assert.deepEqual(decodeOpen(bytes).capabilities, [
      { type: "multiprotocol", family: IPV4 },
      { type: "route-refresh" },
      { type: "four-octet-asn", asn: 64_512 },
    ]);
  });

  it("reads and writes more parameters than one octet can count (RFC 9072)", () => {
    const many: Open = {
      ...plain,
      capabilities: Array.from({ length: 60 }, (_, at) => ({
        type: "unknown",
        code: 200,
        value: Uint8Array.of(at, 0, 0),
      })),
    };
    const bytes = encodeOpen(many);
    assert.deepEqual(bytes.subarray(9, 16), hex`ff ff 012f 02 012c`);
    assert.deepEqual(decodeOpen(bytes), many);
  });

  const ignored = [
    { name: "multiprotocol without its SAFI", code: 1, value: hex`0001 00` },
    { name: "a route refresh with something in it", code: 2, value: hex`00` },
    { name: "a role that nobody has", code: 9, value: hex`05` },
    { name: "graceful restart with half a family", code: 64, value: hex`0078 0001` },
    { name: "an ASN of three octets", code: 65, value: hex`00fc00` },
    { name: "ADD-PATH in no direction", code: 69, value: hex`0001 01 04` },
    { name: "a name that ends outside", code: 73, value: hex`05 6e31` },
  ];
  for (const { name, code, value } of ignored) {
    it(`does not understand ${name}, and goes on`, () => {
      const bytes = withParameters(Uint8Array.of(2, 2 + value.length, code, value.length, ...value));
      assert.deepEqual(decodeOpen(bytes).capabilities, [{ type: "unknown", code, value }]);
    });
  }

  const refused = [
    {
      name: "another version",
      bytes: hex`03 fc00 00b4 c0000201 00`,
      error: "open.version: unsupported (3, want 4)",
      answer: notification(2, 1, hex`0004`),
    },
    {
      name: "a parameter that is no capability",
      bytes: withParameters(hex`01 01 00`),
      error: "open.parameter.type: unsupported (1)",
      answer: notification(2, 4),
    },
    {
      name: "octets behind the parameters",
      bytes: hex`04 fc00 00b4 c0000201 00 00`,
      error: "open.parameters: trailing (1 octets behind them)",
      answer: notification(2, 0),
    },
  ];
  for (const { name, bytes, error, answer } of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => decodeOpen(bytes),
        (thrown) => {
          assert.ok(thrown instanceof MessageError);
          assert.deepEqual([thrown.message, thrown.notification], [error, answer]);
          return true;
        },
      );
    });
  }

  const truncated = [
    {
      name: "parameters that end outside",
      bytes: hex`04 fc00 00b4 c0000201 04 02`,
      error: "open.parameters: truncated (need 4, have 1)",
    },
    {
      name: "a capability that ends outside its parameter",
      bytes: withParameters(hex`02 03 41 04 00`),
      error: "capability.value: truncated (need 4, have 1)",
    },
  ];
  for (const { name, bytes, error } of truncated) {
    it(`refuses ${name}`, () =>
      assert.throws(() => decodeOpen(bytes), { name: "DecodeError", message: error }));
  }
});
