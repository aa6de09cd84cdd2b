import type { Digest } from "@herald/layer2/election";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import { BgpPlan } from "./bgp-plan.ts";
import type { Change } from "./kubernetes-protocol.ts";
import type { CandidateNode, PlanOptions, WithdrawReason } from "./plan.ts";
import { Planner } from "./planner.ts";

export interface ObservedNodeOptions {
  /** Name of the node. */
  readonly node: string;
  readonly plan: PlanOptions;
  /** SHA-256. */
  readonly digest: Digest;
}

/** What this node would do for one Service that has addresses. */
export interface WouldAnnounce {
  readonly service: ServiceKey;
  /** On layer 2; none where it would not. */
  readonly layer2: readonly IpAddress[];
  /** Why nothing on layer 2; `undefined` where it would announce. */
  readonly reason: WithdrawReason | undefined;
  /** The node that would answer instead, where it is known. */
  readonly owner: string | undefined;
  /** Names of the peers that would be told, sorted. */
  readonly peers: readonly string[];
}

/**
 * Decides as a speaker would and does nothing about it. Whoever has addresses is known by the hash alone, as MetalLB's
 * speakers have it, since those who observe claim nothing.
 */
export class ObservedNode {
  readonly #layer2: Planner;
  readonly #bgp: BgpPlan;
  readonly #node: string;
  /** By name; bounded by the cluster. */
  readonly #nodes = new Map<string, CandidateNode>();
  #synced = false;

  constructor({ node, plan, digest }: ObservedNodeOptions) {
    this.#node = node;
    this.#layer2 = new Planner({
      self: node,
      options: plan,
      ownership: { failBackMs: 0, vacantMs: 0 },
      claims: { claimantsOf: () => new Map(), setUse: () => {} },
      digest,
      now: () => 0,
    });
    this.#bgp = new BgpPlan({ self: node, options: plan });
  }

  /** Whether the whole cluster has been seen once; until then nothing that it says means much. */
  get synced(): boolean {
    return this.#synced;
  }

  take(change: Change): void {
    switch (change.type) {
      case "service":
        this.#layer2.setService(change.service);
        this.#bgp.setService(change.service);
        return;
      case "service-gone":
        this.#layer2.removeService(change.key);
        this.#bgp.removeService(change.key);
        return;
      case "endpoints":
        this.#layer2.setEndpoints(change.key, change.endpoints);
        this.#bgp.setEndpoints(change.key, change.endpoints);
        return;
      case "node":
        this.#nodes.set(change.name, change.node);
        return;
      case "node-gone":
        this.#nodes.delete(change.name);
        return;
      case "config":
        this.#layer2.configure(change.config);
        this.#bgp.configure(change.config);
        return;
      case "synced":
        this.#synced = true;
        return;
    }
  }

  /** @param names of the interfaces of this node that frames can pass and that are fit. */
  setInterfaces(names: ReadonlySet<string>): void {
    this.#layer2.setInterfaces(this.#node, names);
  }

  /** Every Service that has addresses, in the order of their keys. */
  decide(): readonly WouldAnnounce[] {
    const nodes = new Map(this.#nodes);
    this.#layer2.setNodes(nodes);
    this.#bgp.setNodes(nodes);
    for (const _ of this.#bgp.work()); // nothing else waits for this thread
    return [...this.#layer2.all()]
      .filter(({ decision }) => decision.type === "announce" || !WITHOUT_ADDRESS.has(decision.reason))
      .map(({ key, decision }) => {
        const peers = this.#bgp.peersOf(key);
        if (decision.type === "announce") {
          return { service: key, layer2: decision.addresses, reason: undefined, owner: undefined, peers };
        }
        return { service: key, layer2: [], reason: decision.reason, owner: decision.owner, peers };
      })
      .sort((one, other) => (one.service < other.service ? -1 : 1));
  }
}

/** There is nothing to announce, wherever. */
const WITHOUT_ADDRESS: ReadonlySet<WithdrawReason> = new Set([
  "noIPAllocated",
  "notLoadBalancer",
  "otherLoadBalancerClass",
  "serviceDeleted",
]);
