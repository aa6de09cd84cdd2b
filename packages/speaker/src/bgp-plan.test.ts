import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { linkBandwidth } from "@herald/bgp/community";
import type { BgpAdvertisementConfig, BgpPeerConfig, RouteRules } from "@herald/shared/config/config";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import { type ServiceView, serviceKey } from "@herald/shared/service/view";
import fc from "fast-check";
import { BgpPlan } from "./bgp-plan.ts";
import type { CandidateNode } from "./plan.ts";
import { config, excluded, fit, labelled, on, service } from "./planner-fixture.ts";

const [V4, V6] = ["10.20.30.7", "fd00::7"];
const advertisement = (change: Partial<BgpAdvertisementConfig> = {}): BgpAdvertisementConfig => ({
  name: "ad",
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
const rules = (change: Partial<RouteRules>): RouteRules => ({
  med: undefined,
  prepend: 0,
  bandwidthPerEndpoint: false,
  ...change,
});
const peer = (change: Partial<BgpPeerConfig> = {}): BgpPeerConfig => ({
  name: "tor",
  myAsn: 64500,
  peerAsn: 64500,
  localAsn: undefined,
  remote: { address: parseAddress("192.0.2.1") as IpAddress },
  sourceAddress: undefined,
  peerPort: 179,
  holdTimeSeconds: 90,
  keepaliveTimeSeconds: 30,
  connectTimeSeconds: undefined,
  routerId: undefined,
  nodeSelectors: [],
  password: "",
  bfdProfile: undefined,
  gracefulRestart: false,
  ebgpMultihop: false,
  vrf: undefined,
  dualStackAddressFamily: true,
  ...change,
});
/** Over whose sessions but one family goes. */
const [four, six] = [
  peer({ name: "four", dualStackAddressFamily: false }),
  peer({
    name: "six",
    remote: { address: parseAddress("2001:db8::1") as IpAddress },
    dualStackAddressFamily: false,
  }),
];
const [external, other] = [peer({ peerAsn: 64512, peerPort: 1179 }), peer({ name: "other", peerPort: 2179 })];
const inRack = (rack: string): CandidateNode => ({ ...fit, labels: { rack } });

const OPTIONS = { ignoreExcludeLb: false, drainOnCordon: true, drainOnNotReady: false, lbClass: undefined };

interface World {
  readonly ads?: readonly BgpAdvertisementConfig[];
  readonly peers?: readonly BgpPeerConfig[];
  readonly nodes?: Readonly<Record<string, CandidateNode>>;
  readonly services?: readonly ServiceView[];
  /** By name of the Service, where it can be reached; iris1 unless told. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  readonly parted?: boolean;
}

function build({ ads, peers, nodes, services, hosts, parted }: World): BgpPlan {
  const plan = new BgpPlan({ self: "iris1", options: OPTIONS });
  plan.configure({
    pools: config.pools,
    bgpAdvertisements: ads ?? [advertisement()],
    peers: peers ?? [peer()],
  });
  plan.setNodes(new Map(Object.entries(nodes ?? { iris1: fit })));
  for (const view of services ?? [service("web", [V4])]) {
    plan.setService(view);
    plan.setEndpoints(view.key, on(...(hosts?.[view.uid] ?? ["iris1"])));
  }
  plan.setParted(parted ?? false);
  finish(plan);
  return plan;
}

function finish(plan: BgpPlan): void {
  for (const _ of plan.work());
}

/** Others after each change of a table. */
function versions({ plans }: BgpPlan): readonly number[] {
  return plans.map(({ routes: { version } }) => version);
}

/** Every peer with its prefixes, each with what is said of it where something is; `-`: a refusal. */
function shown(plan: BgpPlan): readonly string[] {
  const routes = plan.plans.flatMap(({ peer: { name }, routes }) =>
    [...routes.best()].map(([prefix, { attributes }]) => {
      const said = Object.keys(attributes).length === 0 ? "" : ` ${JSON.stringify(attributes)}`;
      return `${name} ${prefix}${said}`;
    }),
  );
  return [...routes, ...[...plan.refusals()].map((refused) => `- ${refused.service} ${refused.reason}`)];
}

const only = (reason: string): readonly string[] => [`- default/web ${reason}`];
const local = service("web", [V4], { externalTrafficPolicy: "Local" });
const drained = { ...fit, drain: "maintenance" };
const [high, low] = [
  advertisement({ name: "high", localPref: 300, communities: ["64500:2", "large:64500:1:2"] }),
  advertisement({ name: "low", localPref: 200, communities: ["64500:1"] }),
];

const CASES: readonly (World & { readonly name: string; readonly told: readonly string[] })[] = [
  { name: "announces each address by itself", told: ["tor 10.20.30.7/32"] },
  {
    name: "announces both families",
    services: [service("web", [V4, V6])],
    told: ["tor 10.20.30.7/32", "tor fd00::7/128"],
  },
  {
    name: "announces to each router what goes over its session, to one without an address both families",
    peers: [four, six, peer({ name: "link", remote: { interface: "eth0" }, dualStackAddressFamily: false })],
    services: [service("web", [V4, V6])],
    told: ["four 10.20.30.7/32", "six fd00::7/128", "link 10.20.30.7/32", "link fd00::7/128"],
  },
  {
    name: "aggregates both families",
    ads: [advertisement({ aggregationLength: 26, aggregationLengthV6: 124 })],
    services: [service("web", [V4, V6]), service("api", ["10.20.30.9"])],
    told: ["tor 10.20.30.0/26", "tor fd00::/124"],
  },
  {
    name: "announces an address that two Services share once",
    services: [service("web", [V4]), service("api", [V4])],
    told: ["tor 10.20.30.7/32"],
  },
  {
    name: "announces an aggregate and single addresses beside each other",
    ads: [advertisement({ name: "a", aggregationLength: 24 }), advertisement({ name: "b", localPref: 7 })],
    told: ["tor 10.20.30.0/24", 'tor 10.20.30.7/32 {"localPref":7}'],
  },
  {
    name: "takes the highest LOCAL_PREF and all communities of advertisements for one prefix",
    ads: [low, high],
    told: [
      'tor 10.20.30.7/32 {"localPref":300,"communities":["64500:1","64500:2"],"largeCommunities":["64500:1:2"]}',
    ],
  },
  {
    name: "takes 100 for an advertisement that asks for no LOCAL_PREF",
    ads: [advertisement(), advertisement({ name: "b", localPref: 50 })],
    told: ['tor 10.20.30.7/32 {"localPref":100}'],
  },
  {
    name: "tells the MED to everybody, and makes the path longer for other ASes",
    ads: [advertisement({ rules: rules({ med: 50, prepend: 2 }) })],
    peers: [peer(), external],
    told: ['tor 10.20.30.7/32 {"med":50}', 'tor 10.20.30.7/32 {"med":50,"prepend":2}'],
  },
  {
    name: "takes the lowest MED and the shortest path of advertisements for one prefix",
    ads: [
      advertisement({ rules: rules({ med: 50, prepend: 2 }) }),
      advertisement({ name: "b", rules: rules({ med: 40, prepend: 3 }) }),
    ],
    peers: [external],
    told: ['tor 10.20.30.7/32 {"med":40,"prepend":2}'],
  },
  {
    name: "tells no MED where an advertisement asks for none, which is better than any",
    ads: [advertisement({ rules: rules({ med: 50, prepend: 2 }) }), advertisement({ name: "b" })],
    peers: [external],
    told: ["tor 10.20.30.7/32"],
  },
  {
    name: "tells a MED of 0 where an advertisement asks for none, which is as good",
    ads: [advertisement({ rules: rules({ med: 0 }) }), advertisement({ name: "b" })],
    told: ['tor 10.20.30.7/32 {"med":0}'],
  },
  {
    name: "tells no LOCAL_PREF to another AS",
    ads: [low],
    peers: [external],
    told: ['tor 10.20.30.7/32 {"communities":["64500:1"]}'],
  },
  {
    name: "tells each peer what is for it",
    ads: [advertisement({ peers: ["tor"], localPref: 1 }), advertisement({ name: "b", peers: ["other"] })],
    peers: [peer(), other],
    told: ['tor 10.20.30.7/32 {"localPref":1}', "other 10.20.30.7/32"],
  },
  {
    name: "speaks to the peers of its node only",
    peers: [peer({ nodeSelectors: [labelled("rack", "a")] }), other],
    nodes: { iris1: inRack("b") },
    told: ["other 10.20.30.7/32"],
  },
  {
    name: "goes by the advertisements for its node only",
    ads: [advertisement({ nodeSelectors: [labelled("rack", "a")] })],
    nodes: { iris1: inRack("b") },
    told: only("noMatchingAdvertisement"),
  },
  {
    name: "goes by the advertisements for the Service only",
    ads: [advertisement({ serviceSelectors: [labelled("app", "db")] })],
    told: only("otherProtocol"),
  },
  { name: "keeps silent for a pool of layer 2", ads: [], told: only("otherProtocol") },
  {
    name: "keeps silent for a foreign address",
    services: [service("web", ["192.0.2.9"])],
    told: only("ipNotAllowed"),
  },
  {
    name: "keeps silent on an excluded node",
    nodes: { iris1: excluded },
    told: only("nodeLabeledExcludeBalancers"),
  },
  {
    name: "keeps silent where the network is unavailable",
    nodes: { iris1: { ...fit, networkUnavailable: true } },
    told: only("nodeNetworkUnavailable"),
  },
  {
    name: "announces whether or not the pod of its speaker is Ready",
    nodes: { iris1: { ...fit, speakerReady: false } },
    told: ["tor 10.20.30.7/32"],
  },
  { name: "announces what is served elsewhere", hosts: { web: ["iris2"] }, told: ["tor 10.20.30.7/32"] },
  { name: "keeps silent for what nobody serves", hosts: { web: [] }, told: only("noEndpoints") },
  { name: "announces with policy Local what is served here", services: [local], told: ["tor 10.20.30.7/32"] },
  {
    name: "keeps silent with policy Local for what is served elsewhere",
    services: [local],
    hosts: { web: ["iris2"] },
    told: only("noLocalEndpoints"),
  },
  {
    name: "announces on while routers find other ways",
    nodes: { iris1: drained, iris2: fit },
    told: ["tor 10.20.30.7/32"],
  },
  {
    name: "takes back what others announce when a drained node has parted",
    nodes: { iris1: drained, iris2: fit },
    parted: true,
    told: only("nodeDrained"),
  },
  {
    name: "announces on from a drained node what no other can",
    nodes: { iris1: drained, iris2: fit },
    services: [local],
    parted: true,
    told: ["tor 10.20.30.7/32"],
  },
  {
    name: "counts no node as another that no advertisement is for",
    ads: [advertisement({ nodeSelectors: [labelled("rack", "a")] })],
    nodes: { iris1: { ...inRack("a"), drain: "x" }, iris2: inRack("b") },
    parted: true,
    told: ["tor 10.20.30.7/32"],
  },
];

describe("what this node tells its routers", () => {
  for (const { name, told, ...world } of CASES) {
    it(name, () => assert.deepEqual(shown(build(world)), told));
  }

  it("reports advertisements that disagree, and how it was settled (MetalLB defect 17)", () => {
    const { plans } = build({ ads: [low, high], peers: [peer(), external] });
    assert.deepEqual(
      plans.map(({ disagreements }) => disagreements),
      [
        [
          {
            prefix: "10.20.30.7/32",
            peer: "tor",
            advertisements: ["high", "low"],
            reason: "localPrefConflict",
            told: 300,
          },
        ],
        [],
      ],
    );
  });

  it("reports advertisements that disagree on MED and path", () => {
    const ads = [
      advertisement({ name: "far", rules: rules({ med: 50, prepend: 2 }) }),
      advertisement({ name: "near", rules: rules({ med: 40, prepend: 1 }) }),
    ];
    const { plans } = build({ ads, peers: [peer(), external] });
    const said = { prefix: "10.20.30.7/32", peer: "tor", advertisements: ["far", "near"] };
    assert.deepEqual(
      plans.map(({ disagreements }) => disagreements),
      [
        [{ ...said, reason: "medConflict", told: 40 }],
        [
          { ...said, reason: "medConflict", told: 40 },
          { ...said, reason: "prependConflict", told: 1 },
        ],
      ],
    );
  });

  it("knows which peers of this node are told of each Service", () => {
    const named = (name: string, peers: readonly string[], app: string) =>
      advertisement({ name, peers, serviceSelectors: [labelled("app", app)] });
    const services = ["all", "one", "nobody", "none"].map((app) => service(app, [V4], { labels: { app } }));
    const ads = [
      advertisement({ serviceSelectors: [labelled("app", "all")] }),
      named("one", ["other", "elsewhere"], "one"),
      named("nobody", ["elsewhere", "dummy"], "nobody"),
    ];
    const elsewhere = peer({ name: "elsewhere", nodeSelectors: [labelled("rack", "b")] });
    const unknown = peer({ name: "no-password", password: undefined, peerPort: 3179 });
    const peers = [peer(), other, elsewhere, unknown];
    const plan = build({ ads, peers, services, nodes: { iris1: inRack("a") } });
    const told = () => services.map(({ key }) => plan.peersOf(key).join(" "));
    assert.deepEqual(told(), ["other tor", "other", "", ""]);
    plan.configure({ pools: config.pools, bgpAdvertisements: ads, peers: [other] });
    finish(plan);
    assert.deepEqual(told(), ["other", "other", "", ""]);
  });

  it("tells a router once from each address, as the first says that names it and this node", () => {
    const inB = peer({ name: "elsewhere", nodeSelectors: [labelled("rack", "b")] });
    const later = peer({ name: "later", holdTimeSeconds: 9 });
    const beside = peer({ name: "beside", sourceAddress: parseAddress("192.0.2.9") as IpAddress });
    const peers = [inB, peer(), later, beside];
    const told = (rack: string): unknown => {
      const plan = build({ peers, nodes: { iris1: inRack(rack) } });
      const rivals = [...plan.rivals].map(([one, other]) => `${one.name} after ${other.name}`);
      return [plan.plans.map((each) => each.peer.name), rivals, plan.peersOf(serviceKey("default", "web"))];
    };
    assert.deepEqual(told("a"), [["tor", "beside"], ["later after tor"], ["beside", "tor"]]);
    assert.deepEqual(told("b"), [
      ["elsewhere", "beside"],
      ["tor after elsewhere", "later after elsewhere"],
      ["beside", "elsewhere"],
    ]);
    assert.deepEqual([...new BgpPlan({ self: "iris1", options: OPTIONS }).rivals], []);
  });

  it("counts nobody among them who takes no family of the Service", () => {
    const services = [service("a", [V4]), service("b", [V6]), service("c", [V4, V6])];
    const plan = build({ peers: [four, six], services });
    assert.deepEqual(
      services.map(({ key }) => wordsOn(plan, key)),
      [`${V4} four`, `${V6} six`, `${V4},${V6} four,six`],
    );
  });

  it("keeps an aggregate until the last Service in it is gone", () => {
    const ads = [advertisement({ aggregationLength: 24 })];
    const plan = build({ ads, services: [service("web", [V4]), service("api", ["10.20.30.9"])] });
    const told = ["default/web", "default/api"].map((key) => {
      plan.removeService(key as ServiceView["key"]);
      finish(plan);
      return shown(plan);
    });
    assert.deepEqual(told, [["tor 10.20.30.0/24"], []]);
  });

  it("takes a Service back when its last local endpoint goes, and not before", () => {
    const plan = build({ services: [local] });
    const told = [["iris1", "iris2"], ["iris2"], []].map((nodes) => {
      plan.setEndpoints(local.key, on(...nodes));
      finish(plan);
      return shown(plan);
    });
    assert.deepEqual(told, [["tor 10.20.30.7/32"], only("noLocalEndpoints"), only("noEndpoints")]);
  });

  it("leaves a table as it is when nothing in it is different", () => {
    const plan = build({});
    plan.setService(service("web", ["10.20.30.8"]));
    finish(plan);
    plan.setService(service("web", [V4]));
    finish(plan);
    const before = versions(plan);
    plan.setEndpoints(local.key, on("iris1", "iris2"));
    plan.setService(service("web", [V4], { resourceVersion: "2" }));
    finish(plan);
    assert.deepEqual(versions(plan), before);
  });

  it("comes to the same whatever happened before, and however little of it was done at a time", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30, size: "max" }), (steps) => {
        const told = new Told();
        for (const each of steps) told.take(each);
        told.finish();
        const fresh = freshAfter(steps);
        assert.deepEqual(summaryOf(told.plan), summaryOf(fresh));
        const keys = steps.map(({ name }) => service(name, []).key);
        assert.deepEqual(
          keys.map((key) => told.words.get(key) ?? " "),
          keys.map((key) => wordsOn(fresh, key)),
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe("link bandwidth", () => {
  const [ready, leaving, gone] = [
    { ready: true, serving: true },
    { ready: false, serving: true },
    { ready: false, serving: false },
  ];
  type Condition = typeof ready;
  const at = (nodeName: string, address: string, ...conditions: Condition[]): EndpointView[] =>
    conditions.map((condition) => ({ nodeName, addresses: [address], ...condition }));
  const here = (...conditions: Condition[]) => at("iris1", "10.0.0.1", ...conditions);
  const elsewhere = at("iris2", "10.0.0.2", ready, ready, ready, ready);
  const asking = advertisement({ rules: rules({ bandwidthPerEndpoint: true }) });
  const wide = { ...asking, aggregationLength: 24 };
  const api = service("api", ["10.20.30.9"], { externalTrafficPolicy: "Local" });
  const open = service("api", ["10.20.30.9"]);

  interface Case {
    readonly name: string;
    readonly ads?: readonly BgpAdvertisementConfig[];
    readonly services?: readonly ServiceView[];
    readonly endpoints: readonly (readonly EndpointView[])[];
    /** Of each prefix, what is told, Mbit/s; "" for nothing. */
    readonly told: readonly (number | "")[];
  }

  const cases: readonly Case[] = [
    {
      name: "is 1 Mbit/s for each endpoint here",
      endpoints: [[...here(ready, ready), ...elsewhere]],
      told: [2],
    },
    {
      name: "counts no endpoint that is going away beside one that is not",
      endpoints: [here(ready, leaving, leaving, gone)],
      told: [1],
    },
    {
      name: "counts those that are going away where no others are left here",
      endpoints: [[...here(leaving, leaving, gone), ...elsewhere]],
      told: [2],
    },
    {
      name: "is of the endpoints of the address's family",
      services: [service("web", [V4, V6], { externalTrafficPolicy: "Local" })],
      endpoints: [[...here(ready, ready, ready), ...at("iris1", "fd00::1", ready)]],
      told: [3, 1],
    },
    { name: "is not told with policy Cluster", services: [open], endpoints: [here(ready)], told: [""] },
    {
      name: "is not told unless it is asked for",
      ads: [advertisement()],
      endpoints: [here(ready)],
      told: [""],
    },
    {
      name: "is told where one of several advertisements asks for it",
      ads: [advertisement(), { ...asking, name: "b" }],
      endpoints: [here(ready, ready)],
      told: [2],
    },
    {
      name: "is the sum of the Services in an aggregate",
      ads: [wide],
      services: [local, api],
      endpoints: [here(ready, ready), here(ready)],
      told: [3],
    },
    {
      name: "is not told of an aggregate with a Service of policy Cluster",
      ads: [wide],
      services: [local, open],
      endpoints: [here(ready, ready), here(ready)],
      told: [""],
    },
  ];

  function planOf({ ads, services, endpoints }: Pick<Case, "ads" | "services" | "endpoints">): BgpPlan {
    const views = services ?? [local];
    const plan = build({ ads: ads ?? [asking], peers: [external], services: views });
    for (const [index, { key }] of views.entries()) plan.setEndpoints(key, endpoints[index] ?? []);
    finish(plan);
    return plan;
  }

  const toldBy = ({ plans }: BgpPlan): readonly string[] =>
    [...(plans[0]?.routes.best() ?? [])].map(
      ([
        ,
        {
          attributes: { extendedCommunities = [] },
        },
      ]) => extendedCommunities.join(),
    );

  for (const { name, told, ...world } of cases) {
    it(name, () => {
      const wanted = told.map((each) => (each === "" ? "" : linkBandwidth(64_500, each * 125_000, true)));
      assert.deepEqual(toldBy(planOf(world)), wanted);
    });
  }

  it("stays within the AS for a peer within it, and is of the AS that the peer takes us for", () => {
    const plan = planOf({ endpoints: [here(ready)] });
    const inside = peer({ myAsn: 64_499, localAsn: 64_500 });
    plan.configure({ pools: config.pools, bgpAdvertisements: [asking], peers: [inside] });
    finish(plan);
    assert.deepEqual(toldBy(plan), [linkBandwidth(64_500, 125_000, false)]);
  });

  it("follows the endpoints, and other tables do not", () => {
    const [told, silent] = [asking, advertisement()].map((each) => {
      const plan = planOf({ ads: [each], endpoints: [here(ready)] });
      const [before] = versions(plan);
      plan.setEndpoints(local.key, here(ready, ready));
      finish(plan);
      return { said: toldBy(plan), isSame: versions(plan)[0] === before };
    });
    assert.deepEqual(told, { said: [linkBandwidth(64_500, 250_000, true)], isSame: false });
    assert.deepEqual(silent, { said: [""], isSame: true });
  });
});

const racks = [labelled("rack", "a")];
/** Configurations, one after the other. */
const MIXED = [
  [low, advertisement({ name: "rack", nodeSelectors: racks, aggregationLength: 24 })],
  [
    high,
    low,
    advertisement({ name: "wide", aggregationLength: 24, rules: rules({ bandwidthPerEndpoint: true }) }),
  ],
  [
    advertisement({ name: "far", peers: ["other"], rules: rules({ med: 5, bandwidthPerEndpoint: true }) }),
    low,
  ],
];
const ROUTERS = [peer(), external, other, four, peer({ name: "racked", nodeSelectors: racks })];
const seldom = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });
const step = fc.record(
  {
    name: fc.constantFrom("a", "b", "c"),
    ip: fc.constantFrom("10.20.30.1", "10.20.30.2", "fd00::1"),
    policy: fc.constantFrom("Cluster" as const, "Local" as const),
    hosts: fc.subarray(["iris1", "iris1", "iris2"]),
    gone: fc.boolean(),
    node: seldom(fc.constantFrom(fit, fit, drained, excluded, inRack("a"))),
    parted: seldom(fc.boolean()),
    ads: seldom(fc.constantFrom(...MIXED)),
    /** How much is done before the next step, and whether it is asked then what is new. */
    pulls: fc.integer({ min: 0, max: 12 }),
    isAsked: fc.boolean(),
  },
  { noNullPrototype: true },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function viewOf({ name, ip, policy }: Step): ServiceView {
  return service(name, [ip], { externalTrafficPolicy: policy });
}

/** A plan, and what somebody knows of its Services who asks what is new. */
class Told {
  readonly plan = build({ ads: MIXED[0] ?? [], peers: ROUTERS, services: [] });
  readonly words = new Map<string, string>();
  #work = this.plan.work();

  take(change: Step): void {
    const view = viewOf(change);
    const { ads, node, parted } = change;
    if (ads !== undefined) {
      this.plan.configure({ pools: config.pools, bgpAdvertisements: ads, peers: ROUTERS });
    }
    if (node !== undefined) this.plan.setNodes(new Map(Object.entries({ iris1: node, iris2: fit })));
    if (parted !== undefined) this.plan.setParted(parted);
    if (change.gone) this.plan.removeService(view.key);
    else this.plan.setService(view);
    this.plan.setEndpoints(view.key, on(...change.hosts));
    for (let left = change.pulls; left > 0; left -= 1) this.#pull();
    if (change.isAsked) this.#ask();
  }

  finish(): void {
    while (!this.#pull());
    finish(this.plan);
    this.#ask();
  }

  #pull(): boolean {
    const isDone = this.#work.next().done ?? false;
    if (isDone) this.#work = this.plan.work();
    return isDone;
  }

  #ask(): void {
    for (const key of this.plan.takeNews()) this.words.set(key, wordsOn(this.plan, key));
  }
}

/** Who has heard of nothing but how it stands in the end. */
function freshAfter(steps: readonly Step[]): BgpPlan {
  const last = <K extends keyof Step>(what: K): Step[K] | undefined =>
    steps.findLast((each) => each[what] !== undefined)?.[what];
  const left = [...new Map(steps.map((each) => [each.name, each])).values()].filter(({ gone }) => !gone);
  return build({
    ads: last("ads") ?? MIXED[0] ?? [],
    peers: ROUTERS,
    services: left.map(viewOf),
    hosts: Object.fromEntries(left.map(({ name, hosts }) => [name, hosts])),
    nodes: { iris1: last("node") ?? fit, iris2: fit },
    parted: last("parted") ?? false,
  });
}

function wordsOn(plan: BgpPlan, key: ServiceView["key"]): string {
  return `${plan.announced(key).join()} ${plan.peersOf(key).join()}`;
}

function summaryOf(plan: BgpPlan): readonly string[] {
  const refused = [...plan.refused].filter(([, count]) => count > 0);
  const disagreements = plan.plans.flatMap((each) => each.disagreements);
  return [...shown(plan), ...[...refused, ...disagreements].map((each) => JSON.stringify(each))].sort();
}
