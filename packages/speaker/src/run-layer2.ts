import type { Log } from "@herald/daemon/log";
import { Announcer, type AnnouncerInput, type Interface } from "@herald/layer2/announcer";
import type { AnnouncerOptions } from "@herald/layer2/options";
import type { Clock } from "@herald/shared/core";
import { drive } from "@herald/shared/driver";
import type { IpAddress } from "@herald/shared/ip/address";
import { captureFilter, SNAP_OCTETS } from "./capture-filter.ts";
import { Captures, type CapturesEffect, type CapturesOptions } from "./captures.ts";
import type { GroupPort } from "./group-port.ts";
import {
  type FitInterface,
  judgeLink,
  type Link,
  UNFIT_REASONS,
  type UnfitReason,
} from "./interface-rules.ts";
import type { Layer2Metrics } from "./metrics.ts";
import type { Capture, PacketPort } from "./packet-port.ts";
import { performing } from "./perform-layer2.ts";

export interface Layer2Options {
  readonly announcer: AnnouncerOptions;
  readonly captures: CapturesOptions;
  /** Patterns of interfaces to leave alone. */
  readonly excludedInterfaces: readonly RegExp[];
}

export interface Layer2Ports {
  readonly clock: Clock;
  readonly packets: PacketPort;
  readonly groups: GroupPort;
  readonly log: Log;
  readonly metrics: Layer2Metrics;
  /** The end of a `yield`; `heard` when the new owner was. */
  readonly onYielded: (address: IpAddress, heard: boolean) => void;
  /**
   * Whether an interface is still the one it was. A capture opens by name, and in between another may have come
   * under that name: answers would carry the MAC of the one that is gone.
   */
  readonly isStill: (station: Interface) => boolean;
  /** A capture ended by itself: something happened to its interface. */
  readonly onCaptureLost: () => void;
}

export interface Layer2 {
  readonly feed: (input: AnnouncerInput) => void;
  readonly setLinks: (links: readonly Link[]) => void;
  /** Silence, at once. */
  readonly stop: () => void;
}

/** The announcer on this node's interfaces: one capture on each that is fit. */
export function runLayer2(options: Layer2Options, ports: Layer2Ports): Layer2 {
  const { clock, log, metrics } = ports;
  /** By interface; what {@link Captures} keeps open or opens. */
  const open = new Map<string, Capture>();
  /** Interfaces whose capture runs. */
  const announcing = new Set<string>();
  let verdicts: readonly (FitInterface | UnfitReason)[] = [];

  const announcer = drive(new Announcer(options.announcer), clock, performing(open, ports));
  const captures = drive(new Captures(options.captures), clock, (effect: CapturesEffect): void => {
    switch (effect.type) {
      case "open":
        openCapture(effect.interface);
        return;
      case "close":
        open.get(effect.interface)?.close();
        open.delete(effect.interface);
        return;
      case "interface-up":
        announcing.add(effect.interface.name);
        log.info("announcing on interface", { interface: effect.interface.name, mac: effect.interface.mac });
        announcer.feed(effect);
        return;
      case "interface-down":
        announcing.delete(effect.interface);
        log.info("no longer announcing on interface", { interface: effect.interface });
        announcer.feed(effect);
        return;
    }
  });

  const openCapture = (station: Interface): void => {
    const { name, mac } = station;
    const fail = (message: string): void => {
      metrics.captureFailures.inc();
      log.warn("capture failed", { interface: name, reason: message });
      open.delete(name);
      captures.feed({ type: "failed", interface: name });
      countStates(verdicts, announcing, metrics);
      ports.onCaptureLost();
    };
    const capture = ports.packets.open({
      interfaceName: name,
      filter: captureFilter(mac),
      snapOctets: SNAP_OCTETS,
      onOpen: () => {
        if (!ports.isStill(station)) {
          capture.close();
          fail("it changed while the capture was opened");
          return;
        }
        metrics.captureOpens.inc();
        captures.feed({ type: "opened", interface: name });
        countStates(verdicts, announcing, metrics);
      },
      onFrame: (bytes) => announcer.feed({ type: "frame", interface: name, bytes }),
      onFailure: fail,
    });
    open.set(name, capture);
  };

  return {
    feed: announcer.feed,
    setLinks: (links) => {
      verdicts = links.map((link) => judgeLink(link, options.excludedInterfaces));
      const interfaces = verdicts.filter((verdict): verdict is FitInterface => typeof verdict !== "string");
      captures.feed({ type: "interfaces", interfaces });
      countStates(verdicts, announcing, metrics);
    },
    stop: () => {
      captures.stop();
      announcer.stop();
      ports.groups.leaveAll();
      closeAll(open);
    },
  };
}

function closeAll(open: Map<string, Capture>): void {
  for (const capture of open.values()) capture.close();
  open.clear();
}

function countStates(
  verdicts: readonly (FitInterface | UnfitReason)[],
  announcing: ReadonlySet<string>,
  metrics: Layer2Metrics,
): void {
  const counts = new Map<string, number>();
  for (const verdict of verdicts) {
    const state =
      typeof verdict === "string" ? verdict : announcing.has(verdict.name) ? "announcing" : "opening";
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  for (const state of ["announcing", "opening", ...Object.keys(UNFIT_REASONS)]) {
    metrics.interfaces.set({ state }, counts.get(state) ?? 0);
  }
}
