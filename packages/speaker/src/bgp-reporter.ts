import type { Log } from "@herald/daemon/log";
import type { EventRecord } from "@herald/k8s/events";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import type { BgpMetrics } from "./bgp-metrics.ts";
import type { BgpPlan } from "./bgp-plan.ts";
import { BGP_DISAGREEMENTS, type Disagreement } from "./bgp-routes.ts";
import { HoldingWords } from "./holding-words.ts";
import type { HoldingWord } from "./kubernetes-protocol.ts";
import type { SpeakerMetrics } from "./metrics.ts";

export interface BgpReporterPorts {
  readonly log: Log;
  readonly metrics: Pick<SpeakerMetrics, "announced" | "announcedAddresses"> & { readonly bgp: BgpMetrics };
  readonly recordEvent: (record: EventRecord) => void;
  /** Says which Services this node announces, and to whom. */
  readonly sayHolding: (word: HoldingWord) => void;
}

/** Services are withheld for one of these in the normal course of things: that is no news to an operator. */
const UNREMARKABLE: ReadonlySet<string> = new Set([
  "otherProtocol",
  "noIPAllocated",
  "otherLoadBalancerClass",
]);

/** Tells people what BGP announces from this node: each fact once, in the log, as metrics and as Events. */
export class BgpReporter {
  readonly #node: string;
  readonly #ports: BgpReporterPorts;
  /** By Service, what has series, as MetalLB's: for which peers it is makes no difference. Bounded by the Services. */
  readonly #announced = new Map<ServiceKey, readonly IpAddress[]>();
  /** How many Services each address is announced for. */
  readonly #users = new Map<IpAddress, number>();
  /** Whom the Events were recorded for: what some peer is told of. Bounded by the Services, too. */
  readonly #uids = new Map<ServiceKey, string>();
  /** What was said of advertisements that disagree; bounded by the prefixes. */
  #said: ReadonlySet<string> = new Set();
  /** All of them, until those of which nothing was said yet are told. */
  #unsaid: readonly Disagreement[] | undefined;
  /** How often they do now. */
  #disagreements: ReadonlyMap<string, number> = countsOf([]);
  #isStopped = false;
  readonly #holdings: HoldingWords;

  constructor(node: string, ports: BgpReporterPorts) {
    this.#node = node;
    this.#ports = ports;
    this.#holdings = new HoldingWords("bgp", ports.sayHolding);
  }

  /**
   * To be told whenever the plan may be another one. Pull as often as fits into a slice of time; what is left when that is
   * given up is seen to the next time.
   */
  *planned(plan: BgpPlan): Generator<void> {
    for (const service of plan.takeNews()) {
      if (this.#isStopped) return;
      this.#setAnnounced(service, plan);
      yield;
    }
    const { announcedAddresses, bgp } = this.#ports.metrics;
    announcedAddresses.set({ protocol: "bgp" }, this.#users.size);
    this.#unsaid = plan.takeDisagreements() ?? this.#unsaid;
    if (this.#unsaid !== undefined) yield* this.#sayDisagreements(this.#unsaid);
    const refused = [...plan.refused].filter(([reason]) => !UNREMARKABLE.has(reason));
    for (const [reason, count] of [...this.#disagreements, ...refused]) bgp.withheld.set({ reason }, count);
  }

  /**
   * This node announces nothing any more. What was said of it in objects stays: those go with the pod, and a speaker that
   * is started anew in the same pod takes them up.
   */
  stopped(): void {
    this.#isStopped = true;
    for (const [service, addresses] of this.#announced) this.#setSeries(service, addresses, []);
    this.#announced.clear();
    this.#users.clear();
    this.#uids.clear();
    this.#ports.metrics.announcedAddresses.set({ protocol: "bgp" }, 0);
  }

  #setAnnounced(service: ServiceKey, plan: BgpPlan): void {
    const before = this.#announced.get(service) ?? [];
    const after = plan.announced(service);
    this.#setSeries(service, before, after);
    if (after.length === 0) this.#announced.delete(service);
    else this.#announced.set(service, after);
    // Whether there is a session with a peer just now is no matter, as with MetalLB.
    const peers = plan.peersOf(service);
    if (peers.length === 0) {
      this.#ended(service, before);
      return;
    }
    const uid = plan.uidOf(service);
    if (this.#uids.get(service) !== uid) this.#begun(service, after, uid); // also where it was made anew
    this.#holdings.here(service, peers, true);
  }

  #ended(service: ServiceKey, addresses: readonly IpAddress[]): void {
    if (this.#uids.delete(service))
      this.#ports.log.info("withdrawn", { service, addresses, protocol: "bgp" });
    this.#holdings.ended(service, "gone");
  }

  #begun(service: ServiceKey, addresses: readonly IpAddress[], uid: string): void {
    this.#uids.set(service, uid);
    const { log, recordEvent } = this.#ports;
    log.info("announcing", { service, addresses, protocol: "bgp" });
    const [namespace = "", name = ""] = service.split("/");
    recordEvent({
      regarding: { apiVersion: "v1", kind: "Service", namespace, name, uid },
      type: "Normal",
      reason: "nodeAssigned",
      message: `announcing from node "${this.#node}" with protocol "bgp"`,
    });
  }

  #setSeries(service: ServiceKey, before: readonly IpAddress[], after: readonly IpAddress[]): void {
    const { announced } = this.#ports.metrics;
    const labels = { service, protocol: "bgp", node: this.#node };
    for (const ip of before) {
      if (after.includes(ip)) continue;
      announced.remove({ ...labels, ip });
      this.#count(ip, -1);
    }
    for (const ip of after) {
      if (before.includes(ip)) continue;
      announced.set({ ...labels, ip }, 1);
      this.#count(ip, 1);
    }
  }

  #count(ip: IpAddress, by: 1 | -1): void {
    const users = (this.#users.get(ip) ?? 0) + by;
    if (users === 0) this.#users.delete(ip);
    else this.#users.set(ip, users);
  }

  /** One line for each kind and peer: there may be as many of them as there are prefixes. */
  *#sayDisagreements(disagreements: readonly Disagreement[]): Generator<void> {
    const said = new Set<string>();
    const news = new Map<string, { readonly first: Disagreement; others: number }>();
    for (const each of disagreements) {
      const text = JSON.stringify(each);
      said.add(text);
      if (!this.#said.has(text)) {
        const known = news.get(`${each.reason} ${each.peer}`);
        if (known === undefined) news.set(`${each.reason} ${each.peer}`, { first: each, others: 0 });
        else known.others += 1;
      }
      yield;
    }
    for (const { first, others } of news.values()) {
      this.#ports.log.warn("BGP advertisements disagree", { ...first, others });
    }
    this.#said = said;
    this.#unsaid = undefined;
    this.#disagreements = countsOf(disagreements);
  }
}

function countsOf(disagreements: readonly Disagreement[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>(Object.keys(BGP_DISAGREEMENTS).map((reason) => [reason, 0]));
  for (const { reason } of disagreements) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}
