import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { command } from "../../cluster/command.ts";
import { until } from "../../cluster/until.ts";
import { whyNoPair } from "../../real/veth-pair.ts";
import { COLUMNS, type Column } from "./columns.ts";
import type { OurBgpReport } from "./our-bgp.ts";
import { OurSpeaker } from "./our-speaker.ts";
import { installRouters } from "./packages.ts";
import type { Router, RouterSetup, SeenRoute } from "./router.ts";
import { FAR, NODE, ROUTER, Segment } from "./segment.ts";

// Given to each test, not to the suite: a runner counts skipped tests, and a skipped suite as nothing.
const skip = (await whyNoPair()) ?? false;

const [OURS, THEIRS, ANOTHER] = [64_500, 64_512, 64_999];
const [V4, V6] = ["198.51.100.10", "2001:db8:1::10"];
const EXTERNAL: RouterSetup = {
  local: ROUTER.ipv4,
  neighbour: NODE.ipv4,
  asn: THEIRS,
  peerAsn: OURS,
  families: [4],
};
const SEEN: SeenRoute = { prefix: `${V4}/32`, nextHop: NODE.ipv4, path: "64500" };
const SEEN6: SeenRoute = { prefix: `${V6}/128`, nextHop: NODE.ipv6, path: "64500" };
/** Peers of which nothing says which AS it is, but whether it is ours. */
const ANY_ASN = [
  { kind: "whatever other AS it is (dynamicASN: external)", peerAsn: "external", asn: THEIRS, seen: SEEN },
  {
    kind: "one of our own AS (dynamicASN: internal)",
    peerAsn: "internal",
    asn: OURS,
    seen: { ...SEEN, path: "", localPref: 100 },
  },
] as const;
/** What arrives beyond one other router, of what was sent with all there is. */
const MOST_HOPS_LEFT = 254;

interface Peer {
  readonly address?: string;
  readonly asn?: number;
  readonly own?: number;
  /** Further lines of the ConfigMap. */
  readonly more?: string;
  readonly pool?: string;
}

function configMap({ address = ROUTER.ipv4, asn = THEIRS, own = OURS, more = "", pool = "" }: Peer): string {
  return `peers:
- {peer-address: "${address}", peer-asn: ${asn}, my-asn: ${own}${more}}
address-pools:
- {name: a, protocol: bgp, addresses: [198.51.100.0/24, "2001:db8:1::/120"]${pool}}
`;
}

/** Why attempts came to nothing, in words, oldest first. */
function errors({ log }: OurBgpReport): readonly string[] {
  const said = log.filter(({ msg }) => msg === "BGP session failed" || msg === "BGP session down");
  return said.map(({ reason, text }) => `${reason}: ${text}`);
}

before(async () => {
  if (!skip) await installRouters();
});

