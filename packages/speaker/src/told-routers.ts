import type { BgpAdvertisementConfig, BgpPeerConfig } from "@herald/shared/config/config";
import type { IpFamily } from "@herald/shared/ip/address";
import { familiesOf, isUsable, peerLabel } from "./bgp-peer.ts";
import { anyMatches } from "./bgp-wishes.ts";
import type { CandidateNode } from "./plan.ts";
import { ESTABLISHED, NOT_SAID, type SessionNews, type SessionTrouble } from "./session-news.ts";
import { describeTroubles, type NodeRefusal } from "./unannounced-words.ts";

export interface ToldRoutersOptions {
  /** Those that are for a Service, whatever the node. */
  readonly advertisements: readonly BgpAdvertisementConfig[];
  readonly peers: readonly BgpPeerConfig[];
  /** Of its addresses: routers that take none of them hear nothing of the Service. */
  readonly families: readonly IpFamily[];
  /** What is not known counts as established. */
  readonly sessions: SessionNews | undefined;
}

/** Which routers each node is to tell of a Service, and whether it has sessions for that. */
export class ToldRouters {
  readonly #options: ToldRoutersOptions;
  readonly #peers: readonly BgpPeerConfig[];
  /** By node; bounded by those that were asked about. */
  readonly #toldBy = new Map<string, readonly BgpPeerConfig[]>();

  constructor(options: ToldRoutersOptions) {
    this.#options = options;
    this.#peers = options.peers.filter(
      (peer) => isUsable(peer) && familiesOf(peer).some((family) => options.families.includes(family)),
    );
  }

  /** Why a node tells no router. */
  refusalOf(name: string, { labels }: Pick<CandidateNode, "labels">): NodeRefusal | undefined {
    const { advertisements } = this.#options;
    const own = advertisements.filter(({ nodeSelectors }) => anyMatches(nodeSelectors, labels));
    if (own.length === 0) return "noMatchingAdvertisement";
    const isTold = (peer: string): boolean =>
      own.some(({ peers }) => peers.length === 0 || peers.includes(peer));
    const told = this.#peers.filter((peer) => anyMatches(peer.nodeSelectors, labels) && isTold(peer.name));
    this.#toldBy.set(name, told);
    if (told.length === 0) return "noPeer";
    return told.some((peer) => this.#troubleOf(peer, name) === ESTABLISHED) ? undefined : "noSession";
  }

  /** What is the matter with the sessions of nodes that were asked about. */
  describe(nodes: readonly string[]): string {
    const troubles = this.#peers.flatMap((peer) => {
      const router = `BGPPeer "${peer.name}", ${peerLabel(peer)}`;
      const having = nodes.filter((node) => this.#toldBy.get(node)?.includes(peer));
      return having.map((node) => ({ router, node, text: this.#troubleOf(peer, node) }));
    });
    return describeTroubles(troubles, nodes.length);
  }

  #troubleOf({ name }: BgpPeerConfig, node: string): SessionTrouble {
    const { sessions } = this.#options;
    if (sessions === undefined || sessions === "unread") return ESTABLISHED;
    return sessions.get(name)?.get(node) ?? NOT_SAID;
  }
}
