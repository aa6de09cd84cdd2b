import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { L2AdvertisementConfig } from "@herald/shared/config/config";
import type { ServiceView } from "@herald/shared/service/view";
import type { CandidateNode } from "./plan.ts";
import {
  advertisement,
  config,
  excluded,
  fit,
  labelled,
  on,
  planner as plannerOf,
  service,
} from "./planner-fixture.ts";

// What MetalLB's own tables of who announces try, and its end-to-end tests change on the way.

const named = (name: string, more: Readonly<Record<string, string>> = {}): CandidateNode => ({
  ...fit,
  labels: { name, ...more },
});
const NODES = new Map([
  ["iris1", named("iris1")],
  ["iris2", named("iris2")],
]);
const onNode = (name: string) => [labelled("name", name)];
const prefer = (weight: number, name: string) => ({ weight, preference: labelled("name", name) });
const web = service("web", ["10.20.30.1"], { labels: { app: "web" } }); // iris2 precedes iris1 by MetalLB's vector

interface World {
  readonly ads?: readonly L2AdvertisementConfig[];
  readonly nodes?: ReadonlyMap<string, CandidateNode>;
  readonly view?: ServiceView;
}

/** What both nodes say in each of several states of the world that follow each other: who announces, or why none does. */
function history(...worlds: readonly World[]): readonly string[] {
  const planners = [...NODES.keys()].map((self) => ({ self, planner: plannerOf(self, NODES) }));
  let now: Required<World> = { ads: [advertisement()], nodes: NODES, view: web };
  return worlds.map((change) => {
    now = { ...now, ...change };
    const said = planners.map(({ self, planner }) => {
      planner.configure({ pools: config.pools, l2Advertisements: now.ads });
      planner.setNodes(now.nodes);
      planner.setService(now.view);
      planner.setEndpoints(now.view.key, on("iris1", "iris2"));
      const decision = planner.decide(now.view.key);
      if (decision.type === "withdraw") return { reason: decision.reason };
      return { announcer: `${self} on ${decision.interfaces?.join("+") ?? "all"}` };
    });
    const announcers = said.flatMap(({ announcer }) => announcer ?? []);
    const reasons = said.map(({ reason }) => reason);
    return announcers.length > 0 ? announcers.join(" and ") : `nobody: ${reasons.join(", ")}`;
  });
}

describe("who announces, as advertisements change", () => {
  it("is the same for equal advertisements as for one of them", () => {
    const ad = advertisement({ nodeSelectors: onNode("iris1"), interfaces: ["eth1"] });
    assert.deepEqual(history({ ads: [ad] }, { ads: [ad, { ...ad, name: "again" }] }), [
      "iris1 on eth1",
      "iris1 on eth1",
    ]);
  });

  it("counts the weights of each of several equal advertisements", () => {
    const ad = advertisement({ preferredNodeSelectors: [prefer(60, "iris1")] });
    const rival = advertisement({ preferredNodeSelectors: [prefer(100, "iris2")] });
    assert.deepEqual(history({ ads: [ad, rival] }, { ads: [ad, rival, ad] }, { ads: [rival, ad] }), [
      "iris2 on all",
      "iris1 on all",
      "iris2 on all",
    ]);
  });

  it("is whom the hash chooses where all are preferred alike, or none is", () => {
    const everybody = { weight: 7, preference: { matchLabels: {}, matchExpressions: [] } };
    assert.deepEqual(
      history(
        { ads: [advertisement({ preferredNodeSelectors: [everybody] })] },
        { ads: [advertisement({ preferredNodeSelectors: [prefer(100, "ghost")] })] },
        { ads: [advertisement({ preferredNodeSelectors: [everybody, prefer(1, "iris1")] })] },
      ),
      ["iris2 on all", "iris2 on all", "iris1 on all"],
    );
  });

  it("prefers by conditions as well as by labels", () => {
    const preference = {
      matchLabels: {},
      matchExpressions: [{ key: "name", operator: "NotIn", values: ["iris2"] }],
    } as const;
    const ads = [advertisement({ preferredNodeSelectors: [{ weight: 1, preference }] })];
    assert.deepEqual(history({ ads }), ["iris1 on all"]);
  });

  it("moves with the selectors of nodes, and a preference has no say outside of them", () => {
    const preferredNodeSelectors = [prefer(100, "iris2")];
    assert.deepEqual(
      history(
        {},
        { ads: [advertisement({ nodeSelectors: onNode("iris1"), preferredNodeSelectors })] },
        { ads: [advertisement({ nodeSelectors: onNode("ghost"), preferredNodeSelectors })] },
        { ads: [advertisement({ preferredNodeSelectors })] },
      ),
      [
        "iris2 on all",
        "iris1 on all",
        "nobody: noMatchingAdvertisement, noMatchingAdvertisement",
        "iris2 on all",
      ],
    );
  });

  it("follows the interfaces that are wanted", () => {
    const wanting = (...interfaces: string[]) => ({ ads: [advertisement({ interfaces })] });
    assert.deepEqual(history(wanting("eth0"), wanting("eth1", "eth0"), wanting()), [
      "iris2 on eth0",
      "iris2 on eth0+eth1",
      "iris2 on all",
    ]);
  });

  it("is nobody where one advertisement has the Service and another the nodes", () => {
    const ads = [
      advertisement({ nodeSelectors: onNode("ghost"), serviceSelectors: [labelled("app", "web")] }),
      advertisement({ serviceSelectors: [labelled("app", "mail")] }),
    ];
    assert.deepEqual(history({ ads }), ["nobody: noMatchingAdvertisement, noMatchingAdvertisement"]);
  });

  it("is one node where two advertisements are for one node each", () => {
    const ads = ["iris1", "iris2"].map((name) => advertisement({ nodeSelectors: onNode(name) }));
    assert.deepEqual(history({ ads }), ["iris2 on all"]);
  });
});

