import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { linkBandwidth } from "./community.ts";
import type { ExportView } from "./export.ts";
import { Pace } from "./pace.ts";
import { formatPrefix, prefixOf } from "./prefix.ts";
import { type Difference, RibOut } from "./rib-out.ts";
import { type Route, type RouteAttributes, RouteTable, routeTable } from "./route.ts";
import { ip, LOCAL, routes, routesWith } from "./testdata/bench.ts";
import { RouterTable } from "./testdata/router-table.ts";

const EXTERNAL: ExportView = {
  asn: 64_512,
  external: true,
  asnOctets: 4,
  local: LOCAL,
  families: [4, 6],
  addPath: [],
  extendedNextHop: false,
  maxOctets: 4_096,
  role: undefined,
  draining: false,
};
const INTERNAL: ExportView = { ...EXTERNAL, external: false };

/** A peer, what it was told, and what it made of it. */
class Peer {
  readonly rib = new RibOut();
  readonly table: RouterTable;
  view: ExportView;
  /** Of the last `tell`. */
  messages: readonly Uint8Array[] = [];
  constructor(view: ExportView) {
    this.view = view;
    this.table = new RouterTable({
      asnOctets: view.asnOctets,
      external: view.external,
      pathIds: view.addPath,
    });
  }

  /** @returns what happened at the peer. */
  tell(wanted: RouteTable, view = this.view): readonly string[] {
    return this.hear(this.rib.tell(wanted, view, 0) ?? assert.fail("a break that nobody asked for"), view);
  }

  hear(difference: Difference, view = this.view): readonly string[] {
    this.view = view;
    this.messages = difference.messages;
    const before = this.table.story.length;
    for (const message of this.messages) {
      assert.ok(message.length <= view.maxOctets, `${message.length} octets`);
      this.table.take(message);
    }
    const story = this.table.story.slice(before);
    const counts = [difference.announced, difference.withdrawn];
    const [plus, minus] = ["+", "-"].map((sign) => story.filter((each) => each.startsWith(sign)).length);
    assert.deepEqual(counts, [plus, minus]);
    return story;
  }
}

