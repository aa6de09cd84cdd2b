import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import type { Capability, GracefulRestart } from "./capability.ts";
import type { Message } from "./message.ts";
import { notification } from "./notification.ts";
import type { PathAttributes } from "./path-attributes.ts";
import type { RouteRefresh } from "./route-refresh.ts";
import { type Heard, hearRecorded, type ReadUpdate } from "./testdata/recorded.ts";
import { encodeText } from "./text.ts";
import type { UpdateContext } from "./update.ts";

// What each router was set up for is in e2e/interop/bgp/record/, the same for all: two routes of IPv4 and one of IPv6,
// with the attributes below as far as it can, from AS 4200000001, or 64500 which is ours.

const ASN = 4_200_000_001;
const [IPV4, IPV6] = [
  { afi: 1, safi: 1 },
  { afi: 2, safi: 1 },
];
const address = (text: string): IpAddress => text as IpAddress;
const text = (words: string): readonly number[] => [words.length, ...encodeText(words, 255)];

const CONTEXTS: Readonly<Record<"external" | "internal" | "old" | "refused", UpdateContext>> = {
  external: { asnOctets: 4, external: true, pathIds: [] },
  internal: { asnOctets: 4, external: false, pathIds: [4, 6] },
  old: { asnOctets: 2, external: true, pathIds: [] },
  refused: { asnOctets: 4, external: true, pathIds: [] },
};

/** We would write it in the same octets. */
const alike = (message: Message | ReadUpdate): Heard => ({ message, isWrittenAlike: true });
/** It means the same, but attributes have another order or longer lengths, or each capability a parameter of its own. */
const unlike = (message: Message | ReadUpdate): Heard => ({ message, isWrittenAlike: false });

const keepalive = alike({ type: "keepalive" });
const ends4 = alike({ type: "update", attributes: {} });
const ends6 = alike({ type: "update", attributes: {}, unreach: { family: 6, nlri: [] } });
const refresh = (family: RouteRefresh["family"]): Heard =>
  alike({ type: "route-refresh", family, subtype: 0 });
const cease = (...data: readonly number[]): Heard => alike(notification(6, 2, Uint8Array.from(data)));
const wrongAsn = (...data: readonly number[]): Heard => alike(notification(2, 2, Uint8Array.from(data)));
const reachable = (linkLocal?: string): NonNullable<ReadUpdate["reach"]>["nextHop"] => ({
  address: address("2001:db8::1"),
  linkLocal: linkLocal === undefined ? undefined : address(linkLocal),
});

const multiprotocol: readonly Capability[] = [IPV4, IPV6].map((family) => ({
  type: "multiprotocol",
  family,
}));
const fourOctets = (asn: number): Capability => ({ type: "four-octet-asn", asn });
const addPath = (mode: "receive" | "send" | "both"): Capability => ({
  type: "add-path",
  families: [IPV4, IPV6].map((family) => ({ family, mode })),
});
const restart = (flags: Partial<GracefulRestart>, forwarding: boolean): GracefulRestart => ({
  type: "graceful-restart",
  restarting: false,
  notifications: false,
  restartTimeSeconds: 120,
  families: [IPV4, IPV6].map((family) => ({ family, forwarding })),
  ...flags,
});
const open = (asn: number, holdTimeSeconds: number, capabilities: readonly Capability[]): Message => ({
  type: "open",
  version: 4,
  asn: asn > 65_535 ? 23_456 : asn,
  holdTimeSeconds,
  routerId: address("192.0.2.1"),
  capabilities,
});

const external: PathAttributes = {
  origin: "igp",
  asPath: [{ type: "sequence", asns: [ASN, 64_999] }],
  med: 50,
  communities: ["64512:100", "65535:65281"],
  extendedCommunities: ["0002fc0000000007"],
  largeCommunities: ["64512:1:2"],
};
const internal: PathAttributes = {
  ...external,
  asPath: [{ type: "sequence", asns: [64_999] }],
  localPref: 100,
};
const aggregator = { asn: 64_512, address: address("192.0.2.1") };
const aggregate: PathAttributes = { atomicAggregate: true, aggregator };
const nextHop = address("192.0.2.1");
const [A, B, C] = ["198.51.100.0/25", "203.0.113.0/24", "2001:db8:2::/48"];

