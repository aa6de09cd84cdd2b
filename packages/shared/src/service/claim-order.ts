import type { ServiceView } from "./view.ts";

/**
 * Sorts Services by who keeps an address that several claim: the older one, then the lower key. A total
 * order, so the winner is the same after every restart.
 */
export function byClaim(one: ServiceView, other: ServiceView): number {
  return one.createdAtMs - other.createdAtMs || compareText(one.key, other.key);
}

/** By code unit: never by the locale of whoever runs the program. */
function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
