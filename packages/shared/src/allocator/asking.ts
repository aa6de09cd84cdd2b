import type { Pool } from "../config/config.ts";
import { familyOf } from "../ip/address.ts";
import { annotation } from "../service/annotations.ts";
import { namespaceOf, type ServiceView } from "../service/view.ts";
import type { Held } from "./allocator.ts";
import { exclusionFrom } from "./pool-state.ts";
import { claimOf } from "./sharing.ts";

/**
 * All that decides what a Service would be given, as one text: whoever has the same is answered the same, in
 * the same words but for its name. Spares asking for thousands who wait for the same thing one by one.
 *
 * @param held what it has already; of the addresses themselves only how many of which family.
 */
export function askingOf(pools: readonly Pool[], view: ServiceView, held: Held | undefined): string {
  const { inNamespace, inCluster, ports } = claimOf(view);
  const hasQuota = pools.some(({ rules }) => rules?.quotaPerNamespace !== undefined);
  const isNamed = pools.some(({ rules }) => rules?.reserved.some(({ service }) => service === view.key));
  return JSON.stringify([
    annotation(view.annotations, "address-pool"),
    annotation(view.annotations, "loadBalancerIPs"),
    view.loadBalancerIp,
    view.clusterIps.map(familyOf),
    view.ipFamilyPolicy,
    view.ipFamilies[0],
    inNamespace,
    inCluster,
    inCluster === undefined ? [] : ports,
    hasQuota ? namespaceOf(view.key) : "",
    isNamed ? view.key : "",
    pools.map((pool) => exclusionFrom(pool, view)),
    held?.pool,
    held?.addresses.map(familyOf),
  ]);
}
