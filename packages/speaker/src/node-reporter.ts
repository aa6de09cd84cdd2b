import type { Log } from "@herald/daemon/log";
import type { SpeakerMetrics } from "./metrics.ts";
import type { WithdrawReason } from "./plan.ts";

/** Tells people how this speaker stands: its configuration and its node, each fact once. */
export class NodeReporter {
  readonly #ports: { readonly log: Log; readonly metrics: SpeakerMetrics };
  #refusal = "";
  /** Why this node is to own nothing; "": it may. */
  #standing = "";
  #wasConfigured = false;

  constructor(ports: { readonly log: Log; readonly metrics: SpeakerMetrics }) {
    this.#ports = ports;
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
    else if (!this.#wasConfigured) log.error(`configuration refused; ${then}`, { mistakes });
    else log.error("parts of the configuration are refused; of each the last good one stays", { mistakes });
  }
}
