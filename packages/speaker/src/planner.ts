import { type Digest, Election } from "@herald/layer2/election";
import { SharingGroups } from "@herald/layer2/sharing-groups";
import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { UsableInterfaces } from "./interface-rules.ts";
import { type ClaimsView, Ownership, type OwnershipOptions } from "./ownership.ts";
import {
  type CandidateNode,
  candidatesFor,
  claim,
  type Decision,
  type Eligible,
  eligible,
  fitFirst,
  type Hosts,
  hostsOf,
  NO_HOSTS,
  NOBODY,
  namesInBoth,
  type PlanConfig,
  type PlanOptions,
  unfit,
  type WithdrawReason,
} from "./plan.ts";
import { type Scope, Scopes } from "./plan-scope.ts";
import { planSpread, SpreadTeams } from "./plan-spread.ts";
import type { Unannounced } from "./unannounced.ts";

export interface PlannerSetup {
  /** Name of the node this speaker runs on. */
  readonly self: string;
  readonly options: PlanOptions;
  readonly ownership: OwnershipOptions;
  readonly claims: ClaimsView;
  /** SHA-256. */
  readonly digest: Digest;
  readonly now: () => Instant;
}

/**
 * Decides for every Service whether this node answers for it, from whatever is known now. It keeps what it is
 * told and the owners it worked out, so that a change of one Service costs as much as there are candidates;
 * after a change of nodes or pools `all` goes through every Service, a slice at a time.
 */
export class Planner {
  readonly #setup: PlannerSetup;
  readonly #election: Election;
  readonly #ownership: Ownership;
  readonly #groups = new SharingGroups<ServiceKey>();
  /** These four are bounded by the Services of the cluster. */
  readonly #services = new Map<ServiceKey, ServiceView>();
  readonly #hosts = new Map<ServiceKey, Hosts>();
  readonly #owners = new Map<ServiceKey, string | undefined>();
  readonly #teams: SpreadTeams;
  readonly #scopes: Scopes;
  #nodes: ReadonlyMap<string, CandidateNode> = new Map();
  #eligible: Eligible = NOBODY;
  /** Speakers take part that only know of owners. Without gossip nobody says so. */
  #isForeign = false;
  constructor(setup: PlannerSetup) {
    this.#setup = setup;
    this.#election = new Election(setup.digest);
    this.#ownership = new Ownership(setup.self, setup.ownership, this.#election, setup.claims);
    this.#teams = new SpreadTeams(setup.self);
    this.#scopes = new Scopes(setup.self);
  }

  /** Every decision may be another one now: go through `all`. */
  configure(config: PlanConfig): void {
    this.#scopes.configure(config);
    this.#owners.clear();
  }

