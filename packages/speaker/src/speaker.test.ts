import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import type { EventRecord } from "@herald/k8s/events";
import { hex } from "@herald/lab/hex";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { DEFAULT_CONFLICT_OPTIONS } from "@herald/layer2/conflict-options";
import { ARP_DROP_REASONS, NDP_DROP_REASONS } from "@herald/layer2/drop-reasons";
import { DEFAULT_ANNOUNCER_OPTIONS } from "@herald/layer2/options";
import { loadConfig } from "@herald/shared/config/load";
import { type ServiceView, serviceKey } from "@herald/shared/service/view";
import { describeFrame } from "@herald/wire/describe";
import { parseMac } from "@herald/wire/mac";
import { Registry } from "prom-client";
import type { Link } from "./interface-rules.ts";
import type { Change, HoldingWord, ServiceWord } from "./kubernetes-protocol.ts";
import { createSpeakerMetrics } from "./metrics.ts";
import type { CaptureOptions } from "./packet-port.ts";
import type { CandidateNode } from "./plan.ts";
import { fit } from "./planner-fixture.ts";
import { createSpeaker } from "./speaker.ts";

const SELF = "node-1";
const eth0: Link = {
  name: "eth0",
  index: 2,
  mac: parseMac("02:00:00:00:00:01"),
  up: true,
  broadcast: true,
  noArp: false,
  hasMaster: false,
  operational: true,
};
const web: ServiceView = {
  key: serviceKey("default", "web"),
  uid: "uid-1",
  resourceVersion: "1",
  type: "LoadBalancer",
  loadBalancerClass: undefined,
  annotations: {},
  labels: {},
  clusterIps: [],
  ipFamilies: [4],
  ipFamilyPolicy: "SingleStack",
  externalTrafficPolicy: "Cluster",
  selector: {},
  ports: [],
  loadBalancerIp: "",
  ingress: [{ ip: "192.0.2.10" }],
  createdAtMs: 0,
  deleting: false,
};
const config = {
  type: "config",
  config: loadConfig("address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/24, fd00::/120]}]"),
} as const;
const refusedConfig: Change = { type: "config-refused", mistakes: [], message: "there is no ConfigMap" };
const node = (name: string, speakerReady = true): Change => ({
  type: "node",
  name,
  node: { ...fit, speakerReady },
});
const nodeIs = (change: Partial<CandidateNode>): Change => ({
  type: "node",
  name: SELF,
  node: { ...fit, ...change },
});
const ready: Extract<Change, { type: "endpoints" }> = {
  type: "endpoints",
  key: web.key,
  endpoints: [{ nodeName: SELF, addresses: [], ready: true, serving: true }],
};
const service = (view: ServiceView): Change => ({ type: "service", service: view });
const everything = [node(SELF), config, service(web), ready] as const;
const request = hex`
  ffffffffffff 020000000009 0806
  0001 0800 06 04 0001 020000000009 c0000201 000000000000 c000020a`;
const solicitation = hex`
  3333ff000010 020000000009 86dd
  60000000 0020 3a ff fd000000000000000000000000000009 ff0200000000000000000001ff000010
  8700 7d6b 00000000 fd000000000000000000000000000010 0101 020000000009`;
const newOwnerSpeaks = hex`
  ffffffffffff 0200000000bb 0806
  0001 0800 06 04 0001 0200000000bb c000020a ffffffffffff c000020a`;

