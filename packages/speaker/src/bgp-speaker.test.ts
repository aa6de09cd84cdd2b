import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pathKey } from "@herald/bfd/effect";
import { frame } from "@herald/bgp/header";
import { MESSAGE_TYPE } from "@herald/bgp/iana";
import { encodeMessage } from "@herald/bgp/message";
import { decodeNlri } from "@herald/bgp/nlri";
import { decodeNotification, describeNotification } from "@herald/bgp/notification";
import { decodeOpen, type Open } from "@herald/bgp/open";
import { formatPrefix } from "@herald/bgp/prefix";
import { framesIn, KEEPALIVE, LOCAL, RESTART } from "@herald/bgp/testdata/bench";
import { decodeUpdate } from "@herald/bgp/update";
import { createLog } from "@herald/daemon/log";
import { elapse } from "@herald/k8s/elapse";
import type { EventRecord } from "@herald/k8s/events";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { BgpPeerConfig, Config } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import type { IpAddress } from "@herald/shared/ip/address";
import { Registry } from "prom-client";
import type { BfdHandlers, BfdLink } from "./bfd-link.ts";
import type {
  BgpArrival,
  BgpDoor,
  BgpDoorListeners,
  BgpIncomingPort,
  BgpListeners,
  BgpPort,
  BgpTarget,
  BgpTtls,
} from "./bgp-port.ts";
import { BgpSpeaker } from "./bgp-speaker.ts";
import type { StartMonitor } from "./bmp-port.ts";
import type { HoldingWord, SessionWord } from "./kubernetes-protocol.ts";
import { createSpeakerMetrics } from "./metrics.ts";
import type { CandidateNode } from "./plan.ts";
import { fit, on, service } from "./planner-fixture.ts";

const PART_MS = 5_000;
const web = service("web", ["10.20.30.7"]);
const yaml = (more = ""): string => `
peers: [{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512, password: sesame${more}}]
address-pools: [{name: a, protocol: bgp, addresses: [10.20.30.0/24]}]`;

/** A router that takes whatever it is told, and writes it down with the time: `+` a route, `-` its end. */
class RecordingRouter implements BgpPort, BgpIncomingPort {
  readonly heard: string[] = [];
  readonly dialled: BgpTarget[] = [];
  /** As it was introduced to. */
  readonly opens: Open[] = [];
  local = LOCAL;
  readonly #clock: VirtualClock;
  readonly #open: Open;
  /** On the connection that was made last. */
  say: (bytes: Uint8Array) => void = () => assert.fail("nobody called");
  #down: ((why: string) => void) | undefined;
  #refusal: string | undefined;
  #knock = (_: Open): void => assert.fail("nobody listens");
  constructor(clock: VirtualClock, keepsRoutes: boolean) {
    this.#clock = clock;
    this.#open = {
      type: "open",
      version: 4,
      asn: 64_513,
      holdTimeSeconds: 0,
      routerId: "192.0.2.254" as IpAddress,
      capabilities: keepsRoutes ? [{ type: "graceful-restart", ...RESTART, families: [] }] : [],
    };
  }

  dial(target: BgpTarget, listeners: BgpListeners): ReturnType<BgpPort["dial"]> {
    this.dialled.push(target);
    this.note("dialled");
    const soon = (run: () => void): unknown => this.#clock.at(this.#clock.now() + 1, run);
    let isOpen = true;
    const down = (why: string): void => {
      isOpen = false;
      listeners.onClosed(why);
    };
    this.#down = down;
    this.say = listeners.onBytes;
    soon(() => {
      if (!isOpen) return;
      if (this.#refusal !== undefined) {
        down(this.#refusal);
        return;
      }
      listeners.onConnected(this.local);
      listeners.onBytes(encodeMessage(this.#open));
      listeners.onBytes(KEEPALIVE);
    });
    return {
      send: (bytes) => this.#hear(bytes),
      reach: ({ ttl, minimumTtl }) => this.note(`TTL ${ttl}, at least ${minimumTtl}`),
      local: () => this.local,
      close: () => {
        if (isOpen) this.note("closed");
        isOpen = false;
      },
    };
  }

  sourceTowards(): IpAddress {
    return "192.0.2.7" as IpAddress;
  }

  listen({ address, port, targets }: BgpDoor, { onArrival }: BgpDoorListeners): () => void {
    this.note(`${targets.map((target) => target.address)} may connect to ${address} port ${port}`);
    this.#knock = (open) => onArrival(this.#arrival(open));
    return () => this.note(`nobody may connect to ${address}`);
  }

  /** Connects by itself. @param change of what it says it is. */
  call(change: Partial<Open> = {}): void {
    this.#knock({ ...this.#open, ...change });
  }

  #arrival(open: Open): BgpArrival {
    return {
      from: "192.0.2.254" as IpAddress,
      onceGone: () => {},
      take: (_, listeners) => {
        this.#clock.at(this.#clock.now() + 1, () => {
          listeners.onBytes(encodeMessage(open));
          listeners.onBytes(KEEPALIVE);
        });
        const connection = {
          send: (bytes: Uint8Array) => this.#hear(bytes),
          reach: ({ ttl }: BgpTtls) => this.note(`TTL ${ttl} on its own connection`),
          close: () => this.note("closed"),
        };
        return { connection, local: LOCAL };
      },
      refuse: () => this.note("reset"),
    };
  }

  /** Ends what is there, and takes no more connections. */
  refuse(why: string): void {
    this.#refusal = why;
    this.#down?.(why);
  }

  /** What it heard since it was asked last. */
  news(): readonly string[] {
    return this.heard.splice(0);
  }

  #hear(bytes: Uint8Array): void {
    for (const { type, body } of framesIn(bytes)) {
      if (type === MESSAGE_TYPE.open) this.opens.push(decodeOpen(body));
      if (type === MESSAGE_TYPE.notification) this.note(describeNotification(decodeNotification(body)));
      if (type !== MESSAGE_TYPE.update) continue;
      const { update } = decodeUpdate(body, { asnOctets: 2, external: true, pathIds: [] });
      const communities = (update.attributes.communities ?? []).map((text) => ` ${text}`).join("");
      for (const { prefix } of decodeNlri(update.announced))
        this.note(`+ ${formatPrefix(prefix)}${communities}`);
      for (const { prefix } of decodeNlri(update.withdrawn)) this.note(`- ${formatPrefix(prefix)}`);
    }
  }

  note(what: string): void {
    this.heard.push(`${Math.round(this.#clock.now() / 100) / 10} s: ${what}`);
  }
}

