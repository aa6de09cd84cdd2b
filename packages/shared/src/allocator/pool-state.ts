import type { Pool } from "../config/config.ts";
import { familyOf, type IpAddress, type IpFamily, toBigint } from "../ip/address.ts";
import { matchesSelector } from "../service/label-selector.ts";
import { namespaceOf, type ServiceKey, type ServiceView } from "../service/view.ts";
import { NO_RULES, type PoolRules, rangesToGiveOut } from "./pool-rules.ts";
import { Quota } from "./quota.ts";
import type { Claim, SharingTerms } from "./sharing.ts";
import { Space } from "./space.ts";

/** A pool as configured, with the state of its addresses. */
export interface PoolState {
  readonly config: Pool;
  readonly rules: PoolRules;
  /** Whether a sharing key means the same in every namespace. */
  readonly sharesAcross: boolean;
  readonly spaces: Readonly<Record<IpFamily, Space>>;
  readonly quota: Quota;
  /** Whom an address is set aside for, by the operator; those of this pool alone. */
  readonly reservedFor: ReadonlyMap<IpAddress, ReadonlySet<ServiceKey>>;
  /** The same the other way round. */
  readonly reservations: ReadonlyMap<ServiceKey, readonly IpAddress[]>;
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

/** @param sharingAcrossNamespaces whether all pools share across namespaces, whatever they say. */
export function createPoolState(config: Pool, sharingAcrossNamespaces: boolean): PoolState {
  const { rules = NO_RULES } = config;
  const ranges = rangesToGiveOut(config.ranges, rules);
  const space = (family: IpFamily) =>
    new Space(
      ranges.filter((range) => range.family === family),
      config.avoidBuggyIps,
    );
  const spaces = { 4: space(4), 6: space(6) };
  const reservedFor = new Map<IpAddress, Set<ServiceKey>>();
  const reservations = new Map<ServiceKey, IpAddress[]>();
  for (const { address, service } of rules.reserved) {
    const position = spaces[familyOf(address)].positionOf(toBigint(address));
    if (position === undefined) continue;
    spaces[familyOf(address)].reserve(position);
    reservedFor.set(address, (reservedFor.get(address) ?? new Set<ServiceKey>()).add(service));
    reservations.set(service, [...(reservations.get(service) ?? []), address]);
  }
  const sharesAcross = sharingAcrossNamespaces || rules.sharingAcrossNamespaces;
  const quota = new Quota(rules.quotaPerNamespace);
  return { config, rules, sharesAcross, spaces, quota, reservedFor, reservations };
}

/** With whom the Service may share in this pool; `undefined`: with nobody. */
export function termsIn({ sharesAcross }: PoolState, claim: Claim): SharingTerms | undefined {
  return sharesAcross ? claim.inCluster : claim.inNamespace;
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
