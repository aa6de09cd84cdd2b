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
  /** By Service, what is announced; bounded by the Services of the cluster. */
  #announced: ReadonlyMap<ServiceKey, readonly IpAddress[]> = new Map();
  /** Whom the Events were recorded for; bounded by what is announced. */
  readonly #uids = new Map<ServiceKey, string>();
  /** What was said of advertisements that disagree; bounded by the prefixes. */
  #disagreements: ReadonlySet<string> = new Set();
  /** Reasons that have a series. */
  readonly #reasons = new Set<string>();

  readonly #holdings: HoldingWords;

  constructor(node: string, ports: BgpReporterPorts) {
    this.#node = node;
    this.#ports = ports;
    this.#holdings = new HoldingWords("bgp", ports.sayHolding);
  }

  /** To be told whenever the plan may be another one. */
  planned(plan: BgpPlan): void {
    this.#setAnnounced(plan);
    const disagreements = plan.plans.flatMap((each) => each.disagreements);
    const counts = new Map<string, number>(Object.keys(BGP_DISAGREEMENTS).map((reason) => [reason, 0]));
    for (const { reason } of disagreements) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    for (const { reason } of plan.refusals()) {
      if (!UNREMARKABLE.has(reason)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    for (const reason of new Set([...counts.keys(), ...this.#reasons])) {
      this.#reasons.add(reason);
      this.#ports.metrics.bgp.withheld.set({ reason }, counts.get(reason) ?? 0);
    }
    this.#sayDisagreements(disagreements);
    this.#sayHoldings(plan);
  }

  /**
   * This node announces nothing any more. What was said of it in objects stays: those go with the pod, and a speaker that
   * is started anew in the same pod takes them up.
   */
  stopped(): void {
    for (const [service, addresses] of this.#announced) this.#setSeries(service, addresses, []);
    this.#announced = new Map();
    this.#uids.clear();
    this.#ports.metrics.announcedAddresses.set({ protocol: "bgp" }, 0);
  }

  #setAnnounced(plan: BgpPlan): void {
    const before = this.#announced;
    const after = plan.plans.length === 0 ? new Map<ServiceKey, readonly IpAddress[]>() : plan.announced();
    this.#announced = after;
    for (const [service, addresses] of before) {
      if (after.has(service)) continue;
      this.#uids.delete(service);
      this.#setSeries(service, addresses, []);
      this.#ports.log.info("withdrawn", { service, addresses, protocol: "bgp" });
    }
    const all = new Set<IpAddress>();
    for (const [service, addresses] of after) {
      for (const address of addresses) all.add(address);
      if (before.get(service) !== addresses) this.#setSeries(service, before.get(service) ?? [], addresses);
      const uid = plan.uidOf(service);
      if (this.#uids.get(service) !== uid) this.#begun(service, addresses, uid); // also where it was made anew
    }
    this.#ports.metrics.announcedAddresses.set({ protocol: "bgp" }, all.size);
  }

  /** Whether there is a session with a peer just now is no matter, as with MetalLB. */
  #sayHoldings(plan: BgpPlan): void {
    for (const service of this.#holdings.services()) {
      if (!this.#announced.has(service)) this.#holdings.ended(service, "gone");
    }
    for (const service of this.#announced.keys()) {
      const peers = plan.peersOf(service);
      if (peers.length > 0) this.#holdings.here(service, peers, true);
      else this.#holdings.ended(service, "gone");
    }
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
    for (const ip of before) if (!after.includes(ip)) announced.remove({ ...labels, ip });
    for (const ip of after) if (!before.includes(ip)) announced.set({ ...labels, ip }, 1);
  }

  #sayDisagreements(disagreements: readonly Disagreement[]): void {
    const said = new Set<string>();
    for (const each of disagreements) {
      const text = JSON.stringify(each);
      said.add(text);
      if (!this.#disagreements.has(text)) this.#ports.log.warn("BGP advertisements disagree", { ...each });
    }
    this.#disagreements = said;
  }
}