function start() {
  const clock = new VirtualClock();
  const registry = new Registry();
  const sent: string[] = [];
  const events: EventRecord[] = [];
  const words: ServiceWord[] = [];
  const holdings: HoldingWord[] = [];
  const follows: boolean[] = [];
  const lines: string[] = [];
  const groups: string[] = [];
  const stations: string[] = [];
  let refused: { readonly refused: string } | undefined;
  let capture: CaptureOptions | undefined;
  const speaker = createSpeaker(
    {
      node: SELF,
      plan: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
      ownership: { failBackMs: 60_000, vacantMs: 1_000 },
      announcer: { ...DEFAULT_ANNOUNCER_OPTIONS, yieldMs: 5000, gratuitousRounds: 1 },
      conflicts: { ...DEFAULT_CONFLICT_OPTIONS, checkIntervalMs: "off" },
      captures: { retryMinMs: 100, retryMaxMs: 1000 },
      excludedInterfaces: [],
    },
    {
      clock,
      wallMs: () => 1_700_000_000_000 + clock.now(),
      random: new SeededRandom(1),
      gossip: { broadcast: () => {}, tell: () => {}, setAckPayload: () => {} },
      packets: {
        open: (options) => {
          capture = options;
          clock.at(clock.now(), options.onOpen);
          return {
            send: (frame) => {
              sent.push(describeFrame(frame));
              return "sent";
            },
            close: () => {},
          };
        },
      },
      groups: {
        join: ({ interface: name, index, group }) => {
          groups.push(`join ${group} on ${name}, ${index}`);
          return refused ?? "joined";
        },
        leave: ({ interface: name, index, group }) => groups.push(`leave ${group} on ${name}, ${index}`),
        leaveAll: () => groups.push("leave all"),
      },
      digest: (text) => hash("sha256", text, "buffer"),
      log: createLog({ level: "info", program: "speaker", write: (line) => lines.push(line) }),
      metrics: createSpeakerMetrics(registry),
      recordEvent: (record) => events.push(record),
      say: (word) => words.push(word),
      sayHolding: (word) => holdings.push(word),
      followSessions: (isWanted) => follows.push(isWanted),
      onStations: ({ interfaces }) => stations.push([...interfaces].join()),
      isStill: () => true,
      onCaptureLost: () => {},
      onSynced: () => {},
      onSpeakers: () => {},
    },
  );
  speaker.setLinks([eth0]);
  clock.advance(0);
  return {
    clock,
    events,
    words,
    holdings,
    follows,
    stations,
    speaker,
    setLinks: (...links: readonly Link[]) => {
      speaker.setLinks(links);
      clock.advance(50);
    },
    failCapture: (reason: string) => capture?.onFailure(reason),
    logged: () => lines.map((line) => picked(JSON.parse(line) as Record<string, unknown>)),
    messages: () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    groups: () => groups.splice(0),
    refuseGroups: (why: string) => {
      refused = { refused: why };
    },
    hear: (frame: Uint8Array) => capture?.onFrame(frame),
    apply: (...changes: Change[]) => {
      let taken = false;
      speaker.apply(changes, () => {
        taken = true;
      });
      clock.advance(50);
      assert.ok(taken);
    },
    /** What was sent since the last time. */
    sent: () => sent.splice(0),
    series: async (name: string) =>
      (await registry.metrics()).split("\n").filter((line) => line.startsWith(name)),
  };
}

/** Without what every line carries. */
function picked({ level, ts, program, ...fields }: Record<string, unknown>): Record<string, unknown> {
  assert.ok(level && ts && program);
  return fields;
}

const GRATUITOUS = [
  "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ARP, Announcement 192.0.2.10",
  "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ARP, Reply 192.0.2.10 is-at 02:00:00:00:00:01",
];
const ADVERTISEMENT =
  "02:00:00:00:00:01 > 33:33:00:00:00:01, NDP, Advertisement fd00::10 is-at 02:00:00:00:00:01, override";
const ANSWER = "02:00:00:00:00:01 > 02:00:00:00:00:09, ARP, Reply 192.0.2.10 is-at 02:00:00:00:00:01";

