import type { WithdrawReason } from "./plan.ts";
import { EXCLUDE_LABEL } from "./plan.ts";

/** What keeps a single node from announcing a Service, the nearest to announcing it first. */
export const NODE_REFUSALS = [
  "noLocalEndpoints",
  "noInterface",
  "noPeer",
  "noMatchingAdvertisement",
  "speakerNotReady",
  "nodeNetworkUnavailable",
  "nodeLabeledExcludeBalancers",
  "nodeOutOfService",
  "nodeDeleted",
] as const satisfies readonly (WithdrawReason | "noPeer")[];

export type NodeRefusal = (typeof NODE_REFUSALS)[number];

/** What the words are about, beside the nodes. */
export interface Refused {
  /** How these say it: `L2Advertisement "a" or "b"`. */
  readonly advertisements: string;
  /** To announce on; "": all of a node. */
  readonly interfaces: string;
}

/** Nodes, and what is to be changed so that they can announce. */
export function describeRefusal(nodes: string, refusal: NodeRefusal, about: Refused): string {
  return `${nodes}: ${WORDS[refusal](about)}`;
}

const WORDS: Readonly<Record<NodeRefusal, (about: Refused) => string>> = {
  noLocalEndpoints: () =>
    "no usable endpoint of the Service, whose externalTrafficPolicy is Local (run a pod of it there, or take Cluster)",
  noInterface: ({ interfaces, advertisements }) =>
    interfaces === ""
      ? "no interface that is fit for it and up"
      : `no interface ${interfaces} that is there and up (name others in ${advertisements}, or bring it up)`,
  noPeer: ({ advertisements }) =>
    `no BGPPeer to tell (see nodeSelectors and dualStackAddressFamily of the BGPPeers, and peers of ${advertisements})`,
  noMatchingAdvertisement: ({ advertisements }) => `not selected by nodeSelectors of ${advertisements}`,
  speakerNotReady: () => "no speaker that is ready (look at its pod)",
  nodeNetworkUnavailable: () => "the condition NetworkUnavailable",
  nodeLabeledExcludeBalancers: () => `the label ${EXCLUDE_LABEL} (take it off)`,
  nodeOutOfService: () => "the taint that says it is out of service",
  nodeDeleted: () => "being deleted",
};

/** Names listed in one sentence; there may be a thousand. */
const LISTED = 3;

/** @param names sorted, of `all` there are. */
export function listNodes(names: readonly string[], all: number): string {
  if (names.length === all && all > 1) return "every node";
  return listNames(names);
}

/** @param names sorted. */
export function listNames(names: readonly string[], last = "and"): string {
  const [first = "", ...others] = names.slice(0, LISTED);
  const rest = names.length - LISTED;
  if (rest > 0) return `${[first, ...others].join(", ")} and ${rest} more`;
  const final = others.pop();
  return final === undefined ? first : `${[first, ...others].join(", ")} ${last} ${final}`;
}
