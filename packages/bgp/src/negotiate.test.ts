import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import type { Capability, Role } from "./capability.ts";
import { MessageError } from "./message-error.ts";
import { type Negotiated, negotiate } from "./negotiate.ts";
import { type Notification, notification } from "./notification.ts";
import type { Open } from "./open.ts";
import type { SessionOptions } from "./options.ts";
import { ourOpen } from "./our-open.ts";
import { ip, OPTIONS, RESTART, theirOpen } from "./testdata/bench.ts";

function agree(options: Partial<SessionOptions>, theirs: Open, capable = true): Negotiated {
  const all = { ...OPTIONS, ...options };
  return negotiate(all, ourOpen(all, capable, false), theirs);
}

const PLAIN: Negotiated = {
  peerAsn: 64_513,
  peerRouterId: ip("192.0.2.254"),
  external: true,
  holdTimeSeconds: 90,
  keepaliveMs: 30_000,
  asnOctets: 4,
  families: [4, 6],
  addPath: [],
  extendedNextHop: false,
  sendMaxOctets: 4_096,
  receiveMaxOctets: 65_535,
  gracefulRestart: undefined,
  endOfRib: false,
  peerRole: undefined,
};

const IPV4 = { afi: 1, safi: 1 };
const IPV6 = { afi: 2, safi: 1 };
const asn = (number: number): Capability => ({ type: "four-octet-asn", asn: number });
const restart: Capability = {
  type: "graceful-restart",
  restarting: true,
  notifications: true,
  restartTimeSeconds: 60,
  families: [],
};

const agreed: readonly {
  name: string;
  options?: Partial<SessionOptions>;
  theirs: Open;
  differs: Partial<Negotiated>;
}[] = [
  { name: "with a router that knows what we know", theirs: theirOpen(), differs: {} },
  {
    name: "with an old one: IPv4, ASNs of two octets",
    theirs: theirOpen({ capabilities: [] }),
    differs: { families: [4], asnOctets: 2 },
  },
  {
    name: "with an AS of four octets (RFC 6793)",
    options: { peerAsn: 4_200_000_001 },
    theirs: theirOpen({ asn: 23_456, capabilities: [asn(4_200_000_001)] }),
    differs: { peerAsn: 4_200_000_001, families: [4] },
  },
  { name: "with any other AS", options: { peerAsn: "external" }, theirs: theirOpen(), differs: {} },
  {
    name: "within our AS",
    options: { peerAsn: "internal" },
    theirs: theirOpen({ asn: 64_512, capabilities: [asn(64_512)] }),
    differs: { peerAsn: 64_512, external: false, families: [4] },
  },
  {
    name: "on IPv6 alone",
    theirs: theirOpen({ capabilities: [{ type: "multiprotocol", family: IPV6 }, asn(64_513)] }),
    differs: { families: [6] },
  },
  {
    name: "on a hold time of three seconds",
    theirs: theirOpen({ holdTimeSeconds: 3 }),
    differs: { holdTimeSeconds: 3, keepaliveMs: 1_000 },
  },
  {
    name: "on our hold time, when it is the lower one",
    options: { holdTimeSeconds: 9, keepaliveSeconds: 60 },
    theirs: theirOpen(),
    differs: { holdTimeSeconds: 9, keepaliveMs: 3_000 },
  },
  {
    name: "on no hold time at all",
    options: { holdTimeSeconds: 0 },
    theirs: theirOpen(),
    differs: { holdTimeSeconds: 0, keepaliveMs: 0 },
  },
  {
    name: "on long messages (RFC 8654)",
    theirs: theirOpen({}, [{ type: "extended-message" }]),
    differs: { sendMaxOctets: 65_535 },
  },
  {
    name: "on several paths, where the peer takes them (RFC 7911)",
    options: { addPath: true },
    theirs: theirOpen({}, [
      {
        type: "add-path",
        families: [
          { family: IPV4, mode: "both" },
          { family: IPV6, mode: "send" },
        ],
      },
    ]),
    differs: { addPath: [4] },
  },
  {
    name: "on IPv6 next hops for IPv4 (RFC 8950)",
    options: { extendedNextHop: true },
    theirs: theirOpen({}, [{ type: "extended-next-hop", nextHops: [{ family: IPV4, nextHopAfi: 2 }] }]),
    differs: { extendedNextHop: true },
  },
  {
    name: "on nothing that only the peer offers",
    theirs: theirOpen({}, [
      { type: "add-path", families: [{ family: IPV4, mode: "both" }] },
      { type: "extended-next-hop", nextHops: [{ family: IPV4, nextHopAfi: 2 }] },
      { type: "unknown", code: 131, value: hex`00` },
      { type: "fqdn", host: "r1", domain: "" },
      { type: "enhanced-route-refresh" },
    ]),
    differs: {},
  },
  {
    name: "on graceful restart (RFC 4724, 8538)",
    options: { gracefulRestart: RESTART },
    theirs: theirOpen({}, [{ ...restart, notifications: false }, restart]),
    differs: {
      endOfRib: true,
      gracefulRestart: { notifications: true, peerRestarting: true, peerRestartTimeSeconds: 60 },
    },
  },
  {
    name: "to end tables for a peer that restarts gracefully, though we do not",
    theirs: theirOpen({}, [restart]),
    differs: { endOfRib: true },
  },
  {
    name: "on roles (RFC 9234)",
    options: { role: "customer", strictRole: true },
    theirs: theirOpen({}, [{ type: "role", role: "provider" }]),
    differs: { peerRole: "provider" },
  },
  {
    name: "without a role of the peer's, unless that is asked for",
    options: { role: "customer" },
    theirs: theirOpen(),
    differs: {},
  },
];

