import { createHash } from "node:crypto";
import type { L2AdvertisementConfig, LabelSelector, Pool } from "@herald/shared/config/config";
import { familyOf, type IpAddress, parseAddress, toBigint } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { ClaimsView } from "./ownership.ts";
import { type CandidateNode, EXCLUDE_LABEL, type PlanConfig } from "./plan.ts";
import { Planner } from "./planner.ts";

const pools: readonly Pool[] = [
  {
    name: "default",
    labels: {},
    ranges: [range("10.20.30.0", "10.20.30.255"), range("fd00::", "fd00::ff")],
    avoidBuggyIps: false,
    autoAssign: true,
    serviceAllocation: undefined,
  },
];
export const advertisement = (change: Partial<L2AdvertisementConfig> = {}): L2AdvertisementConfig => ({
  name: "default",
  pools: ["default"],
  nodeSelectors: [],
  serviceSelectors: [],
  interfaces: [],
  preferredNodeSelectors: [],
  ...change,
});
export const config: PlanConfig = { pools, l2Advertisements: [advertisement()] };
/** Selects what has this label. */
export const labelled = (key: string, value: string): LabelSelector => ({
  matchLabels: { [key]: value },
  matchExpressions: [],
});
export const fit: CandidateNode = {
  labels: {},
  networkUnavailable: false,
  speakerReady: true,
  outOfService: false,
  deleting: false,
  drain: "",
  cordoned: false,
  ready: true,
  failBack: "",
};
export const excluded: CandidateNode = { ...fit, labels: { [EXCLUDE_LABEL]: "true" } };
export const both = new Map([
  ["iris1", fit],
  ["iris2", fit],
]);

function range(first: string, last: string): Pool["ranges"][number] {
  const [low, high] = [parseAddress(first) as IpAddress, parseAddress(last) as IpAddress];
  return { family: familyOf(low), first: toBigint(low), last: toBigint(high), text: `${first}-${last}` };
}
export const service = (
  name: string,
  ips: readonly string[],
  change: Partial<ServiceView> = {},
): ServiceView => ({
  key: `default/${name}` as ServiceKey,
  uid: name,
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
  ingress: ips.map((ip) => ({ ip })),
  createdAtMs: 0,
  deleting: false,
  ...change,
});
export const on = (...nodes: string[]): EndpointView[] =>
  nodes.map((nodeName) => ({ nodeName, addresses: [], ready: true, serving: true }));
const NO_CLAIMS: ClaimsView = { claimantsOf: () => new Map(), setUse: () => {} };
export const planner = (
  self: string,
  nodes: ReadonlyMap<string, CandidateNode> = both,
  ignoreExcludeLb = false,
): Planner => {
  const made = new Planner({
    self,
    options: { ignoreExcludeLb, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
    ownership: { failBackMs: 300_000, vacantMs: 1_000 },
    claims: NO_CLAIMS,
    digest: (text) => createHash("sha256").update(text).digest(),
    now: () => 0,
  });
  made.configure(config);
  made.setNodes(nodes);
  return made;
};
