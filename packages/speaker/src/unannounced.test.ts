import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SessionView } from "@herald/k8s/bgp-session-state";
import type { BgpAdvertisementConfig, BgpPeerConfig, Config, Pool } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import type { ServiceView } from "@herald/shared/service/view";
import type { UsableInterfaces } from "./interface-rules.ts";
import { type CandidateNode, hostsOf } from "./plan.ts";
import {
  advertisement,
  both,
  excluded,
  config as FIXTURE,
  fit,
  labelled,
  on,
  planner,
  service,
} from "./planner-fixture.ts";
import { type SessionNews, troublesIn } from "./session-news.ts";
import { UnannouncedServices } from "./unannounced.ts";

const OPTIONS = { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined };
const ROUTER = loadConfig("peers: [{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512}]").peers[0];
const peer = (change: Partial<BgpPeerConfig> = {}): BgpPeerConfig => ({
  ...(ROUTER as BgpPeerConfig),
  name: "tor",
  ...change,
});
const bgp = (change: Partial<BgpAdvertisementConfig> = {}): BgpAdvertisementConfig => ({
  name: "routed",
  pools: ["default"],
  nodeSelectors: [],
  serviceSelectors: [],
  peers: [],
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: undefined,
  communities: [],
  ...change,
});
const web = service("web", ["10.20.30.7"]);
const local = service("web", ["10.20.30.7"], { externalTrafficPolicy: "Local" });
const inRack = (rack: string): CandidateNode => ({ ...fit, labels: { rack } });
const only = (names: string): UsableInterfaces => new Set([names]);
const nodes = (...names: string[]) => Object.fromEntries(names.map((name) => [name, fit]));

interface World {
  readonly services?: readonly ServiceView[];
  readonly config?: Partial<Config>;
  readonly nodes?: Readonly<Record<string, CandidateNode>>;
  readonly interfaces?: Readonly<Record<string, UsableInterfaces>>;
  /** By name of the Service, where it can be reached; iris1 and iris2 unless told. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  /** How sessions stand, see `troubles`; all that there can be are up unless told, `undefined`: nothing is known. */
  readonly sessions?: SessionNews | undefined;
}

/** What is the matter with sessions, by `PEER NODE`; "": nothing. */
function troubles(by: Readonly<Record<string, string>>): SessionNews {
  const states = Object.entries(by).map(([place, error]): SessionView => {
    const [peer = "", node = ""] = place.split(" ");
    return { peer, node, error, isErrorOld: false, isEstablished: error === "" };
  });
  return troublesIn(states);
}
const UP = troubles({ "tor iris1": "", "tor iris2": "" });

/** What each speaker would say of the first Service; "-": nothing. Only what all of them agree on. */
function said(world: World): string {
  const { services = [web], config, nodes: named, interfaces = {}, hosts } = world;
  const sessions = "sessions" in world ? world.sessions : UP;
  const known = new Map(Object.entries(named ?? Object.fromEntries(both)));
  const answers = [...known.keys()].map((self) => {
    const plan = planner(self, known);
    const unannounced = new UnannouncedServices(self, OPTIONS);
    const inForce = { ...FIXTURE, bgpAdvertisements: [], peers: [], ...config };
    for (const each of [plan, unannounced]) {
      each.configure(inForce);
      each.setNodes(known);
      for (const [name, usable] of Object.entries(interfaces)) each.setInterfaces(name, usable);
    }
    unannounced.setSessions(sessions);
    for (const view of services) {
      plan.setService(view);
      plan.setEndpoints(view.key, on(...(hosts?.[view.uid] ?? ["iris1", "iris2"])));
    }
    const found = plan.unannounced((services[0] as ServiceView).key);
    const wish = found && unannounced.explain(found);
    return wish === undefined ? "-" : `${wish.status} ${wish.reason}: ${wish.message}`;
  });
  const [first, ...others] = new Set(answers);
  assert.deepEqual(others, [], "all speakers say the same");
  return first ?? "";
}

