import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import type { BgpInput } from "./effect.ts";
import { frame } from "./header.ts";
import { MESSAGE_TYPE } from "./iana.ts";
import { encodeMessage } from "./message.ts";
import { Bench, ip, KEEPALIVE, LOCAL, routes, theirOpen } from "./testdata/bench.ts";
import { RouterTable } from "./testdata/router-table.ts";
import { AS_PATH, body, LOCAL_PREF, NEXT_HOP, NLRI, ORIGIN, REACH } from "./testdata/update-body.ts";

describe("what the peer says", () => {
  it("is counted and forgotten", () => {
    const bench = new Bench().reach("established");
    const body = hex`
      0004 18 cb0072
      0014 40 01 01 00  40 02 06 02 01 0000fc01  40 03 04 c00002fe
      18 cb0071 20 c6336401`;
    assert.deepEqual(bench.hear(frame(MESSAGE_TYPE.update, body)), []);
    const { routesReceived, withdrawalsReceived, received } = bench.session.status().counters;
    assert.deepEqual([routesReceived, withdrawalsReceived, received.update], [2, 1, 1]);
  });

  it("is noticed when an attribute is wrong, and the session stays (RFC 7606)", () => {
    const bench = new Bench().reach("established");
    const body = hex`0000 0014 40 01 01 09  40 02 06 02 01 0000fc01  40 03 04 c00002fe 18 cb0071`;
    assert.deepEqual(bench.hear(frame(MESSAGE_TYPE.update, body)), [
      "attribute-error: ORIGIN: origin: invalid (9): treat-as-withdraw",
    ]);
    assert.equal(bench.state, "established");
    const { routesReceived, attributeErrors } = bench.session.status().counters;
    assert.deepEqual([routesReceived, attributeErrors], [0, 1]);
  });

  it("may be longer than messages used to be, as this side says that it takes such (RFC 8654)", () => {
    const [withdrawals, prefix] = [2_000, [24, 203, 0, 113]];
    const gone = Array.from({ length: withdrawals }, () => prefix).flat();
    const long = frame(
      MESSAGE_TYPE.update,
      Uint8Array.of(gone.length >>> 8, gone.length & 255, ...gone, 0, 0),
    );
    const outcomes = [true, false].map((extendedMessages) => {
      const bench = new Bench({ extendedMessages }).reach("established");
      const [first = ""] = bench.hear(long);
      return [bench.session.status().counters.withdrawalsReceived, first];
    });
    assert.deepEqual(outcomes, [
      [withdrawals, ""],
      [0, "1 < message header error, bad message length"],
    ]);
  });

  it("counts no more in a family of which it said what cannot be read, until the session is over", () => {
    const bench = new Bench({ peerAsn: "internal" });
    const ours = { type: "four-octet-asn", asn: 64_512 } as const;
    const open = theirOpen({ asn: 64_512, capabilities: [...theirOpen().capabilities.slice(0, 2), ours] });
    const establish = (connection: number): void => {
      bench.connected(connection);
      bench.hear(encodeMessage(open), connection);
      bench.hear(KEEPALIVE, connection);
    };
    const told: number[] = [];
    const hear = (attributes: readonly string[], nlri: string, connection = 1): readonly string[] => {
      const before = bench.session.status().counters.routesReceived;
      const notices = bench.hear(frame(MESSAGE_TYPE.update, body(attributes, nlri)), connection);
      told.push(bench.session.status().counters.routesReceived - before);
      return notices;
    };
    const about = [ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF];
    bench.start();
    establish(1);
    assert.deepEqual(hear([REACH, ...about], NLRI), []);
    assert.deepEqual(hear([`c${REACH.slice(1)}`, ...about], NLRI), [
      "attribute-error: mp-reach: invalid (flags 0xc0): afi-safi-disable; routes of IPv6 are not counted until the session is over",
    ]);
    assert.deepEqual(hear([REACH, ...about], NLRI), []);
    assert.equal(bench.state, "established");
    bench.closed(1);
    bench.pass(250);
    establish(2);
    assert.deepEqual(hear([REACH, ...about], NLRI, 2), []);
    assert.deepEqual(told, [2, 1, 1, 2]);
  });

  it("ends its tables", () => {
    const bench = new Bench().reach("established");
    assert.deepEqual(bench.hear(frame(MESSAGE_TYPE.update, hex`0000 0006 80 0f 03 0002 01`)), [
      "end of IPv6",
    ]);
  });
});

