import type { SpreadOver } from "@herald/layer2/spread-nodes";
import type { Config, Pool } from "@herald/shared/config/config";
import { familyOf, type IpAddress, parseAddress, toBigint } from "@herald/shared/ip/address";
import { ANNOTATION_PREFIXES } from "@herald/shared/service/annotations";
import type { EndpointView } from "@herald/shared/service/endpoints";
import { servedBy } from "@herald/shared/service/serving";
import type { ServiceView } from "@herald/shared/service/view";
import type { SpreadRefusal } from "./plan-spread.ts";

/** What decides whether a node may own addresses. */
export interface CandidateNode {
  readonly labels: Readonly<Record<string, string>>;
  /** Condition NetworkUnavailable is True; missing and Unknown count as available. */
  readonly networkUnavailable: boolean;
  /** Its speaker is there and ready to answer. */
  readonly speakerReady: boolean;
  /** Somebody vouches that it is shut down. */
  readonly outOfService: boolean;
  /** Its Node object is on its way out. */
  readonly deleting: boolean;
  /** Why an operator wants it to serve no more, in the operator's words; "": nobody does. */
  readonly drain: string;
  readonly cordoned: boolean;
  /** Condition Ready is True; missing and Unknown are not. */
  readonly ready: boolean;
  /** A new text is an operator's word to take addresses back. */
  readonly failBack: string;
}

export interface PlanOptions {
  /** Use nodes that carry the exclude label, too. */
  readonly ignoreExcludeLb: boolean;
  /** A cordoned node serves no more, while another can. */
  readonly drainOnCordon: boolean;
  /** A node that is not Ready serves no more, while another can. */
  readonly drainOnNotReady: boolean;
  /** Serve the Services of this class only; `undefined`: those that name none. */
  readonly lbClass: string | undefined;
}

/** Whether this node answers for a Service. */
export type Decision =
  | {
      readonly type: "announce";
      /** At least one. */
      readonly addresses: readonly IpAddress[];
      /** To announce on, in order, at least one; without it all are. */
      readonly interfaces?: readonly string[];
      /** The nodes that announce them together; without it this node does alone. */
      readonly spread?: SpreadOver;
      /** Why it is not spread although that was asked for. */
      readonly notSpread?: SpreadRefusal;
    }
  | {
      readonly type: "withdraw";
      readonly reason: WithdrawReason;
      /** The node that answers instead, where there is one. */
      readonly owner: string | undefined;
      /** It does for others that share the address: it could not serve this Service. */
      readonly forOthers?: true;
      /** The operator's words, where an operator asked for it. */
      readonly note?: string;
    };

/**
 * Why this node does not answer for a Service; where MetalLB has a word for it, that word. `how` says what
 * becomes of an address that was announced: `yield` where another node is to take over, `now` where none is.
 */
export const WITHDRAW_REASONS = {
  serviceDeleted: { how: "now", sentence: "The Service is gone." },
  notLoadBalancer: { how: "now", sentence: "The Service is not of type LoadBalancer." },
  otherLoadBalancerClass: { how: "now", sentence: "The Service belongs to another load balancer class." },
  noIPAllocated: { how: "now", sentence: "The Service has no address yet." },
  invalidIP: { how: "now", sentence: "The status of the Service holds something that is no IP address." },
  ipNotAllowed: { how: "now", sentence: "No pool holds all addresses of the Service." },
  noMatchingAdvertisement: {
    how: "now",
    sentence: "No layer 2 advertisement is for the pool of the Service, for its labels and for this node.",
  },
  sharedIPWithServiceSelector: {
    how: "now",
    sentence:
      "The Service may share its address, and an advertisement that is for it selects Services: those that share an address could be told apart. Take the sharing key from the Service or `serviceSelectors` from the advertisement.",
  },
  noEndpoints: { how: "now", sentence: "The Service has no usable endpoint on any node." },
  speakerNotReady: { how: "yield", sentence: "The speaker of this node is not ready." },
  nodeNetworkUnavailable: { how: "yield", sentence: "The network of this node is reported unavailable." },
  nodeLabeledExcludeBalancers: {
    how: "yield",
    sentence: "This node is labelled to be excluded from external load balancers.",
  },
  nodeOutOfService: { how: "yield", sentence: "This node is tainted as out of service." },
  nodeDeleted: { how: "yield", sentence: "The Node object of this node is gone or being deleted." },
  nodeDrained: {
    how: "yield",
    sentence: "This node is annotated to be drained, and another can serve.",
  },
  nodeCordoned: {
    how: "yield",
    sentence: "This node is cordoned, another can serve, and `--drain-on-cordon` is set.",
  },
  nodeNotReady: {
    how: "yield",
    sentence: "This node is not Ready, another can serve, and `--drain-on-not-ready` is set.",
  },
  noInterface: {
    how: "now",
    sentence: "None of the interfaces to announce the Service on is there and up on this node.",
  },
  noLocalEndpoints: {
    how: "yield",
    sentence: "The traffic policy of the Service is Local and this node has no usable endpoint of it.",
  },
  notOwner: { how: "yield", sentence: "Another node is the owner." },
} as const satisfies Readonly<Record<string, { how: "now" | "yield"; sentence: string }>>;

export type WithdrawReason = keyof typeof WITHDRAW_REASONS;

/** What becomes of an address that was announced. */
export function howToWithdraw({ reason, owner }: Extract<Decision, { type: "withdraw" }>): "now" | "yield" {
  // Why: where other nodes are advertised from now on, one of them takes over.
  if (reason === "noMatchingAdvertisement" && owner !== undefined) return "yield";
  return WITHDRAW_REASONS[reason].how;
}

