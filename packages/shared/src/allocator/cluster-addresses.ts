import type { Pool } from "../config/config.ts";
import { familyOf, type IpAddress, type IpFamily, toBigint } from "../ip/address.ts";
import { type IpRange, rangeContains } from "../ip/range.ts";
import { byClaim } from "../service/claim-order.ts";
import type { ServiceKey, ServiceView } from "../service/view.ts";
import type { ClusterNetwork } from "./network-overlaps.ts";
import { NO_RULES, rangesToGiveOut } from "./pool-rules.ts";
import { Space } from "./space.ts";

/**
 * Cluster addresses of Services that lie in pools though no known network has them, as networks: for each pool and
 * family that of the oldest Service. Why that: whatever Services come, it is the same one.
 *
 * @param pools no two overlapping.
 * @param known networks of Services, as far as the API server tells.
 */
export function strayClusterAddresses(
  pools: readonly Pool[],
  services: Iterable<ServiceView>,
  known: readonly ClusterNetwork[],
): readonly ClusterNetwork[] {
  const givenOut = pools.map(({ ranges, rules = NO_RULES }) => rangesToGiveOut(ranges, rules));
  const everywhere = { 4: spaceOf(givenOut.flat(), 4), 6: spaceOf(givenOut.flat(), 6) };
  const isAnywhere = (address: IpAddress): boolean =>
    everywhere[familyOf(address)].positionOf(toBigint(address)) !== undefined;
  const strays = [...services]
    .filter(({ clusterIps }) => clusterIps.some(isAnywhere))
    .sort(byClaim)
    .flatMap(({ key, clusterIps }) => straysOf(clusterIps, known).map((address) => networkOf(key, address)));
  return givenOut.flatMap((ranges) =>
    ([4, 6] as const).flatMap((family) => {
      const space = spaceOf(ranges, family);
      const isIn = ({ range }: ClusterNetwork): boolean =>
        range.family === family && space.positionOf(range.first) !== undefined;
      return strays.find(isIn) ?? [];
    }),
  );
}

/** Whether the Service has a cluster address that none of the networks has. */
export function hasStray({ clusterIps }: ServiceView, known: readonly ClusterNetwork[]): boolean {
  return straysOf(clusterIps, known).length > 0;
}

function straysOf(addresses: readonly IpAddress[], known: readonly ClusterNetwork[]): readonly IpAddress[] {
  return addresses.filter((address) => !known.some(({ range }) => rangeContains(range, address)));
}

function spaceOf(ranges: readonly IpRange[], family: IpFamily): Space {
  return new Space(
    ranges.filter((range) => range.family === family),
    false,
  );
}

function networkOf(key: ServiceKey, address: IpAddress): ClusterNetwork {
  const value = toBigint(address);
  const range = { family: familyOf(address), first: value, last: value, text: address };
  return { what: `the cluster address of Service ${key}`, range };
}
