import { closest } from "../closest.ts";
import { AllocationError, type AllocationReason } from "../errors.ts";
import { familyOf, fromBigint, type IpAddress, type IpFamily, toBigint } from "../ip/address.ts";
import { namespaceOf, type ServiceView } from "../service/view.ts";
import { exclusionFrom, type PoolState, termsIn } from "./pool-state.ts";
import { describeFamilies, type FamilyWish, requestedPool } from "./request.ts";
import type { Claim } from "./sharing.ts";

/** Addresses somebody may have, all of one pool. */
export interface Choice {
  readonly pool: PoolState;
  readonly addresses: readonly IpAddress[];
}

/**
 * Addresses for a Service that asks for none by name: of the pool it names, or else of a pool with an address
 * reserved for it, or else of the pools set aside for such Services, or else of those that are open to everyone.
 * An IPv4 address comes before an IPv6 one.
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
  const lists =
    name === undefined
      ? [reservingPools(pools, view), ...automaticPools(pools, view)]
      : [[namedPool(pools, name, view)]];
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
 * The address of each family that is reserved for whoever claims, or else the lowest that the claim may have, free
 * or shared.
 *
 * @returns `undefined` when the pool gives nothing out, the namespace has all it may have, or the pool lacks an
 *   address of any of the families.
 */
export function lowestAddresses(
  pool: PoolState,
  families: readonly IpFamily[],
  claim: Claim,
): readonly IpAddress[] | undefined {
  if (pool.rules.closed) return undefined;
  const addresses: IpAddress[] = [];
  for (const family of families.toSorted()) {
    const address = reservedAddress(pool, family, claim) ?? lowestAddress(pool, family, claim);
    if (address === undefined) return undefined;
    addresses.push(address);
  }
  return withinQuota(pool, addresses, claim) ? addresses : undefined;
}

/** Whether the namespace may have these addresses beside those that it has. */
export function withinQuota(
  { quota }: PoolState,
  addresses: readonly IpAddress[],
  { service }: Claim,
): boolean {
  const namespace = namespaceOf(service);
  const added = addresses.filter((address) => !quota.has(namespace, address));
  return added.length <= quota.roomOf(namespace);
}

function reservedAddress(pool: PoolState, family: IpFamily, claim: Claim): IpAddress | undefined {
  for (const address of pool.reservations.get(claim.service) ?? []) {
    if (familyOf(address) !== family) continue;
    const space = pool.spaces[family];
    const position = space.positionOf(toBigint(address));
    if (position === undefined || space.isAvoided(toBigint(address))) continue;
    if (space.mayOpenReserved(position, termsIn(pool, claim), claim.ports)) return address;
  }
  return undefined;
}

function lowestAddress(pool: PoolState, family: IpFamily, claim: Claim): IpAddress | undefined {
  const space = pool.spaces[family];
  const terms = termsIn(pool, claim);
  const isFull = pool.quota.roomOf(namespaceOf(claim.service)) === 0; // then only what others of it have will do
  const free = isFull ? undefined : space.lowestFree();
  const shareable = terms === undefined ? undefined : space.lowestShareable(terms, claim.ports);
  const position = free === undefined || (shareable ?? free) < free ? shareable : free;
  return position === undefined ? undefined : fromBigint(family, space.addressAt(position));
}

/** @throws {AllocationError} `unknown-pool`, `pool-not-allowed` */
export function namedPool(pools: readonly PoolState[], name: string, view: ServiceView): PoolState {
  const pool = pools.find(({ config }) => config.name === name);
  if (pool === undefined) {
    const near = closest(
      name,
      pools.map(({ config }) => config.name),
    );
    const hint = near === undefined ? "" : `, but "${near}" does`;
    throw new AllocationError(
      "unknown-pool",
      `the Service asks for pool "${name}", which does not exist${hint}`,
    );
  }
  const exclusion = exclusionFrom(pool.config, view);
  if (exclusion !== undefined) throw new AllocationError("pool-not-allowed", exclusion);
  return pool;
}

/** Pools with an address that is reserved for the Service, also such as give out nothing automatically. */
function reservingPools(pools: readonly PoolState[], view: ServiceView): readonly PoolState[] {
  return pools
    .filter(({ reservations }) => reservations.has(view.key))
    .filter(({ config }) => exclusionFrom(config, view) === undefined);
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
const MAX_POOLS_EXPLAINED = 5;

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
const BY_WEIGHT: readonly AllocationReason[] = [
  "pool-exhausted",
  "quota-reached",
  "pool-closed",
  "wrong-family",
  "pool-not-allowed",
];

function refusalOf(
  pool: PoolState,
  view: ServiceView,
  wish: FamilyWish,
  claim: Claim,
): { reason: AllocationReason; text: string } {
  const { name, autoAssign } = pool.config;
  const exclusion = exclusionFrom(pool.config, view);
  if (exclusion !== undefined) return { reason: "pool-not-allowed", text: exclusion };
  if (pool.rules.closed) return { reason: "pool-closed", text: describeClosed(pool) };
  if (!autoAssign && requestedPool(view) === undefined) {
    return { reason: "pool-not-allowed", text: `pool "${name}" serves only Services that name it` };
  }
  const absent = wish.families.filter((family) => pool.spaces[family].capacity === 0n);
  if (absent.length > 0 && (wish.type === "all" || absent.length === wish.families.length)) {
    return { reason: "wrong-family", text: `pool "${name}" has no ${describeFamilies(absent)} addresses` };
  }
  const needed = wish.type === "all" ? wish.families.length : 1;
  if (pool.quota.roomOf(namespaceOf(view.key)) < needed) {
    return { reason: "quota-reached", text: describeQuota(pool, view) };
  }
  const full = wish.families.filter(
    (family) => !absent.includes(family) && lowestAddresses(pool, [family], claim) === undefined,
  );
  return { reason: "pool-exhausted", text: `pool "${name}" has no free ${describeFamilies(full)} address` };
}

export function describeClosed({ config }: PoolState): string {
  return `pool "${config.name}" is disabled for new Services`;
}

export function describeQuota({ config, quota }: PoolState, { key }: ServiceView): string {
  const namespace = namespaceOf(key);
  const kept = quota.keptFor(namespace);
  const whereof = kept === 0 ? "" : ` (${kept} kept for deleted Services, annotation herald.io/sticky)`;
  return `namespace "${namespace}" has the ${quota.limit} addresses of pool "${config.name}" that it may have${whereof}`;
}
