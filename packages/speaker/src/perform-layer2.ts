import type { Log } from "@herald/daemon/log";
import type { HolderEffect } from "@herald/layer2/holder";
import type { IpAddress } from "@herald/shared/ip/address";
import type { GroupPort, Membership } from "./group-port.ts";
import type { Layer2Metrics } from "./metrics.ts";
import type { Capture } from "./packet-port.ts";

/** What the operator may want to know about an address that is to be announced here. */
export type AddressNews = Extract<
  HolderEffect,
  {
    readonly type:
      | "announcing"
      | "probed"
      | "conflict"
      | "settled"
      | "defended"
      | "lost"
      | "quarantined"
      | "released";
  }
>;

export interface PerformPorts {
  readonly groups: GroupPort;
  readonly log: Log;
  readonly metrics: Layer2Metrics;
  readonly onYielded: (address: IpAddress, heard: boolean) => void;
  readonly onNews: (news: AddressNews) => void;
}

/**
 * Does what the holder says, and counts it.
 *
 * @param open the captures, by interface, as they are whenever it says something.
 */
export function performing(
  open: ReadonlyMap<string, Capture>,
  ports: PerformPorts,
): (effect: HolderEffect) => void {
  const { groups, metrics, onYielded } = ports;
  let sent = false; // whether the last `send` went out: what follows it is counted only then
  return (effect) => {
    switch (effect.type) {
      case "send":
        sent = open.get(effect.interface)?.send(effect.bytes) === "sent";
        if (!sent) metrics.sendFailures.inc();
        return;
      case "answered":
        countAnswer(effect.address, sent, metrics);
        return;
      case "gratuitous":
      case "advertised":
      case "refreshed":
      case "introduced":
        if (sent) countUnasked(effect, metrics);
        return;
      case "dropped":
        metrics.framesDropped[effect.protocol][effect.reason]?.inc();
        return;
      case "join":
        join(effect, ports);
        return;
      case "leave":
        groups.leave(effect);
        return;
      case "yielded":
        onYielded(effect.address, effect.by !== undefined);
        return;
      default:
        ports.onNews(effect);
    }
  };
}

function countAnswer(address: IpAddress, sent: boolean, metrics: Layer2Metrics): void {
  const counters = metrics.ofAddress(address);
  counters.requests.inc();
  if (!sent) return;
  counters.responses.inc();
  counters.answers.inc();
}

function countUnasked(
  effect: Extract<HolderEffect, { type: "gratuitous" | "advertised" | "refreshed" | "introduced" }>,
  metrics: Layer2Metrics,
): void {
  if (effect.type === "refreshed" || effect.type === "introduced") {
    metrics.spread[effect.type].inc();
    return;
  }
  metrics.ofAddress(effect.address).gratuitous.inc();
  metrics.gratuitous[effect.type === "advertised" ? "advertisement" : effect.operation].inc();
}

function join(membership: Membership, { groups, log, metrics }: PerformPorts): void {
  const outcome = groups.join(membership);
  if (outcome === "joined") return;
  metrics.joinFailures.inc();
  const { interface: name, group } = membership;
  log.warn("group not joined", { interface: name, group, reason: outcome.refused });
}