function tells4(attributes: PathAttributes, ...announced: readonly string[]): ReadUpdate {
  return { type: "update", attributes: { ...attributes, nextHop }, announced };
}

function tells6(attributes: PathAttributes, prefix: string, linkLocal?: string): ReadUpdate {
  return { type: "update", attributes, reach: { nextHop: reachable(linkLocal), nlri: [prefix] } };
}

function takesBack4(...withdrawn: readonly string[]): Heard {
  return alike({ type: "update", attributes: {}, withdrawn });
}

function takesBack6(attributes: PathAttributes = {}): ReadUpdate {
  return { type: "update", attributes, unreach: { family: 6, nlri: [C] } };
}

const frr = (asn: number, mode: "receive" | "both", restarts = true): Heard =>
  unlike(
    open(asn, 180, [
      ...multiprotocol,
      { type: "unknown", code: 128, value: new Uint8Array(0) }, // route refresh as it was before RFC 2918
      { type: "route-refresh" },
      { type: "enhanced-route-refresh" },
      fourOctets(asn),
      { type: "extended-message" },
      addPath(mode),
      { type: "fqdn", host: "router", domain: "" },
      ...(restarts ? [restart({ restarting: true, notifications: true }, false), frrLongLived] : []),
    ]),
  );
const frrLongLived: Capability = {
  type: "long-lived-graceful-restart",
  families: [IPV4, IPV6].map((family) => ({ family, forwarding: true, staleTimeSeconds: 0 })),
};

const bird = (asn: number, paths: readonly Capability[], restarts = true): Heard =>
  alike(
    open(asn, 240, [
      ...multiprotocol,
      { type: "route-refresh" },
      ...(restarts ? [restart({}, false)] : []),
      fourOctets(asn),
      ...paths,
      { type: "enhanced-route-refresh" },
      ...(restarts ? [{ type: "long-lived-graceful-restart", families: [] } as const] : []),
    ]),
  );

const gobgp = (asn: number, paths: readonly Capability[], restarts = true): Heard =>
  alike(
    open(asn, 90, [
      { type: "route-refresh" },
      { type: "fqdn", host: "router", domain: "" },
      ...multiprotocol,
      fourOctets(asn),
      ...(restarts ? [restart({}, false)] : []),
      { type: "extended-next-hop", nextHops: [{ family: IPV4, nextHopAfi: 2 }] },
      ...paths,
    ]),
  );
const byHand: PathAttributes = { origin: "incomplete", aggregator };

const exabgp = (asn: number, paths: readonly Capability[], restarts = true): Heard =>
  unlike(
    open(asn, 180, [
      ...multiprotocol,
      fourOctets(asn),
      ...paths,
      ...(restarts ? [restart({ restarting: true }, true)] : []),
      { type: "route-refresh" },
      { type: "enhanced-route-refresh" },
      { type: "extended-message" },
    ]),
  );

