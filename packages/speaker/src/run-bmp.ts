import { type BmpEffect, type BmpInput, type BmpSources, DEFAULT_BMP_OPTIONS } from "@herald/bgp/bmp-effect";
import { BmpExporter } from "@herald/bgp/bmp-exporter";
import type { PeerEnd, PeerUp } from "@herald/bgp/bmp-message";
import type { Log } from "@herald/daemon/log";
import type { Clock, Random } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import type { BmpMetrics } from "./bmp-metrics.ts";
import type { DialStation, SessionMonitor, StationConnection } from "./bmp-port.ts";
import { type BmpStation, formatStation } from "./bmp-station.ts";

export interface BmpMonitorPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly dial: DialStation;
  readonly log: Log;
  readonly metrics: BmpMetrics;
}

export interface BmpMonitorOptions {
  readonly station: BmpStation;
  /** Name of the node this speaker runs on. */
  readonly node: string;
  readonly version: string;
}

/** Tells one monitoring station of all sessions, over a connection that is made again and again. */
export class BmpMonitor implements SessionMonitor {
  readonly #ports: BmpMonitorPorts;
  readonly #station: BmpStation;
  readonly #label: string;
  readonly #driven: Driven<BmpInput>;
  #connection: StationConnection | undefined;
  /** What was said last of why there is no connection: once for each new answer. */
  #said = "";

  constructor(
    { station, node, version }: BmpMonitorOptions,
    ports: BmpMonitorPorts,
    sources: Pick<BmpSources, "told" | "families" | "count">,
  ) {
    const { clock, random, epochMs } = ports;
    this.#ports = ports;
    this.#station = station;
    this.#label = formatStation(station);
    const options = { ...DEFAULT_BMP_OPTIONS, sysName: node, sysDescr: `Herald ${version}` };
    const core = new BmpExporter(options, {
      ...sources,
      random,
      epochMs: (now) => epochMs() - (clock.now() - now),
    });
    this.#driven = drive(core, clock, (effect) => this.#perform(effect));
    ports.metrics.connected.set({ station: this.#label }, 0);
    this.#driven.feed({ type: "start" });
  }

  up(name: string, up: PeerUp): void {
    this.#driven.feed({ type: "up", name, up });
  }

  down(name: string, end: PeerEnd): void {
    this.#driven.feed({ type: "down", name, end });
  }

  told(name: string, updates: Uint8Array): void {
    this.#driven.feed({ type: "told", name, updates });
  }

  stop(): void {
    this.#driven.feed({ type: "stop" });
    this.#driven.stop();
  }

  #perform(effect: BmpEffect): void {
    const { log, metrics } = this.#ports;
    switch (effect.type) {
      case "connect":
        this.#connection = this.#ports.dial(this.#station, {
          onConnected: () => this.#driven.feed({ type: "connected" }),
          onSent: () => this.#driven.feed({ type: "sent" }),
          onClosed: (why) => this.#driven.feed({ type: "closed", why }),
        });
        return;
      case "send":
        this.#connection?.send(effect.bytes);
        return;
      case "close":
        this.#connection?.close();
        return;
      case "up":
        this.#said = "";
        metrics.connected.set({ station: this.#label }, 1);
        log.info("BMP station connected", { station: this.#label });
        return;
      case "down": {
        const { reason, text } = effect;
        metrics.connected.set({ station: this.#label }, 0);
        metrics.downs.inc({ station: this.#label, reason });
        const why = `${reason} ${text}`; // the text may be empty
        if (this.#said !== why || reason === "slow")
          log.warn("BMP station is told nothing", { station: this.#label, reason, text });
        this.#said = why;
      }
    }
  }
}