  /** @returns whether decisions may be others now; then go through `all`. */
  setNodes(nodes: ReadonlyMap<string, CandidateNode>): boolean {
    const selfBefore = this.#unfitSelf();
    const isAsked = asksBack(this.#nodes.get(this.#setup.self), nodes.get(this.#setup.self));
    for (const name of this.#nodes.keys()) if (!nodes.has(name)) this.#election.forgetNode(name);
    this.#nodes = nodes;
    const { fit, able } = eligible(nodes, this.#setup.options);
    const same = sameNames(fit, this.#eligible.fit) && sameNames(able, this.#eligible.able);
    if (!same) this.#eligible = { fit, able };
    const isNews = this.#scopes.setNodes(nodes, this.#eligible);
    if (isAsked) this.#ownership.askBack();
    else if (!isNews && selfBefore === this.#unfitSelf()) return false;
    this.#owners.clear();
    return true;
  }

  /**
   * Where a node can be heard; `undefined`: nothing is known of that.
   *
   * @returns whether decisions may be others now; then go through `all`.
   */
  setInterfaces(name: string, interfaces: UsableInterfaces | undefined): boolean {
    if (!this.#scopes.setInterfaces(name, interfaces)) return false;
    this.#owners.clear();
    return true;
  }

  /**
   * Whether every speaker claims what it announces, so that claims count.
   *
   * @returns whether decisions may be others now; then go through `all`.
   */
  setClaiming(claiming: boolean): boolean {
    const isNews = this.#ownership.setCounting(claiming) || this.#isForeign === claiming;
    this.#isForeign = !claiming;
    if (!isNews) return false;
    this.#owners.clear();
    return true;
  }

  /** Another's claim of an address is another one. @returns the Services whose decision may be another one now. */
  claimChanged(address: IpAddress): readonly ServiceKey[] {
    const [user] = this.#groups.usersOf(address);
    return user === undefined ? [] : this.#forgetOwners(this.#groups.groupOf(user));
  }

  /** Whether some Service has an address. */
  isUsed(address: IpAddress): boolean {
    const [user] = this.#groups.usersOf(address);
    return user !== undefined;
  }

  /** @returns the Services whose decision may be another one because of the time. */
  wake(now: Instant): readonly ServiceKey[] {
    return this.#ownership.wake(now).flatMap((address) => this.claimChanged(address));
  }

  /** When to call `wake` next; `undefined` when nothing waits. */
  nextWake(): Instant | undefined {
    return this.#ownership.nextWake();
  }

  /** @returns the Services whose decision may be another one now. */
  setService(service: ServiceView): readonly ServiceKey[] {
    this.#services.set(service.key, service);
    const addresses = claim(service, this.#setup.options);
    return this.#regroup(service.key, typeof addresses === "string" ? [] : addresses);
  }

  /** @returns the Services whose decision may be another one now, the removed one among them. */
  removeService(key: ServiceKey): readonly ServiceKey[] {
    this.#services.delete(key);
    return this.#regroup(key, []);
  }

  /**
   * @param endpoints of all slices of the Service, which need not be known yet; none: forgets them.
   * @returns the Services whose decision may be another one now.
   */
  setEndpoints(key: ServiceKey, endpoints: readonly EndpointView[]): readonly ServiceKey[] {
    const before = this.#hosts.get(key) ?? NO_HOSTS;
    const after = hostsOf(endpoints);
    if (endpoints.length === 0) this.#hosts.delete(key);
    else this.#hosts.set(key, after);
    if (before.any === after.any && sameNames(before.nodes, after.nodes)) return [];
    return this.#forgetOwners(this.#groups.groupOf(key));
  }

  decide(key: ServiceKey): Decision {
    const service = this.#services.get(key);
    if (service === undefined) return withdraw("serviceDeleted");
    const addresses = claim(service, this.#setup.options);
    if (typeof addresses === "string") return withdraw(addresses);
    const scope = this.#scopes.of(service, addresses);
    if (typeof scope === "string") return withdraw(scope);
    const hosts = this.#hosts.get(key) ?? NO_HOSTS;
    if (hosts.any) return this.#allot(service, addresses, hosts, scope);
    this.#ownerOf(key); // so that nothing is waited for meanwhile
    return withdraw("noEndpoints");
  }

  /** What is known of a Service that no node answers for; `undefined`: one does or is to, or it is gone. */
  unannounced(key: ServiceKey): Unannounced | undefined {
    const service = this.#services.get(key);
    if (service === undefined) return undefined;
    const hosts = this.#hosts.get(key) ?? NO_HOSTS;
    const addresses = claim(service, this.#setup.options);
    const scope = typeof addresses === "string" ? addresses : this.#scopes.of(service, addresses);
    if (typeof scope === "string" || !hosts.any) return { service, hosts, owner: undefined };
    const isSpread = planSpread(service, () => this.#membersOf(key), this.#isForeign).type === "spread";
    if (isSpread && this.#candidatesOf(this.#groups.groupOf(key)).nodes.size > 0) return undefined;
    const owner = this.#ownerOf(key);
    const isServed = owner !== undefined && candidatesFor(service, hosts, scope.eligible).has(owner);
    return isServed ? undefined : { service, hosts, owner };
  }

  /**
   * Decides for every Service. Pull as many as fit into a slice of time; Services that come or go between two
   * pulls do no harm.
   */
  *all(): Generator<{ readonly key: ServiceKey; readonly decision: Decision }, void> {
    for (const key of this.#services.keys()) yield { key, decision: this.decide(key) };
  }

  /** Whose the addresses are, once nothing stands in their way. */
  #allot(service: ServiceView, addresses: readonly IpAddress[], hosts: Hosts, scope: Scope): Decision {
    const { key } = service;
    const plan = planSpread(service, () => this.#membersOf(key), this.#isForeign);
    const over = plan.type === "spread" ? this.#candidatesOf(this.#groups.groupOf(key)).nodes : undefined;
    if (over?.has(this.#setup.self)) {
      return { ...announce(addresses, scope), spread: this.#teams.over(over) };
    }
    const owner = over === undefined ? this.#ownerOf(key) : undefined;
    const candidates = candidatesFor(service, hosts, scope.eligible);
    if (candidates.has(this.#setup.self) && owner === this.#setup.self) {
      const refusal = plan.type === "alone" ? plan.refusal : undefined;
      return { ...announce(addresses, scope), ...(refusal === undefined ? {} : { notSpread: refusal }) };
    }
    return this.#leave(owner, candidates, scope);
  }

  /** @param candidates who could serve the Service. */
  #leave(owner: string | undefined, candidates: ReadonlySet<string>, { refusal }: Scope): Decision {
    const { self } = this.#setup;
    const reason = refusal ?? this.#unfitSelf() ?? (candidates.has(self) ? "notOwner" : "noLocalEndpoints");
    const note = reason === "nodeDrained" ? this.#nodes.get(self)?.drain : undefined;
    const forOthers = owner !== undefined && !candidates.has(owner);
    return { ...withdraw(reason, owner, note), ...(forOthers ? { forOthers } : {}) };
  }

  #unfitSelf(): WithdrawReason | undefined {
    return unfit(this.#nodes.get(this.#setup.self), this.#setup.options);
  }

  #regroup(key: ServiceKey, addresses: readonly IpAddress[]): readonly ServiceKey[] {
    const before = this.#groups.groupOf(key);
    for (const unused of this.#groups.set(key, addresses)) {
      this.#election.forgetAddress(unused);
      this.#ownership.forget(unused);
      this.#setup.claims.setUse(unused, false);
    }
    for (const address of addresses) this.#setup.claims.setUse(address, true);
    return this.#forgetOwners(new Set([...before, ...this.#groups.groupOf(key)]));
  }

  #forgetOwners(keys: ReadonlySet<ServiceKey>): readonly ServiceKey[] {
    for (const key of keys) this.#owners.delete(key);
    return [...keys];
  }

  #membersOf(key: ServiceKey): readonly ServiceView[] {
    const group = [...this.#groups.groupOf(key)].map((member) => this.#services.get(member));
    return group.filter((member) => member !== undefined);
  }

  /** The owner of the group that `key` belongs to, worked out once for all of its members. */
  #ownerOf(key: ServiceKey): string | undefined {
    if (this.#owners.has(key)) return this.#owners.get(key);
    const group = this.#groups.groupOf(key);
    const address = this.#groups.representative(group);
    const owner = address === undefined ? undefined : this.#electOwner(address, group);
    for (const member of group) this.#owners.set(member, owner);
    return owner;
  }

  #electOwner(address: IpAddress, group: ReadonlySet<ServiceKey>): string | undefined {
    const addresses = new Set([...group].flatMap((key) => this.#groups.addressesOf(key)));
    const { nodes: candidates, weights } = this.#candidatesOf(group);
    return this.#ownership.ownerOf({ address, addresses, candidates, weights }, this.#setup.now());
  }

  /**
   * The nodes that serve all members of a group; where there are none, as many members as can be, in the
   * order of their names: an address has one owner even if its Services live on different nodes. Nodes that are
   * asked to serve no more are left out where others serve as many. What no advertisement is for has no say.
   */
  #candidatesOf(group: ReadonlySet<ServiceKey>): Candidates {
    let candidates = NO_HOSTS.nodes;
    const scopes = new Set<Scope>();
    for (const { scope, nodes } of this.#hostsOfMembers(group)) {
      scopes.add(scope);
      if (nodes === candidates) continue;
      const both = namesInBoth(candidates, nodes);
      candidates = both.size > 0 ? both : candidates.size > 0 ? candidates : nodes;
    }
    const [only, ...others] = scopes;
    const isOne = only !== undefined && others.length === 0;
    const nodes = fitFirst(candidates, isOne ? only.eligible : this.#eligible);
    return { nodes, weights: isOne ? only.weights : sumOf(scopes) };
  }

  /** The nodes that serve each member, by itself. */
  *#hostsOfMembers(
    group: ReadonlySet<ServiceKey>,
  ): Generator<{ readonly scope: Scope; readonly nodes: ReadonlySet<string> }, void> {
    for (const key of [...group].sort()) {
      const service = this.#services.get(key);
      if (service === undefined) continue;
      const scope = this.#scopes.of(service, this.#groups.addressesOf(key));
      if (typeof scope === "string") continue;
      yield { scope, nodes: candidatesFor(service, this.#hosts.get(key) ?? NO_HOSTS, scope.eligible) };
    }
  }
}

interface Candidates {
  readonly nodes: ReadonlySet<string>;
  /** How much each is preferred. */
  readonly weights: ReadonlyMap<string, number>;
}

function sumOf(scopes: ReadonlySet<Scope>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { weights } of scopes) {
    for (const [name, weight] of weights) sums.set(name, (sums.get(name) ?? 0) + weight);
  }
  return sums;
}

/** An operator wrote something new; what stood there when this speaker began is no news. */
function asksBack(before: CandidateNode | undefined, after: CandidateNode | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  return after.failBack !== "" && after.failBack !== before.failBack;
}

function announce(
  addresses: readonly IpAddress[],
  { interfaces }: Scope,
): Extract<Decision, { type: "announce" }> {
  return { type: "announce", addresses, ...(interfaces === undefined ? {} : { interfaces }) };
}

function withdraw(reason: WithdrawReason, owner?: string, note?: string): Decision {
  return { type: "withdraw", reason, owner, ...(note === undefined ? {} : { note }) };
}

function sameNames(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((name) => b.has(name));
}
