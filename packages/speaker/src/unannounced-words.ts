import type { WithdrawReason } from "./plan.ts";
import { EXCLUDE_LABEL } from "./plan.ts";

/** What keeps a single node from announcing a Service, the nearest to announcing it first. */
export const NODE_REFUSALS = [
  "noSession",
  "noLocalEndpoints",
  "noInterface",
  "noPeer",
  "noMatchingAdvertisement",
  "speakerNotReady",
  "nodeNetworkUnavailable",
  "nodeLabeledExcludeBalancers",
  "nodeOutOfService",
  "nodeDeleted",
] as const satisfies readonly (WithdrawReason | "noPeer" | "noSession")[];

export type NodeRefusal = (typeof NODE_REFUSALS)[number];

/** What the words are about, beside the nodes. */
export interface Refused {
  /** How these say it: `L2Advertisement "a" or "b"`. */
  readonly advertisements: string;
  /** To announce on; "": all of a node. */
  readonly interfaces: string;
  /** What is the matter with the sessions of nodes that have none with a router, see `describeTroubles`. */
  readonly sessionsOf: (nodes: readonly string[]) => string;
}

/** A session that there is to be. */
export interface Trouble {
  readonly router: string;
  readonly node: string;
  readonly text: string;
}

/**
 * Nodes, and what is to be changed so that they can announce.
 *
 * @param names sorted, of `all` there are.
 */
export function describeRefusal(
  names: readonly string[],
  all: number,
  refusal: NodeRefusal,
  about: Refused,
): string {
  return `${listNodes(names, all)}: ${WORDS[refusal](about, names)}`;
}

/** The same trouble with the same router is said once. @param troubles in order, `nodes` of them at most. */
export function describeTroubles(troubles: readonly Trouble[], nodes: number): string {
  const alike = Map.groupBy(troubles, ({ router, text }) => `${router} ${text}`);
  const said = [...alike.values()].slice(0, LISTED).map((same) => {
    const { router, text } = same[0] as Trouble;
    const where = same.length === nodes ? "" : ` on ${listNames(same.map(({ node }) => node))}`;
    return `${router}${where}: ${text}`;
  });
  const rest = alike.size - said.length;
  return `${said.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`;
}

const WORDS: Readonly<Record<NodeRefusal, (about: Refused, names: readonly string[]) => string>> = {
  noSession: ({ sessionsOf }, names) =>
    `no session with a router, look at kubectl get bgpsessionstates -A (${sessionsOf(names)})`,
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
function listNodes(names: readonly string[], all: number): string {
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
