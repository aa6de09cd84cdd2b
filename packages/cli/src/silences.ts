import type { Would } from "@herald/controller/observe";
import type { IpAddress } from "@herald/shared/ip/address";
import { ANNOTATION_PREFIXES } from "@herald/shared/service/annotations";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { PlanConfig } from "@herald/speaker/plan";
import { advertisementsFor } from "@herald/speaker/plan-scope";
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
  for (const view of services) {
    const addresses = kept.get(view.key);
    const silence = addresses && silenceOf(config, view, addresses);
    if (silence !== undefined) silences.set(view.key, silence);
  }
  return silences;
}

function silenceOf(
  config: PlanConfig | undefined,
  view: ServiceView,
  addresses: readonly IpAddress[],
): Remark | undefined {
  if (config === undefined) return UNCONFIGURED;
  const isWithheld = advertisementsFor(config, view, addresses) === "sharedIPWithServiceSelector";
  return isWithheld ? differs(WITHHELD, LINKS.announcing, sharedIn(view)) : undefined;
}

/** The annotation with a sharing key, as somebody wrote it. */
function sharedIn({ annotations }: ServiceView): string {
  const keys = ANNOTATION_PREFIXES.map((prefix) => `${prefix}allow-shared-ip`);
  return `metadata.annotations["${keys.find((key) => key in annotations) ?? keys[0]}"]`;
}

function keepsSome({ has, would }: Would): boolean {
  return has.some((address) => would.includes(address));
}

const WITHHELD =
  "no node answers for it, since an L2Advertisement for it has serviceSelectors; MetalLB up to 0.16.1 answers. Take one of the two away";

const UNCONFIGURED = differs("is not announced: no configuration would be in force", LINKS.check);
