import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { L2AdvertisementConfig, Pool } from "@herald/shared/config/config";
import { familyOf, type IpAddress, parseAddress, toBigint } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceView } from "@herald/shared/service/view";
import type { UsableInterfaces } from "./interface-rules.ts";
import type { CandidateNode, Decision } from "./plan.ts";
import { advertisementsFor } from "./plan-scope.ts";
import type { Planner } from "./planner.ts";
import { advertisement, config, excluded, fit, labelled, on, planner, service } from "./planner-fixture.ts";

const pool = (name: string, ...ranges: [string, string][]): Pool => ({
  name,
  labels: {},
  ranges: ranges.map(([first, last]) => ({
    family: familyOf(parseAddress(first) as IpAddress),
    first: toBigint(parseAddress(first) as IpAddress),
    last: toBigint(parseAddress(last) as IpAddress),
    text: `${first}-${last}`,
  })),
  avoidBuggyIps: false,
  autoAssign: true,
  serviceAllocation: undefined,
});

describe("advertisementsFor", () => {
  const pools = [
    pool("two", ["10.20.30.0", "10.20.30.255"], ["fd00::", "fd00::ff"]),
    pool("routed", ["10.30.0.0", "10.30.0.255"]),
    pool("other", ["10.40.0.1", "10.40.0.1"]),
  ];
  const l2Advertisements = [advertisement({ pools: ["other", "two"] })];
  const cases = [
    { addresses: ["10.20.30.0"], answer: [0] },
    { addresses: ["10.20.30.255", "fd00::ff"], answer: [0] },
    { addresses: ["10.20.31.0"], answer: "ipNotAllowed" },
    { addresses: ["10.20.30.1", "10.40.0.1"], answer: "ipNotAllowed" },
    { addresses: ["10.30.0.7"], answer: "noMatchingAdvertisement" },
    { addresses: ["fd00::7"], answer: [0] },
    { addresses: ["fd00::100"], answer: "ipNotAllowed" },
  ];
  for (const { addresses, answer } of cases) {
    it(`says ${answer} to ${addresses.join(" and ")}`, () => {
      const known = addresses.map((text) => parseAddress(text) as IpAddress);
      assert.deepEqual(
        advertisementsFor({ pools, l2Advertisements }, service("web", addresses), known),
        answer,
      );
    });
  }

  const labels = { app: "web" };
  const forWeb = advertisement({ serviceSelectors: [labelled("app", "other"), labelled("app", "web")] });
  const forMail = advertisement({ serviceSelectors: [labelled("app", "mail")] });
  const sharing = { "metallb.io/allow-shared-ip": "key" };
  const selecting: {
    name: string;
    of: Partial<ServiceView>;
    ads: L2AdvertisementConfig[];
    answer: unknown;
  }[] = [
    { name: "one of several selectors is enough", of: { labels }, ads: [forWeb], answer: [0] },
    { name: "no selector matches", of: { labels }, ads: [forMail], answer: "noMatchingAdvertisement" },
    { name: "a Service without labels", of: {}, ads: [forWeb], answer: "noMatchingAdvertisement" },
    { name: "those that match of several", of: { labels }, ads: [forMail, forWeb], answer: [1] },
    { name: "no selector is for all", of: { labels }, ads: [forWeb, advertisement()], answer: [0, 1] },
    {
      name: "a sharing Service where an advertisement selects Services",
      of: { labels, annotations: sharing },
      ads: [forWeb],
      answer: "sharedIPWithServiceSelector",
    },
    {
      name: "the same under MetalLB's older prefix, with another advertisement beside",
      of: { labels, annotations: { "metallb.universe.tf/allow-shared-ip": "" } },
      ads: [advertisement(), forWeb],
      answer: "sharedIPWithServiceSelector",
    },
    {
      name: "a sharing Service beside an advertisement that selects others",
      of: { labels, annotations: sharing },
      ads: [advertisement(), forMail],
      answer: [0],
    },
  ];
  for (const { name, of, ads, answer } of selecting) {
    it(`goes by labels of Services: ${name}`, () => {
      const made = { pools: config.pools, l2Advertisements: ads };
      const answered = advertisementsFor(made, service("web", [], of), ["10.20.30.1" as IpAddress]);
      assert.deepEqual(answered, answer);
    });
  }
});

