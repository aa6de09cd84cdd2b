import type { Pool } from "../config/config.ts";
import type { IpFamily } from "../ip/address.ts";
import { matchesSelector } from "../service/label-selector.ts";
import { namespaceOf, type ServiceView } from "../service/view.ts";
import { Space } from "./space.ts";

/** A pool as configured, with the state of its addresses. */
export interface PoolState {
  readonly config: Pool;
  readonly spaces: Readonly<Record<IpFamily, Space>>;
}

/** How full a pool is. An address that several Services share counts once. */
export interface PoolUsage {
  readonly pool: string;
  readonly ipv4: FamilyUsage;
  readonly ipv6: FamilyUsage;
}

export interface FamilyUsage {
  /** Addresses that may be given out; up to 2^128, see `saturate`. */
  readonly total: bigint;
  readonly inUse: number;
}

export function createPoolState(config: Pool): PoolState {
  const space = (family: IpFamily) =>
    new Space(
      config.ranges.filter((range) => range.family === family),
      config.avoidBuggyIps,
    );
  return { config, spaces: { 4: space(4), 6: space(6) } };
}

export function usageOf({ config, spaces }: PoolState): PoolUsage {
  const usage = (space: Space) => ({ total: space.capacity, inUse: space.inUse });
  return { pool: config.name, ipv4: usage(spaces[4]), ipv6: usage(spaces[6]) };
}

/** A count for where only a number will do, a metric or a status: huge ones stop at 2^53 - 1. */
export function saturate(count: bigint): number {
  return count > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(count);
}

/** Why a Service may not use a pool at all; `undefined` when it may. */
export function exclusionFrom({ name, serviceAllocation }: Pool, view: ServiceView): string | undefined {
  if (serviceAllocation === undefined) return undefined;
  const { namespaces, serviceSelectors } = serviceAllocation;
  const namespace = namespaceOf(view.key);
  if (namespaces !== undefined && !namespaces.has(namespace)) {
    return `pool "${name}" does not serve namespace "${namespace}"`;
  }
  if (
    serviceSelectors.length > 0 &&
    !serviceSelectors.some((selector) => matchesSelector(selector, view.labels))
  ) {
    return `pool "${name}" does not serve Services with these labels`;
  }
  return undefined;
}