const NO_ADVERTISEMENT = { l2Advertisements: [] };
const ROUTED = { l2Advertisements: [], bgpAdvertisements: [bgp()], peers: [peer()] };
const FROM = "metallb.io/ip-allocated-from-pool";
const REFUSED = {
  unjudged: [{ ...(FIXTURE.pools[0] as Pool), name: "refused", ranges: [] }],
  l2Advertisements: [advertisement({ pools: ["default", "refused"] })],
};
const BY_BGP =
  "True Announced: announced by BGP, and a session with a router that is to be told is up; the ServiceBGPStatuses say from which nodes, and to which peers";
const LOOK = "look at kubectl get bgpsessionstates -A";
const TOR = 'BGPPeer "tor", 192.0.2.254:179';
const BAD_AS = "the peer says: OPEN message error, bad peer AS";
const NEEDS_LOCAL =
  "no usable endpoint of the Service, whose externalTrafficPolicy is Local (run a pod of it there, or take Cluster)";
const CASES: readonly (World & { readonly name: string; readonly says: string })[] = [
  { name: "nothing of what a node announces", says: "-" },
  {
    name: "nothing of what belongs to another class",
    services: [service("web", ["10.20.30.7"], { loadBalancerClass: "other" })],
    says: "-",
  },
  {
    name: "that there is no address yet",
    services: [service("web", [])],
    says: "False NoIPAllocated: it has no address; the condition herald.io/Allocated says why",
  },
  {
    name: "that no pool holds the address",
    services: [service("web", ["192.0.2.1"])],
    says: "False IpNotAllowed: no pool that is in force holds 192.0.2.1; the condition herald.io/Allocated says more",
  },
  {
    name: "nothing of an address of a pool that is refused, where an advertisement selects that",
    services: [service("web", ["192.0.2.1"], { annotations: { [FROM]: "refused" } })],
    config: REFUSED,
    says: "-",
  },
  {
    name: "that BGP announces an address of a pool that is refused",
    services: [service("web", ["192.0.2.1"], { annotations: { [FROM]: "refused" } })],
    config: { ...ROUTED, ...REFUSED, l2Advertisements: [], bgpAdvertisements: [bgp({ pools: ["refused"] })] },
    says: BY_BGP,
  },
  {
    name: "that no pool holds the address, when none is written down that is refused",
    services: [service("web", ["192.0.2.1"], { annotations: { [FROM]: "default" } })],
    config: REFUSED,
    says: "False IpNotAllowed: no pool that is in force holds 192.0.2.1; the condition herald.io/Allocated says more",
  },
  {
    name: "that a pool has no advertisement",
    config: NO_ADVERTISEMENT,
    says: 'False NoMatchingAdvertisement: no L2Advertisement and no BGPAdvertisement is for pool "default"',
  },
  {
    name: "that advertisements select other Services",
    config: { l2Advertisements: [advertisement({ serviceSelectors: [labelled("app", "api")] })] },
    says: 'False NoMatchingAdvertisement: the labels of the Service are not among those that the advertisements of pool "default" select: see serviceSelectors of "default"',
  },
  {
    name: "that there is no endpoint",
    hosts: { web: [] },
    says: "False NoEndpoints: it has no usable endpoint on any node: look at the pods that its selector selects",
  },
  {
    name: "that no node has the interface",
    config: { l2Advertisements: [advertisement({ interfaces: ["eth9"] })] },
    interfaces: { iris1: only("eth0"), iris2: only("eth1") },
    says: 'False NoInterface: no node can announce it on layer 2: every node: no interface eth9 that is there and up (name others in L2Advertisement "default", or bring it up)',
  },
  {
    name: "what keeps each node, the nearest first",
    nodes: { iris1: excluded, iris2: { ...fit, speakerReady: false }, iris3: fit, iris4: inRack("a") },
    config: {
      l2Advertisements: [advertisement({ interfaces: ["eth9"], nodeSelectors: [labelled("rack", "a")] })],
    },
    interfaces: { iris4: only("eth0") },
    says: 'False NoInterface: no node can announce it on layer 2: iris4: no interface eth9 that is there and up (name others in L2Advertisement "default", or bring it up); iris3: not selected by nodeSelectors of L2Advertisement "default"; iris2: no speaker that is ready (look at its pod); iris1: the label node.kubernetes.io/exclude-from-external-load-balancers (take it off)',
  },
  {
    name: "that the local endpoints are on nodes that cannot",
    services: [local],
    hosts: { web: ["iris1"] },
    nodes: { iris1: excluded, iris2: fit },
    says: `False NoLocalEndpoints: no node can announce it on layer 2: iris2: ${NEEDS_LOCAL}; iris1: the label node.kubernetes.io/exclude-from-external-load-balancers (take it off)`,
  },
  {
    name: "three names of a thousand",
    nodes: { ...nodes("a1", "a2", "a3", "a4", "a5"), b: excluded },
    services: [local],
    hosts: { web: ["b"] },
    says: `False NoLocalEndpoints: no node can announce it on layer 2: a1, a2, a3 and 2 more: ${NEEDS_LOCAL}; b: the label node.kubernetes.io/exclude-from-external-load-balancers (take it off)`,
  },
  {
    name: "that its address is answered for, but for another Service",
    services: [local, service("api", ["10.20.30.7"], { externalTrafficPolicy: "Local" })],
    hosts: { web: ["iris2"], api: ["iris1"] },
    says: 'False NoLocalEndpoints: node "iris1" answers for its address for another Service that shares it, and has no usable endpoint of this one: see to it that one node has endpoints of both, or take another address',
  },
  {
    name: "nothing of an address that is announced from a node that serves no more, where no other can",
    nodes: { iris1: { ...fit, drain: "maintenance" } },
    hosts: { web: ["iris1"] },
    says: "-",
  },
  { name: "that BGP announces what it alone is for", config: ROUTED, says: BY_BGP },
  {
    name: "that BGP announces what layer 2 cannot",
    config: { ...ROUTED, l2Advertisements: [advertisement({ interfaces: ["eth9"] })] },
    interfaces: { iris1: only("eth0"), iris2: only("eth0") },
    says: BY_BGP,
  },
  {
    name: "that there is nobody to tell by BGP",
    config: { ...ROUTED, peers: [peer({ name: "other" })], bgpAdvertisements: [bgp({ peers: ["tor"] })] },
    says: 'False NoPeer: no node can announce it by BGP: every node: no BGPPeer to tell (see nodeSelectors and dualStackAddressFamily of the BGPPeers, and peers of BGPAdvertisement "routed")',
  },
  {
    name: "that peers are for other nodes, and one whose password is not known counts for none",
    config: {
      ...ROUTED,
      peers: [peer({ nodeSelectors: [labelled("rack", "b")] }), peer({ password: undefined })],
    },
    nodes: { iris1: inRack("a"), iris2: { ...inRack("b"), networkUnavailable: true } },
    says: 'False NoPeer: no node can announce it by BGP: iris1: no BGPPeer to tell (see nodeSelectors and dualStackAddressFamily of the BGPPeers, and peers of BGPAdvertisement "routed"); iris2: the condition NetworkUnavailable',
  },
  {
    name: "that no router takes the family of its addresses",
    services: [service("web", ["fd00::7"])],
    config: ROUTED,
    says: 'False NoPeer: no node can announce it by BGP: every node: no BGPPeer to tell (see nodeSelectors and dualStackAddressFamily of the BGPPeers, and peers of BGPAdvertisement "routed")',
  },
  {
    name: "that BGP announces an address of the other family where it goes over the session, too",
    services: [service("web", ["fd00::7"])],
    config: { ...ROUTED, peers: [peer({ dualStackAddressFamily: true })] },
    says: BY_BGP,
  },
  {
    name: "that BGP announces what has an address that a router takes",
    services: [service("web", ["10.20.30.7", "fd00::7"])],
    config: ROUTED,
    says: BY_BGP,
  },
  {
    name: "that no router hears of it, and why",
    config: ROUTED,
    sessions: troubles({ "tor iris1": BAD_AS, "tor iris2": BAD_AS }),
    says: `False NoSession: no node can announce it by BGP: every node: no session with a router, ${LOOK} (${TOR}: ${BAD_AS})`,
  },
  {
    name: "what is the matter with each router, three of many",
    nodes: nodes("iris1", "iris2", "iris3", "iris4", "iris5"),
    config: { ...ROUTED, peers: [peer(), peer({ name: "spine", peerPort: 1179 }), peer({ name: "leaf" })] },
    sessions: troubles({
      ...{ "tor iris1": BAD_AS, "tor iris2": BAD_AS, "tor iris3": BAD_AS, "tor iris4": BAD_AS },
      ...{ "spine iris1": "refused", "spine iris2": "", "stranger iris1": "" },
    }),
    hosts: { web: ["iris1", "iris3", "iris4", "iris5"] },
    services: [local],
    says: `False NoSession: no node can announce it by BGP: iris1, iris3, iris4 and 1 more: no session with a router, ${LOOK} (${TOR} on iris1, iris3 and iris4: ${BAD_AS}; ${TOR} on iris5: its node says nothing of it yet; BGPPeer "spine", 192.0.2.254:1179 on iris1: refused; and 2 more); iris2: ${NEEDS_LOCAL}`,
  },
  {
    name: "that BGP announces it while one node has a session with one router",
    config: { ...ROUTED, peers: [peer(), peer({ name: "spine" })] },
    sessions: troubles({ "tor iris1": BAD_AS, "tor iris2": BAD_AS, "spine iris2": "" }),
    says: BY_BGP,
  },
  {
    name: "that no router hears of it where there are sessions with others alone",
    config: {
      ...ROUTED,
      bgpAdvertisements: [bgp({ peers: ["tor"] })],
      peers: [peer(), peer({ name: "spine" })],
    },
    sessions: troubles({ "tor iris1": "refused", "tor iris2": "refused", "spine iris1": "" }),
    says: `False NoSession: no node can announce it by BGP: every node: no session with a router, ${LOOK} (${TOR}: refused)`,
  },
  {
    name: "that the sessions of a node whose speaker is away count for none",
    config: ROUTED,
    sessions: troubles({ "tor iris1": "", "tor iris2": "refused" }),
    nodes: { iris1: { ...fit, speakerReady: false }, iris2: fit },
    says: `False NoSession: no node can announce it by BGP: iris2: no session with a router, ${LOOK} (${TOR}: refused); iris1: no speaker that is ready (look at its pod)`,
  },
  {
    name: "that a session of a node without a local endpoint is of no use",
    config: ROUTED,
    services: [local],
    hosts: { web: ["iris2"] },
    sessions: troubles({ "tor iris1": "", "tor iris2": "refused" }),
    says: `False NoSession: no node can announce it by BGP: iris2: no session with a router, ${LOOK} (${TOR}: refused); iris1: ${NEEDS_LOCAL}`,
  },
  {
    name: "that endpoints are where no router is, rather than that sessions are missing where no endpoint is",
    config: { ...ROUTED, peers: [peer({ nodeSelectors: [labelled("rack", "a")] })] },
    services: [local],
    nodes: { iris1: inRack("a"), iris2: inRack("b") },
    hosts: { web: ["iris2"] },
    sessions: troubles({}),
    says: `False NoLocalEndpoints: no node can announce it by BGP: iris1: ${NEEDS_LOCAL}; iris2: no BGPPeer to tell (see nodeSelectors and dualStackAddressFamily of the BGPPeers, and peers of BGPAdvertisement "routed")`,
  },
  {
    name: "nothing by BGP before it is known how sessions stand",
    config: ROUTED,
    sessions: undefined,
    says: "-",
  },
  {
    name: "that BGP announces it perhaps, where nobody says how sessions stand",
    config: ROUTED,
    sessions: "unread",
    says: "True Announced: announced by BGP wherever a session is up; whether one is, is not known here for want of BGPSessionStates: the metric metallb_bgp_session_up and the logs of the speakers say it",
  },
  {
    name: "what layer 2 lacks and what BGP lacks, and that BGP is nearer to it",
    config: { ...ROUTED, l2Advertisements: [advertisement({ interfaces: ["eth9"] })] },
    interfaces: { iris1: only("eth0"), iris2: only("eth0") },
    sessions: troubles({ "tor iris1": "refused", "tor iris2": "refused" }),
    says: `False NoSession: no node can announce it on layer 2: every node: no interface eth9 that is there and up (name others in L2Advertisement "default", or bring it up), nor by BGP: every node: no session with a router, ${LOOK} (${TOR}: refused)`,
  },
  {
    name: "why neither protocol can",
    config: {
      ...ROUTED,
      peers: [],
      l2Advertisements: [
        advertisement({ nodeSelectors: [labelled("rack", "a")] }),
        advertisement({ name: "b", nodeSelectors: [labelled("rack", "b")] }),
      ],
    },
    says: 'False NoMatchingAdvertisement: no node can announce it on layer 2: every node: not selected by nodeSelectors of L2Advertisement "b" or "default", nor by BGP: every node: no BGPPeer to tell (see nodeSelectors and dualStackAddressFamily of the BGPPeers, and peers of BGPAdvertisement "routed")',
  },
];

