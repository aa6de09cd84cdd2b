import { Gauge, type Registry } from "prom-client";
import type { WouldAnnounce } from "./observe.ts";

/** What a speaker that only observes has to say. */
export interface ObserverMetrics {
  looked(all: readonly WouldAnnounce[]): void;
}

export function createObserverMetrics(registry: Registry): ObserverMetrics {
  const services = new Gauge({
    name: "herald_speaker_would_announce_services",
    help: "With --observe-only: Services whose addresses this node would announce, by protocol; compare with metallb_speaker_announced of MetalLB's speaker on the node.",
    labelNames: ["protocol"],
    registers: [registry],
  });
  return {
    looked: (all) => {
      services.set({ protocol: "layer2" }, all.filter(({ layer2 }) => layer2.length > 0).length);
      services.set({ protocol: "bgp" }, all.filter(({ peers }) => peers.length > 0).length);
    },
  };
}