const named = (name: string, more: Readonly<Record<string, string>> = {}): CandidateNode => ({
  ...fit,
  labels: { name, ...more },
});
// MetalLB's vector for 10.20.30.1, first to last.
const NAMES = ["node-b", "edge-b", "worker-a", "node-a", "iris2", "edge-a", "worker-b", "iris1"];
const nodesOf = (...names: string[]): Map<string, CandidateNode> =>
  new Map(names.map((name) => [name, named(name, { role: name.split("-")[0] as string })]));
const onNode = (...names: string[]) => names.map((name) => labelled("name", name));
const prefer = (weight: number, name: string) => ({ weight, preference: labelled("name", name) });
const local = { externalTrafficPolicy: "Local" } as const;

interface Setting {
  readonly ads: readonly L2AdvertisementConfig[];
  readonly nodes?: ReadonlyMap<string, CandidateNode>;
  readonly view?: ServiceView;
  readonly endpoints?: EndpointView[];
  readonly interfaces?: Readonly<Record<string, UsableInterfaces>>;
}

function planned(self: string, setting: Setting): Planner {
  const made = planner(self, setting.nodes ?? nodesOf("iris1", "iris2"));
  const { view = service("web", ["10.20.30.1"]), endpoints = on("iris1", "iris2") } = setting;
  made.configure({ pools: config.pools, l2Advertisements: setting.ads });
  for (const [name, interfaces] of Object.entries(setting.interfaces ?? {})) {
    made.setInterfaces(name, interfaces);
  }
  made.setService(view);
  made.setEndpoints(view.key, endpoints);
  return made;
}

/** What each node decides, and on which interfaces. */
function council(setting: Setting): Record<string, string> {
  const { nodes = nodesOf("iris1", "iris2"), view = service("web", ["10.20.30.1"]) } = setting;
  return Object.fromEntries(
    [...nodes.keys()].map((self) => [self, inWords(planned(self, setting).decide(view.key))]),
  );
}

function inWords(decision: Decision): string {
  if (decision.type === "withdraw") return decision.reason;
  return `on ${decision.interfaces?.join("+") ?? "all"}`;
}