/** BFD that finds out what a test says. */
class ToldBfd {
  hear: BfdHandlers["onNews"] = () => assert.fail("not started");
  readonly #note: (what: string) => void;
  constructor(note: (what: string) => void) {
    this.#note = note;
  }

  start({ onNews }: BfdHandlers): BfdLink {
    this.hear = onNews;
    let isAsked = false;
    return {
      want: (sessions) => {
        isAsked = true;
        const words = sessions.map(({ path, options }) => `${pathKey(path)} every ${options.transmitMs} ms`);
        this.#note(`BFD: ${words.join(", ")}`);
      },
      part: async () => {
        if (isAsked) this.#note("BFD parts");
      },
      close: async () => {},
    };
  }
}

interface Stage {
  readonly clock: VirtualClock;
  readonly router: RecordingRouter;
  readonly speaker: BgpSpeaker;
  readonly events: EventRecord[];
  readonly holdings: HoldingWord[];
  readonly words: SessionWord[];
  readonly bfd: ToldBfd;
  readonly registry: Registry;
  /** All lines of the log. */
  readonly lines: string[];
  readonly pass: (ms: number) => Promise<void>;
  readonly standing: (change: Partial<CandidateNode>) => void;
  readonly configure: (text: string, peer?: Partial<BgpPeerConfig>) => void;
}

/** A speaker whose node `iris1` serves web, with a session, unless `begin` is false: then nothing has happened. */
async function stage({
  keepsRoutes = false,
  begin = true,
  listens = false,
  monitor = NOBODY,
} = {}): Promise<Stage> {
  const clock = new VirtualClock();
  const router = new RecordingRouter(clock, keepsRoutes);
  const [events, lines, holdings]: [EventRecord[], string[], HoldingWord[]] = [[], [], []];
  const words: SessionWord[] = [];
  const registry = new Registry();
  const bfd = new ToldBfd((what) => router.note(what));
  const speaker = new BgpSpeaker(
    {
      node: "iris1",
      address: undefined,
      plan: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
      partMs: PART_MS,
    },
    {
      clock,
      random: new SeededRandom(1),
      sockets: router,
      ...(listens && { incoming: { port: 179, sockets: router } }),
      log: createLog({ level: "all", program: "test", write: (line) => lines.push(line) }),
      metrics: createSpeakerMetrics(registry),
      recordEvent: (event) => events.push(event),
      sayHolding: (word) => holdings.push(word),
      saySession: (word) => words.push(word),
      monitor,
      epochMs: () => clock.now(),
      startBfd: (handlers) => bfd.start(handlers),
      sharedMs: () => clock.now(),
      isNear: () => true,
      sourceTowards: () => router.local.ipv4,
      packets: { open: () => assert.fail("no peer is without an address") },
      linkLocalOf: () => undefined,
      onBfdCrash: assert.fail,
    },
  );
  const made: Stage = {
    clock,
    router,
    speaker,
    events,
    holdings,
    words,
    bfd,
    registry,
    lines,
    pass: (ms) => elapse(clock, ms),
    standing: (change) => speaker.take({ type: "node", name: "iris1", node: { ...fit, ...change } }),
    configure: (text, peer = {}) => {
      const config: Config = loadConfig(text);
      const peers = config.peers.map((each) => ({ ...each, gracefulRestart: keepsRoutes, ...peer }));
      speaker.take({ type: "config", config: { ...config, peers } });
    },
  };
  made.standing({});
  speaker.take({ type: "node", name: "iris2", node: fit });
  speaker.take({ type: "service", service: web });
  speaker.take({ type: "endpoints", key: web.key, endpoints: on("iris1", "iris2") });
  made.configure(yaml());
  if (!begin) return made;
  speaker.take({ type: "synced" });
  await made.pass(100);
  router.news();
  return made;
}

