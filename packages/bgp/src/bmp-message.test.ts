import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { type BmpMessage, type BmpPeer, encodeBmp } from "./bmp-message.ts";
import { encodeMessage } from "./message.ts";
import { cease } from "./notification.ts";
import { ip, KEEPALIVE, UPDATE } from "./testdata/bench.ts";

const PEER: BmpPeer = { address: ip("192.0.2.254"), asn: 64_513, routerId: ip("198.51.100.9"), asnOctets: 4 };
const V6: BmpPeer = { ...PEER, address: ip("2001:db8::fe"), asnOctets: 2 };
/** 2026-11-22 10:00:00.250 UTC. */
const AT = 1_795_341_600_250;
const NOTIFICATION = encodeMessage(cease(2, "bye"));

/** Checked with tshark 4.0.17, which names every field as the comments do. */
const GOLDEN: readonly (readonly [name: string, BmpMessage, bytes: Uint8Array])[] = [
  [
    "who we are",
    { type: "initiation", sysName: "iris1", sysDescr: "Herald" },
    hex`
      03 00000019 04                    # version, length, Initiation
      0001 0006 486572616c64            # sysDescr
      0002 0005 6972697331              # sysName`,
  ],
  ["the end of all", { type: "termination" }, hex`03 0000000c 05  0001 0002 0000 # closed by us`],
  [
    "how a session began",
    {
      type: "peer-up",
      peer: PEER,
      local: ip("192.0.2.1"),
      ports: { local: 40_000, remote: 179 },
      opens: { sent: KEEPALIVE, received: UPDATE },
      at: AT,
    },
    hex`
      03 0000006e 03                                      # Peer Up
      00 00 0000000000000000                              # global instance, no flags, distinguisher
      000000000000000000000000 c00002fe 0000fc01 c6336409 # address, AS, identifier
      6b02bd20 0003d090                                   # seconds, microseconds
      000000000000000000000000 c0000201 9c40 00b3         # our address, our port, theirs
      ffffffffffffffffffffffffffffffff 0013 04            # what we sent
      ffffffffffffffffffffffffffffffff 0017 02 00000000   # what they sent`,
  ],
  [
    "what a peer of IPv6 with AS numbers of two octets is told",
    { type: "route-monitoring", peer: V6, update: UPDATE, at: AT },
    hex`
      03 00000047 00                                      # Route Monitoring
      00 f0 0000000000000000                              # IPv6, post-policy, two octets, Adj-RIB-Out
      20010db80000000000000000000000fe 0000fc01 c6336409
      6b02bd20 0003d090
      ffffffffffffffffffffffffffffffff 0017 02 00000000`,
  ],
  [
    "how many routes it has",
    { type: "stats", peer: V6, routes: { 4: 3, 6: 5 }, at: AT },
    hex`
      03 0000005e 01                                      # Stats Report
      00 a0 0000000000000000                              # IPv6, two octets
      20010db80000000000000000000000fe 0000fc01 c6336409
      6b02bd20 0003d090
      00000003                                            # three of them
      000f 0008 0000000000000008                          # Adj-RIB-Out, post-policy
      0011 000b 0001 01 0000000000000003                  # of IPv4 unicast
      0011 000b 0002 01 0000000000000005                  # of IPv6 unicast`,
  ],
];

const ENDS = [
  ["we told the peer", { type: "we-notified", notification: NOTIFICATION }, [1, ...NOTIFICATION]],
  ["the peer told us", { type: "peer-notified", notification: NOTIFICATION }, [3, ...NOTIFICATION]],
  ["we just closed", { type: "we-closed" }, [2, 0, 0]],
  ["the peer just closed", { type: "peer-closed" }, [4]],
] as const;

describe("a message to a monitoring station", () => {
  for (const [name, message, bytes] of GOLDEN) {
    it(`says ${name}`, () => assert.deepEqual(encodeBmp(message), bytes));
  }

  for (const [name, end, body] of ENDS) {
    it(`says that a session is over: ${name}`, () => {
      const bytes = encodeBmp({ type: "peer-down", peer: PEER, end, at: AT });
      assert.deepEqual([...bytes.subarray(0, 6)], [3, 0, 0, 0, 48 + body.length, 2]);
      assert.deepEqual([...bytes.subarray(48)], [...body]);
    });
  }
});
