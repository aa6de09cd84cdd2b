import type { Would } from "@herald/controller/observe";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { PlanConfig } from "@herald/speaker/plan";
import { differs, LINKS, type Remark } from "./findings.ts";

/**
 * @param config `undefined` while none would be in force.
 * @returns the Services that keep an address which no node would announce, though MetalLB does, and why.
 */
export function silencesOf(
  config: PlanConfig | undefined,
  services: readonly ServiceView[],
  would: readonly Would[],
): ReadonlyMap<ServiceKey, Remark> {
  const kept = new Map(would.filter(keepsSome).map((each) => [each.service, each.would]));
  const silences = new Map<ServiceKey, Remark>();
  for (const { key } of services) {
    if (kept.has(key) && config === undefined) silences.set(key, UNCONFIGURED);
  }
  return silences;
}

function keepsSome({ has, would }: Would): boolean {
  return has.some((address) => would.includes(address));
}

const UNCONFIGURED = differs("is not announced: no configuration would be in force", LINKS.check);
