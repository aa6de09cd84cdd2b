import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import {
  type CandidateNode,
  candidatesFor,
  claim,
  type Eligible,
  EXCLUDE_LABEL,
  eligible,
  fitFirst,
  hostsOf,
  type PlanOptions,
  unfit,
} from "./plan.ts";
import { fit } from "./planner-fixture.ts";

const service = (change: Partial<ServiceView>): ServiceView => ({
  key: "default/web" as ServiceKey,
  uid: "1",
  resourceVersion: "1",
  type: "LoadBalancer",
  loadBalancerClass: undefined,
  annotations: {},
  labels: {},
  clusterIps: [],
  ipFamilies: [],
  ipFamilyPolicy: "SingleStack",
  externalTrafficPolicy: "Cluster",
  selector: {},
  ports: [],
  loadBalancerIp: "",
  ingress: [{ ip: "10.20.30.1" }],
  createdAtMs: 0,
  deleting: false,
  ...change,
});

describe("claim", () => {
  const options = {
    ignoreExcludeLb: false,
    drainOnCordon: false,
    drainOnNotReady: false,
    lbClass: undefined,
  };
  const cases = [
    {
      name: "the addresses in the status",
      change: { ingress: [{ ip: "10.20.30.1" }, { ip: "FD00::0:1" }] },
      claims: ["10.20.30.1", "fd00::1"],
    },
    { name: "nothing of a ClusterIP Service", change: { type: "ClusterIP" }, claims: "notLoadBalancer" },
    {
      name: "nothing of a class it does not serve",
      change: { loadBalancerClass: "x" },
      claims: "otherLoadBalancerClass",
    },
    { name: "nothing where there is no status", change: { ingress: [] }, claims: "noIPAllocated" },
    {
      name: "nothing where a hostname stands",
      change: { ingress: [{ ip: "10.20.30.1" }, { hostname: "a.example" }] },
      claims: "invalidIP",
    },
    { name: "nothing where rubbish stands", change: { ingress: [{ ip: "10.20.30" }] }, claims: "invalidIP" },
  ];
  for (const { name, change, claims } of cases) {
    it(`finds ${name}`, () => assert.deepEqual(claim(service(change), options), claims));
  }

  // MetalLB's table of class and flag.
  const classes = [
    { flag: undefined, own: undefined, served: true },
    { flag: undefined, own: "x", served: false },
    { flag: "x", own: undefined, served: false },
    { flag: "x", own: "x", served: true },
    { flag: "x", own: "y", served: false },
  ];
  for (const { flag, own, served } of classes) {
    it(`${served ? "serves" : "leaves"} class ${own} when told to serve ${flag}`, () => {
      const claims = claim(service({ loadBalancerClass: own }), { ...options, lbClass: flag });
      assert.deepEqual(claims, served ? ["10.20.30.1"] : "otherLoadBalancerClass");
    });
  }
});

const never: PlanOptions = {
  ignoreExcludeLb: false,
  drainOnCordon: false,
  drainOnNotReady: false,
  lbClass: undefined,
};

describe("unfit", () => {
  const excluded = { ...fit, labels: { [EXCLUDE_LABEL]: "" } };
  const cordoned = { ...fit, cordoned: true };
  const notReady = { ...fit, ready: false };
  const cases: {
    name: string;
    of: CandidateNode | undefined;
    told?: Partial<PlanOptions>;
    reason: string | undefined;
    lastResort?: boolean;
  }[] = [
    { name: "a node with a ready speaker", of: fit, reason: undefined },
    { name: "a node that is not there", of: undefined, reason: "nodeDeleted" },
    {
      name: "a node whose speaker is not ready",
      of: { ...fit, speakerReady: false },
      reason: "speakerNotReady",
    },
    {
      name: "a node without a network",
      of: { ...fit, networkUnavailable: true },
      reason: "nodeNetworkUnavailable",
    },
    { name: "an excluded node", of: excluded, reason: "nodeLabeledExcludeBalancers" },
    {
      name: "an excluded node where the label is ignored",
      of: excluded,
      told: { ignoreExcludeLb: true },
      reason: undefined,
    },
    { name: "a node out of service", of: { ...fit, outOfService: true }, reason: "nodeOutOfService" },
    { name: "a node that is being deleted", of: { ...fit, deleting: true }, reason: "nodeDeleted" },
    { name: "a drained node", of: { ...fit, drain: "disk" }, reason: "nodeDrained", lastResort: true },
    {
      name: "a drained node out of service",
      of: { ...fit, drain: "disk", outOfService: true },
      reason: "nodeOutOfService",
    },
    {
      name: "a drained node whose speaker is not ready",
      of: { ...fit, drain: "disk", speakerReady: false },
      reason: "speakerNotReady",
    },
    { name: "a cordoned node", of: cordoned, told: { drainOnNotReady: true }, reason: undefined },
    {
      name: "a cordoned node where that drains",
      of: cordoned,
      told: { drainOnCordon: true },
      reason: "nodeCordoned",
      lastResort: true,
    },
    { name: "a node that is not Ready", of: notReady, told: { drainOnCordon: true }, reason: undefined },
    {
      name: "a node that is not Ready where that drains",
      of: notReady,
      told: { drainOnNotReady: true },
      reason: "nodeNotReady",
      lastResort: true,
    },
  ];
  for (const { name, of, told, reason, lastResort = reason === undefined } of cases) {
    it(`says ${reason ?? "nothing"} of ${name}, ${lastResort ? "which is" : "not"} able`, () => {
      const options = { ...never, ...told };
      assert.equal(unfit(of, options), reason);
      const nodes = new Map(of === undefined ? [] : [["it", of]]);
      const expected = { fit: reason === undefined ? ["it"] : [], able: lastResort ? ["it"] : [] };
      const { fit: free, able } = eligible(nodes, options);
      assert.deepEqual({ fit: [...free], able: [...able] }, expected);
    });
  }
});

