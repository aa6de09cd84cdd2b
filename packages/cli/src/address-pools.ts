import type { ClusterReading } from "./cluster-reading.ts";
import { type Finding, LINKS, refused } from "./findings.ts";

/** AddressPools of MetalLB 0.13: 0.14 dropped the kind, and nothing of ours reads it. */
export function judgeAddressPools({ addressPools, namespace }: ClusterReading): readonly Finding[] {
  return addressPools.map(({ metadata: { name }, spec }) => {
    const { protocol } = (spec ?? {}) as { readonly protocol?: unknown };
    const advertisement =
      protocol === "bgp" ? "a BGPAdvertisement for each of its bgpAdvertisements" : "an L2Advertisement";
    const text = `is not read, as from MetalLB 0.14 on: write an IPAddressPool with its addresses and autoAssign, and ${advertisement} with ipAddressPools: [${name}]`;
    return refused("AddressPool", `${namespace}/${name}`, [{ field: "", text, link: LINKS.addressPools }]);
  });
}
