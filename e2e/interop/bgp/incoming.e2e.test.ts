import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { command } from "../../cluster/command.ts";
import { until } from "../../cluster/until.ts";
import { whyNoPair } from "../../real/veth-pair.ts";
import { Bird } from "./bird.ts";
import { Frr } from "./frr.ts";
import type { OurBgpReport } from "./our-bgp.ts";
import { OurSpeaker } from "./our-speaker.ts";
import { installRouters } from "./packages.ts";
import type { Router, RouterSetup, SeenRoute } from "./router.ts";
import { NODE, ROUTER, Segment } from "./segment.ts";

// Who begins a session, what becomes of two that are begun at once, and routers that are odd in how they begin.

const skip = (await whyNoPair()) ?? false;

const [OURS, THEIRS] = [64_500, 64_512];
const [V4, V6] = ["198.51.100.10", "2001:db8:1::10"];
const SEEN: SeenRoute = { prefix: `${V4}/32`, nextHop: NODE.ipv4, path: "64500" };
const SEEN6: SeenRoute = { prefix: "2001:db8:1::10/128", nextHop: NODE.ipv6, path: "64500" };
const SETUP: RouterSetup = {
  local: ROUTER.ipv4,
  neighbour: NODE.ipv4,
  asn: THEIRS,
  peerAsn: OURS,
  families: [4],
};

/** What a ConfigMap cannot say: that we, too, demand a router next to us. */
const GTSM = { minimumTtl: 255 };

function configMap(more = "", address: string = ROUTER.ipv4): string {
  return `peers:
- {peer-address: "${address}", peer-asn: ${THEIRS}, my-asn: ${OURS}${more}}
address-pools:
- {name: a, protocol: bgp, addresses: [198.51.100.0/24, "2001:db8:1::/120"]}
`;
}

/** A router, this node's speaker, and what is between them. */
class Lab {
  readonly segment: Segment;
  readonly router: Router;
  readonly speaker: OurSpeaker;

  static async create(make: (namespace: string) => Router, name: string): Promise<Lab> {
    const segment = await Segment.create(name);
    return new Lab(segment, make(segment.router));
  }

  private constructor(segment: Segment, router: Router) {
    this.segment = segment;
    this.router = router;
    this.speaker = new OurSpeaker(segment.node, { listens: true });
  }

  /** Drops on the node what a rule of nft matches, on its way out and in, and nothing else. */
  async dropSegments(rule: string): Promise<void> {
    const chain = (hook: string): string =>
      `chain ${hook} { type filter hook ${hook} priority 0; ${rule} drop; }`;
    const input = [
      "table inet held {}",
      "delete table inet held",
      "table inet held {",
      chain("output"),
      chain("input"),
      "}",
      "",
    ].join("\n");
    await command(["ip", "netns", "exec", this.segment.node, "nft", "-f", "-"], { input });
  }

  /** Connections come about, and no word goes over them. */
  dropWords(): Promise<void> {
    return this.dropSegments("tcp flags & psh == psh");
  }

  async dropNothing(): Promise<void> {
    await command(["ip", "netns", "exec", this.segment.node, "nft", "delete", "table", "inet", "held"]);
  }

  /** The connections that a side has, each by who began it. */
  async connections(namespace = this.segment.node): Promise<readonly ("ours" | "theirs")[]> {
    const isOurs = (local: string): boolean => local.endsWith(":179") === (namespace === this.segment.router);
    return (await this.#sockets(namespace)).map(([, , local = ""]) => (isOurs(local) ? "ours" : "theirs"));
  }

  /** Columns of ss: octets received and not read, octets sent and not received, addresses. */
  async #sockets(namespace: string): Promise<readonly (readonly string[])[]> {
    const ss = ["ip", "netns", "exec", namespace, "ss", "-Htn", "state", "established"];
    const lines = (await command([...ss, "( sport = :179 or dport = :179 )"])).trim().split("\n");
    return lines.filter((line) => line !== "").map((line) => line.trim().split(/\s+/));
  }

