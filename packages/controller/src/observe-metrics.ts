import { Gauge, type Registry } from "prom-client";
import { OUTCOMES, type WouldPage } from "./observe.ts";

/** What a controller that only observes has to say. */
export interface ObserverMetrics {
  looked(page: WouldPage): void;
}

export function createObserverMetrics(registry: Registry): ObserverMetrics {
  const registers = [registry];
  const services = new Gauge({
    name: "herald_controller_would_services",
    help: `With --observe-only: Services by what would become of their addresses: ${Object.keys(OUTCOMES).join(", ")}.`,
    labelNames: ["outcome"],
    registers,
  });
  const lost = new Gauge({
    name: "herald_controller_would_lose_addresses",
    help: "With --observe-only: addresses in statuses that would change or go; 0 before a move.",
    registers,
  });
  const configured = new Gauge({
    name: "herald_controller_would_be_configured",
    help: "With --observe-only: 1 while a configuration would be in force; without one nothing would be given out.",
    registers,
  });
  return {
    looked: (page) => {
      for (const [outcome, count] of Object.entries(page.counts)) services.set({ outcome }, count);
      lost.set(page.lost);
      configured.set(Number(page.configured));
    },
  };
}