describe("where no node answers for a Service, each speaker would say", () => {
  for (const { name, says, ...world } of CASES) it(name, () => assert.equal(said(world), says));

  it("of each Service what holds for its own families", () => {
    const unannounced = new UnannouncedServices("iris1", OPTIONS);
    unannounced.configure({ ...FIXTURE, ...ROUTED });
    unannounced.setNodes(new Map(both));
    unannounced.setSessions(UP);
    const [hosts, owner] = [hostsOf(on("iris1")), undefined];
    const reasons = [["10.20.30.7"], ["fd00::7"], ["10.20.30.8"]].map(
      (ips) => unannounced.explain({ service: service("web", ips), hosts, owner })?.reason,
    );
    assert.deepEqual(reasons, ["Announced", "NoPeer", "Announced"]);
  });

  it("and one of them does: the first of those that are alive", () => {
    const known = new Map([
      ["iris1", { ...fit, speakerReady: false }],
      ["iris2", fit],
      ["iris3", fit],
    ]);
    const spokesmen = [...known.keys()].filter((self) => {
      const unannounced = new UnannouncedServices(self, OPTIONS);
      unannounced.setNodes(known);
      return unannounced.isSpokesman;
    });
    assert.deepEqual(spokesmen, ["iris2"]);
  });

  it("and where MetalLB's speakers take part, the first of ours", () => {
    const known = new Map(both).set("iris3", fit);
    const unannounced = new UnannouncedServices("iris2", OPTIONS);
    unannounced.setNodes(known);
    assert.equal(unannounced.isSpokesman, false);
    unannounced.setNodes(known, new Set(["iris2", "iris3"]));
    assert.equal(unannounced.isSpokesman, true);
  });

  it("and where MetalLB's speakers take part, that BGP announces perhaps: they say nothing of sessions", () => {
    const unannounced = new UnannouncedServices("iris1", OPTIONS);
    unannounced.configure({ ...FIXTURE, ...ROUTED });
    const found = { service: web, hosts: hostsOf(on("iris1")), owner: undefined };
    const seen = [new Set<string>(), new Set(["iris1"])].map((ours) => {
      unannounced.setNodes(new Map(both), ours);
      unannounced.setSessions(undefined);
      return [unannounced.needsSessions, unannounced.explain(found)?.message.split(";")[0]];
    });
    assert.deepEqual(seen, [
      [true, undefined],
      [false, "announced by BGP wherever a session is up"],
    ]);
  });
});