  /** How many octets either side has sent that the other one's kernel has not got yet, over each connection. */
  async unheard(): Promise<readonly number[]> {
    const octets: number[] = [];
    for (const namespace of [this.segment.node, this.segment.router]) {
      for (const [, waiting] of await this.#sockets(namespace)) octets.push(Number(waiting));
    }
    return octets;
  }

  /** To our speaker and the router. */
  async signal(name: "STOP" | "CONT"): Promise<void> {
    for (const namespace of [this.segment.node, this.segment.router]) {
      const pids = (await command(["ip", "netns", "pids", namespace])).trim().split("\n");
      await command(["kill", `-${name}`, ...pids]);
    }
  }

  /** How many connections may wait to be taken, and where. */
  async listening(): Promise<readonly string[]> {
    const ss = ["ip", "netns", "exec", this.segment.node, "ss", "-Htln", "sport = :179"];
    const lines = (await command(ss)).trim().split("\n");
    return lines.map((line) => line.trim().split(/\s+/).slice(2, 4).join(" "));
  }

  /** Somebody beside the router connects to the node. @returns how that ends. */
  async call(from: string, to: string): Promise<string> {
    await command(["ip", "-netns", this.segment.router, "address", "add", from, "dev", "r0", "nodad"]);
    const script = `require("node:net").connect({ host: "${to}", port: 179, localAddress: "${from}" })
      .on("error", ({ code }) => console.log(code)).on("end", () => console.log("ended"))`;
    return (
      await command(["ip", "netns", "exec", this.segment.router, process.execPath, "-e", script])
    ).trim();
  }

  async routesBecome(family: 4 | 6, wanted: readonly SeenRoute[]): Promise<void> {
    const isThere = (routes: readonly SeenRoute[]): boolean => routes.length === wanted.length;
    const routes = await until("the routes are there", () => this.router.routes(family), isThere);
    assert.deepEqual(
      routes.map(({ localPref: _, ...route }) => route),
      wanted,
    );
  }

  /** Ends all of it. */
  async delete(): Promise<void> {
    await this.speaker.stop();
    await this.router.delete();
    await this.segment.delete();
  }
}

/** Why a session or an attempt came to nothing, each time it was news. */
function failures({ log }: OurBgpReport): readonly string[] {
  const said = log.filter(({ msg }) => msg === "BGP session failed" || msg === "BGP session down");
  return said.map(({ reason, text }) => `${reason}: ${text}`);
}

const isOne = ({ length }: readonly unknown[]): boolean => length === 1;

function established({ metrics }: OurBgpReport): number | undefined {
  const [series] = Object.keys(metrics).filter((name) =>
    name.startsWith("herald_speaker_bgp_established_total"),
  );
  return series === undefined ? undefined : metrics[series];
}

const ROUTERS = [
  { name: "FRR", make: (namespace: string) => new Frr(namespace) },
  { name: "BIRD", make: (namespace: string) => new Bird(namespace) },
];

before(async () => {
  if (!skip) await installRouters();
});

describe("who begins a BGP session", { concurrency: true }, () => {
  for (const { name, make } of ROUTERS) {
    describe(`with ${name}`, { concurrency: 1 }, () => {
      let lab: Lab | undefined;
      const begin = async (): Promise<Lab> => {
        await lab?.delete();
        lab = await Lab.create(make, `in${name.toLowerCase()}`);
        return lab;
      };
      after(() => lab?.delete());

      for (const [family, local, neighbour, seen, isNext] of [
        [4, ROUTER.ipv4, NODE.ipv4, SEEN, true],
        [6, ROUTER.ipv6, NODE.ipv6, SEEN6, false],
      ] as const) {
        it(`may be the router, with the right password only${isNext ? " and next to us" : ""}, over IPv${family}`, {
          skip,
        }, async () => {
          const the = await begin();
          const { router, speaker } = the;
          const gtsm = isNext ? GTSM : {};
          await the.dropSegments('oifname "n0" tcp dport 179'); // we reach nobody
          await router.start({
            ...SETUP,
            local,
            neighbour,
            families: [family],
            password: "sesame",
            calls: true,
            ttlSecurity: isNext,
          });
          await speaker.serve("web", [V4, V6]);
          await speaker.begin(configMap(", password: simsalabim", local), gtsm);
          await until(
            "the kernel drops what is signed with another password",
            () => the.segment.kernelCount("TcpExtTCPMD5Failure"),
            (count) => count > 0,
          );
          assert.deepEqual([await router.isUp(), await router.routes(family)], [false, []]);
          await speaker.ask({ type: "config", text: configMap(", password: sesame", local), peers: gtsm });
          await the.routesBecome(family, [seen]);
          assert.deepEqual(await until("one is left", () => the.connections(), isOne), ["theirs"]);
        });
      }

      it("is nobody else: one that is not expected is reset and counted, and only one address listens", {
        skip,
      }, async () => {
        const the = lab ?? assert.fail("the session of the case before is there");
        assert.deepEqual(await the.listening(), [`16 [${NODE.ipv6}]:179`]);
        assert.equal(await the.call("2001:db8::77", NODE.ipv6), "ECONNRESET");
        const { metrics } = await the.speaker.ask({ type: "report" });
        assert.equal(metrics['herald_speaker_bgp_incoming_refused_total{reason="unknown-peer"}'], 1);
        assert.ok(await the.router.isUp());
      });

      // By the router's identifier, 192.0.2.1.
      for (const [identifier, stays] of [
        ["10.0.0.1", "theirs"],
        ["203.0.113.9", "ours"],
      ] as const) {
        it(`are both sides at once, and of two connections the greater identifier's stays: ${stays}`, {
          skip,
        }, async () => {
          const the = await begin();
          const { router, speaker } = the;
          // Each side is to know of both connections before it hears an answer on either: else the faster one may stay.
          await the.dropWords();
          await router.start({ ...SETUP, calls: true });
          await speaker.serve("web", [V4]);
          await speaker.begin(configMap(`, router-id: ${identifier}`));
          // Why not just connected: the kernel is that before either program has come to say anything.
          await until(
            "each has said something over both connections",
            () => the.unheard(),
            (octets) => octets.length === 4 && octets.every((each) => each > 0),
          );
          await the.signal("STOP");
          await the.dropNothing();
          await until(
            "all is said that was",
            () => the.unheard(),
            (octets) => octets.every((each) => each === 0),
          );
          await the.dropWords();
          await the.signal("CONT");
          await until("we have made up our mind", () => the.connections(), isOne);
          await until("so has the router", () => the.connections(the.segment.router), isOne);
          await the.dropNothing();
          await the.routesBecome(4, [SEEN]);
          assert.deepEqual(await until("one is left", () => the.connections(), isOne), [stays]);
          const report = await speaker.ask({ type: "report" });
          const story = report.log.map((line) => JSON.stringify(line)).join("\n");
          assert.deepEqual([failures(report), established(report)], [[], 1], story);
        });
      }

      it("is nobody where the router demands more hops left than we send with, which is told", {
        skip,
      }, async () => {
        const the = await begin();
        const { router, speaker } = the;
        await router.start({ ...SETUP, ttlSecurity: true });
        await speaker.begin(configMap(", hold-time: 3s, ebgp-multihop: true")); // with 64
        const isTold = (report: OurBgpReport): boolean =>
          failures(report).some((failure) => failure.startsWith("hold-expired: no answer to our OPEN"));
        await speaker.until("it is told", isTold);
        assert.equal(await router.isUp(), false);
      });

      it("is nobody where we demand more hops left than the router sends with", { skip }, async () => {
        const the = await begin();
        const { router, speaker } = the;
        await router.start(SETUP);
        await speaker.begin(configMap(), { minimumTtl: 255 });
        await until(
          "the kernel drops what comes with less",
          () => the.segment.kernelCount("TcpExtTCPMinTTLDrop"),
          (count) => count > 0,
        );
        const report = await speaker.ask({ type: "report" });
        assert.deepEqual([await router.isUp(), established(report)], [false, 0]);
      });

      it("is a router whose role is the counterpart of ours, and no other", { skip }, async () => {
        const the = await begin();
        const { router, speaker } = the;
        await router.start({ ...SETUP, role: "provider" });
        await speaker.serve("web", [V4]);
        await speaker.begin(configMap(), { role: "peer" });
        const isRefused = (report: OurBgpReport): boolean =>
          failures(report).some((failure) => /role mismatch|open\.role: invalid/.test(failure));
        await speaker.until("it is told", isRefused);
        assert.equal(await router.isUp(), false);
        await speaker.begin(configMap(), { role: "customer" });
        await the.routesBecome(4, [SEEN]);
      });

      it("is a router that speaks first, where we wait for that (DelayOpen)", { skip }, async () => {
        const the = await begin();
        await the.router.start(SETUP);
        await the.speaker.serve("web", [V4]);
        await the.speaker.begin(configMap(), { delayOpenMs: 240_000 }); // longer than anybody waits for the routes
        await the.routesBecome(4, [SEEN]);
      });

      it("may be a router that says nothing of what it can do", { skip }, async () => {
        const the = await begin();
        const { router, speaker } = the;
        await router.start({ ...SETUP, incapable: true });
        await speaker.serve("web", [V4, V6]);
        await speaker.begin(configMap(), { dualStackAddressFamily: true });
        await the.routesBecome(4, [SEEN]);
        const { log } = await speaker.ask({ type: "report" });
        const said = log.find(({ msg }) => msg === "BGP session established");
        const noticed = log.filter(({ msg }) => msg === "BGP notice").map(({ detail }) => detail);
        assert.deepEqual(
          [said?.["peerAsn"], said?.["families"], said?.["asnOctets"], noticed],
          [THEIRS, [4], 2, ["the peer takes no routes of IPv6"]],
        );
      });
    });
  }
});
