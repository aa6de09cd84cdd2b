import type { Log } from "@herald/daemon/log";
import type { EventRecord } from "@herald/k8s/events";
import type { ConditionWish } from "@herald/k8s/service-condition";
import type { SpreadOver } from "@herald/layer2/spread-nodes";
import type { Clock } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ConditionView, ServiceKey, ServiceView } from "@herald/shared/service/view";
import { type AddressState, AddressStates, type AddressTurn } from "./address-states.ts";
import {
  ANNOUNCED,
  conditionOf,
  isSameWord,
  PROBING,
  QUARANTINED,
  stoppedCondition,
  withdrawnCondition,
} from "./announced-condition.ts";
import { describeConflict, describeQuarantine, isGivenUpIn, sentencesOf } from "./conflict-words.ts";
import {
  Corrections,
  HOLD_MS,
  NOBODY_HOLD_MS,
  nobodyHoldMs,
  patienceMs,
  type Standing,
} from "./corrections.ts";
import { HoldingWords } from "./holding-words.ts";
import type { HoldingWord, ServiceWord } from "./kubernetes-protocol.ts";
import type { SpeakerMetrics } from "./metrics.ts";
import type { AddressNews } from "./perform-layer2.ts";
import type { Decision, WithdrawReason } from "./plan.ts";
import { SPREAD_REFUSALS, type SpreadRefusal } from "./plan-spread.ts";
import { logTurn } from "./turn-log.ts";

export interface ReporterPorts {
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly metrics: SpeakerMetrics;
  readonly recordEvent: (record: EventRecord) => void;
  readonly say: (word: ServiceWord) => void;
  readonly sayHolding: (word: HoldingWord) => void;
}

/** That no node announces a Service, to be said by this speaker for all. */
export interface NobodyWord {
  readonly wish: ConditionWish;
  /** The status says so already. */
  readonly isWritten: boolean;
}

const RELEASED: AddressTurn = { type: "released" };

/** Tells people what becomes of Services: each fact once, in the log, as metrics, Events and conditions. */
export class Reporter {
  readonly #node: string;
  readonly #ports: ReporterPorts;
  /** By Service; bounded by the Services of the cluster. */
  readonly #uids = new Map<ServiceKey, string>();
  /** Of those of which an address is given up: what was written of it last, whoever did. */
  readonly #givenUp = new Map<ServiceKey, string>();
  /** To be announced here; bounded by that, as are the next two. */
  readonly #wanted = new Map<ServiceKey, readonly IpAddress[]>();
  readonly #users = new Map<IpAddress, Set<ServiceKey>>();
  /** Told to be announced. */
  readonly #announced = new Map<ServiceKey, readonly IpAddress[]>();
  readonly #addresses = new AddressStates();
  readonly #holdings: HoldingWords;
  /** Where the Services are announced that are not on all interfaces; bounded by what is to be announced here. */
  readonly #interfaces = new Map<ServiceKey, readonly string[]>();
  /** Over which nodes those are announced that several do; bounded by that. */
  readonly #spread = new Map<ServiceKey, SpreadOver>();
  /** Of those that are to be announced here, or that nobody announces if this speaker says so for all. */
  readonly #said = new Map<ServiceKey, ConditionWish>();
  readonly #corrections: Corrections;
  #isLeaving = false;
  /** Why one of those that are announced here is not announced from several nodes, as it should be. */
  readonly #notSpread = new Map<ServiceKey, SpreadRefusal>();
  /** Why a Service is not announced here; bounded by the Services of the cluster. */
  readonly #silence = new Map<ServiceKey, string>();

  constructor(node: string, ports: ReporterPorts) {
    this.#node = node;
    this.#ports = ports;
    this.#holdings = new HoldingWords("layer2", ports.sayHolding);
    this.#corrections = new Corrections(ports.clock);
  }

