import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BgpEffect } from "@herald/bgp/effect";
import { encodeMessage } from "@herald/bgp/message";
import type { Negotiated } from "@herald/bgp/negotiate";
import { cease } from "@herald/bgp/notification";
import { KEEPALIVE, LOCAL, UPDATE } from "@herald/bgp/testdata/bench";
import type { IpAddress } from "@herald/shared/ip/address";
import { areUpdates, peerEnd, peerUp } from "./bmp-view.ts";

const ip = (text: string): IpAddress => text as IpAddress;
const established: Extract<BgpEffect, { type: "established" }> = {
  type: "established",
  negotiated: { peerAsn: 64_513, peerRouterId: ip("198.51.100.9"), asnOctets: 4 } as Negotiated,
  connection: 1,
  local: { ...LOCAL, linkLocal: ip("fe80::2") },
  opens: { sent: KEEPALIVE, received: UPDATE },
};
const V6 = { ...established, local: { ...established.local, transport: 6 as const } };
const PORTS = { local: 40_000, remote: 179 };

describe("a monitoring station's view of a session", () => {
  it("has who the peer is, both addresses, both ports and both OPENs", () => {
    assert.deepEqual(peerUp(established, ip("192.0.2.254"), { ports: PORTS }), {
      peer: { address: "192.0.2.254", asn: 64_513, routerId: "198.51.100.9", asnOctets: 4 },
      local: "192.0.2.1",
      ports: PORTS,
      opens: established.opens,
    });
  });

  it("has our address of the session's family, of the link where the peer's is of one, and none where it is not known", () => {
    const local = (effect: typeof established, remote: string | undefined) =>
      peerUp(effect, remote === undefined ? remote : ip(remote), undefined).local;
    assert.deepEqual(
      [local(established, "192.0.2.254"), local(V6, "2001:db8::fe"), local(V6, "fe80::1")],
      ["192.0.2.1", "2001:db8::1", "fe80::2"],
    );
    const unknown = peerUp({ ...V6, local: { ...V6.local, ipv6: undefined } }, undefined, undefined);
    assert.deepEqual(
      [unknown.peer.address, unknown.local, unknown.ports],
      ["::", "::", { local: 0, remote: 0 }],
    );
  });

  const notification = cease(2);
  const bytes = encodeMessage(notification);
  const ENDS = [
    ["closed", undefined, { type: "peer-closed" }],
    ["restarting", undefined, { type: "we-closed" }],
    ["notification", notification, { type: "peer-notified", notification: bytes }],
    ["hold-expired", notification, { type: "we-notified", notification: bytes }],
  ] as const;
  for (const [reason, said, end] of ENDS) {
    it(`ends with ${end.type}: ${reason}`, () => {
      const error = { reason, text: "" };
      assert.deepEqual(peerEnd({ type: "down", error, established: true, notification: said }), end);
    });
  }

  it("tells UPDATEs from what else a session says", () => {
    assert.deepEqual([areUpdates(UPDATE), areUpdates(KEEPALIVE)], [true, false]);
  });
});