describe("both sides agree", () => {
  for (const { name, options = {}, theirs, differs } of agreed) {
    it(name, () => assert.deepEqual(agree(options, theirs), { ...PLAIN, ...differs }));
  }

  it("on little when we keep silent about what we can do", () => {
    assert.deepEqual(agree({}, theirOpen(), false), {
      ...PLAIN,
      families: [4],
      asnOctets: 2,
      receiveMaxOctets: 4_096,
    });
  });
});

const role = (name: Role): Capability => ({ type: "role", role: name });

const refused: readonly {
  name: string;
  options?: Partial<SessionOptions>;
  theirs: Open;
  error: string;
  answer: Notification;
}[] = [
  {
    name: "another AS than was configured",
    theirs: theirOpen({ asn: 64_514, capabilities: [] }),
    error: "open.asn: invalid (the peer is AS 64514, want AS 64513)",
    answer: notification(2, 2),
  },
  {
    name: "our AS where another one was wanted",
    options: { peerAsn: "external" },
    theirs: theirOpen({ asn: 64_512, capabilities: [] }),
    error: "open.asn: invalid (the peer is AS 64512, want an external one)",
    answer: notification(2, 2),
  },
  {
    name: "another AS where ours was wanted",
    options: { peerAsn: "internal" },
    theirs: theirOpen(),
    error: "open.asn: invalid (the peer is AS 64513, want an internal one)",
    answer: notification(2, 2),
  },
  {
    name: "AS 0 (RFC 7607)",
    options: { peerAsn: "external" },
    theirs: theirOpen({ capabilities: [asn(0)] }),
    error: "open.asn: invalid (the peer is AS 0, want an external one)",
    answer: notification(2, 2),
  },
  {
    name: "an identifier of zero",
    theirs: theirOpen({ routerId: ip("0.0.0.0") }),
    error: "open.router-id: invalid (0.0.0.0)",
    answer: notification(2, 3),
  },
  {
    name: "our identifier within our AS",
    options: { peerAsn: "internal" },
    theirs: theirOpen({ asn: 64_512, capabilities: [], routerId: ip("192.0.2.1") }),
    error: "open.router-id: invalid (192.0.2.1 is ours)",
    answer: notification(2, 3),
  },
  {
    name: "a hold time of two seconds",
    theirs: theirOpen({ holdTimeSeconds: 2 }),
    error: "open.hold-time: invalid (2 s, want 0 or at least 3 s)",
    answer: notification(2, 6),
  },
  {
    name: "no family in common",
    options: { families: [6] },
    theirs: theirOpen({ capabilities: [] }),
    error: "open.capabilities: invalid (the peer offers no IPv6 unicast)",
    answer: notification(2, 7, hex`01 04 0002 00 01`),
  },
  {
    name: "a role that is no counterpart of ours",
    options: { role: "customer" },
    theirs: theirOpen({}, [role("customer")]),
    error: "open.role: invalid (the peer is a customer, want provider)",
    answer: notification(2, 11),
  },
  {
    name: "two roles",
    options: { role: "customer" },
    theirs: theirOpen({}, [role("provider"), role("peer")]),
    error: "open.role: invalid (provider and peer at once)",
    answer: notification(2, 11),
  },
  {
    name: "no role where one is asked for",
    options: { role: "route-server-client", strictRole: true },
    theirs: theirOpen(),
    error: "open.role: invalid (none, want route-server)",
    answer: notification(2, 11),
  },
];

describe("we refuse a peer with", () => {
  for (const { name, options = {}, theirs, error, answer } of refused) {
    it(name, () => {
      assert.throws(
        () => agree(options, theirs),
        (thrown) => {
          assert.ok(thrown instanceof MessageError);
          assert.deepEqual([thrown.message, thrown.notification], [error, answer]);
          return true;
        },
      );
    });
  }
});

describe("our OPEN", () => {
  it("says all that is configured", () => {
    const options: SessionOptions = {
      ...OPTIONS,
      asn: 4_200_000_000,
      families: [4],
      role: "peer",
      addPath: true,
      extendedNextHop: true,
      gracefulRestart: { ...RESTART, longLivedSeconds: 3_600 },
    };
    assert.deepEqual(ourOpen(options, true, true), {
      type: "open",
      version: 4,
      asn: 23_456,
      holdTimeSeconds: 90,
      routerId: "192.0.2.1",
      capabilities: [
        { type: "multiprotocol", family: IPV4 },
        { type: "route-refresh" },
        { type: "extended-next-hop", nextHops: [{ family: IPV4, nextHopAfi: 2 }] },
        { type: "extended-message" },
        { type: "role", role: "peer" },
        {
          type: "graceful-restart",
          restarting: true,
          notifications: true,
          restartTimeSeconds: 120,
          families: [{ family: IPV4, forwarding: true }],
        },
        {
          type: "long-lived-graceful-restart",
          families: [{ family: IPV4, forwarding: true, staleTimeSeconds: 3_600 }],
        },
        { type: "four-octet-asn", asn: 4_200_000_000 },
        { type: "add-path", families: [{ family: IPV4, mode: "send" }] },
      ],
    });
  });
});