describe("what the peer is told", () => {
  const refresh = (afi: number, subtype = 0) =>
    encodeMessage({ type: "route-refresh", family: { afi, safi: 1 }, subtype });

  it("comes again when it asks, but not more often than once in a while", () => {
    const bench = new Bench().reach("established");
    bench.handle({ type: "routes", routes: routes("203.0.113.1/32", "2001:db8:1::/48") });
    const again = ["1 < UPDATE 29", "told 1, took back 0, in 1"];
    assert.deepEqual(bench.hear(refresh(1)), again);
    bench.pass(400);
    assert.deepEqual(bench.hear(refresh(1)), []);
    assert.deepEqual(bench.hear(refresh(1)), []);
    assert.deepEqual(bench.pass(599), []);
    assert.deepEqual(bench.pass(1), again);
    assert.deepEqual(bench.pass(5_000), []);
  });

  it("does not come again for a family that is not ours, nor for the end of an answer", () => {
    const bench = new Bench().reach("established");
    bench.handle({ type: "routes", routes: routes("203.0.113.1/32") });
    assert.deepEqual(
      [...bench.hear(refresh(25)), ...bench.hear(refresh(1, 2)), ...bench.hear(refresh(2))],
      [],
    );
  });

  it("does not come again later to a peer that is not there", () => {
    const bench = new Bench();
    bench.handle({ type: "announce-again" });
    bench.handle({ type: "announce-again" });
    assert.equal(bench.session.nextWake(), undefined);
  });

  it("asks it to look for others before we go (RFC 8326), and takes that back", () => {
    const bench = new Bench().reach("established");
    bench.handle({ type: "routes", routes: routes("203.0.113.1/32") });
    assert.deepEqual(bench.handle({ type: "drain", draining: true }), [
      "1 < UPDATE 36", // seven octets more: COMMUNITIES
      "told 1, took back 0, in 1",
    ]);
    assert.deepEqual(bench.handle({ type: "drain", draining: true }), []);
    assert.deepEqual(bench.handle({ type: "drain", draining: false }), [
      "1 < UPDATE 29",
      "told 1, took back 0, in 1",
    ]);
  });

  it("is nothing when the session is over, whatever happens here", () => {
    const bench = new Bench().reach("established");
    bench.handle({ type: "routes", routes: routes("203.0.113.1/32") });
    bench.closed();
    const told = [
      ...bench.handle({ type: "drain", draining: true }),
      ...bench.handle({ type: "addresses", connection: 1, local: { ...LOCAL, ipv4: undefined } }),
      ...bench.handle({ type: "routes", routes: routes("203.0.113.2/32") }),
    ];
    assert.deepEqual([told, bench.session.status().told], [[], { 4: 0, 6: 0 }]);
  });

  it("has another next hop once this side's addresses are others, and none while there is none", () => {
    const bench = new Bench().reach("established");
    const router = new RouterTable({ asnOctets: 4, external: true, pathIds: [] });
    const hopNow = (input: BgpInput): string | undefined => {
      for (const effect of bench.session.handle(input, 0))
        if (effect.type === "send") router.take(effect.bytes);
      return router.routes.get("2001:db8:1::/48")?.reach?.address;
    };
    const on = (ipv6: string | undefined) =>
      ({
        type: "addresses",
        connection: 1,
        local: { ...LOCAL, ipv6: ipv6 === undefined ? undefined : ip(ipv6) },
      }) as const;
    assert.deepEqual(
      [
        hopNow({ type: "routes", routes: routes("203.0.113.1/32", "2001:db8:1::/48") }),
        hopNow(on("2001:db8::9")),
        hopNow(on(undefined)),
        hopNow(on("2001:db8::1")),
      ],
      ["2001:db8::1", "2001:db8::9", undefined, "2001:db8::1"],
    );
    assert.equal(router.routes.get("203.0.113.1/32")?.attributes.nextHop, "192.0.2.1");
    assert.deepEqual(bench.handle(on("2001:db8::1")), []); // nothing new
    assert.deepEqual(bench.handle({ ...on("2001:db8::9"), connection: 7 }), []); // of another connection
  });

  it("has the next hop that was there last before the session was", () => {
    const bench = new Bench().reach("open-confirm");
    const router = new RouterTable({ asnOctets: 4, external: true, pathIds: [] });
    bench.handle({ type: "routes", routes: routes("2001:db8:1::/48") });
    bench.handle({ type: "addresses", connection: 1, local: { ...LOCAL, ipv6: ip("2001:db8::9") } });
    for (const effect of bench.session.handle({ type: "bytes", connection: 1, bytes: KEEPALIVE }, 0)) {
      if (effect.type === "send") router.take(effect.bytes);
    }
    assert.equal(router.routes.get("2001:db8:1::/48")?.reach?.address, "2001:db8::9");
  });

  it("is only what it understands", () => {
    const bench = new Bench().reach("established", theirOpen({ capabilities: [], asn: 64_513 }));
    assert.deepEqual(bench.handle({ type: "routes", routes: routes("203.0.113.1/32", "2001:db8:1::/48") }), [
      "1 < UPDATE 27", // an AS_PATH of two octets each
      "told 1, took back 0, in 1",
    ]);
    assert.deepEqual(bench.session.status().told, { 4: 1, 6: 0 });
  });

  it("is told that there is no next hop only once", () => {
    const bench = new Bench({ families: [6] }).reach("connect");
    const local = { transport: 4, ipv4: ip("192.0.2.1"), ipv6: undefined, linkLocal: undefined } as const;
    bench.handle({ type: "connected", connection: 1, local });
    bench.hear(encodeMessage(theirOpen()));
    bench.hear(KEEPALIVE);
    assert.deepEqual(bench.handle({ type: "routes", routes: routes("2001:db8:1::/48", "2001:db8:2::/48") }), [
      "no-next-hop: IPv6: 2001:db8:1::/48 and 1 more",
    ]);
    assert.deepEqual(bench.handle({ type: "drain", draining: true }), []);
  });
});