describe("Planner, by advertisements", () => {
  const cases: { name: string; setting: Setting; decisions: Record<string, string> }[] = [
    {
      name: "an advertisement for another node leaves the address to that one",
      setting: { ads: [advertisement({ nodeSelectors: onNode("iris1") })] },
      decisions: { iris1: "on all", iris2: "noMatchingAdvertisement" },
    },
    {
      name: "Local, the endpoint on one node and the advertisement for the other: nobody",
      setting: {
        ads: [advertisement({ nodeSelectors: onNode("iris2") })],
        view: service("web", ["10.20.30.1"], local),
        endpoints: on("iris1"),
      },
      decisions: { iris1: "noMatchingAdvertisement", iris2: "noLocalEndpoints" },
    },
    {
      name: "an advertisement for a node that is not there: nobody",
      setting: { ads: [advertisement({ nodeSelectors: onNode("ghost") })] },
      decisions: { iris1: "noMatchingAdvertisement", iris2: "noMatchingAdvertisement" },
    },
    {
      name: "any of several selectors of nodes is enough",
      setting: { ads: [advertisement({ nodeSelectors: onNode("ghost", "iris1") })] },
      decisions: { iris1: "on all", iris2: "noMatchingAdvertisement" },
    },
    {
      name: "an excluded node stays excluded",
      setting: {
        ads: [advertisement()],
        nodes: new Map([
          ["iris1", named("iris1")],
          ["iris2", excluded],
        ]),
      },
      decisions: { iris1: "on all", iris2: "nodeLabeledExcludeBalancers" },
    },
    {
      name: "two advertisements with an interface for each node: one owner, on its own interface",
      setting: {
        ads: [
          advertisement({ nodeSelectors: onNode("iris1"), interfaces: ["eth1"] }),
          advertisement({ nodeSelectors: onNode("iris2"), interfaces: ["eth2"] }),
        ],
      },
      decisions: { iris1: "notOwner", iris2: "on eth2" },
    },
    {
      name: "interfaces of several advertisements are united and in order",
      setting: {
        ads: [
          advertisement({ interfaces: ["eth2", "eth1"] }),
          advertisement({ nodeSelectors: onNode("iris2"), interfaces: ["eth0", "eth2"] }),
          advertisement({ nodeSelectors: onNode("iris1"), interfaces: ["eth9"] }),
        ],
      },
      decisions: { iris1: "notOwner", iris2: "on eth0+eth1+eth2" },
    },
    {
      name: "an advertisement without interfaces wants all, whatever others say",
      setting: { ads: [advertisement({ interfaces: ["eth1"] }), advertisement()] },
      decisions: { iris1: "notOwner", iris2: "on all" },
    },
    {
      name: "candidates are those of the advertisements that select the Service",
      setting: {
        ads: [
          advertisement({ nodeSelectors: onNode("iris1"), serviceSelectors: [labelled("app", "web")] }),
          advertisement({ nodeSelectors: onNode("iris2"), serviceSelectors: [labelled("app", "mail")] }),
        ],
        view: service("web", ["10.20.30.1"], { labels: { app: "web" } }),
      },
      decisions: { iris1: "on all", iris2: "noMatchingAdvertisement" },
    },
    {
      name: "the preferred node goes before the hash",
      setting: { ads: [advertisement({ preferredNodeSelectors: [prefer(1, "iris1")] })] },
      decisions: { iris1: "on all", iris2: "notOwner" },
    },
    {
      name: "weights are summed over what matches, in all advertisements",
      setting: {
        ads: [
          advertisement({ preferredNodeSelectors: [prefer(60, "iris2"), prefer(40, "iris1")] }),
          advertisement({ preferredNodeSelectors: [prefer(11, "iris1"), prefer(10, "iris1")] }),
        ],
      },
      decisions: { iris1: "on all", iris2: "notOwner" },
    },
    {
      name: "an advertisement weighs only the nodes it selects",
      setting: {
        ads: [
          advertisement({ nodeSelectors: onNode("iris2"), preferredNodeSelectors: [prefer(100, "iris1")] }),
          advertisement(),
        ],
      },
      decisions: { iris1: "notOwner", iris2: "on all" },
    },
    {
      name: "an advertisement for another Service does not weigh",
      setting: {
        ads: [
          advertisement(),
          advertisement({
            serviceSelectors: [labelled("app", "mail")],
            preferredNodeSelectors: [prefer(100, "iris1")],
          }),
        ],
      },
      decisions: { iris1: "notOwner", iris2: "on all" },
    },
    {
      name: "Local, a preferred node without endpoint loses",
      setting: {
        ads: [advertisement({ preferredNodeSelectors: [prefer(100, "iris1")] })],
        view: service("web", ["10.20.30.1"], local),
        endpoints: on("iris2"),
      },
      decisions: { iris1: "noLocalEndpoints", iris2: "on all" },
    },
    {
      name: "a preferred node that is gone leaves it to the hash",
      setting: { ads: [advertisement({ preferredNodeSelectors: [prefer(100, "ghost")] })] },
      decisions: { iris1: "notOwner", iris2: "on all" },
    },
    {
      name: "a node without any wanted interface is no candidate (MetalLB elects it: defect 19)",
      setting: {
        ads: [advertisement({ interfaces: ["eth1", "eth2"] })],
        interfaces: { iris1: new Set(["eth2"]), iris2: new Set(["eth0"]) },
      },
      decisions: { iris1: "on eth1+eth2", iris2: "noInterface" },
    },
    {
      name: "a node without interfaces at all is no candidate, whichever are wanted",
      setting: { ads: [advertisement()], interfaces: { iris2: new Set() } },
      decisions: { iris1: "on all", iris2: "noInterface" },
    },
    {
      name: "nobody announces what no node has an interface for (MetalLB says it does: defect 18)",
      setting: {
        ads: [advertisement({ interfaces: ["eth7"] })],
        interfaces: { iris1: new Set(["eth0"]), iris2: new Set(["eth0"]) },
      },
      decisions: { iris1: "noInterface", iris2: "noInterface" },
    },
    {
      name: "a node that does not say counts as having every interface",
      setting: {
        ads: [advertisement({ interfaces: ["eth7"] })],
        interfaces: { iris1: "all", iris2: new Set(["eth0"]) },
      },
      decisions: { iris1: "on eth7", iris2: "noInterface" },
    },
    {
      name: "the preferred node without interface leaves it to the others",
      setting: {
        ads: [advertisement({ preferredNodeSelectors: [prefer(9, "iris1")] })],
        interfaces: { iris1: new Set() },
      },
      decisions: { iris1: "noInterface", iris2: "on all" },
    },
  ];
  for (const { name, setting, decisions } of cases) {
    it(name, () => assert.deepEqual(council(setting), decisions));
  }

  it("orders candidates by weight, then by MetalLB's hash", () => {
    const preferEdge = { weight: 5, preference: labelled("role", "edge") };
    const ads = [advertisement({ preferredNodeSelectors: [preferEdge, prefer(7, "worker-b")] })];
    const order: string[] = [];
    while (order.length < NAMES.length) {
      const left = NAMES.filter((name) => !order.includes(name)).sort();
      const decisions = council({ ads, nodes: nodesOf(...left), endpoints: on("elsewhere") });
      order.push(...left.filter((name) => decisions[name]?.startsWith("on")));
    }
    const rest = NAMES.filter((name) => !name.startsWith("edge") && name !== "worker-b");
    assert.deepEqual(order, ["worker-b", "edge-b", "edge-a", ...rest]);
  });

  it("keeps addresses that are shared on one node, of both families, whoever shares which (MetalLB's defect 20)", () => {
    const two = service("two", ["10.20.30.1", "fd00::1"]);
    const six = service("six", ["fd00::1"]);
    const four = service("four", ["10.20.30.1"]);
    const ads = [advertisement({ preferredNodeSelectors: [prefer(3, "edge-a"), prefer(3, "iris1")] })];
    const announcing = NAMES.flatMap((self) => {
      const made = planned(self, { ads, nodes: nodesOf(...NAMES) });
      for (const each of [two, six, four]) {
        made.setService(each);
        made.setEndpoints(each.key, on("iris2"));
      }
      const decisions = [two, six, four].map(({ key }) => made.decide(key).type);
      return decisions.every((type) => type === "withdraw") ? [] : [[self, ...decisions]];
    });
    assert.deepEqual(announcing, [["edge-a", "announce", "announce", "announce"]]);
  });

  it("says whether a change of labels can change anything: only where an advertisement reads them", () => {
    const relabelled = new Map(nodesOf("iris1", "iris2")).set("iris2", named("other"));
    const reading = planned("iris1", { ads: [advertisement({ nodeSelectors: onNode("iris1", "iris2") })] });
    assert.equal(inWords(reading.decide(service("web", []).key)), "notOwner");
    assert.equal(reading.setNodes(relabelled), true);
    assert.equal(inWords(reading.decide(service("web", []).key)), "on all");
    assert.equal(reading.setNodes(new Map(relabelled)), false);
    assert.equal(planned("iris1", { ads: [advertisement()] }).setNodes(relabelled), false);
  });

  it("says whether a change of interfaces can change anything: only of those that are wanted", () => {
    const made = planned("iris1", { ads: [advertisement({ interfaces: ["eth1"] })] });
    const told = (...names: string[]) => made.setInterfaces("iris2", new Set(names));
    assert.equal(told("eth1", "eth0"), false);
    assert.equal(told("eth1"), false);
    assert.equal(inWords(made.decide(service("web", []).key)), "notOwner");
    assert.equal(told("eth0"), true);
    assert.equal(inWords(made.decide(service("web", []).key)), "on eth1");
    assert.equal(told("eth0", "eth2"), false);
    assert.equal(told(), true);
  });

  it("leaves the address to others at leisure when it is advertised for others from now on", () => {
    const made = planned("iris2", { ads: [advertisement()] });
    const { key } = service("web", []);
    assert.equal(made.decide(key).type, "announce");
    made.configure({
      pools: config.pools,
      l2Advertisements: [advertisement({ nodeSelectors: onNode("iris1") })],
    });
    const decision: Decision = { type: "withdraw", reason: "noMatchingAdvertisement", owner: "iris1" };
    assert.deepEqual(made.decide(key), decision);
  });
});