describe("fitFirst", () => {
  const cases = [
    { name: "keeps all where nobody is drained", candidates: "abc", fit: "abc", able: "abc", left: "abc" },
    { name: "leaves the drained out", candidates: "abc", fit: "bc", able: "abc", left: "bc" },
    {
      name: "keeps the drained where no other is a candidate",
      candidates: "a",
      fit: "bc",
      able: "abc",
      left: "a",
    },
    { name: "keeps all where all are drained", candidates: "abc", fit: "", able: "abc", left: "abc" },
    { name: "makes none of none", candidates: "", fit: "b", able: "ab", left: "" },
  ];
  for (const { name, candidates, fit: free, able, left } of cases) {
    it(name, () => {
      const found = fitFirst(new Set(candidates), { fit: new Set(free), able: new Set(able) });
      assert.deepEqual([...found], [...left]);
    });
  }

  it("gives the same set for the same nodes, so that what is worked out for it can be kept", () => {
    const sets = { fit: new Set("b"), able: new Set("ab") };
    assert.equal(fitFirst(sets.able, sets), sets.fit);
  });
});

describe("candidatesFor", () => {
  const on = (nodeName: string | undefined, ready = true, serving = ready): EndpointView => ({
    nodeName,
    addresses: ["10.244.0.1"],
    ready,
    serving,
  });
  const both = ["iris1", "iris2"];
  const able: Eligible = { fit: new Set(), able: new Set(both) };
  // MetalLB's distributions of endpoints over two nodes, rewritten.
  const cases = [
    { name: "no endpoints", endpoints: [], cluster: [], local: [] },
    { name: "one on the first", endpoints: [on("iris1")], cluster: both, local: ["iris1"] },
    { name: "one on the second", endpoints: [on("iris2")], cluster: both, local: ["iris2"] },
    { name: "one on each", endpoints: [on("iris1"), on("iris2")], cluster: both, local: both },
    { name: "two on the first", endpoints: [on("iris1"), on("iris1")], cluster: both, local: ["iris1"] },
    { name: "an unready one on the first", endpoints: [on("iris1", false)], cluster: [], local: [] },
    {
      name: "unready ones on both",
      endpoints: [on("iris1", false), on("iris2", false)],
      cluster: [],
      local: [],
    },
    {
      name: "ready on the first, not on the second",
      endpoints: [on("iris1"), on("iris2", false)],
      cluster: both,
      local: ["iris1"],
    },
    {
      name: "ready and not on the first",
      endpoints: [on("iris1"), on("iris1", false)],
      cluster: both,
      local: ["iris1"],
    },
    {
      name: "not ready and ready on the first",
      endpoints: [on("iris1", false), on("iris1")],
      cluster: both,
      local: ["iris1"],
    },
    {
      name: "mixed on both",
      endpoints: [on("iris1"), on("iris1", false), on("iris2", false), on("iris2")],
      cluster: both,
      local: both,
    },
    {
      name: "serving on its way out",
      endpoints: [on("iris1", false, true)],
      cluster: both,
      local: ["iris1"],
    },
    {
      name: "published before it serves",
      endpoints: [on("iris2", true, false)],
      cluster: both,
      local: ["iris2"],
    },
    { name: "on a node nobody can use", endpoints: [on("ghost")], cluster: both, local: [] },
    { name: "on no node", endpoints: [on(undefined)], cluster: both, local: [] },
  ];
  for (const { name, endpoints, cluster, local } of cases) {
    it(`finds by policy Cluster ${cluster.join(", ") || "nobody"}, by Local ${local.join(", ") || "nobody"}: ${name}`, () => {
      const find = (externalTrafficPolicy: "Cluster" | "Local"): string[] =>
        [...candidatesFor(service({ externalTrafficPolicy }), hostsOf(endpoints), able)].sort();
      assert.deepEqual([find("Cluster"), find("Local")], [cluster, local]);
    });
  }
});