const NOBODY: StartMonitor = () => ({ up: () => {}, down: () => {}, told: () => {}, stop: () => {} });

describe("BGP beside layer 2", () => {
  it("says nothing before the whole cluster was seen, then all of it at once", async () => {
    const { speaker, router, pass } = await stage({ begin: false });
    await pass(1_000);
    assert.deepEqual(router.news(), []);
    speaker.take({ type: "synced" });
    await pass(100);
    assert.deepEqual(router.news(), ["1 s: dialled", "1 s: + 10.20.30.7/32"]);
  });

  it("records who announces, once", async () => {
    const { events, registry, speaker, pass } = await stage();
    speaker.take({ type: "service", service: { ...web, resourceVersion: "2" } });
    await pass(100);
    assert.deepEqual(
      events.map(({ reason, message }) => `${reason}: ${message}`),
      ['nodeAssigned: announcing from node "iris1" with protocol "bgp"'],
    );
    const series = await registry.getSingleMetricAsString("metallb_speaker_announced");
    assert.match(series, /\{service="default\/web",protocol="bgp",node="iris1",ip="10.20.30.7"\} 1/);
    const up = await registry.getSingleMetricAsString("metallb_bgp_session_up");
    assert.match(up, /\{peer="192.0.2.254:179",vrf="default"\} 1/);
  });

  it("records it for a Service that was deleted and made anew between two looks, too, once", async () => {
    const { events, holdings, router, speaker, pass } = await stage();
    [events, holdings].forEach((list) => void list.splice(0));
    const remade = { ...web, uid: "uid-2" };
    for (const resourceVersion of ["2", "3"]) {
      speaker.take({ type: "service", service: { ...remade, resourceVersion } });
      await pass(100);
    }
    const recorded = events.splice(0).map(({ reason, regarding }) => [reason, regarding.uid]);
    assert.deepEqual([recorded, holdings, router.news()], [[["nodeAssigned", "uid-2"]], [], []]);
    for (const change of [
      { type: "service-gone", key: web.key },
      { type: "service", service: remade },
    ] as const) {
      speaker.take(change);
      await pass(100);
    }
    assert.equal(events.length, 1);
  });

  it("sees to what comes up before people are told of all that was", async () => {
    const { speaker, router, events, pass } = await stage();
    events.push = ({ regarding }) => {
      router.note(`of ${regarding.name}`);
      speaker.take({ type: "endpoints", key: web.key, endpoints: [] });
      return 1;
    };
    for (const [name, address] of Object.entries({ api: "10.20.30.8", db: "10.20.30.9" })) {
      speaker.take({ type: "service", service: service(name, [address]) });
      speaker.take({ type: "endpoints", key: service(name, []).key, endpoints: on("iris1") });
    }
    await pass(100);
    assert.deepEqual(
      router.news().map((each) => each.slice("0.1 s: ".length)),
      ["+ 10.20.30.8/32", "+ 10.20.30.9/32", "of api", "- 10.20.30.7/32", "of db"],
    );
  });

  it("says whom it tells of a Service, whether there is a session or not, and when it does not any more", async () => {
    const { holdings, speaker, configure, router, pass } = await stage();
    const told = { protocol: "bgp", service: web.key };
    const here = (...names: string[]) => ({ type: "here", ...told, names, isShared: true });
    assert.deepEqual(holdings.splice(0), [here("configmap/peer1")]);
    router.refuse("nobody listens");
    speaker.take({ type: "service", service: { ...web, resourceVersion: "2" } });
    await pass(1_000);
    assert.deepEqual(holdings.splice(0), []);
    configure(yaml(), { name: "east" });
    await pass(100);
    assert.deepEqual(holdings.splice(0), [here("east")]);
    speaker.take({ type: "endpoints", key: web.key, endpoints: [] });
    await pass(100);
    assert.deepEqual(holdings.splice(0), [{ type: "gone", ...told }]);
  });

  it("asks for the next hops of its connections whenever interfaces or addresses are others", async () => {
    const { speaker, router } = await stage();
    const hop = (address: string): string => {
      router.local = { ...LOCAL, ipv4: address as IpAddress };
      speaker.setLinks([]);
      return router.news().join();
    };
    assert.deepEqual([hop("192.0.2.9"), hop("192.0.2.9")], ["0.1 s: + 10.20.30.7/32", ""]);
  });

  it("never logs a password", async () => {
    const { lines, router } = await stage();
    assert.equal(router.dialled[0]?.password, "sesame");
    assert.ok(lines.length > 0 && !lines.some((line) => line.includes("sesame")));
  });

  it("keeps its session when only the advertisements change", async () => {
    const { router, configure, pass } = await stage();
    configure(`${yaml().replace("]}]", "], bgp-advertisements: [{aggregation-length: 24}]}]")}`);
    await pass(100);
    assert.deepEqual(router.news(), ["0.1 s: - 10.20.30.7/32", "0.1 s: + 10.20.30.0/24"].sort());
  });

  it("keeps its session when only the peer's timers change, and says what they are", async () => {
    const { router, lines, configure, pass } = await stage();
    lines.splice(0);
    configure(yaml(", hold-time: 30s"));
    await pass(100);
    configure(yaml(", hold-time: 30s"));
    await pass(100);
    assert.deepEqual(router.news(), []);
    const said = lines.filter((line) => line.includes("other timers"));
    assert.deepEqual([said.length, said[0]?.includes('"holdTimeSeconds":30')], [1, true]);
  });

  it("keeps its session when a peer may be farther away, and goes by it everywhere from then on", async () => {
    const { router, lines, configure, pass } = await stage({ listens: true });
    for (const minimumTtl of [254, 254, undefined]) {
      configure(yaml(", ebgp-multihop: true"), minimumTtl === undefined ? {} : { minimumTtl });
      await pass(100);
    }
    const reopened = ["nobody may connect to 192.0.2.7", "192.0.2.254 may connect to 192.0.2.7 port 179"];
    assert.deepEqual(router.news(), [
      ...["TTL 255, at least 254", ...reopened].map((each) => `0.1 s: ${each}`),
      ...["TTL 64, at least undefined", ...reopened].map((each) => `0.3 s: ${each}`),
    ]);
    assert.equal(lines.filter((line) => line.includes("another TTL")).length, 2);
    router.refuse("gone");
    await pass(1_000);
    assert.deepEqual(router.dialled.map(({ ttl, minimumTtl }) => [ttl, minimumTtl]).slice(0, 2), [
      [255, undefined],
      [64, undefined],
    ]);
  });

  it("begins a new session when the peer is another", async () => {
    const { router, configure, pass } = await stage();
    configure(yaml(", router-id: 192.0.2.9"));
    await pass(100);
    const [farewell, ...rest] = router.news();
    assert.match(farewell ?? "", /reset.*the configuration changed/);
    assert.deepEqual(rest, ["0.1 s: closed", "0.1 s: dialled", "0.1 s: + 10.20.30.7/32"]);
  });

  const east = "{peer-address: 192.0.2.253, peer-asn: 64513, my-asn: 64512}";
  const west = "{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512}";
  const pools = yaml().split("\n").at(-1);
  const both = `peers: [${east}, ${west}]\n${pools}`;
  const besides = yaml().replace("peers: [", `peers: [${east}, `);

  it("says that it restarted to the routers alone that it is configured for at first (RFC 4724 §4.1)", async () => {
    const { router, configure, pass } = await stage({ keepsRoutes: true });
    configure(besides);
    await pass(1_000);
    const said = router.opens.map(({ capabilities }) =>
      capabilities.flatMap((each) => (each.type === "graceful-restart" ? [each.restarting] : [])),
    );
    assert.deepEqual(said, [[true], [false]]);
  });

  it("asks a router that is new while it is about to go to prefer others, too", async () => {
    const { router, configure, standing, pass } = await stage();
    standing({ drain: "maintenance" });
    await pass(100);
    router.news();
    configure(besides);
    await pass(100);
    assert.deepEqual(router.news(), ["0.2 s: dialled", "0.2 s: + 10.20.30.7/32 65535:0"]);
  });

  it("keeps the session with a router that is another place of the ConfigMap now, and says so", async () => {
    const { router, words, lines, registry, configure, pass } = await stage({ listens: true });
    configure(both);
    await pass(1_000);
    [router.heard, words, lines].forEach((list) => void list.splice(0));
    configure(`peers: [${west}]\n${pools}`);
    await pass(1_000);
    assert.deepEqual(router.news(), [
      "1.1 s: Cease, peer de-configured",
      "1.1 s: closed",
      "1.1 s: nobody may connect to 192.0.2.7",
      "1.1 s: 192.0.2.254 may connect to 192.0.2.7 port 179",
    ]);
    const last = new Map(
      words.map((word) => [
        word.peer,
        word.type === "gone"
          ? "gone"
          : `${word.standing.address} ${word.standing.bgp} since ${word.standing.sinceMs}`,
      ]),
    );
    assert.deepEqual(
      [...last],
      [
        ["configmap/peer1", "192.0.2.254:179 Established since 101"],
        ["configmap/peer2", "gone"],
      ],
    );
    const up = await registry.getSingleMetricAsString("metallb_bgp_session_up");
    assert.deepEqual(up.match(/peer=.*/g), ['peer="192.0.2.254:179",vrf="default"} 1']);
    router.call();
    router.refuse("unplugged");
    await pass(100);
    const of = lines.map((line) => JSON.parse(line) as Record<string, string>);
    assert.deepEqual(
      of.filter(({ msg }) => msg === "BGP session down").map(({ peer, address }) => [peer, address]),
      [["configmap/peer1", "192.0.2.254:179"]],
    );
  });

  it("keeps all sessions when a ConfigMap's peers move to objects", async () => {
    const { router, words, configure, speaker, pass } = await stage();
    configure(both);
    await pass(1_000);
    [router.heard, words].forEach((list) => void list.splice(0));
    const config = loadConfig(both);
    const peers = config.peers.map((peer, at) => ({ ...peer, name: `tor${at}` })).reverse();
    speaker.take({ type: "config", config: { ...config, peers } });
    await pass(1_000);
    assert.deepEqual(router.news(), []);
    assert.deepEqual(
      words.map((word) => `${word.peer} ${word.type === "gone" ? "gone" : word.standing.bgp}`),
      ["configmap/peer1 gone", "configmap/peer2 gone", "tor1 Established", "tor0 Established"],
    );
  });

  it("lets a router in that connects by itself, while it is configured", async () => {
    const { router, configure, speaker, pass } = await stage({ listens: true, begin: false });
    router.refuse("ECONNREFUSED");
    speaker.take({ type: "synced" });
    await pass(100);
    assert.deepEqual(router.news().slice(0, 2), [
      "0 s: dialled",
      "0 s: 192.0.2.254 may connect to 192.0.2.7 port 179",
    ]);
    router.call();
    await pass(100);
    assert.deepEqual(router.news().at(-1), "0.1 s: + 10.20.30.7/32");
    configure("peers: []");
    await pass(100);
    assert.deepEqual(router.news(), [
      "0.2 s: Cease, peer de-configured",
      "0.2 s: closed",
      "0.2 s: nobody may connect to 192.0.2.7",
    ]);
  });

  it("goes on saying that there is a session when something else speaks from the router's address", async () => {
    const { router, events, words, lines, pass } = await stage({ listens: true });
    [events, words].forEach((list) => void list.splice(0));
    for (let call = 0; call < 2; call += 1) {
      router.call({ asn: 64_999 });
      await pass(100);
    }
    assert.deepEqual([router.news().length, words, events], [4, [], []]);
    const warned = lines
      .map((line) => JSON.parse(line) as Record<string, string>)
      .filter(({ level }) => level === "warn");
    assert.deepEqual(
      warned.map(({ msg, reason }) => `${msg}: ${reason}`),
      ["BGP notice: other-connection"],
    );
  });

  it("warns once of a router that calls too soon, and counts the rest", async () => {
    const { router, lines, configure, registry, pass } = await stage({ listens: true });
    configure(yaml().replace("peer-asn: 64513", "peer-asn: 64999")); // not the router's
    await pass(100);
    for (let call = 0; call < 3; call += 1) router.call();
    const warned = lines
      .map((line) => JSON.parse(line) as Record<string, string>)
      .filter(({ msg, level }) => msg === "BGP notice" && level === "warn");
    assert.deepEqual(
      warned.map(({ reason, detail }) => `${reason}: ${detail}`),
      ["connection-refused: too soon after an error"],
    );
    const counts = await registry.getSingleMetricAsString("herald_speaker_bgp_notices_total");
    assert.match(counts, /reason="connection-refused"\} 3/);
  });

  it("logs an UPDATE that cannot be read as a whole, once, and keeps the session (RFC 7606 §8)", async () => {
    const { router, lines, pass } = await stage();
    const update = "0000000021cb00710080"; // a prefix of 33 bits
    for (let time = 0; time < 2; time += 1)
      router.say(frame(MESSAGE_TYPE.update, Buffer.from(update, "hex")));
    await pass(1_000);
    assert.deepEqual(router.news(), []);
    const warned = lines
      .map((line) => JSON.parse(line) as Record<string, string>)
      .filter(({ msg, level }) => msg === "BGP notice" && level === "warn");
    assert.deepEqual(
      warned.map(({ reason, detail, update: whole }) => [reason, detail, whole]),
      [
        [
          "attribute-error",
          "update.nlri: invalid (prefix length 33, want 0 to 32): afi-safi-disable; routes of IPv4 are not counted until the session is over",
          update,
        ],
      ],
    );
  });

  it("asks routers to prefer others, waits, takes all back and says why it goes", async () => {
    const { router, speaker, pass } = await stage();
    const gone = speaker.drain();
    await pass(PART_MS + 1_000);
    await gone;
    assert.deepEqual(router.news(), [
      "0.1 s: + 10.20.30.7/32 65535:0",
      "5.1 s: - 10.20.30.7/32",
      '5.1 s: Cease, administrative shutdown: "the speaker of this node stops"',
      "5.1 s: closed",
    ]);
  });

  it("leaves routers alone that keep its routes until it is back", async () => {
    const { router, speaker, pass } = await stage({ keepsRoutes: true });
    const gone = speaker.drain();
    await pass(1_000);
    await gone;
    assert.deepEqual(router.news(), ["0.1 s: closed"]);
  });

  it("parts from them, too, when its node is drained", async () => {
    const { router, speaker, standing, pass } = await stage({ keepsRoutes: true });
    standing({ drain: "maintenance" });
    await pass(100);
    const gone = speaker.drain();
    await pass(PART_MS + 1_000);
    await gone;
    assert.deepEqual(
      router.news().map((line) => line.replace(/^.*?: /, "").replace(/:.*/, "")),
      [
        "+ 10.20.30.7/32 65535",
        "- 10.20.30.7/32",
        "Cease, hard reset (Cease, administrative shutdown",
        "closed",
      ],
    );
  });

  it("parts from a node that is drained, comes back to it, and parts no sooner the next time", async () => {
    const { router, standing, pass } = await stage();
    for (let drain = 0; drain < 2; drain += 1) {
      standing({ drain: "maintenance" });
      await pass(PART_MS + 1_000);
      standing({});
      await pass(1_000);
    }
    assert.deepEqual(router.news(), [
      "0.1 s: + 10.20.30.7/32 65535:0",
      "5.1 s: - 10.20.30.7/32",
      "6.1 s: + 10.20.30.7/32",
      "7.1 s: + 10.20.30.7/32 65535:0",
      "12.1 s: - 10.20.30.7/32",
      "13.1 s: + 10.20.30.7/32",
    ]);
  });

  it("says once why a router cannot be reached, however often it is tried", async () => {
    const { router, lines, pass } = await stage();
    router.refuse("nobody listens");
    await pass(60_000);
    const said = lines
      .map((line) => JSON.parse(line) as Record<string, string>)
      .filter(({ level, msg }) => level === "warn" && msg?.startsWith("BGP session"));
    assert.deepEqual(
      said.map(({ msg, text }) => `${msg}: ${text}`),
      [
        "BGP session down: the connection was closed: nobody listens",
        "BGP session failed: no connection: nobody listens",
      ],
    );
    assert.ok(router.news().length > 5);
  });

  const watched = (more = ""): string => `${yaml(", bfd-profile: fast")}
bfd-profiles: [{name: fast, transmit-interval: 50${more}}]`;
  const failure = {
    type: "down",
    session: "single 192.0.2.254 from 192.0.2.1",
    reason: "detection-expired",
    text: "nothing heard for 150 ms",
    failed: true,
    atMs: 0,
  } as const;

  it("has BFD watch a router that names a profile, and needs no new session for it", async () => {
    const { router, configure, pass } = await stage();
    for (const text of [watched(), watched(), watched(", detect-multiplier: 5"), yaml()]) {
      configure(text);
      await pass(100);
    }
    const every50 = "BFD: single 192.0.2.254 from 192.0.2.1 every 50 ms";
    assert.deepEqual(router.news(), [`0.1 s: ${every50}`, `0.3 s: ${every50}`, "0.4 s: BFD: "]);
  });

  it("ends a session before BFD's news is dealt with, says so, and begins anew", async () => {
    const { bfd, events, router, configure, lines, pass } = await stage();
    configure(watched());
    await pass(100);
    router.news();
    events.length = 0;
    bfd.hear(failure);
    assert.deepEqual(router.news(), ["0.2 s: Cease, BFD down", "0.2 s: closed"]);
    assert.deepEqual(
      events.map(
        ({ regarding, reason, message }) => `${regarding.kind} ${regarding.name} ${reason}: ${message}`,
      ),
      [
        "Node iris1 BFDSessionDown: BFD with 192.0.2.254 (BGP peer configmap/peer1) is down: nothing heard for 150 ms",
      ],
    );
    assert.ok(lines.some((line) => line.includes("BFD session down")));
    await pass(1_000);
    assert.deepEqual(
      router.news().map((line) => line.replace(/^.* s: /, "")),
      ["dialled", "+ 10.20.30.7/32"],
    );
  });

  it("has BFD watch a router while there is no pool and no Service", async () => {
    const { speaker, router, configure, pass } = await stage({ begin: false });
    speaker.take({ type: "service-gone", key: web.key });
    configure(watched().replace(/address-pools.*/, ""));
    speaker.take({ type: "synced" });
    await pass(100);
    const news = router.news().map((line) => line.replace(/^.* s: /, ""));
    assert.deepEqual(news, ["dialled", "BFD: single 192.0.2.254 from 192.0.2.1 every 50 ms"]);
  });

  it("has BFD watch from the address of the session, and from another only once that is begun from there", async () => {
    const { router, configure, pass } = await stage();
    configure(watched());
    await pass(100);
    router.news();
    router.local = { ...LOCAL, ipv4: "192.0.2.9" as IpAddress };
    configure(watched(", minimum-ttl: 200"));
    await pass(1_000);
    router.refuse("cut");
    await pass(1_000);
    const news = router.news().map((line) => line.replace(/^.* s: /, ""));
    assert.deepEqual(news.filter((line) => /^BFD:|dialled/.test(line)).slice(0, 3), [
      "BFD: single 192.0.2.254 from 192.0.2.1 every 50 ms",
      "dialled",
      "BFD: single 192.0.2.254 from 192.0.2.9 every 50 ms",
    ]);
  });

  it("has BFD watch from where the router has connected to", async () => {
    const { router, configure, pass } = await stage({ listens: true });
    configure(watched());
    router.local = { ...LOCAL, ipv4: "192.0.2.9" as IpAddress };
    router.refuse("cut");
    await pass(1_000);
    router.news();
    router.call();
    await pass(100);
    assert.ok(
      router.news().some((line) => line.endsWith("BFD: single 192.0.2.254 from 192.0.2.1 every 50 ms")),
    );
  });

  it("has BFD stay with the session when another connection comes to another address", async () => {
    const { router, configure, speaker, pass } = await stage({ listens: true, begin: false });
    configure(watched());
    router.local = { ...LOCAL, ipv4: "192.0.2.9" as IpAddress };
    speaker.take({ type: "synced" });
    await pass(100);
    router.call({ asn: 64_999 });
    await pass(100);
    assert.deepEqual(
      router.news().filter((line) => line.includes("BFD")),
      ["0 s: BFD: single 192.0.2.254 from 192.0.2.9 every 50 ms"],
    );
  });

  it("has one session with a router that two peers name, says so of the other, and gives it to that in the end", async () => {
    const { router, words, lines, configure, pass } = await stage();
    [words, lines].forEach((list) => void list.splice(0));
    const second = "{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512, router-id: 192.0.2.9}";
    const [first] = yaml().match(/\{peer.*\}(?=\])/) ?? [];
    const withPeers = (...peers: readonly unknown[]) => yaml().replace(`${first}`, peers.join(", "));
    for (let times = 0; times < 2; times += 1) {
      configure(withPeers(first, second));
      await pass(100);
    }
    assert.deepEqual(router.news(), []);
    const said = words.map((word) => (word.type === "here" ? word.standing.error?.text : word.type));
    const why = "BGP peer configmap/peer1 has the session with this router: it takes one from each address";
    assert.deepEqual(said, [why]);
    assert.equal(lines.filter((line) => line.includes(why)).length, 1);
    configure(withPeers(second));
    await pass(100);
    assert.deepEqual(
      router.news().map((line) => line.replace(/^.* s: /, "").replace(/, administrative reset.*/, "")),
      ["Cease", "closed", "dialled", "+ 10.20.30.7/32"],
    );
  });

  it("counts why sessions end for each VRF by itself, and forgets it with the session", async () => {
    const { speaker, router, registry, pass } = await stage();
    const [peer] = loadConfig(yaml()).peers as [BgpPeerConfig];
    const configure = (...vrfs: readonly string[]) =>
      speaker.take({
        type: "config",
        config: { ...loadConfig(yaml()), peers: vrfs.map((vrf) => ({ ...peer, name: vrf, vrf })) },
      });
    const downs = async () => {
      const text = await registry.getSingleMetricAsString("herald_speaker_bgp_downs_total");
      return text.match(/vrf="\w+"/g)?.sort();
    };
    router.refuse("no route");
    configure("blue", "red");
    await pass(3_000);
    assert.deepEqual(await downs(), ['vrf="blue"', 'vrf="red"']);
    configure("red");
    await pass(100);
    assert.deepEqual(await downs(), ['vrf="red"']);
  });

  it("lets a monitor know of sessions, of what is told in them, and what was", async () => {
    const heard: string[] = [];
    let ask: Parameters<StartMonitor>[0] | undefined;
    const monitor: StartMonitor = (sources) => {
      ask = sources;
      return {
        up: (peer, { peer: { asn } }) => heard.push(`${peer} up, AS ${asn}`),
        down: (peer, { type }) => heard.push(`${peer} down: ${type}`),
        told: (_, updates) => heard.push(`told ${[...framesIn(updates)].length}`),
        stop: () => heard.push("stop"),
      };
    };
    const { speaker, router, pass } = await stage({ monitor });
    const name = "1"; // the first session, whatever its peer is called
    assert.deepEqual(heard.splice(0), [`${name} up, AS 64513`, "told 1"]);
    const past = ask ?? assert.fail();
    assert.deepEqual([past.families(name), past.count(name)], [[4], { 4: 1, 6: 0 }]);
    const { value } = past.told(name).next();
    router.news();
    assert.deepEqual(
      framesIn(value).map(({ type }) => type),
      [MESSAGE_TYPE.update],
    );
    assert.equal(past.told("stranger").next().done, true);
    router.refuse("unplugged");
    await pass(2_000);
    assert.deepEqual(heard.splice(0), [`${name} down: peer-closed`]);
    await Promise.all([speaker.drain(), pass(PART_MS + 1_000)]);
    assert.deepEqual(heard, ["stop"]);
  });

  it("says how its session stands, what went wrong and that BFD hears the router", async () => {
    const { bfd, router, words, configure, pass } = await stage();
    configure(watched());
    await pass(100);
    bfd.hear({ type: "state", session: failure.session, from: "init", to: "up" });
    router.refuse("unplugged");
    await pass(2_000);
    bfd.hear({ type: "state", session: failure.session, from: "up", to: "down" });
    const said = words.splice(0).map((word) => (word.type === "gone" ? "gone" : word.standing));
    assert.deepEqual(
      said.map((each) =>
        each === "gone" ? each : `${each.bgp} ${each.bfd} ${each.error?.text ?? ""}`.trim(),
      ),
      [
        "Down N/A",
        "Established N/A",
        "Established Down",
        "Established Up",
        "Down Up the connection was closed: unplugged",
        "Down Up no connection: unplugged",
        "Down Down no connection: unplugged",
      ],
    );
    configure(yaml().replace("peers:", "_:").replace("_: [", "peers: []\n#"));
    await pass(100);
    assert.deepEqual(
      words.map(({ type, peer }) => `${peer} ${type}`),
      ["configmap/peer1 gone"],
    );
  });

  it("keeps a session whose BFD was shut down by somebody", async () => {
    const { bfd, router, configure, pass } = await stage();
    configure(watched());
    await pass(100);
    router.news();
    bfd.hear({ ...failure, reason: "peer-admin-down", failed: false });
    await pass(1_000);
    assert.deepEqual(router.news(), []);
  });

  it("shuts BFD down last: routers would take its end for a failure of the way", async () => {
    const { speaker, router, configure, pass } = await stage();
    configure(watched());
    await pass(100);
    router.news();
    const gone = speaker.drain();
    await pass(PART_MS + 1_000);
    await gone;
    assert.deepEqual(router.news(), [
      "0.2 s: + 10.20.30.7/32 65535:0",
      "5.2 s: - 10.20.30.7/32",
      '5.2 s: Cease, administrative shutdown: "the speaker of this node stops"',
      "5.2 s: closed",
      "5.3 s: BFD parts",
    ]);
  });
});