describe("the speaker", () => {
  it("announces nothing before it has seen the whole cluster (MetalLB defect 19)", () => {
    const { apply, hear, sent, speaker } = start();
    apply(...everything);
    hear(request);
    assert.deepEqual(sent(), []);
    assert.equal(speaker.synced, false);
  });

  it("announces what it owns once it has, answers for it and tells of it", async () => {
    const { apply, events, hear, sent, series, speaker } = start();
    apply(...everything, { type: "synced" });
    assert.deepEqual(sent(), GRATUITOUS);
    hear(request);
    assert.deepEqual(sent(), [ANSWER]);
    assert.equal(speaker.synced, true);
    assert.deepEqual(events, [
      {
        regarding: { apiVersion: "v1", kind: "Service", namespace: "default", name: "web", uid: "uid-1" },
        type: "Normal",
        reason: "nodeAssigned",
        message: 'announcing from node "node-1" with protocol "layer2"',
      },
    ]);
    assert.deepEqual(await series("metallb_speaker_announced"), [
      'metallb_speaker_announced{service="default/web",protocol="layer2",node="node-1",ip="192.0.2.10"} 1',
    ]);
    assert.deepEqual(await series("metallb_layer2"), [
      'metallb_layer2_requests_received{ip="192.0.2.10"} 1',
      'metallb_layer2_responses_sent{ip="192.0.2.10"} 1',
      'metallb_layer2_gratuitous_sent{ip="192.0.2.10"} 2',
    ]);
  });

  it("announces both addresses of a dual-stack Service, and is in the group of the one", async () => {
    const { apply, groups, sent, series, speaker } = start();
    const dual = service({ ...web, ingress: [{ ip: "192.0.2.10" }, { ip: "fd00::10" }] });
    apply(node(SELF), config, dual, ready, { type: "synced" });
    assert.deepEqual(sent(), [...GRATUITOUS, ADVERTISEMENT]);
    assert.deepEqual(groups(), ["join ff02::1:ff00:10 on eth0, 2"]);
    assert.deepEqual(
      (await series("herald_speaker_gratuitous_sent_total")).map((line) => line.slice(36)),
      [
        '{protocol="arp",operation="request"} 1',
        '{protocol="arp",operation="reply"} 1',
        '{protocol="ndp",operation="advertisement"} 1',
      ],
    );
    assert.deepEqual(await series("herald_speaker_announced_addresses"), [
      'herald_speaker_announced_addresses{protocol="layer2"} 2',
    ]);
    apply(service(web));
    assert.deepEqual(groups(), ["leave ff02::1:ff00:10 on eth0, 2"]);
    speaker.stop();
    assert.deepEqual(groups(), ["leave all"]);
  });

  it("answers a neighbour solicitation, and counts it by its protocol", async () => {
    const { apply, hear, sent, series } = start();
    apply(node(SELF), config, service({ ...web, ingress: [{ ip: "fd00::10" }] }), ready, { type: "synced" });
    sent();
    hear(solicitation);
    assert.deepEqual(sent(), [
      "02:00:00:00:00:01 > 02:00:00:00:00:09, NDP, Advertisement fd00::10 is-at 02:00:00:00:00:01, solicited, override",
    ]);
    assert.deepEqual(await series("herald_speaker_answers_total"), [
      'herald_speaker_answers_total{protocol="arp"} 0',
      'herald_speaker_answers_total{protocol="ndp"} 1',
    ]);
  });

  it("says that it could not join a group, and announces all the same", async () => {
    const { apply, logged, refuseGroups, sent, series } = start();
    refuseGroups("addMembership ENODEV");
    apply(node(SELF), config, service({ ...web, ingress: [{ ip: "fd00::10" }] }), ready, { type: "synced" });
    assert.deepEqual(sent(), [ADVERTISEMENT]);
    assert.deepEqual(
      logged().filter(({ msg }) => msg === "group not joined"),
      [
        {
          msg: "group not joined",
          interface: "eth0",
          group: "ff02::1:ff00:10",
          reason: "addMembership ENODEV",
        },
      ],
    );
    assert.deepEqual(await series("herald_speaker_group_join_failures_total"), [
      "herald_speaker_group_join_failures_total 1",
    ]);
  });

  it("says in its log once when it was ready", () => {
    const { apply, clock, logged } = start();
    clock.advance(700);
    apply(node(SELF), { type: "synced" });
    assert.deepEqual(
      logged().filter(({ msg }) => msg === "ready"),
      [{ msg: "ready", afterMs: 700, nodes: 1 }],
    );
  });

  it("tells of a takeover once, however often the Service changes", () => {
    const { apply, events } = start();
    apply(...everything, { type: "synced" });
    apply(service({ ...web, resourceVersion: "2" }), ready, node(SELF), config);
    assert.equal(events.length, 1);
  });

  it("tells a Service that was deleted and made anew between two looks of it, too", () => {
    const { apply, clock, events, holdings, words } = start();
    apply(...everything, { type: "synced" });
    clock.advance(600);
    const told = () => [
      events.splice(0).map(({ reason, regarding }) => [reason, regarding.uid]),
      words.splice(0).map(({ wish, uid }) => [wish?.reason, uid]),
      holdings.splice(0).map(({ type }) => type),
    ];
    told();
    apply(service({ ...web, uid: "uid-2" }));
    assert.deepEqual(told(), [[["nodeAssigned", "uid-2"]], [["Announced", "uid-2"]], []]);
    apply({ type: "service-gone", key: web.key }, service({ ...web, uid: "uid-3" }));
    assert.deepEqual(told(), [[["nodeAssigned", "uid-3"]], [["Announced", "uid-3"]], []]);
  });

  it("is silent at once, and drops the address's counters, when the Service goes (MetalLB defect 26)", async () => {
    const { apply, hear, sent, series } = start();
    apply(...everything, { type: "synced" });
    sent();
    apply({ type: "service-gone", key: web.key });
    hear(request);
    assert.deepEqual(sent(), []);
    assert.deepEqual(await series("metallb_layer2"), []);
    assert.deepEqual(await series("metallb_speaker_announced"), []);
  });

  it("answers until it hears the node that takes an address over", async () => {
    const { apply, hear, sent, series } = start();
    apply(...everything, { type: "synced" });
    sent();
    apply(node(SELF, false), node("node-2"));
    hear(request);
    assert.deepEqual(sent(), [ANSWER]);
    hear(newOwnerSpeaks);
    hear(request);
    assert.deepEqual(sent(), []);
    assert.deepEqual(await series("herald_speaker_yields_total"), [
      'herald_speaker_yields_total{outcome="heard"} 1',
      'herald_speaker_yields_total{outcome="timeout"} 0',
    ]);
  });

  const departures: readonly (readonly [string, Change])[] = [
    ["is drained", nodeIs({ drain: "new disk" })],
    ["is out of service", nodeIs({ outOfService: true })],
    ["is being deleted", nodeIs({ deleting: true })],
    ["is gone", { type: "node-gone", name: SELF }],
  ];
  for (const [what, change] of departures) {
    it(`answers until it hears the node that takes over when its own ${what}`, () => {
      const { apply, hear, sent } = start();
      apply(...everything, node("node-2", false), { type: "synced" });
      sent();
      apply(change, node("node-2"));
      hear(request);
      assert.deepEqual(sent(), [ANSWER]);
      hear(newOwnerSpeaks);
      hear(request);
      assert.deepEqual(sent(), []);
    });
  }

  it("says once that it is drained, in the operator's words, and that it is no more", () => {
    const { apply, logged } = start();
    apply(...everything, node("node-2", false), { type: "synced" });
    apply(nodeIs({ drain: "new disk" }), node("node-2"));
    apply(nodeIs({ drain: "new disk", labels: { zone: "a" } }));
    apply(node(SELF), node("node-2", false));
    assert.deepEqual(
      logged().filter(({ msg }) => msg === "withdrawn" || String(msg).startsWith("this node")),
      [
        { msg: "this node is to own no addresses", reason: "nodeDrained", note: "new disk" },
        {
          msg: "withdrawn",
          service: "default/web",
          addresses: ["192.0.2.10"],
          reason: "nodeDrained",
          owner: "node-2",
          note: "new disk",
        },
        { msg: "this node may own addresses again" },
      ],
    );
  });

  it("keeps what it announces when it is drained and nobody else is there", () => {
    const { apply, clock, hear, sent } = start();
    apply(...everything, { type: "synced" });
    sent();
    apply(nodeIs({ drain: "new disk" }));
    clock.advance(10_000);
    hear(request);
    assert.deepEqual(sent(), [ANSWER]);
  });

  it("keeps what it announces when the configuration is refused, and says so once", async () => {
    const { apply, hear, messages, sent, series } = start();
    apply(...everything, { type: "synced" });
    sent();
    apply(refusedConfig);
    apply(refusedConfig);
    hear(request);
    assert.deepEqual(sent(), [ANSWER]);
    assert.deepEqual(await series("metallb_k8s_client_config"), [
      "metallb_k8s_client_config_loaded_bool 1",
      "metallb_k8s_client_config_stale_bool 1",
    ]);
    assert.deepEqual(
      messages().filter((message) => message.includes("stays in force")),
      ["no configuration; the last one stays in force"],
    );
  });

  it("moves to a new address when the status changes", () => {
    const { apply, sent } = start();
    apply(...everything, { type: "synced" });
    sent();
    apply(service({ ...web, ingress: [{ ip: "192.0.2.11" }] }));
    assert.deepEqual(
      sent(),
      GRATUITOUS.map((line) => line.replaceAll("192.0.2.10", "192.0.2.11")),
    );
  });

  it("drains at once when it announces nothing", async () => {
    const { apply, speaker } = start();
    apply(node(SELF), config, { type: "synced" });
    await speaker.drain();
  });

  it("drains by answering until the new owner is heard", async () => {
    const { apply, hear, sent, speaker } = start();
    apply(...everything, { type: "synced" });
    sent();
    const drained = speaker.drain();
    apply(service({ ...web, ingress: [{ ip: "192.0.2.10" }, { ip: "192.0.2.11" }] })); // nothing new is begun on the way out
    hear(request);
    assert.deepEqual(sent(), [ANSWER]);
    hear(newOwnerSpeaks);
    await drained;
    hear(request);
    assert.deepEqual(sent(), []);
  });

  it("drains by answering also for what already moves when it is told to stop", async () => {
    const { apply, clock, hear, sent, speaker } = start();
    apply(...everything, { type: "synced" });
    speaker.setMembers(new Set(["node-2"])); // this node is no candidate any more
    clock.advance(10);
    sent();
    let drained = false;
    const draining = speaker.drain().then(() => {
      drained = true;
    });
    await Promise.resolve();
    assert.equal(drained, false);
    hear(request);
    assert.deepEqual(sent(), [ANSWER]);
    hear(newOwnerSpeaks);
    await draining;
  });

  it("announces nothing while the gossip knows nobody, and what is its own once it does (MetalLB defect 19)", () => {
    const { apply, clock, sent, speaker } = start();
    speaker.setMembers(new Set());
    apply(...everything, { type: "synced" });
    clock.advance(10);
    assert.deepEqual(sent(), []);
    speaker.setMembers(new Set([SELF]));
    clock.advance(10);
    assert.deepEqual(sent(), GRATUITOUS);
  });

  it("decides for who goes at once, and only a moment later for who comes: hundreds may", () => {
    const { apply, clock, logged, sent, speaker } = start();
    const members = new Set<string>();
    speaker.setMembers(members);
    apply(...everything, { type: "synced" });
    sent();
    members.add(SELF);
    speaker.setMembers(members, new Set([SELF]));
    clock.advance(49);
    assert.deepEqual(sent(), []);
    clock.advance(1);
    assert.deepEqual(sent(), GRATUITOUS);
    members.delete(SELF);
    speaker.setMembers(members, new Set([SELF]));
    clock.advance(1);
    assert.equal(logged().at(-1)?.["reason"], "speakerNotReady");
  });

  it("drains to the end of its patience when nobody takes over", async () => {
    const { apply, clock, hear, sent, speaker } = start();
    apply(...everything, { type: "synced" });
    sent();
    const drained = speaker.drain();
    clock.advance(4999);
    hear(request);
    assert.deepEqual(sent(), [ANSWER]);
    clock.advance(1);
    await drained;
  });

  it("asks before it announces, takes another machine for one, and an interface of its own node for none", async () => {
    const { apply, clock, hear, sent, series, speaker, words } = start();
    const eth1: Link = {
      ...eth0,
      name: "eth1",
      index: 3,
      mac: parseMac("02:00:00:00:00:bb"),
      hasMaster: true,
    };
    speaker.hearPresence({ speakers: new Map([[SELF, "all"]]), names: new Map(), foreign: false });
    speaker.setLinks([eth0, eth1]);
    apply(...everything, { type: "synced" });
    const reasons = () => words.splice(0).map(({ wish }) => wish?.reason);
    assert.deepEqual(reasons(), ["Probing"]);
    clock.advance(600);
    const probe = "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ARP, Probe 192.0.2.10";
    assert.deepEqual(sent(), [probe, probe, probe, ...GRATUITOUS]);
    assert.deepEqual(reasons(), ["Announced"]);
    hear(newOwnerSpeaks);
    assert.deepEqual(reasons(), []);
    speaker.setLinks([eth0]); // now it is nobody's here
    hear(newOwnerSpeaks);
    assert.deepEqual(reasons(), ["AddressConflict"]);
    assert.deepEqual(sent(), GRATUITOUS);
    const [stranger] = await series('herald_speaker_conflicts_total{kind="stranger"}');
    assert.equal(stranger, 'herald_speaker_conflicts_total{kind="stranger"} 1');
  });

  it("falls silent at once where it cannot be heard any more, and says so to the others", async () => {
    const { apply, logged, sent, series, setLinks, stations } = start();
    apply(...everything, { type: "synced" });
    assert.deepEqual(sent(), GRATUITOUS);
    setLinks({ ...eth0, operational: false });
    assert.deepEqual(sent(), []);
    assert.deepEqual(await series("metallb_speaker_announced"), []);
    setLinks({ ...eth0, up: false });
    setLinks(eth0);
    assert.deepEqual(sent(), GRATUITOUS);
    assert.deepEqual(stations, ["eth0", "", "", "eth0"]);
    assert.deepEqual(
      logged().filter(({ msg }) => msg === "withdrawn"),
      [{ msg: "withdrawn", service: "default/web", addresses: ["192.0.2.10"], reason: "noInterface" }],
    );
  });

  it("counts an interface as gone while its capture fails", () => {
    const { clock, failCapture, stations } = start();
    clock.advance(1);
    failCapture("The interface disappeared");
    assert.deepEqual(stations, ["eth0", ""]);
    clock.advance(100);
    assert.deepEqual(stations, ["eth0", "", "eth0"]);
  });

  it("leaves addresses to a node that can be heard where the advertisement wants them", () => {
    const { apply, clock, sent, speaker } = start();
    const wants = (...interfaces: string[]): Change => ({
      type: "config",
      config: {
        ...config.config,
        l2Advertisements: config.config.l2Advertisements.map((each) => ({ ...each, interfaces })),
      },
    });
    const heard = (name: string, ...names: string[]) => [name, new Set(names)] as const;
    const tell = (...interfaces: (readonly [string, ReadonlySet<string>])[]): void => {
      speaker.hearPresence({ speakers: new Map(interfaces), names: new Map(), foreign: false });
      clock.advance(50);
    };
    const other: Change = {
      ...ready,
      endpoints: [{ nodeName: "node-2", addresses: [], ready: true, serving: true }],
    };
    apply(node(SELF), node("node-2"), service(web), other, wants("eth1"), { type: "synced" });
    tell(heard(SELF, "eth1"), heard("node-2", "eth1")); // what it has itself it knows better
    clock.advance(5_000);
    assert.deepEqual(sent(), []);
    apply(wants("eth1", "eth0"));
    tell(heard(SELF, "eth0"), heard("node-2", "eth2"));
    clock.advance(600);
    assert.deepEqual(
      sent().filter((line) => line.includes("Announcement")),
      [GRATUITOUS[0]],
    );
  });

  it("says for all speakers why none announces, while it is the first of those that are alive", () => {
    const { apply, clock, follows, speaker, words } = start();
    const byBgp = loadConfig(
      "{peers: [{peer-address: 192.0.2.254, peer-asn: 1, my-asn: 2}], address-pools: [{name: a, protocol: bgp, addresses: [192.0.2.0/24]}]}",
    );
    const said = () =>
      words.splice(0).map(({ wish, holdMs }) => (wish ? `${wish.status} ${wish.reason} ${holdMs}` : "-"));
    apply(node(SELF), node("node-0"), config, service(web), { type: "synced" });
    assert.deepEqual(said(), [], "node-0 says so");
    apply(node("node-0", false));
    assert.deepEqual(said(), ["False NoEndpoints 2000"]);
    apply(ready);
    clock.advance(600);
    assert.deepEqual(said(), ["False Probing 1000", "True Announced 0"]);
    const names = new Map();
    apply({ type: "config", config: byBgp });
    assert.deepEqual(said(), ["-"], "it is not known whether there is a session");
    apply({ type: "sessions", news: new Map() });
    assert.deepEqual(said(), ["False NoSession 10000"]);
    apply({ type: "sessions", news: "unread" });
    assert.deepEqual(said(), ["True Announced 2000"]);
    apply({ type: "config", config: { ...byBgp, peers: [] } });
    assert.deepEqual([said(), follows], [["False NoPeer 2000"], [true, false]]);
    apply(node("node-0"));
    assert.deepEqual(said(), ["-"], "node-0 says so again");
    speaker.hearPresence({ names, speakers: new Map([[SELF, "all"]]), foreign: true });
    clock.advance(50);
    assert.deepEqual(said(), ["False NoPeer 2000"], "node-0 is MetalLB's");
    speaker.hearPresence({ names, speakers: new Map([["node-0", "all"]]), foreign: false });
    clock.advance(50);
    assert.deepEqual(said(), ["-"], "node-0 is Herald's by now");
  });

  it("counts the frames it ignores by their reason", async () => {
    const { apply, hear, series } = start();
    apply({ type: "synced" });
    hear(request);
    hear(request.subarray(0, 20));
    const dropped = await series("herald_speaker_frames_dropped_total");
    assert.deepEqual(
      dropped.filter((line) => !line.endsWith(" 0")),
      [
        'herald_speaker_frames_dropped_total{protocol="arp",reason="not-announced"} 1',
        'herald_speaker_frames_dropped_total{protocol="arp",reason="truncated"} 1',
      ],
    );
    assert.equal(dropped.length, Object.keys(ARP_DROP_REASONS).length + Object.keys(NDP_DROP_REASONS).length);
  });
});
