import type { Log } from "@herald/daemon/log";
import type { Interface } from "@herald/layer2/announcer";
import type { ConflictOptions } from "@herald/layer2/conflict-options";
import { Holder, type HolderInput } from "@herald/layer2/holder";
import type { AnnouncerOptions } from "@herald/layer2/options";
import type { Clock, Random } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import { captureFilter, SNAP_OCTETS } from "./capture-filter.ts";
import { Captures, type CapturesEffect, type CapturesInput, type CapturesOptions } from "./captures.ts";
import type { GroupPort } from "./group-port.ts";
import {
  type FitInterface,
  judgeLink,
  type Link,
  mostUsedFirst,
  UNFIT_REASONS,
  type UnfitReason,
} from "./interface-rules.ts";
import type { Layer2Metrics } from "./metrics.ts";
import type { Capture, PacketPort } from "./packet-port.ts";
import { type AddressNews, performing } from "./perform-layer2.ts";
import type { SpeakerMeta } from "./speaker-meta.ts";

export interface Layer2Options {
  /** Name of the node this speaker runs on. */
  readonly node: string;
  readonly announcer: AnnouncerOptions;
  readonly conflicts: ConflictOptions;
  readonly captures: CapturesOptions;
  /** Patterns of interfaces to leave alone. */
  readonly excludedInterfaces: readonly RegExp[];
}

export interface Layer2Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly packets: PacketPort;
  readonly groups: GroupPort;
  readonly log: Log;
  readonly metrics: Layer2Metrics;
  /** The end of a `yield`; `heard` when the new owner was. */
  readonly onYielded: (address: IpAddress, heard: boolean) => void;
  /** The interfaces to announce on, whenever they may be others. */
  readonly onStations: (stations: SpeakerMeta) => void;
  /** What became of an address that is to be announced here. */
  readonly onNews: (news: AddressNews) => void;
  /**
   * Whether an interface is still the one it was. A capture opens by name, and in between another may have come
   * under that name: answers would carry the MAC of the one that is gone.
   */
  readonly isStill: (station: Interface) => boolean;
  /** A capture ended by itself: something happened to its interface. */
  readonly onCaptureLost: () => void;
}

export interface Layer2 {
  readonly feed: (input: HolderInput) => void;
  readonly setLinks: (links: readonly Link[]) => void;
  /** Whose interfaces of speakers are, of those told of; `undefined`: nobody's any more. */
  readonly hearSpeakers: (names: ReadonlyMap<MacAddress, string | undefined>) => void;
  /** Silence, at once. */
  readonly stop: () => void;
}

/** The holder of addresses on this node's interfaces: one capture on each that is fit. */
export function runLayer2(options: Layer2Options, ports: Layer2Ports): Layer2 {
  return new RunningLayer2(options, ports);
}

class RunningLayer2 implements Layer2 {
  readonly feed: (input: HolderInput) => void;
  readonly #excluded: readonly RegExp[];
  readonly #self: string;
  readonly #ports: Layer2Ports;
  readonly #holder: Driven<HolderInput>;
  readonly #captures: Driven<CapturesInput>;
  /** By interface; what {@link Captures} keeps open or opens. */
  readonly #open = new Map<string, Capture>();
  /** Interfaces whose capture runs. */
  readonly #announcing = new Set<string>();
  /** Interfaces whose capture failed and is not back yet. */
  readonly #deaf = new Set<string>();
  #verdicts: readonly (FitInterface | UnfitReason)[] = [];
  /** Whose every interface of a speaker is, this node's included. */
  readonly #speakers = new Map<MacAddress, string>();
  /** This node's MAC addresses, and whose they are said to be. */
  #own: ReadonlyMap<MacAddress, string | undefined> = new Map();

  constructor(options: Layer2Options, ports: Layer2Ports) {
    const { node: self, announcer, conflicts } = options;
    this.#self = self;
    this.#excluded = options.excludedInterfaces;
    this.#ports = ports;
    const core = new Holder({ self, announcer, conflicts }, ports.random);
    this.#holder = drive(core, ports.clock, performing(this.#open, ports));
    this.feed = this.#holder.feed;
    this.#captures = drive(new Captures(options.captures), ports.clock, (effect) => this.#perform(effect));
  }

