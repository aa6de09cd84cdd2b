import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Pool } from "@herald/shared/config/config";
import { familyOf, type IpAddress, parseAddress, toBigint } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import { candidatesFor, claim, EXCLUDE_LABEL, hostsOf, refusedBy, unfit } from "./plan.ts";

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

const pool = (name: string, protocol: Pool["protocol"], ...ranges: [string, string][]): Pool => ({
  name,
  protocol,
  ranges: ranges.map(([first, last]) => ({
    family: familyOf(parseAddress(first) as IpAddress),
    first: toBigint(parseAddress(first) as IpAddress),
    last: toBigint(parseAddress(last) as IpAddress),
    text: `${first}-${last}`,
  })),
  avoidBuggyIps: true,
  autoAssign: true,
  serviceAllocation: undefined,
  bgpAdvertisements: [],
});

describe("claim", () => {
  const options = { ignoreExcludeLb: false, lbClass: undefined };
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

describe("refusedBy", () => {
  const pools = [
    pool("two", "layer2", ["10.20.30.0", "10.20.30.255"], ["fd00::", "fd00::ff"]),
    pool("routed", "bgp", ["10.30.0.0", "10.30.0.255"]),
    pool("other", "layer2", ["10.40.0.1", "10.40.0.1"]),
  ];
  const cases = [
    { addresses: ["10.20.30.0"], refused: undefined },
    { addresses: ["10.20.30.255", "fd00::ff"], refused: undefined },
    { addresses: ["10.20.31.0"], refused: "ipNotAllowed" },
    { addresses: ["10.20.30.1", "10.40.0.1"], refused: "ipNotAllowed" },
    { addresses: ["10.30.0.7"], refused: "noMatchingAdvertisement" },
    { addresses: ["fd00::7"], refused: undefined },
    { addresses: ["fd00::100"], refused: "ipNotAllowed" },
  ];
  for (const { addresses, refused } of cases) {
    it(`says ${refused ?? "nothing"} to ${addresses.join(" and ")}`, () => {
      assert.equal(
        refusedBy(
          pools,
          addresses.map((text) => parseAddress(text) as IpAddress),
        ),
        refused,
      );
    });
  }
});

describe("unfit", () => {
  const node = { labels: {}, networkUnavailable: false, speakerReady: true };
  const excluded = { ...node, labels: { [EXCLUDE_LABEL]: "" } };
  const cases = [
    { name: "a node with a ready speaker", of: node, ignoreExcludeLb: false, reason: undefined },
    { name: "a node nobody knows", of: undefined, ignoreExcludeLb: false, reason: "speakerNotReady" },
    {
      name: "a node whose speaker is not ready",
      of: { ...node, speakerReady: false },
      ignoreExcludeLb: false,
      reason: "speakerNotReady",
    },
    {
      name: "a node without a network",
      of: { ...node, networkUnavailable: true },
      ignoreExcludeLb: false,
      reason: "nodeNetworkUnavailable",
    },
    { name: "an excluded node", of: excluded, ignoreExcludeLb: false, reason: "nodeLabeledExcludeBalancers" },
    {
      name: "an excluded node where the label is ignored",
      of: excluded,
      ignoreExcludeLb: true,
      reason: undefined,
    },
  ];
  for (const { name, of, ignoreExcludeLb, reason } of cases) {
    it(`says ${reason ?? "nothing"} of ${name}`, () =>
      assert.equal(unfit(of, { ignoreExcludeLb, lbClass: undefined }), reason));
  }
});

describe("candidatesFor", () => {
  const on = (nodeName: string | undefined, ready = true, serving = ready): EndpointView => ({
    nodeName,
    addresses: ["10.244.0.1"],
    ready,
    serving,
  });
  const both = ["iris1", "iris2"];
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
        [...candidatesFor(service({ externalTrafficPolicy }), hostsOf(endpoints), new Set(both))].sort();
      assert.deepEqual([find("Cluster"), find("Local")], [cluster, local]);
    });
  }
});