  know({ key, uid, announced }: ServiceView): void {
    const before = this.#uids.get(key);
    this.#uids.set(key, uid);
    if (announced?.reason === QUARANTINED) this.#givenUp.set(key, announced.message);
    // Why not always: whoever is next asks before it answers, and meanwhile the one before says nothing any more.
    else if (announced !== undefined && announced.reason !== PROBING) this.#givenUp.delete(key);
    if (before !== undefined && before !== uid) this.#forgetTold(key);
    if (announced !== undefined && this.#corrections.find(key, announced)) this.#correct(key, announced);
  }

  /** Somebody who was behind, or is gone by now, may have written over what was said of it here. */
  #correct(key: ServiceKey, found: ConditionView): void {
    const said = this.#said.get(key);
    if (this.#isLeaving || said === undefined) return;
    if (isSameWord(found, said)) {
      // Whoever wrote over the one has put its name into the object, too.
      if (this.#corrections.isBegun(key)) this.#holdings.again(key);
      return;
    }
    const leastMs = patienceMs(this.#standing(key), said, found);
    const holdMs = leastMs === undefined ? undefined : this.#corrections.begin(key, leastMs);
    if (holdMs !== undefined) this.#say(key, said, holdMs);
  }

  #standing(key: ServiceKey): Standing {
    if (!this.#wanted.has(key)) return "spokesman";
    const { nodes } = this.#spread.get(key) ?? { nodes: [this.#node] };
    return nodes.length === 1 ? "alone" : "among-others";
  }

  /** It was deleted and made anew: its addresses may be answered for all along, but nobody was told of this one. */
  #forgetTold(key: ServiceKey): void {
    this.#said.delete(key);
    this.#corrections.end(key);
    this.#notSpread.delete(key);
    this.#silence.delete(key);
    this.#setSeries(key, []);
  }

  /**
   * To be told before the addresses are announced, or withdrawn.
   *
   * @param nobody `undefined`: a node announces the Service, or another speaker says why none does.
   */
  decided(key: ServiceKey, decision: Decision, nobody?: NobodyWord): void {
    const before = this.#wanted.get(key) ?? [];
    const after = decision.type === "announce" ? decision.addresses : [];
    this.#want(key, before, after);
    if (decision.type === "announce") {
      this.#silence.delete(key);
      const isToSay = this.#isLeftToSay(key, decision.spread);
      this.#note(key, decision);
      this.#refuseSpread(key, decision.notSpread);
      this.#tell(key);
      if (isToSay) this.#sayAgain(key, NOBODY_HOLD_MS);
      return;
    }
    this.#setSeries(key, []);
    this.#notSpread.delete(key);
    this.#interfaces.delete(key);
    const { reason, owner, note } = decision;
    this.#holdings.ended(key, owner === undefined || decision.forOthers ? "gone" : "left");
    this.#sayWithdrawn(key, reason, nobody);
    this.#spread.delete(key);
    if (before.length > 0)
      this.#ports.log.info("withdrawn", { service: key, addresses: before, reason, owner, note });
    else this.#explain(key, reason, owner);
    if (reason !== "serviceDeleted") return;
    this.#uids.delete(key);
    this.#givenUp.delete(key);
    this.#corrections.forget(key);
    this.#silence.delete(key);
  }

  /** A node is gone of those that announce it: if it wrote that something is wrong with it, one of the rest takes that back. */
  #isLeftToSay(key: ServiceKey, spread: SpreadOver | undefined): boolean {
    const before = this.#spread.get(key);
    if (before === undefined || before === spread || spread?.nodes[0] !== this.#node) return false;
    const nodes = new Set(spread.nodes);
    return before.nodes.some((node) => !nodes.has(node));
  }

  #note(key: ServiceKey, { spread, interfaces }: Extract<Decision, { type: "announce" }>): void {
    if (spread === undefined) this.#spread.delete(key);
    else this.#spread.set(key, spread);
    if (interfaces === undefined) this.#interfaces.delete(key);
    else this.#interfaces.set(key, interfaces);
  }

  /** What became of an address that is to be announced here. */
  news(news: AddressNews): void {
    this.#count(news);
    const { address } = news;
    const heard = this.#addresses.hear(news);
    const { quarantined } = this.#ports.metrics.layer2;
    quarantined.set(this.#addresses.count("quarantined"));
    if (heard === undefined) return;
    const services = [...(this.#users.get(address) ?? [])];
    const turn = this.#isReleased(address, heard, services) ? RELEASED : heard;
    logTurn(this.#ports.log, address, turn, services);
    for (const service of services) {
      this.#recordTurn(service, address, turn);
      this.#tell(service);
    }
  }

  /** Once for each new answer. */
  #refuseSpread(key: ServiceKey, refusal: SpreadRefusal | undefined): void {
    if (this.#notSpread.get(key) === refusal) return;
    if (refusal === undefined) {
      this.#notSpread.delete(key);
      return;
    }
    this.#notSpread.set(key, refusal);
    const sentence = SPREAD_REFUSALS[refusal];
    this.#ports.log.warn("not spread", { service: key, reason: refusal, sentence });
    this.#record(key, "Warning", refusal, sentence);
  }

  /** Why this node is silent about a Service it was never asked to announce: once for each new answer. */
  #explain(key: ServiceKey, reason: string, owner: string | undefined): void {
    const why = `${reason} ${owner ?? ""}`;
    if (this.#silence.get(key) === why) return;
    this.#silence.set(key, why);
    this.#ports.log.debug("not announced", { service: key, reason, owner });
  }

  /** An address that nobody is answered for any more. */
  silent(address: IpAddress): void {
    this.#ports.metrics.layer2.forgetAddress(address);
  }

  yielded(address: IpAddress, heard: boolean): void {
    this.silent(address);
    this.#ports.metrics.yields[heard ? "heard" : "timeout"].inc();
    this.#ports.log.info("yielded", { address, newOwnerHeard: heard });
  }

  /** An address was claimed anew over a newer claim: whoever made that may have written that it announces it. */
  insisted(address: IpAddress): void {
    for (const key of this.#users.get(address) ?? []) {
      if (this.#said.get(key)?.reason !== ANNOUNCED) continue;
      this.#sayAgain(key, HOLD_MS);
      this.#holdings.again(key);
    }
  }

  /** All is left to others: what those write holds from now on. */
  leaving(): void {
    this.#isLeaving = true;
  }

  /** The end of an address on the way out. @param heard whether another speaker took it over. */
  left(address: IpAddress, heard: boolean): void {
    for (const key of this.#users.get(address) ?? []) {
      const said = this.#said.get(key);
      const mayBeOthers = heard || said === undefined || this.#spread.has(key);
      // It stays given up, whoever is next: that one must find it written.
      if (!mayBeOthers && said.reason === QUARANTINED) continue;
      this.#say(key, mayBeOthers ? undefined : stoppedCondition(this.#node, said.message), 0);
    }
  }

  #want(key: ServiceKey, before: readonly IpAddress[], after: readonly IpAddress[]): void {
    if (after.length === 0) this.#wanted.delete(key);
    else this.#wanted.set(key, after);
    for (const address of before) {
      if (after.includes(address)) continue;
      const users = this.#users.get(address);
      users?.delete(key);
      if (users?.size !== 0) continue;
      this.#users.delete(address);
      this.#addresses.forget(address);
    }
    for (const address of after) this.#users.set(address, (this.#users.get(address) ?? new Set()).add(key));
    this.#ports.metrics.layer2.quarantined.set(this.#addresses.count("quarantined"));
  }

  /** What is announced of a Service by now: the Service is taken over once all of its addresses are. */
  #tell(key: ServiceKey): void {
    const wanted = this.#wanted.get(key) ?? [];
    const announced = wanted.filter((address) => this.#isAnnounced(address));
    const before = this.#setSeries(key, announced);
    this.#sayAnnounced(key, wanted);
    this.#sayHolding(key, wanted, announced);
    if (announced.length < wanted.length || announced.every((address) => before.includes(address))) return;
    this.#tookOver(key, announced);
  }

  #sayHolding(key: ServiceKey, wanted: readonly IpAddress[], announced: readonly IpAddress[]): void {
    if (announced.length > 0 && announced.length === wanted.length) {
      this.#holdings.here(key, this.#interfaces.get(key) ?? [], this.#spread.has(key));
    } else if (announced.length === 0) {
      const isLost = wanted.some((address) => this.#addresses.get(address).name === "lost");
      if (isLost) this.#holdings.lost(key);
      else this.#holdings.ended(key, "gone");
    }
  }

  #sayAnnounced(key: ServiceKey, addresses: readonly IpAddress[]): void {
    const stateOf = (address: IpAddress): AddressState => this.#addresses.get(address);
    const wish = conditionOf(this.#node, addresses, stateOf, this.#spread.has(key));
    const said = this.#said.get(key);
    if (wish?.reason === said?.reason && wish?.message === said?.message) return;
    this.#sayNew(key, wish, wish?.reason === PROBING ? HOLD_MS : 0);
  }

  /** Whoever announces a Service writes of it; where nobody does, one speaker says why for all. */
  #sayWithdrawn(key: ServiceKey, reason: WithdrawReason, nobody: NobodyWord | undefined): void {
    const said = this.#said.get(key);
    if (nobody !== undefined) {
      if (isSameWord(said, nobody.wish) || (said === undefined && nobody.isWritten)) return;
      this.#sayNew(key, nobody.wish, nobodyHoldMs(nobody.wish));
    } else if (said !== undefined) {
      this.#said.delete(key);
      this.#corrections.end(key);
      // What is gone for us may only be of another type; if it is gone indeed, nothing comes of it.
      const why = reason === "serviceDeleted" ? "notLoadBalancer" : reason;
      const isOurs = why !== "notLoadBalancer" && why !== "otherLoadBalancerClass";
      this.#say(key, isOurs ? undefined : withdrawnCondition(this.#node, why), HOLD_MS);
    }
  }

  #sayNew(key: ServiceKey, wish: ConditionWish | undefined, holdMs: number): void {
    if (wish === undefined) this.#said.delete(key);
    else this.#said.set(key, wish);
    this.#corrections.end(key);
    this.#say(key, wish, holdMs);
  }

  #sayAgain(key: ServiceKey, holdMs: number): void {
    const said = this.#said.get(key);
    if (said !== undefined) this.#say(key, said, holdMs);
  }

  #say(service: ServiceKey, wish: ConditionWish | undefined, holdMs: number): void {
    this.#ports.say({ service, uid: this.#uids.get(service) ?? "", wish, holdMs });
  }

  #isAnnounced(address: IpAddress): boolean {
    const { name } = this.#addresses.get(address);
    return name === "announced" || name === "conflict";
  }