  readonly setLinks = (links: readonly Link[]): void => {
    this.#setOwn(links.map(({ mac }) => mac).filter((mac) => mac !== undefined));
    this.#verdicts = links.map((link) => judgeLink(link, this.#excluded));
    const interfaces = this.#fit();
    for (const name of this.#deaf) if (!interfaces.some((fit) => fit.name === name)) this.#deaf.delete(name);
    this.#tellStations();
    this.#captures.feed({ type: "interfaces", interfaces });
    this.#countStates();
  };

  hearSpeakers(names: ReadonlyMap<MacAddress, string | undefined>): void {
    const own = new Map(this.#own);
    for (const [mac, name] of names) {
      if (own.has(mac)) own.set(mac, name);
      else this.#setName(mac, name);
    }
    this.#own = own;
    this.#tellSpeakers();
  }

  stop(): void {
    this.#captures.stop();
    this.#holder.stop();
    this.#ports.groups.leaveAll();
    for (const capture of this.#open.values()) capture.close();
    this.#open.clear();
  }

  /** All of this node's, also those that nothing is announced on: its kernel answers on every one. */
  #setOwn(macs: readonly MacAddress[]): void {
    const before = this.#own;
    for (const [mac, name] of before) this.#setName(mac, name);
    this.#own = new Map(macs.map((mac) => [mac, this.#speakers.get(mac)]));
    for (const mac of macs) this.#setName(mac, this.#self);
    this.#tellSpeakers();
  }

  #setName(mac: MacAddress, name: string | undefined): void {
    if (name === undefined) this.#speakers.delete(mac);
    else this.#speakers.set(mac, name);
  }

  #tellSpeakers(): void {
    this.#holder.feed({ type: "speakers", names: this.#speakers });
  }

  #fit(): readonly FitInterface[] {
    return this.#verdicts.filter((verdict) => typeof verdict !== "string");
  }

  #tellStations(): void {
    const fit = this.#fit();
    const usable = fit.filter(({ name, operational }) => operational && !this.#deaf.has(name));
    this.#ports.onStations({
      macs: mostUsedFirst(fit).map(({ mac }) => mac),
      interfaces: new Set(usable.map(({ name }) => name)),
    });
  }

  #perform(effect: CapturesEffect): void {
    const { log } = this.#ports;
    switch (effect.type) {
      case "open":
        this.#openCapture(effect.interface);
        return;
      case "close":
        this.#open.get(effect.interface)?.close();
        this.#open.delete(effect.interface);
        return;
      case "interface-up":
        this.#announcing.add(effect.interface.name);
        log.info("announcing on interface", { interface: effect.interface.name, mac: effect.interface.mac });
        this.#holder.feed(effect);
        return;
      case "interface-down":
        this.#announcing.delete(effect.interface);
        log.info("no longer announcing on interface", { interface: effect.interface });
        this.#holder.feed(effect);
        return;
    }
  }

  #openCapture(station: Interface): void {
    const { name, mac } = station;
    const { packets, metrics, isStill } = this.#ports;
    const fail = (message: string): void => this.#captureFailed(name, message);
    const capture = packets.open({
      interfaceName: name,
      filter: captureFilter(mac),
      snapOctets: SNAP_OCTETS,
      onOpen: () => {
        if (!isStill(station)) {
          capture.close();
          fail("it changed while the capture was opened");
          return;
        }
        metrics.captureOpens.inc();
        this.#captures.feed({ type: "opened", interface: name });
        if (this.#deaf.delete(name)) this.#tellStations();
        this.#countStates();
      },
      onFrame: (bytes) => this.#holder.feed({ type: "frame", interface: name, bytes }),
      onFailure: fail,
    });
    this.#open.set(name, capture);
  }

  #captureFailed(name: string, reason: string): void {
    const { log, metrics, onCaptureLost } = this.#ports;
    metrics.captureFailures.inc();
    log.warn("capture failed", { interface: name, reason });
    this.#open.delete(name);
    this.#captures.feed({ type: "failed", interface: name });
    this.#deaf.add(name);
    this.#tellStations();
    this.#countStates();
    onCaptureLost();
  }

  #countStates(): void {
    countStates(this.#verdicts, this.#announcing, this.#ports.metrics);
  }
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
