import { AllocationError, type AllocationReason } from "../errors.ts";
import { fromBigint, type IpAddress, type IpFamily } from "../ip/address.ts";
import type { ServiceView } from "../service/view.ts";
import { exclusionFrom, type PoolState } from "./pool-state.ts";
import { describeFamilies, type FamilyWish, requestedPool } from "./request.ts";
import type { SharingTerms } from "./sharing.ts";

/** With whom a Service may share, and what it occupies on an address. */
export interface Claim {
  /** `undefined`: with nobody. */
  readonly terms: SharingTerms | undefined;
  readonly ports: readonly string[];
}

/** Addresses somebody may have, all of one pool. */
export interface Choice {
  readonly pool: PoolState;
  readonly addresses: readonly IpAddress[];
}

/**
 * Addresses for a Service that asks for none by name: of the pool it names, or else of the pools set aside
 * for such Services, or else of those that are open to everyone. An IPv4 address comes before an IPv6 one.
 *
 * @throws {AllocationError} naming every pool that was considered and what was wrong with it.
 */
export function chooseAddresses(
  pools: readonly PoolState[],
  view: ServiceView,
  wish: FamilyWish,
  claim: Claim,
): Choice {
  const name = requestedPool(view);
  const lists = name === undefined ? automaticPools(pools, view) : [[namedPool(pools, name, view)]];
  for (const list of lists) {
    for (const families of attempts(wish)) {
      for (const pool of list) {
        const addresses = lowestAddresses(pool, families, claim);
        if (addresses !== undefined) return { pool, addresses };
      }
    }
  }
  throw describeFailure(name === undefined ? pools : lists.flat(), view, wish, claim);
}

/**
 * The lowest address the claim may have of each family, free or shared.
 *
 * @returns `undefined` when the pool lacks one for any of the families.
 */
export function lowestAddresses(
  { spaces }: PoolState,
  families: readonly IpFamily[],
  { terms, ports }: Claim,
): readonly IpAddress[] | undefined {
  const addresses: IpAddress[] = [];
  for (const family of families.toSorted()) {
    const space = spaces[family];
    const free = space.lowestFree();
    const shareable = terms === undefined ? undefined : space.lowestShareable(terms, ports);
    const position = free === undefined || (shareable ?? free) < free ? shareable : free;
    if (position === undefined) return undefined;
    addresses.push(fromBigint(family, space.addressAt(position)));
  }
  return addresses;
}

/** @throws {AllocationError} `unknown-pool`, `pool-not-allowed` */
export function namedPool(pools: readonly PoolState[], name: string, view: ServiceView): PoolState {
  const pool = pools.find(({ config }) => config.name === name);
  if (pool === undefined) {
    throw new AllocationError("unknown-pool", `the Service asks for pool "${name}", which does not exist`);
  }
  const exclusion = exclusionFrom(pool.config, view);
  if (exclusion !== undefined) throw new AllocationError("pool-not-allowed", exclusion);
  return pool;
}

/** Pools set aside for such Services, best first, and then pools for everyone, in the operator's order. */
function automaticPools(pools: readonly PoolState[], view: ServiceView): readonly (readonly PoolState[])[] {
  const automatic = pools.filter(({ config }) => config.autoAssign);
  const pinned = automatic
    .filter(({ config }) => config.serviceAllocation !== undefined)
    .filter(({ config }) => exclusionFrom(config, view) === undefined)
    .toSorted((one, other) => rank(one) - rank(other)); // stable: equals stay in the operator's order
  return [pinned, automatic.filter(({ config }) => config.serviceAllocation === undefined)];
}

/** Priority 0 comes after all others. */
function rank({ config }: PoolState): number {
  return config.serviceAllocation?.priority || Number.MAX_SAFE_INTEGER;
}

/** Sets of families that would do, best first. */
function attempts(wish: FamilyWish): readonly (readonly IpFamily[])[] {
  if (wish.type === "all") return [wish.families];
  const [first, second] = wish.families;
  return [[first, second], [first], [second]];
}

/** An Event's message is 1,024 octets at most; this keeps it readable, too. */
const MAX_POOLS_EXPLAINED = 6;

function describeFailure(
  pools: readonly PoolState[],
  view: ServiceView,
  wish: FamilyWish,
  claim: Claim,
): AllocationError {
  if (pools.length === 0) return new AllocationError("no-pools", "no pools are configured");
  const refusals = pools.map((pool) => refusalOf(pool, view, wish, claim));
  const reasons = new Set(refusals.map(({ reason }) => reason));
  const reason = BY_WEIGHT.find((candidate) => reasons.has(candidate)) ?? "pool-not-allowed";
  const texts = refusals.slice(0, MAX_POOLS_EXPLAINED).map(({ text }) => text);
  const rest = refusals.length - texts.length;
  if (rest > 0) texts.push(`and ${rest} more ${rest === 1 ? "pool" : "pools"}`);
  return new AllocationError(reason, `no available IPs: ${texts.join("; ")}`);
}

/** Of several pools' reasons the one told: the nearest to success. */
const BY_WEIGHT: readonly AllocationReason[] = ["pool-exhausted", "wrong-family", "pool-not-allowed"];

function refusalOf(
  pool: PoolState,
  view: ServiceView,
  wish: FamilyWish,
  claim: Claim,
): { reason: AllocationReason; text: string } {
  const { name, autoAssign } = pool.config;
  const exclusion = exclusionFrom(pool.config, view);
  if (exclusion !== undefined) return { reason: "pool-not-allowed", text: exclusion };
  if (!autoAssign && requestedPool(view) === undefined) {
    return { reason: "pool-not-allowed", text: `pool "${name}" serves only Services that name it` };
  }
  const absent = wish.families.filter((family) => pool.spaces[family].capacity === 0n);
  if (absent.length > 0 && (wish.type === "all" || absent.length === wish.families.length)) {
    return { reason: "wrong-family", text: `pool "${name}" has no ${describeFamilies(absent)} addresses` };
  }
  const full = wish.families.filter(
    (family) => !absent.includes(family) && lowestAddresses(pool, [family], claim) === undefined,
  );
  return { reason: "pool-exhausted", text: `pool "${name}" has no free ${describeFamilies(full)} address` };
}