const listOf = (table: RouteTable): Route[] => [...table.prefixes()].flatMap((each) => table.get(each));
const both = (...all: readonly Route[]): RouteTable => routeTable(all);
const many = (count: number, attributes: (at: number) => RouteAttributes = () => ({})): RouteTable => {
  const shared = new Map<string, RouteAttributes>();
  return routeTable(
    Array.from({ length: count }, (_, at) => {
      const own = attributes(at);
      const key = JSON.stringify(own);
      if (!shared.has(key)) shared.set(key, own);
      const address = ip(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`);
      return { prefix: prefixOf(address, 32), pathId: 0, attributes: shared.get(key) ?? own };
    }),
  );
};

describe("Adj-RIB-Out", () => {
  it("announces what is new, withdraws what is gone, and says nothing of the rest", () => {
    const peer = new Peer(EXTERNAL);
    assert.deepEqual(peer.tell(routes("203.0.113.1/32", "203.0.113.2/32")), [
      "+203.0.113.1/32",
      "+203.0.113.2/32",
    ]);
    assert.deepEqual(peer.tell(routes("203.0.113.2/32", "203.0.113.3/32")), [
      "+203.0.113.3/32",
      "-203.0.113.1/32",
    ]);
    assert.deepEqual(peer.tell(routes("203.0.113.2/32", "203.0.113.3/32")), []);
  });

  it("announces what takes the place of something before that is withdrawn", () => {
    const peer = new Peer(EXTERNAL);
    peer.tell(routes("203.0.113.0/24", "2001:db8:1::/64"));
    assert.deepEqual(peer.tell(routes("203.0.113.1/32", "2001:db8:1::/48")), [
      "+203.0.113.1/32",
      "+2001:db8:1::/48",
      "-203.0.113.0/24",
      "-2001:db8:1::/64",
    ]);
  });

  it("announces anew what changes, without withdrawing it", () => {
    const peer = new Peer(EXTERNAL);
    peer.tell(routes("203.0.113.1/32"));
    assert.deepEqual(peer.tell(routesWith({ med: 10 }, "203.0.113.1/32")), ["+203.0.113.1/32"]);
    assert.equal(peer.table.routes.get("203.0.113.1/32")?.attributes.med, 10);
  });

  it("does not mind in which order communities are given, nor how often", () => {
    const peer = new Peer(EXTERNAL);
    peer.tell(routesWith({ communities: ["2:1", "1:1"] }, "203.0.113.1/32"));
    assert.deepEqual(peer.tell(routesWith({ communities: ["1:1", "2:1", "1:1"] }, "203.0.113.1/32")), []);
  });

  it("tells the one path with the lowest id where only one is taken", () => {
    const peer = new Peer(EXTERNAL);
    const prefix = prefixOf(ip("203.0.113.1"), 32);
    const [one, two] = [1, 2].map((pathId) => ({ prefix, pathId, attributes: { med: pathId } })) as [
      Route,
      Route,
    ];
    peer.tell(both(two, one));
    assert.equal(peer.table.routes.get("203.0.113.1/32")?.attributes.med, 1);
    assert.deepEqual(peer.tell(both(two)), ["+203.0.113.1/32"]);
    assert.equal(peer.table.routes.get("203.0.113.1/32")?.attributes.med, 2);
  });

  it("tells all paths where several are taken (RFC 7911)", () => {
    const peer = new Peer({ ...EXTERNAL, addPath: [4] });
    const prefix = prefixOf(ip("203.0.113.1"), 32);
    const [one, two] = [1, 2].map((pathId) => ({ prefix, pathId, attributes: { med: pathId } })) as [
      Route,
      Route,
    ];
    assert.deepEqual(peer.tell(both(one, two)), ["+203.0.113.1/32 1", "+203.0.113.1/32 2"]);
    assert.deepEqual(peer.tell(both(two)), ["-203.0.113.1/32 1"]);
  });

  it("tells a family again, all of it and nothing else", () => {
    const peer = new Peer(EXTERNAL);
    peer.tell(routes("203.0.113.1/32", "2001:db8:1::/48", "203.0.113.2/32"));
    peer.table.story.length = 0;
    for (const message of peer.rib.again(4)) peer.table.take(message);
    assert.deepEqual(peer.table.story, ["+203.0.113.1/32", "+203.0.113.2/32"]);
  });

  it("refuses two routes for one prefix: which of them counts is not ours to say", () => {
    const route = { prefix: prefixOf(ip("203.0.113.1"), 32), pathId: 0, attributes: {} };
    assert.throws(() => routeTable([route, route]), { message: "two routes for 203.0.113.1/32, path 0" });
  });

  it("leaves out what fits into no message, and says so", () => {
    const peer = new Peer(EXTERNAL);
    const communities = Array.from({ length: 1_100 }, (_, at) => `64512:${at}`);
    const wanted = routeTable([
      ...listOf(routesWith({ communities }, "203.0.113.1/32")),
      ...listOf(routes("203.0.113.2/32")),
    ]);
    const { notices, announced } = peer.rib.tell(wanted, EXTERNAL, 0) ?? assert.fail();
    assert.deepEqual(
      [notices, announced],
      [[{ reason: "attributes-too-long", detail: "IPv4: 203.0.113.1/32" }], 1],
    );
    assert.equal(new RibOut().tell(wanted, { ...EXTERNAL, maxOctets: 65_535 }, 0)?.announced, 2);
  });

  it("forgets what it left out and what another table does not have, and says so anew when it is back", () => {
    const peer = new Peer(EXTERNAL);
    const communities = Array.from({ length: 1_100 }, (_, at) => `64512:${at}`);
    const tooLong = (...prefixes: readonly string[]) => routesWith({ communities }, ...prefixes);
    const notices = (wanted: RouteTable) =>
      peer.rib.tell(wanted, EXTERNAL, 0)?.notices.map(({ detail }) => detail);
    assert.deepEqual(
      [
        tooLong("203.0.113.1/32", "203.0.113.2/32"),
        tooLong("203.0.113.2/32"),
        routes("203.0.113.3/32"),
        tooLong("203.0.113.1/32"),
      ].map(notices),
      [["IPv4: 203.0.113.1/32 and 1 more"], ["IPv4: 203.0.113.2/32"], [], ["IPv4: 203.0.113.1/32"]],
    );
  });

  it("withdraws what can no longer be announced", () => {
    const peer = new Peer(EXTERNAL);
    peer.tell(routes("2001:db8:1::/48"));
    const local = { ...LOCAL, ipv6: undefined };
    assert.deepEqual(peer.tell(routes("2001:db8:1::/48"), { ...EXTERNAL, local }), ["-2001:db8:1::/48"]);
  });
});

describe("packing", () => {
  const sizes = [
    { name: "1,000 IPv4 addresses into two", wanted: many(1_000), view: EXTERNAL, messages: 2 },
    {
      name: "1,000 into one long message",
      wanted: many(1_000),
      view: { ...EXTERNAL, maxOctets: 65_535 },
      messages: 1,
    },
    { name: "10,000 into thirteen", wanted: many(10_000), view: EXTERNAL, messages: 13 },
    {
      name: "each set of attributes into its own",
      wanted: many(1_000, (at) => ({ med: at % 4 })),
      view: EXTERNAL,
      messages: 4,
    },
  ];
  for (const { name, wanted, view, messages } of sizes) {
    it(`puts ${name}`, () => {
      const peer = new Peer(view);
      peer.tell(wanted);
      assert.deepEqual([peer.messages.length, peer.table.routes.size], [messages, wanted.size]);
      peer.tell(routes());
      assert.deepEqual(
        [peer.messages.length, peer.table.routes.size],
        [Math.ceil((wanted.size * 5) / (view.maxOctets - 23)), 0],
      );
    });
  }

  it("fills a message to its last octet, withdrawals too (MetalLB defect 16)", () => {
    const withdrawn = (count: number) => {
      const peer = new Peer(EXTERNAL);
      peer.tell(many(count));
      peer.tell(routes());
      return peer.messages.map(({ length }) => length);
    };
    assert.deepEqual(withdrawn(814), [4_093]);
    assert.deepEqual(withdrawn(815), [4_093, 28]);
    const peer = new Peer(EXTERNAL);
    const exactly = [
      ...listOf(many(813)),
      ...listOf(routes("203.0.113.0/24", "198.51.100.0/24", "0.0.0.0/0")),
    ];
    peer.tell(routeTable(exactly));
    peer.tell(routes());
    assert.deepEqual(
      peer.messages.map(({ length }) => length),
      [4_096, 24],
    );
  });

  it("keeps IPv6 within bounds, with path ids and without", () => {
    const wanted = routeTable(
      Array.from({ length: 2_000 }, (_, at) => ({
        prefix: prefixOf(ip(`2001:db8::${(at + 1).toString(16)}`), 128),
        pathId: 7,
        attributes: {},
      })),
    );
    for (const addPath of [[], [6]] as const) {
      const peer = new Peer({ ...EXTERNAL, addPath });
      peer.tell(wanted);
      assert.equal(peer.table.routes.size, 2_000);
      peer.tell(routes());
      assert.equal(peer.table.routes.size, 0);
    }
  });
});

describe("a route looks", () => {
  const seen = (view: ExportView, route: RouteAttributes, text = "203.0.113.1/32") => {
    const peer = new Peer(view);
    peer.tell(routesWith(route, text));
    return peer.table.routes.get(text);
  };
  const IPV6_ONLY = {
    transport: 6,
    ipv4: undefined,
    ipv6: ip("2001:db8::1"),
    linkLocal: ip("fe80::1"),
  } as const;
  const UNNUMBERED = { ...IPV6_ONLY, ipv6: undefined };
  const all: RouteAttributes = {
    localPref: 200,
    med: 5,
    prepend: 2,
    communities: ["64512:2", "9:1"],
    largeCommunities: ["64512:1:1"],
    extendedCommunities: [linkBandwidth(64_512, 1_000, false)],
  };
  const kept = {
    origin: "igp",
    med: 5,
    communities: ["9:1", "64512:2"],
    largeCommunities: ["64512:1:1"],
    extendedCommunities: ["4004fc00447a0000"],
    nextHop: "192.0.2.1",
  } as const;

  it("to another AS: our AS in its path, no LOCAL_PREF", () => {
    const asPath = [{ type: "sequence", asns: [64_512, 64_512, 64_512] }];
    assert.deepEqual(seen(EXTERNAL, all), { attributes: { ...kept, asPath }, reach: undefined });
  });

  it("within our AS: an empty path, LOCAL_PREF", () => {
    assert.deepEqual(seen(INTERNAL, all)?.attributes, { ...kept, asPath: [], localPref: 200 });
    assert.equal(seen(INTERNAL, {})?.attributes.localPref, 100);
  });

  it("before we go: GRACEFUL_SHUTDOWN, and the last choice within our AS (RFC 8326)", () => {
    const draining = { ...INTERNAL, draining: true };
    const { communities, localPref } = seen(draining, all)?.attributes ?? {};
    assert.deepEqual([communities, localPref], [["9:1", "64512:2", "65535:0"], 0]);
  });

  it("to a customer: marked to stay there (RFC 9234 §5)", () => {
    assert.equal(seen({ ...EXTERNAL, role: "provider" }, {})?.attributes.onlyToCustomer, 64_512);
    assert.equal(seen({ ...EXTERNAL, role: "customer" }, {})?.attributes.onlyToCustomer, undefined);
  });

  const hops = [
    {
      name: "IPv6 from its global address",
      view: EXTERNAL,
      text: "2001:db8:1::/48",
      reach: ["2001:db8::1", undefined],
    },
    {
      name: "IPv6 on one segment from both addresses",
      view: { ...EXTERNAL, local: IPV6_ONLY },
      text: "2001:db8:1::/48",
      reach: ["2001:db8::1", "fe80::1"],
    },
    {
      name: "IPv6 unnumbered from the link-local address twice",
      view: { ...EXTERNAL, local: UNNUMBERED },
      text: "2001:db8:1::/48",
      reach: ["fe80::1", "fe80::1"],
    },
    {
      name: "IPv4 over IPv6 from there, if that was agreed on",
      view: { ...EXTERNAL, local: UNNUMBERED, extendedNextHop: true },
      text: "203.0.113.1/32",
      reach: ["fe80::1", "fe80::1"],
    },
  ];
  for (const { name, view, text, reach } of hops) {
    it(`${name}`, () => {
      const route = seen(view, {}, text);
      assert.deepEqual([route?.reach?.address, route?.reach?.linkLocal], reach);
    });
  }

  it("nowhere, IPv4 over IPv6 if it was not agreed on", () => {
    assert.equal(seen({ ...EXTERNAL, local: IPV6_ONLY }, {}), undefined);
    const nextHop = { address: ip("2001:db8::9"), linkLocal: undefined };
    assert.equal(seen(EXTERNAL, { nextHop }), undefined);
  });

  it("as if from elsewhere, when it says so", () => {
    const nextHop = { address: ip("192.0.2.9"), linkLocal: undefined };
    assert.equal(seen(EXTERNAL, { nextHop })?.attributes.nextHop, "192.0.2.9");
  });
});

describe("whatever is wanted in turn", () => {
  const FEW: readonly RouteAttributes[] = [{}, { med: 1 }, { communities: ["1:1"] }];
  const wish = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 0, max: 12 }), fc.boolean(), fc.constantFrom(0, 1, 2)),
    {
      selector: ([at, six]) => `${at} ${six}`,
      maxLength: 14,
    },
  );
  const tableOf = (all: readonly (readonly [number, boolean, number])[]) =>
    routeTable(
      all.map(([at, six, which]) => ({
        prefix: six ? prefixOf(ip(`2001:db8:${at}::`), 48) : prefixOf(ip(`10.0.${at}.0`), 24),
        pathId: 3,
        attributes: FEW[which] ?? {},
      })),
    );

  it("the peer's table is that in the end, and no prefix that stays is ever gone", () => {
    const views = fc.constantFrom<ExportView>(EXTERNAL, INTERNAL, { ...EXTERNAL, addPath: [4] });
    fc.assert(
      fc.property(views, fc.array(fc.tuple(wish, fc.boolean()), { maxLength: 8 }), (view, wishes) => {
        const peer = new Peer(view);
        for (const [all, draining] of wishes) {
          const story = peer.tell(tableOf(all), { ...view, draining });
          const fresh = new Peer({ ...view, draining });
          fresh.tell(tableOf(all));
          assert.deepEqual(sorted(peer.table.routes), sorted(fresh.table.routes));
          for (const key of peer.table.routes.keys())
            assert.ok(!story.includes(`-${key}`), `${key} was withdrawn`);
          assert.equal(new Set(story).size, story.length);
          assert.equal(peer.rib.count(4) + peer.rib.count(6), peer.table.routes.size);
        }
      }),
    );
  });
});

describe("a table that changes", () => {
  const FEW: readonly RouteAttributes[] = [{}, { med: 1 }, { communities: ["1:1"] }];
  /** Puts paths, by id, in the place of those of a prefix. */
  const another = fc.record({
    at: fc.integer({ min: 0, max: 3 }),
    six: fc.boolean(),
    paths: fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })), {
      selector: ([pathId]) => pathId,
      maxLength: 2,
    }),
  });
  type Change = typeof another extends fc.Arbitrary<infer T> ? T : never;
  /** So many prefixes are looked at; we are about to go, or not. */
  const looks = [
    fc.record({ look: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ draining: fc.boolean() }),
  ] as const;
  const step = fc.oneof(another, ...looks);

  function change(table: RouteTable, { at, six, paths }: Change): void {
    const prefix = six ? prefixOf(ip(`2001:db8:${at}::`), 48) : prefixOf(ip(`10.0.${at}.0`), 24);
    const routes = paths
      .toSorted(([one], [other]) => one - other)
      .map(([pathId, which]) => ({ prefix, pathId, attributes: FEW[which] ?? {} }));
    table.set(formatPrefix(prefix), routes);
  }

  it("is told in pieces to the same end as in one", () => {
    const views = fc.constantFrom<ExportView>(EXTERNAL, INTERNAL, { ...EXTERNAL, addPath: [4] });
    fc.assert(
      fc.property(views, fc.array(step, { maxLength: 60, size: "max" }), (agreed, steps) => {
        const peer = new Peer(agreed);
        const table = new RouteTable();
        let view = agreed;
        const look = (atMost?: number): void => {
          const difference = peer.rib.tell(table, view, 0, atMost);
          if (difference !== undefined) peer.hear(difference, view);
        };
        for (const each of steps) {
          if ("look" in each) look(each.look);
          else if ("draining" in each) view = { ...agreed, draining: each.draining };
          else change(table, each);
        }
        look();
        const fresh = new Peer(view);
        fresh.tell(routeTable(listOf(table)));
        assert.deepEqual(sorted(peer.table.routes), sorted(fresh.table.routes));
        assert.equal(peer.rib.count(4) + peer.rib.count(6), peer.table.routes.size);
      }),
      { numRuns: 300 },
    );
  });

  it("says at once which of two paths is gone, while what is new of the other has to wait", () => {
    const view: ExportView = { ...EXTERNAL, addPath: [4] };
    const [peer, rib] = [new Peer(view), new RibOut(new Pace(5_000))];
    const prefix = prefixOf(ip("203.0.113.1"), 32);
    const path = (pathId: number, med: number): Route => ({ prefix, pathId, attributes: { med } });
    const tell = (now: number, ...paths: readonly Route[]) =>
      peer.hear(rib.tell(routeTable(paths), view, now) ?? assert.fail());
    tell(0, path(1, 1), path(2, 1));
    const wanted = [1_000, 5_000].map((now) => [tell(now, path(2, 2)), rib.due]);
    assert.deepEqual(wanted, [
      [["-203.0.113.1/32 1"], 5_000],
      [["+203.0.113.1/32 2"], undefined],
    ]);
  });

  it("is told at once as another view sees it, also when it is replaced before it was looked at", () => {
    const [peer, rib] = [new Peer(EXTERNAL), new RibOut(new Pace(5_000))];
    const texts = ["203.0.113.1/32", "203.0.113.2/32"];
    peer.hear(rib.tell(routes(...texts), EXTERNAL, 0) ?? assert.fail());
    const view = { ...EXTERNAL, draining: true };
    assert.equal(rib.tell(routes(...texts), view, 1_000, 1), undefined);
    const difference = rib.tell(routes(...texts), view, 1_000) ?? assert.fail();
    assert.deepEqual([peer.hear(difference, view).length, rib.due], [2, undefined]);
  });

  it("is looked at as a whole by who comes late", () => {
    const [peer, table, want] = [new Peer(EXTERNAL), routeTable(listOf(many(10))), listOf(many(2_000))];
    peer.tell(table);
    for (const route of want) table.set(formatPrefix(route.prefix), [route]);
    for (const route of want.slice(5)) table.set(formatPrefix(route.prefix), []);
    assert.equal(table.changedSince(10), undefined);
    assert.deepEqual(peer.tell(table).length, 5);
    assert.deepEqual([...peer.table.routes.keys()], [...table.prefixes()]);
  });

  it("costs what is different", () => {
    const [peer, table] = [new Peer(EXTERNAL), routeTable(listOf(many(1_000)))];
    peer.tell(table);
    table.set("10.0.0.7/32", []);
    assert.equal(peer.rib.tell(table, EXTERNAL, 0, 10)?.withdrawn, 1);
  });
});

function sorted<T>(all: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...all].sort(([one], [other]) => (one < other ? -1 : 1));
}