const ROUTERS: Readonly<Record<string, Readonly<Record<keyof typeof CONTEXTS, readonly Heard[]>>>> = {
  frr: {
    external: [
      frr(ASN, "receive"),
      keepalive,
      ends4,
      ends6,
      unlike(tells4({ ...external, ...aggregate }, A, B)),
      unlike(tells6({ ...external, ...aggregate }, C, "fe80::1")),
      refresh(IPV4),
      refresh(IPV6),
      takesBack4(A, B),
      unlike(takesBack6()),
      alike(notification(6, 9, Uint8Array.of(6, 2, ...text("back at noon")))), // wrapped: RFC 8538
    ],
    internal: [
      frr(64_500, "both"),
      keepalive,
      ends4,
      ends6,
      unlike(tells4({ ...internal, ...aggregate }, `2 ${A}`, `3 ${B}`)),
      unlike(tells6({ ...internal, ...aggregate }, `2 ${C}`, "fe80::1")),
    ],
    old: [
      frr(ASN, "receive", false),
      keepalive,
      unlike(tells4({ ...external, ...aggregate }, A, B)),
      cease(...text("back at noon")),
    ],
    refused: [frr(ASN, "receive"), wrongAsn(0x5b, 0xa0)],
  },
  bird: {
    external: [
      bird(ASN, []),
      keepalive,
      alike(tells4(external, A, B)),
      ends4,
      unlike(tells6(external, C, "fe80::1")),
      ends6,
      refresh(IPV4),
      refresh(IPV6),
      takesBack4(A, B),
      unlike(takesBack6()),
      cease(...text("back at noon")),
    ],
    internal: [
      bird(64_500, [addPath("send")]),
      keepalive,
      alike(tells4(internal, `3 ${A}`, `3 ${B}`)),
      ends4,
      unlike(tells6(internal, `4 ${C}`, "fe80::1")),
      ends6,
    ],
    old: [bird(ASN, [], false), keepalive, alike(tells4(external, A, B)), cease(...text("back at noon"))],
    refused: [bird(ASN, []), wrongAsn(0xfa, 0x56, 0xea, 0x02)],
  },
  gobgp: {
    external: [
      gobgp(ASN, []),
      keepalive,
      unlike(tells4({ ...external, ...byHand }, A, B)),
      ends4,
      unlike(tells6({ ...external, ...byHand }, C)),
      ends6,
      takesBack4(A),
      takesBack4(B),
      alike(takesBack6()),
      cease(...text("back at noon")),
    ],
    internal: [
      gobgp(64_500, [addPath("send")]),
      keepalive,
      alike(tells4({ ...internal, ...byHand }, `1 ${A}`, `1 ${B}`)),
      ends4,
      unlike(tells6({ ...internal, ...byHand }, `1 ${C}`)),
      ends6,
    ],
    old: [
      gobgp(ASN, [], false),
      keepalive,
      unlike(tells4({ ...external, ...byHand }, B, A)),
      cease(...text("back at noon")),
    ],
    refused: [gobgp(ASN, []), wrongAsn()],
  },
  exabgp: {
    external: [
      exabgp(ASN, []),
      keepalive,
      alike(tells4({ ...external, ...aggregate }, B, A)),
      unlike(tells6({ ...external, ...aggregate }, C)),
      ends4,
      unlike(ends6.message),
      refresh(IPV4),
      refresh(IPV6),
      takesBack4(B, A),
      unlike(takesBack6({ origin: "igp", asPath: [{ type: "sequence", asns: [ASN] }] })),
      // and goes without a word, as it does where graceful restart was agreed on
    ],
    internal: [
      exabgp(64_500, [addPath("send")]),
      keepalive,
      alike(tells4({ ...internal, ...aggregate }, `0 ${B}`, `0 ${A}`)),
      unlike(tells6({ ...internal, ...aggregate }, `0 ${C}`)),
      ends4,
      unlike(ends6.message),
    ],
    old: [
      exabgp(ASN, [], false),
      keepalive,
      unlike(tells4({ ...external, ...aggregate }, B, A)),
      ends4,
      cease(...text("Administrative Shutdown")),
    ],
    refused: [
      exabgp(ASN, []),
      wrongAsn(...encodeText("ASN in OPEN (23456) did not match ASN expected (64500)", 255)),
    ],
  },
};

for (const [router, sessions] of Object.entries(ROUTERS)) {
  describe(`messages recorded from ${router}`, () => {
    for (const [session, wanted] of Object.entries(sessions)) {
      it(`mean what it was set up to say, session ${session}`, () => {
        const context = CONTEXTS[session as keyof typeof CONTEXTS];
        assert.deepEqual(hearRecorded(`${router}-${session}`, context), wanted);
      });
    }
  });
}