// Two routers beside each other: most of the time both wait.
describe("BGP", { concurrency: 2 }, () => {
  for (const { name, make, lacks, hopsLeft, hopOverIpv6, ...says } of COLUMNS) {
    const { refusedAsn, refusedCapability, left, gaveUp } = says;
    describe(`with ${name}`, { concurrency: 1 }, () => {
      let segment: Segment;
      let router: Router;
      let speaker: OurSpeaker;

      beforeEach(async () => {
        if (skip) return;
        segment = await Segment.create(name.toLowerCase());
        router = make(segment.router);
        speaker = new OurSpeaker(segment.node);
      });
      afterEach(async () => {
        await speaker?.stop();
        await router?.delete();
        await segment?.delete();
      });
      after(() => segment?.delete().catch(() => {})); // of a `beforeEach` that failed

      /** A case that some routers cannot be had for. */
      const itUnless = (lack: Column["lacks"][number], name: string, run: () => Promise<void>): void => {
        if (!lacks.includes(lack)) it(name, { skip }, run);
      };
      const routesBecome = (family: 4 | 6, wanted: readonly SeenRoute[]): Promise<unknown> =>
        until(
          `${name} has ${wanted.length} routes of IPv${family}`,
          () => router.routes(family),
          (routes) => routes.length === wanted.length,
        ).then((routes) => assert.deepEqual(routes.map(withoutDefaults), wanted));
      // Why not the last one: the next attempt may end otherwise before this one was asked for.
      const errorComes = (pattern: RegExp): Promise<OurBgpReport> =>
        speaker.until(`an error like ${pattern}`, (report) =>
          errors(report).some((each) => pattern.test(each)),
        );
      const neighbourSays = (pattern: RegExp): Promise<string> =>
        until(
          `${name} says ${pattern}`,
          () => router.neighbour(),
          (text) => pattern.test(text),
        );

      it("learns an address over an IPv4 session", { skip }, async () => {
        await router.start(EXTERNAL);
        await speaker.serve("web", [V4, V6]);
        await speaker.begin(configMap({}));
        await routesBecome(4, [SEEN]);
        assert.ok(await router.isUp());
      });

      it("learns an address over an IPv6 session", { skip }, async () => {
        await router.start({ ...EXTERNAL, local: ROUTER.ipv6, neighbour: NODE.ipv6, families: [6] });
        await speaker.serve("web", [V4, V6]);
        await speaker.begin(configMap({ address: ROUTER.ipv6 }));
        await routesBecome(6, [SEEN6]);
      });

      it("learns both families over one session", { skip }, async () => {
        await router.start({ ...EXTERNAL, families: [4, 6] });
        await speaker.serve("web", [V4, V6]);
        await speaker.begin(configMap({}), { dualStackAddressFamily: true });
        await routesBecome(4, [SEEN]);
        await routesBecome(6, [SEEN6]);
      });

      it("learns both families over one IPv6 session", { skip }, async () => {
        await router.start({ ...EXTERNAL, local: ROUTER.ipv6, neighbour: NODE.ipv6, families: [4, 6] });
        await speaker.serve("web", [V4, V6]);
        await speaker.begin(configMap({ address: ROUTER.ipv6 }), { dualStackAddressFamily: true });
        await routesBecome(4, [{ ...SEEN, nextHop: hopOverIpv6 }]);
        await routesBecome(6, [SEEN6]);
      });

      it("learns what an advertisement says within one AS: aggregates of both families, LOCAL_PREF, standard and large communities", {
        skip,
      }, async () => {
        await router.start({ ...EXTERNAL, asn: OURS, families: [4, 6] });
        await speaker.serve("web", [V4, V6]);
        await speaker.serve("api", ["198.51.100.20", "2001:db8:1::1a"]);
        const pool = `, bgp-advertisements: [
          {aggregation-length: 26, aggregation-length-v6: 124, localpref: 250,
            communities: ["64500:7", "large:64500:1:2"]}, {localpref: 50}]`;
        await speaker.begin(configMap({ asn: OURS, pool }), { dualStackAddressFamily: true });
        const own = { path: "", localPref: 50 };
        const ofAll = { path: "", localPref: 250, communities: ["64500:7"], large: ["64500:1:2"] };
        const wanted = (nextHop: string, aggregate: string, ...each: readonly string[]): SeenRoute[] => [
          { prefix: aggregate, nextHop, ...ofAll },
          ...each.map((prefix) => ({ prefix, nextHop, ...own })),
        ];
        await routesBecome(4, wanted(NODE.ipv4, "198.51.100.0/26", `${V4}/32`, "198.51.100.20/32"));
        await routesBecome(6, wanted(NODE.ipv6, "2001:db8:1::10/124", `${V6}/128`, "2001:db8:1::1a/128"));
      });

      it("learns what annotations of an advertisement say: MED, a longer path, link bandwidth as an extended community", {
        skip,
      }, async () => {
        await router.start(EXTERNAL);
        await speaker.serve("web", [V4], { externalTrafficPolicy: "Local" });
        await speaker.begin(configMap({}));
        await routesBecome(4, [SEEN]);
        const rules = { med: 50, prepend: 2, bandwidthPerEndpoint: true };
        await speaker.ask({ type: "config", text: configMap({}), rules });
        await until(
          "the route is another",
          () => router.routes(4),
          ([first]) => first?.path !== SEEN.path,
        );
        const path = "64500 64500 64500";
        await routesBecome(4, [{ ...SEEN, path, med: 50, bandwidth: 125_000 }]);
      });

      it("learns from an AS of four octets", { skip }, async () => {
        const own = 4_200_000_001;
        await router.start({ ...EXTERNAL, peerAsn: own });
        await speaker.serve("web", [V4]);
        await speaker.begin(configMap({ own }));
        await routesBecome(4, [{ ...SEEN, path: String(own) }]);
      });

      for (const { kind, peerAsn, asn, seen } of ANY_ASN) {
        it(`is taken as ${kind}`, { skip }, async () => {
          await router.start({ ...EXTERNAL, asn });
          await speaker.serve("web", [V4]);
          await speaker.begin(configMap({ asn: ANOTHER }), { peerAsn });
          await routesBecome(4, [seen]);
        });
      }

      it("loses an address with its last endpoint, and has it again with the next one", {
        skip,
      }, async () => {
        await router.start(EXTERNAL);
        await speaker.serve("web", [V4], { externalTrafficPolicy: "Local" });
        await speaker.begin(configMap({}));
        await routesBecome(4, [SEEN]);
        await speaker.endpoints("web", false);
        await routesBecome(4, []);
        await speaker.endpoints("web", true);
        await routesBecome(4, [SEEN]);
        const { metrics } = await speaker.ask({ type: "report" });
        assert.equal(metrics['herald_speaker_bgp_established_total{peer="192.0.2.1:179",vrf="default"}'], 1);
      });

      it("takes a change of advertisements, timers and TTL over the session that is there", {
        skip,
      }, async () => {
        await router.start(EXTERNAL);
        await speaker.serve("web", [V4]);
        await speaker.begin(configMap({}));
        await routesBecome(4, [SEEN]);
        const pool = ", bgp-advertisements: [{aggregation-length: 24}]";
        const more = ", ebgp-multihop: true, hold-time: 30s, keepalive-time: 1s";
        await speaker.ask({
          type: "config",
          text: configMap({ pool, more }),
          peers: { connectTimeSeconds: 1 },
        });
        await until(
          "the aggregate is there",
          () => router.routes(4),
          ([first]) => first?.prefix !== SEEN.prefix,
        );
        await routesBecome(4, [{ ...SEEN, prefix: "198.51.100.0/24" }]);
        const { metrics } = await speaker.ask({ type: "report" });
        assert.equal(metrics['herald_speaker_bgp_established_total{peer="192.0.2.1:179",vrf="default"}'], 1);
      });

      for (const [family, local, neighbour] of [
        [4, ROUTER.ipv4, NODE.ipv4],
        [6, ROUTER.ipv6, NODE.ipv6],
      ] as const) {
        it(`is spoken to with the right password only (TCP-MD5), over IPv${family}`, { skip }, async () => {
          await router.start({ ...EXTERNAL, local, neighbour, families: [family], password: "sesame" });
          await speaker.serve("web", [V4, V6]);
          const wrong = configMap({ address: local, more: ", password: simsalabim" });
          await speaker.begin(wrong, { connectTimeSeconds: 1 });
          await until(
            "the router's kernel drops what is signed with another password",
            () => segment.kernelCount("TcpExtTCPMD5Failure", segment.router),
            (count) => count > 0,
          );
          // Why once: it takes 5 s until it is said.
          if (family === 4) await errorComes(/^connect-failed: no connection within /);
          const { log } = await speaker.ask({ type: "report" });
          assert.ok(!JSON.stringify(log).includes("simsalabim"));
          assert.deepEqual([await router.isUp(), await router.routes(family)], [false, []]);
          const right = configMap({ address: local, more: ", password: sesame" });
          await speaker.ask({ type: "config", text: right });
          await routesBecome(family, [family === 4 ? SEEN : SEEN6]);
        });
      }

      it("is told when it is another AS than configured", { skip }, async () => {
        await router.start(EXTERNAL);
        await speaker.serve("web", [V4]);
        await speaker.begin(configMap({ asn: ANOTHER }));
        await errorComes(/^open-refused: .*the peer is AS 64512, want AS 64999/);
        await neighbourSays(refusedAsn);
        assert.deepEqual(await router.routes(4), []);
      });

      it("says why when we are another AS than it has configured", { skip }, async () => {
        await router.start({ ...EXTERNAL, peerAsn: ANOTHER });
        await speaker.begin(configMap({}));
        await errorComes(/^notification: .*(peer AS|bad peer|Bad Peer)/i);
      });

      itUnless("ttl-security", "finds us at most one hop away when it demands it (GTSM)", async () => {
        await router.start({ ...EXTERNAL, ttlSecurity: true });
        await speaker.serve("web", [V4]);
        await speaker.begin(configMap({}));
        await routesBecome(4, [SEEN]);
      });

      it("is told when it has no capability for the family that we need", { skip }, async () => {
        await router.start({ ...EXTERNAL, families: [6] });
        await speaker.begin(configMap({}));
        await errorComes(/^open-refused: .*the peer offers no /);
        await neighbourSays(refusedCapability);
      });

      it("is reached beyond another router (multihop), until we demand one hop less", { skip }, async () => {
        await segment.moveRouterAway();
        await router.start({ ...EXTERNAL, local: FAR.ipv4, multihop: true });
        await speaker.serve("web", [V4]);
        const text = configMap({ address: FAR.ipv4, more: ", ebgp-multihop: true, hold-time: 3s" });
        await speaker.begin(text, { minimumTtl: hopsLeft });
        await routesBecome(4, [SEEN]);
        await speaker.ask({ type: "config", text, peers: { minimumTtl: hopsLeft + 1 } });
        await until(
          "the kernel drops what comes with less",
          () => segment.kernelCount("TcpExtTCPMinTTLDrop"),
          (count) => count > 0,
        );
        await routesBecome(4, []);
        assert.equal(await router.isUp(), false);
      });

      itUnless(
        "ttl-security",
        "finds us at most two hops away when it demands that, and we do (GTSM)",
        async () => {
          await segment.moveRouterAway();
          await router.start({ ...EXTERNAL, local: FAR.ipv4, multihop: true, ttlSecurity: true });
          await speaker.serve("web", [V4]);
          const text = configMap({ address: FAR.ipv4, more: ", ebgp-multihop: true" });
          await speaker.begin(text, { minimumTtl: MOST_HOPS_LEFT });
          await routesBecome(4, [SEEN]);
        },
      );

      it("is called from the port that is asked for, and has all again after it was killed and started", {
        skip,
      }, async () => {
        await router.start(EXTERNAL);
        await speaker.serve("web", [V4]);
        await speaker.begin(configMap({}), { sourcePort: 20_179 });
        await routesBecome(4, [SEEN]);
        assert.deepEqual(await callers(segment.router), [`${NODE.ipv4}:20179`]);
        await router.kill();
        await speaker.until(
          "the session is lost",
          ({ metrics }) => metrics['metallb_bgp_session_up{peer="192.0.2.1:179",vrf="default"}'] === 0,
        );
        await router.start(EXTERNAL);
        await routesBecome(4, [SEEN]);
        assert.deepEqual(await callers(segment.router), [`${NODE.ipv4}:20179`]);
      });

      it("is given up when it is not heard for the hold time", { skip }, async () => {
        await router.start(EXTERNAL);
        await speaker.serve("web", [V4]);
        await speaker.begin(configMap({ more: ", hold-time: 3s" }));
        await routesBecome(4, [SEEN]);
        router.freeze();
        await errorComes(/^hold-expired: /);
      });

      it("gives us up when it does not hear us for the hold time, and has all again when it does", {
        skip,
      }, async () => {
        await router.start(EXTERNAL);
        await speaker.serve("web", [V4]);
        await speaker.begin(configMap({ more: ", hold-time: 3s" }));
        await routesBecome(4, [SEEN]);
        speaker.freeze();
        await routesBecome(4, []);
        await neighbourSays(gaveUp);
        speaker.thaw();
        await errorComes(/hold time/i);
        await routesBecome(4, [SEEN]);
      });

      it("is asked to prefer others before it loses routes (graceful shutdown), and is told why we go", {
        skip,
      }, async () => {
        await router.start(EXTERNAL);
        await speaker.serve("web", [V4]);
        await speaker.begin(configMap({}));
        await routesBecome(4, [SEEN]);
        await speaker.ask({ type: "drain" });
        await until(
          "the route is marked",
          () => router.routes(4),
          ([route]) => route?.communities?.includes("65535:0") ?? false,
        );
        await speaker.ask({ type: "part" });
        await routesBecome(4, []);
        await neighbourSays(left);
      });

      itUnless(
        "stale-routes",
        "keeps routes over a restart that was agreed on (graceful restart), without a gap",
        async () => {
          await router.start(EXTERNAL);
          await speaker.serve("web", [V4]);
          await speaker.begin(configMap({}), { gracefulRestart: true });
          await routesBecome(4, [SEEN]);
          await speaker.ask({ type: "drain" });
          await speaker.ask({ type: "part" });
          await until(
            "the session is over",
            () => router.isUp(),
            (up) => !up,
          );
          await routesBecome(4, [SEEN]);
          await speaker.stop();
          speaker = new OurSpeaker(segment.node);
          await speaker.serve("web", [V4]);
          await speaker.begin(configMap({}), { gracefulRestart: true });
          await until("the session is back", () => router.isUp(), Boolean);
          await routesBecome(4, [SEEN]);
        },
      );
    });
  }
});

/** Who has a BGP connection with a router, and from which port. */
async function callers(namespace: string): Promise<readonly string[]> {
  const ss = ["ip", "netns", "exec", namespace, "ss", "-Htn", "state", "established", "sport = :179"];
  const lines = (await command(ss)).split("\n").filter((line) => line !== "");
  return lines.map((line) => line.trim().split(/\s+/).at(-1) ?? "");
}

/** Routers show a preference of their own for routes of other ASes. */
function withoutDefaults({ localPref, ...route }: SeenRoute): SeenRoute {
  return localPref === undefined || route.path !== "" ? route : { ...route, localPref };
}