/** These ask a node to serve no more, but not at the price of an address that nobody serves. */
const LAST_RESORT: ReadonlySet<WithdrawReason> = new Set(["nodeDrained", "nodeCordoned", "nodeNotReady"]);

export const EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers";

/** @returns the addresses in the status, in its order, or why there are none to speak of. */
export function claim(service: ServiceView, { lbClass }: PlanOptions): readonly IpAddress[] | WithdrawReason {
  if (service.type !== "LoadBalancer") return "notLoadBalancer";
  if (!servedBy(service, lbClass ?? "")) return "otherLoadBalancerClass";
  if (service.ingress.length === 0) return "noIPAllocated";
  const addresses = service.ingress.map(({ ip }) => (ip === undefined ? undefined : parseAddress(ip)));
  return addresses.includes(undefined) ? "invalidIP" : (addresses as IpAddress[]);
}

/** What a plan goes by of a configuration. */
export type PlanConfig = Pick<Config, "pools" | "l2Advertisements" | "unjudged">;

/**
 * The pool that a Service has its addresses of. Where no pool in force has them and some pools are refused, the refused
 * one that the controller has written down: nobody goes dark because a speaker started beside a mistake.
 */
export function poolFor(
  { pools, unjudged = [] }: Pick<Config, "pools" | "unjudged">,
  { annotations }: ServiceView,
  addresses: readonly IpAddress[],
): Pool | undefined {
  const isWritten = ({ name }: Pool): boolean =>
    ANNOTATION_PREFIXES.some((prefix) => annotations[`${prefix}ip-allocated-from-pool`] === name);
  return poolOf(pools, addresses) ?? unjudged.find(isWritten);
}

/** @returns the pool that holds all of them. */
function poolOf(pools: readonly Pool[], addresses: readonly IpAddress[]): Pool | undefined {
  const places = addresses.map((address) => ({ family: familyOf(address), value: toBigint(address) }));
  return pools.find(({ ranges }) =>
    places.every(({ family, value }) =>
      ranges.some((range) => range.family === family && range.first <= value && value <= range.last),
    ),
  );
}

/** @returns why a node may own nothing while another can; `undefined`: it may. */
export function unfit(node: CandidateNode | undefined, options: PlanOptions): WithdrawReason | undefined {
  if (node === undefined) return "nodeDeleted";
  return unable(node, options) ?? unwanted(node, options);
}

function unable(node: CandidateNode, { ignoreExcludeLb }: PlanOptions): WithdrawReason | undefined {
  if (!node.speakerReady) return "speakerNotReady";
  if (node.networkUnavailable) return "nodeNetworkUnavailable";
  if (EXCLUDE_LABEL in node.labels && !ignoreExcludeLb) return "nodeLabeledExcludeBalancers";
  if (node.outOfService) return "nodeOutOfService";
  return node.deleting ? "nodeDeleted" : undefined;
}

function unwanted(
  { drain, cordoned, ready }: CandidateNode,
  { drainOnCordon, drainOnNotReady }: PlanOptions,
): WithdrawReason | undefined {
  if (drain !== "") return "nodeDrained";
  if (cordoned && drainOnCordon) return "nodeCordoned";
  return !ready && drainOnNotReady ? "nodeNotReady" : undefined;
}

/** Names of the nodes that may own addresses. */
export interface Eligible {
  /** Without reserve. */
  readonly fit: ReadonlySet<string>;
  /** The fit ones, and those that are asked to serve no more: a last resort. */
  readonly able: ReadonlySet<string>;
}

export const NOBODY: Eligible = { fit: new Set(), able: new Set() };

export function eligible(nodes: ReadonlyMap<string, CandidateNode>, options: PlanOptions): Eligible {
  const [fit, able] = [new Set<string>(), new Set<string>()];
  for (const [name, node] of nodes) {
    const reason = unfit(node, options);
    if (reason === undefined) fit.add(name);
    if (reason === undefined || LAST_RESORT.has(reason)) able.add(name);
  }
  return { fit, able };
}

/** Where a Service can be reached: all that a plan keeps of its endpoints. */
export interface Hosts {
  /** Some endpoint is usable, on whatever node. */
  readonly any: boolean;
  /** The nodes that host a usable one. */
  readonly nodes: ReadonlySet<string>;
}

export const NO_HOSTS: Hosts = { any: false, nodes: new Set() };

/**
 * Terminating but serving endpoints count, and so do those that are published before they serve. An address
 * that is both ready and not (a virtual machine that migrates) counts.
 */
export function hostsOf(endpoints: readonly EndpointView[]): Hosts {
  const usable = endpoints.filter(({ ready, serving }) => ready || serving);
  const nodes = usable.flatMap(({ nodeName }) => (nodeName === undefined ? [] : [nodeName]));
  return { any: usable.length > 0, nodes: new Set(nodes) };
}

/** The nodes that could own a Service: all the able ones, or with the policy Local those that host an endpoint. */
export function candidatesFor(
  { externalTrafficPolicy }: ServiceView,
  hosts: Hosts,
  { able }: Eligible,
): ReadonlySet<string> {
  if (!hosts.any) return NO_HOSTS.nodes;
  return externalTrafficPolicy === "Cluster" ? able : namesInBoth(hosts.nodes, able);
}

/**
 * Of those who could own an address, the ones who should: the fit ones, and where none is, all. To be asked last,
 * when it is known who serves all Services on the address: none of them goes dark because a node is drained.
 */
export function fitFirst(candidates: ReadonlySet<string>, { fit, able }: Eligible): ReadonlySet<string> {
  if (fit.size === able.size) return candidates; // the usual case: nobody is asked to serve no more
  const preferred = candidates === able ? fit : namesInBoth(candidates, fit);
  return preferred.size > 0 ? preferred : candidates;
}

export function namesInBoth(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...a].filter((name) => b.has(name)));
}