  #count(news: AddressNews): void {
    const { probes, conflicts, defences } = this.#ports.metrics.layer2;
    if (news.type === "probed") probes[news.takenBy === undefined ? "free" : "taken"].inc();
    if (news.type === "conflict") conflicts[news.kind].inc();
    if (news.type === "defended") defences.inc();
  }

  #recordTurn(service: ServiceKey, address: IpAddress, turn: AddressTurn): void {
    if (this.#isToldOf(service, address, turn)) return;
    switch (turn.type) {
      case "conflict":
        this.#record(service, "Warning", "addressConflict", describeConflict(address, turn.intruder));
        return;
      case "quarantined":
        this.#record(service, "Warning", "addressQuarantined", describeQuarantine(address, turn.intruder));
        return;
      case "released":
        this.#record(service, "Normal", "addressReleased", `${address} is free and announced again`);
        return;
    }
  }

  /** Another node gave it up: this one did not know that somebody had it. */
  #isReleased(address: IpAddress, turn: AddressTurn, services: readonly ServiceKey[]): boolean {
    if (turn.type !== "announced") return false;
    return services.some((key) => isGivenUpIn(this.#givenUp.get(key) ?? "", address));
  }

  /** One node after the other is told not to use the address, and the first one has said so in the same words. */
  #isToldOf(service: ServiceKey, address: IpAddress, turn: AddressTurn): boolean {
    if (turn.type !== "conflict" && turn.type !== "quarantined") return false;
    const said = sentencesOf(this.#givenUp.get(service) ?? "");
    return said.includes(describeQuarantine(address, turn.intruder));
  }

  #tookOver(key: ServiceKey, addresses: readonly IpAddress[]): void {
    const { log, metrics } = this.#ports;
    metrics.takeovers.inc();
    log.info("announcing", { service: key, addresses });
    const message = `announcing from node "${this.#node}" with protocol "layer2"`;
    this.#record(key, "Normal", "nodeAssigned", message);
  }

  #record(key: ServiceKey, type: EventRecord["type"], reason: string, message: string): void {
    const [namespace = "", name = ""] = key.split("/");
    const uid = this.#uids.get(key) ?? "";
    const regarding = { apiVersion: "v1", kind: "Service", namespace, name, uid };
    this.#ports.recordEvent({ regarding, type, reason, message });
  }

  /** @returns what was announced of it before. */
  #setSeries(service: ServiceKey, after: readonly IpAddress[]): readonly IpAddress[] {
    const before = this.#announced.get(service) ?? [];
    if (after.length === 0) this.#announced.delete(service);
    else this.#announced.set(service, after);
    const { announced, announcedAddresses } = this.#ports.metrics;
    const labels = (ip: string): Record<"service" | "protocol" | "node" | "ip", string> => ({
      service,
      protocol: "layer2",
      node: this.#node,
      ip,
    });
    for (const ip of before) if (!after.includes(ip)) announced.remove(labels(ip));
    for (const ip of after) if (!before.includes(ip)) announced.set(labels(ip), 1);
    const count = this.#addresses.count("announced") + this.#addresses.count("conflict");
    announcedAddresses.set({ protocol: "layer2" }, count);
    return before;
  }
}
