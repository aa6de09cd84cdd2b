import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { CandidateNode, Decision } from "./plan.ts";
import { both, excluded, fit, on, planner, service } from "./planner-fixture.ts";

const decideWith = (self: string, view: ServiceView, endpoints: EndpointView[], nodes = both): Decision => {
  const made = planner(self, nodes);
  made.setService(view);
  made.setEndpoints(view.key, endpoints);
  return made.decide(view.key);
};
const drained: CandidateNode = { ...fit, drain: "new disk" };
const announces = (...ips: string[]): Decision => ({
  type: "announce",
  addresses: ips as IpAddress[],
});
const withdraws = (reason: string, owner?: string): Decision =>
  ({ type: "withdraw", reason, owner }) as Decision;
const forOthers = (reason: string, owner: string): Decision =>
  ({ ...withdraws(reason, owner), forOthers: true }) as Decision;

describe("Planner", () => {
  // MetalLB's vector: iris2 precedes iris1 for 10.20.30.1.
  const local = { externalTrafficPolicy: "Local" } as const;
  const web = service("web", ["10.20.30.1"]);
  const webLocal = service("web", ["10.20.30.1"], local);
  const cases: {
    name: string;
    self: string;
    view: ServiceView;
    endpoints: EndpointView[];
    nodes?: Map<string, CandidateNode>;
    decision: Decision;
  }[] = [
    {
      name: "the owner announces",
      self: "iris2",
      view: web,
      endpoints: on("iris1"),
      decision: announces("10.20.30.1"),
    },
    {
      name: "another node does not, and says who does",
      self: "iris1",
      view: web,
      endpoints: on("iris1"),
      decision: withdraws("notOwner", "iris2"),
    },
    {
      name: "nobody announces without endpoints",
      self: "iris2",
      view: web,
      endpoints: [],
      decision: withdraws("noEndpoints"),
    },
    {
      name: "Local keeps to nodes with endpoints",
      self: "iris1",
      view: webLocal,
      endpoints: on("iris1"),
      decision: announces("10.20.30.1"),
    },
    {
      name: "Local leaves a node without endpoints",
      self: "iris2",
      view: webLocal,
      endpoints: on("iris1"),
      decision: withdraws("noLocalEndpoints", "iris1"),
    },
    {
      name: "Local elects among nodes with endpoints",
      self: "iris1",
      view: webLocal,
      endpoints: on("iris1", "iris2"),
      decision: withdraws("notOwner", "iris2"),
    },
    {
      name: "Local has no owner where the endpoints are on a ghost",
      self: "iris2",
      view: webLocal,
      endpoints: on("ghost"),
      decision: withdraws("noLocalEndpoints"),
    },
    {
      name: "an excluded node says so",
      self: "iris2",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", fit],
        ["iris2", excluded],
      ]),
      decision: withdraws("nodeLabeledExcludeBalancers", "iris1"),
    },
    {
      name: "the other node takes over from an excluded one",
      self: "iris1",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", fit],
        ["iris2", excluded],
      ]),
      decision: announces("10.20.30.1"),
    },
    {
      name: "nobody announces where all are excluded",
      self: "iris2",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", excluded],
        ["iris2", excluded],
      ]),
      decision: withdraws("nodeLabeledExcludeBalancers"),
    },
    {
      name: "a node without a network says so",
      self: "iris2",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", fit],
        ["iris2", { ...fit, networkUnavailable: true }],
      ]),
      decision: withdraws("nodeNetworkUnavailable", "iris1"),
    },
    {
      name: "a node whose speaker is not ready says so",
      self: "iris2",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", fit],
        ["iris2", { ...fit, speakerReady: false }],
      ]),
      decision: withdraws("speakerNotReady", "iris1"),
    },
    {
      name: "a node that is not there says so",
      self: "iris2",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([["iris1", fit]]),
      decision: withdraws("nodeDeleted", "iris1"),
    },
    {
      name: "a drained node says so, in the operator's words",
      self: "iris2",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", fit],
        ["iris2", drained],
      ]),
      decision: { ...withdraws("nodeDrained", "iris1"), note: "new disk" } as Decision,
    },
    {
      name: "the other node takes over from a drained one",
      self: "iris1",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", fit],
        ["iris2", drained],
      ]),
      decision: announces("10.20.30.1"),
    },
    {
      name: "a drained node keeps what no other can serve",
      self: "iris2",
      view: webLocal,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", fit],
        ["iris2", drained],
      ]),
      decision: announces("10.20.30.1"),
    },
    {
      name: "the owner stays where all are drained",
      self: "iris2",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", drained],
        ["iris2", drained],
      ]),
      decision: announces("10.20.30.1"),
    },
    {
      name: "nobody announces where all are out of service",
      self: "iris2",
      view: web,
      endpoints: on("iris2"),
      nodes: new Map([
        ["iris1", { ...fit, outOfService: true }],
        ["iris2", { ...fit, outOfService: true }],
      ]),
      decision: withdraws("nodeOutOfService"),
    },
    {
      name: "an address of no pool is not announced",
      self: "iris2",
      view: service("web", ["10.9.9.9"]),
      endpoints: on("iris2"),
      decision: withdraws("ipNotAllowed"),
    },
    {
      name: "a Service without an address is not announced",
      self: "iris2",
      view: service("web", []),
      endpoints: on("iris2"),
      decision: withdraws("noIPAllocated"),
    },
    {
      name: "an IPv6 Service has an owner, too",
      self: "iris1",
      view: service("web", ["fd00::1"]),
      endpoints: on("iris2"),
      decision: announces("fd00::1"),
    },
    {
      name: "both addresses of a Service of two families are announced by its one owner",
      self: "iris2",
      view: service("web", ["10.20.30.1", "fd00::1"]),
      endpoints: on("iris2"),
      decision: announces("10.20.30.1", "fd00::1"),
    },
    {
      name: "another node announces neither of two families",
      self: "iris1",
      view: service("web", ["10.20.30.1", "fd00::1"]),
      endpoints: on("iris2"),
      decision: withdraws("notOwner", "iris2"),
    },
  ];
  for (const { name, self, view, endpoints, nodes, decision } of cases) {
    it(name, () => assert.deepEqual(decideWith(self, view, endpoints, nodes), decision));
  }

  it("ignores the exclude label when it is told to", () => {
    const made = planner(
      "iris2",
      new Map([
        ["iris1", fit],
        ["iris2", excluded],
      ]),
      true,
    );
    made.setService(web);
    made.setEndpoints(web.key, on("iris1"));
    assert.deepEqual(made.decide(web.key), announces("10.20.30.1"));
  });

  it("knows nothing of a Service it was never told of, nor of one that is gone", () => {
    const made = planner("iris2");
    assert.deepEqual(made.decide(web.key), withdraws("serviceDeleted"));
    made.setService(web);
    made.setEndpoints(web.key, on("iris1"));
    made.removeService(web.key);
    assert.deepEqual(made.decide(web.key), withdraws("serviceDeleted"));
  });

  it("elects one node per address, the same for both Services on it, and every node for some", () => {
    const winners = new Map<string, number>();
    const planners = ["iris1", "iris2"].map((self) => ({ self, made: planner(self) }));
    for (let last = 0; last <= 255; last += 1) {
      const pair = ["a", "b"].map((name) => service(`${name}${last}`, [`10.20.30.${last}`]));
      const owners = pair.map((view) =>
        planners
          .filter(({ made }) => {
            made.setService(view);
            made.setEndpoints(view.key, on("iris1"));
            return made.decide(view.key).type === "announce";
          })
          .map(({ self }) => self),
      );
      assert.equal(owners[0]?.length, 1);
      assert.deepEqual(owners[0], owners[1]);
      winners.set(String(owners[0]), (winners.get(String(owners[0])) ?? 0) + 1);
    }
    assert.deepEqual([...winners.keys()].sort(), ["iris1", "iris2"]);
  });

  it("elects a node that serves all who share an address", () => {
    const [a, b] = ["a", "b"].map((name) => service(name, ["10.20.30.1"], local)) as [
      ServiceView,
      ServiceView,
    ];
    const decisions = ["iris1", "iris2"].map((self) => {
      const made = planner(self);
      for (const view of [a, b]) made.setService(view);
      made.setEndpoints(a.key, on("iris1"));
      made.setEndpoints(b.key, on("iris1", "iris2"));
      return [made.decide(a.key), made.decide(b.key)];
    });
    assert.deepEqual(decisions, [
      [announces("10.20.30.1"), announces("10.20.30.1")],
      [withdraws("noLocalEndpoints", "iris1"), withdraws("notOwner", "iris1")],
    ]);
  });

  it("elects one node for those who share an address even where no node serves them all, and says whom it cannot serve", () => {
    const [a, b] = ["a", "b"].map((name) => service(name, ["10.20.30.1"], local)) as [
      ServiceView,
      ServiceView,
    ];
    const decisions = ["iris1", "iris2"].map((self) => {
      const made = planner(self);
      for (const view of [b, a]) made.setService(view);
      made.setEndpoints(a.key, on("iris1"));
      made.setEndpoints(b.key, on("iris2"));
      return [made.decide(a.key), made.decide(b.key)];
    });
    assert.deepEqual(decisions, [
      [announces("10.20.30.1"), forOthers("noLocalEndpoints", "iris1")],
      [withdraws("noLocalEndpoints", "iris1"), forOthers("notOwner", "iris1")],
    ]);
  });

  it("leaves an address on a drained node when one of those who share it can be served nowhere else", () => {
    const [a, b] = [service("a", ["10.20.30.1"]), service("b", ["10.20.30.1"], local)];
    const nodes = new Map([
      ["iris1", drained],
      ["iris2", fit],
    ]);
    const decisions = ["iris1", "iris2"].map((self) => {
      const made = planner(self, nodes);
      for (const view of [a, b]) made.setService(view);
      for (const { key } of [a, b]) made.setEndpoints(key, on("iris1"));
      return [made.decide(a.key), made.decide(b.key)];
    });
    assert.deepEqual(decisions, [
      [announces("10.20.30.1"), announces("10.20.30.1")],
      [withdraws("notOwner", "iris1"), withdraws("noLocalEndpoints", "iris1")],
    ]);
  });

  it("tells who is touched: all that share an address, before and after", () => {
    const made = planner("iris2");
    const [a, b] = [service("a", ["10.20.30.1"]), service("b", ["10.20.30.1"])];
    assert.deepEqual(made.setService(a), [a.key]);
    assert.deepEqual([...made.setService(b)].sort(), [a.key, b.key]);
    assert.deepEqual([...made.setEndpoints(b.key, on("iris1"))].sort(), [a.key, b.key]);
    assert.deepEqual(made.setEndpoints(b.key, on("iris1", "iris1")), []);
    assert.deepEqual([...made.setEndpoints(b.key, on("iris2"))].sort(), [a.key, b.key]);
    assert.deepEqual([...made.setService(service("b", ["10.20.30.2"]))].sort(), [a.key, b.key]);
    assert.deepEqual(made.removeService(b.key), [b.key]);
  });

  it("says whether a change of nodes can change anything", () => {
    const made = planner("iris1");
    assert.equal(made.setNodes(new Map([...both, ["iris3", excluded]])), false);
    assert.equal(
      made.setNodes(
        new Map([
          ["iris1", fit],
          ["iris2", excluded],
        ]),
      ),
      true,
    );
    assert.equal(made.setNodes(new Map([["iris1", { ...excluded, speakerReady: false }]])), true);
    assert.equal(
      made.setNodes(new Map([["iris1", excluded]])),
      true,
      "nobody is fit as before, but for another reason",
    );
  });

  it("goes through all Services in slices, and takes calmly that some go meanwhile", () => {
    const made = planner("iris2");
    const views = [1, 2, 3].map((last) => service(`s${last}`, [`10.20.30.${last}`]));
    for (const view of views) made.setService(view);
    const all = made.all();
    assert.equal(all.next().value?.key, "default/s1");
    made.removeService("default/s2" as ServiceKey);
    assert.deepEqual(
      [...all].map(({ key }) => key),
      ["default/s3"],
    );
  });
});
