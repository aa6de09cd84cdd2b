import type { Log } from "@herald/daemon/log";
import type { EventRecord } from "@herald/k8s/events";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { SpeakerMetrics } from "./metrics.ts";
import type { Decision, WithdrawReason } from "./plan.ts";

export interface ReporterPorts {
  readonly log: Log;
  readonly metrics: SpeakerMetrics;
  readonly recordEvent: (record: EventRecord) => void;
}

/** Tells people what the speaker does: each fact once, in the log, as metrics and as Events. */
export class Reporter {
  readonly #node: string;
  readonly #ports: ReporterPorts;
  /** By Service; bounded by the Services of the cluster. */
  readonly #uids = new Map<ServiceKey, string>();
  /** Bounded by the Services announced here. */
  readonly #announced = new Map<ServiceKey, readonly IpAddress[]>();
  /** Why a Service is not announced here; bounded by the Services of the cluster. */
  readonly #silence = new Map<ServiceKey, string>();
  #refusal = "";
  /** Why this node is to own nothing; "": it may. */
  #standing = "";
  #wasConfigured = false;

  constructor(node: string, ports: ReporterPorts) {
    this.#node = node;
    this.#ports = ports;
  }

  know({ key, uid }: ServiceView): void {
    this.#uids.set(key, uid);
  }

  decided(key: ServiceKey, decision: Decision): void {
    const before = this.#announced.get(key) ?? [];
    const after = decision.type === "announce" ? decision.addresses : [];
    this.#setSeries(key, before, after);
    if (after.length === 0) this.#announced.delete(key);
    else this.#announced.set(key, after);
    if (decision.type === "announce") {
      if (after.some((address) => !before.includes(address))) this.#tookOver(key, decision);
      return;
    }
    const { reason, owner, note } = decision;
    if (before.length > 0)
      this.#ports.log.info("withdrawn", { service: key, addresses: before, reason, owner, note });
    else this.#explain(key, reason, owner);
    if (reason === "serviceDeleted") this.#uids.delete(key);
  }

  /** Why this node is silent about a Service it was never asked to announce: once for each new answer. */
  #explain(key: ServiceKey, reason: string, owner: string | undefined): void {
    const why = `${reason} ${owner ?? ""}`;
    if (this.#silence.get(key) === why) return;
    if (reason === "serviceDeleted") this.#silence.delete(key);
    else this.#silence.set(key, why);
    this.#ports.log.debug("not announced", { service: key, reason, owner });
  }

  /**
   * Whether this node may own addresses: said when it changes. That its speaker is not ready is left out: so is
   * every speaker that starts, and one that is not alive says nothing.
   *
   * @param note the operator's words.
   */
  standing(reason: WithdrawReason | undefined, note: string): void {
    if (reason === "speakerNotReady") return;
    const standing = reason === undefined ? "" : `${reason} ${note}`;
    if (standing === this.#standing) return;
    this.#standing = standing;
    const { log } = this.#ports;
    if (reason === undefined) log.info("this node may own addresses again");
    else log.info("this node is to own no addresses", { reason, ...(note === "" ? {} : { note }) });
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

  configured(pools: number): void {
    const { log, metrics } = this.#ports;
    metrics.configLoaded.set(1);
    metrics.configStale.set(0);
    this.#refusal = "";
    this.#wasConfigured = true;
    log.info("configuration loaded", { pools });
  }

  /** Said once for each different text: the API tells the same more than once. */
  refused(message: string, mistakes: readonly string[]): void {
    const { log, metrics } = this.#ports;
    metrics.configStale.set(1);
    if (message === this.#refusal) return;
    this.#refusal = message;
    metrics.updateErrors.inc();
    const then = this.#wasConfigured
      ? "the last one stays in force"
      : "nothing is announced until there is one";
    if (mistakes.length === 0) log.warn(`no configuration; ${then}`, { reason: message });
    else log.error(`configuration refused; ${then}`, { mistakes });
  }

  #tookOver(key: ServiceKey, decision: Extract<Decision, { type: "announce" }>): void {
    const { log, metrics, recordEvent } = this.#ports;
    metrics.takeovers.inc();
    log.info("announcing", { service: key, addresses: decision.addresses });
    const [namespace = "", name = ""] = key.split("/");
    const regarding = {
      apiVersion: "v1",
      kind: "Service",
      namespace,
      name,
      uid: this.#uids.get(key) ?? "",
    };
    recordEvent({
      regarding,
      type: "Normal",
      reason: "nodeAssigned",
      message: `announcing from node "${this.#node}" with protocol "layer2"`,
    });
  }

  #setSeries(service: ServiceKey, before: readonly IpAddress[], after: readonly IpAddress[]): void {
    const { announced } = this.#ports.metrics;
    const labels = (ip: string): Record<"service" | "protocol" | "node" | "ip", string> => ({
      service,
      protocol: "layer2",
      node: this.#node,
      ip,
    });
    for (const ip of before) if (!after.includes(ip)) announced.remove(labels(ip));
    for (const ip of after) if (!before.includes(ip)) announced.set(labels(ip), 1);
  }
}