describe("who announces, as labels change", () => {
  it("depends on those of the Service, for its pool and its selectors both", () => {
    const selecting = [advertisement({ serviceSelectors: [labelled("app", "web"), labelled("app", "cms")] })];
    const relabelled = (app: string): World => ({ view: { ...web, labels: { app } } });
    assert.deepEqual(
      history({ ads: selecting }, relabelled("mail"), relabelled("cms"), {
        ads: [{ ...(selecting[0] as L2AdvertisementConfig), pools: ["other"] }],
      }),
      [
        "iris2 on all",
        "nobody: noMatchingAdvertisement, noMatchingAdvertisement",
        "iris2 on all",
        "nobody: noMatchingAdvertisement, noMatchingAdvertisement",
      ],
    );
  });

  const away: readonly { readonly name: string; readonly node: CandidateNode }[] = [
    { name: "is excluded", node: excluded },
    { name: "has no network", node: { ...named("iris2"), networkUnavailable: true } },
    { name: "has lost its speaker", node: { ...named("iris2"), speakerReady: false } },
  ];
  for (const { name, node } of away) {
    it(`is another node while the first one ${name}, and the first one again`, () => {
      const without = new Map(NODES).set("iris2", node);
      assert.deepEqual(history({}, { nodes: without }, { nodes: NODES }), [
        "iris2 on all",
        "iris1 on all",
        "iris2 on all",
      ]);
    });
  }

  it("fails over from the preferred node, and goes back to it", () => {
    const ads = [advertisement({ preferredNodeSelectors: [prefer(5, "iris1")] })];
    const without = new Map(NODES).set("iris1", { ...named("iris1"), networkUnavailable: true });
    assert.deepEqual(history({ ads }, { nodes: without }, { nodes: NODES }), [
      "iris1 on all",
      "iris2 on all",
      "iris1 on all",
    ]);
  });

  it("falls back to the hash when the preferred node loses its label", () => {
    const ads = [
      advertisement({ preferredNodeSelectors: [{ weight: 1, preference: labelled("fast", "yes") }] }),
    ];
    const fast = new Map(NODES).set("iris1", named("iris1", { fast: "yes" }));
    assert.deepEqual(history({ ads, nodes: fast }, { nodes: NODES }, { nodes: fast }), [
      "iris1 on all",
      "iris2 on all",
      "iris1 on all",
    ]);
  });
});
