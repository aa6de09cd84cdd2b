import type { Pool } from "../config/config.ts";
import type { Instant } from "../core.ts";
import { AllocationError } from "../errors.ts";
import { familyOf, type IpAddress, toBigint } from "../ip/address.ts";
import { rangeContains } from "../ip/range.ts";
import { STICKY } from "../service/annotations.ts";
import { ingressAddresses } from "../service/ingress.ts";
import { namespaceOf, type ServiceKey, type ServiceView } from "../service/view.ts";
import { AddressUses } from "./address-uses.ts";
import { askingOf } from "./asking.ts";
import {
  type Choice,
  chooseAddresses,
  describeClosed,
  describeQuota,
  lowestAddresses,
  namedPool,
  withinQuota,
} from "./choice.ts";
import { Departed, type Departure } from "./departed.ts";
import { stickyMsOf } from "./pool-rules.ts";
import { createPoolState, exclusionFrom, type PoolState, type PoolUsage, usageOf } from "./pool-state.ts";
import {
  describeFamilies,
  type FamilyWish,
  familyWish,
  requestedAddresses,
  requestedPool,
  satisfiesWish,
} from "./request.ts";
import { type Claim, claimOf } from "./sharing.ts";
import type { Space } from "./space.ts";

/** What a Service has: one address, or one of each family, all of one pool. */
export interface Held {
  /** In the order of its request; else IPv4 first; else, when adopted, as its status had them. */
  readonly addresses: readonly IpAddress[];
  readonly pool: string;
}

/**
 * Gives addresses of pools to Services. Deterministic: the same calls in the same order give the same
 * addresses. A Service keeps what it has for as long as it may, whatever better pools appear.
 */
export class Allocator {
  #pools: readonly PoolState[] = [];
  #openings = 0;
  #generation = 0; // of the pools
  readonly #holdings = new Map<ServiceKey, Holding>(); // bounded by the Services of the cluster
  readonly #kept = new Map<ServiceKey, Kept>(); // of others than #holdings; bounded like them
  readonly #uses = new AddressUses(); // the addresses of #holdings and #kept
  readonly #departed = new Departed();
  readonly #sharingAcrossNamespaces: boolean;

  /** @param options.sharingAcrossNamespaces whether a sharing key means the same in every namespace, in all pools. */
  constructor({ sharingAcrossNamespaces = false }: { readonly sharingAcrossNamespaces?: boolean } = {}) {
    this.#sharingAcrossNamespaces = sharingAcrossNamespaces;
  }

  get hasPools(): boolean {
    return this.#pools.length > 0;
  }

  /** Grows whenever somebody who was refused might now succeed. */
  get openings(): number {
    return this.#openings;
  }

  /**
   * Replaces all pools at once. Whoever holds addresses that some one pool still gives out keeps them, under
   * that pool's name. Who may use a pool is not asked here but by the next `hold`. Nothing is kept any more:
   * `keep` it again.
   *
   * @param pools no two of one name, no two overlapping.
   * @param precedence of those who may share no more, the first here keeps the address.
   * @returns those who lost theirs.
   */
  setPools(pools: readonly Pool[], precedence: readonly ServiceKey[] = []): readonly ServiceKey[] {
    const ranks = new Map(precedence.map((key, index) => [key, index]));
    const rank = ([key]: readonly [ServiceKey, unknown]): number => ranks.get(key) ?? precedence.length;
    const holdings = [...this.#holdings].sort((one, other) => rank(one) - rank(other));
    this.#pools = pools.map((pool) => createPoolState(pool, this.#sharingAcrossNamespaces));
    this.#openings += 1;
    this.#generation += 1;
    this.#holdings.clear();
    this.#kept.clear();
    this.#uses.clear();
    const losers = holdings.flatMap(([key, { held, claim }]) => {
      const pool = this.#poolWith(held.addresses);
      const isReserved = held.addresses.some((address) => pool && isReservedForOther(pool, address, key));
      if (pool === undefined || isReserved) return [key];
      this.#take(key, { pool, addresses: held.addresses }, claim);
      return [];
    });
    for (const key of this.#departed.keys()) this.#keepOwnOf(key);
    return losers;
  }

  /**
   * Takes for the Service the addresses that its status has, so that nobody else gets them. Where several
   * claim one address the first caller keeps it: sort them with `byClaim`.
   *
   * @returns what the Service holds now; `undefined` when its status has no address.
   * @throws {AllocationError} when it may not have them; nothing has changed then.
   */
  adopt(view: ServiceView): Held | undefined {
    const addresses = ingressAddresses(view);
    const known = this.#holdings.get(view.key);
    if (known !== undefined || addresses.length === 0) return known?.held;
    const wish = familyWish(view);
    if (!satisfiesWish(wish, addresses)) throw wrongFamily(addresses, wish);
    const claim = claimOf(view);
    return this.#take(view.key, this.#checkedChoice(view, addresses, claim), claim);
  }

  /**
   * Keeps addresses from others for a Service that holds nothing and cannot be judged yet, as far as pools have
   * them, each perhaps another one. They are in use like what is held, also where others want to share them,
   * until the Service is released or asked about by `hold`, or has adopted. Repetition changes nothing.
   *
   * @returns those that others have or that are set aside for others, with why: they are not kept.
   */
  keep(view: ServiceView, addresses: readonly IpAddress[]): ReadonlyMap<IpAddress, AllocationError> {
    const claim = claimOf(view);
    const refusals = new Map<IpAddress, AllocationError>();
    const choices = new Map<IpAddress, PoolState>();
    for (const address of addresses) {
      const pool = this.#poolWith([address]);
      if (pool === undefined) continue;
      const refusal = this.#refusalOf(pool, address, claim);
      if (refusal === undefined) choices.set(address, pool);
      else refusals.set(address, refusal);
    }
    const kept = this.#kept.get(view.key);
    const mine = [...choices.keys()];
    if (kept !== undefined && sameClaim(kept.claim, claim) && sameList(kept.addresses, mine)) return refusals;
    if (this.#giveBackKept(view.key)) this.#openings += 1;
    this.#forgetDeparted(view.key);
    this.#kept.set(view.key, { addresses: mine, claim });
    for (const [address, pool] of choices) this.#uses.add(pool, address, claim);
    return refusals;
  }

  /**
   * Confirms what the Service holds, or else gives it addresses: the same answer every time it is asked. A
   * Service that may not keep what it has, or asks for something else, loses it before it is given anew.
   *
   * @throws {AllocationError} The Service then holds nothing; or, with `invalid-request`, what it held before
   *   if it may still have that.
   */
  hold(view: ServiceView): Held {
    const objection = this.objection(view);
    if (objection?.reason === "invalid-request") throw objection;
    const holding = this.#holdings.get(view.key);
    if (holding !== undefined && objection === undefined) return this.#confirm(view, holding.held);
    const partly = holding === undefined ? undefined : this.#partlyKept(view, holding.held);
    this.release(view.key);
    if (partly !== undefined) return this.#take(view.key, partly, claimOf(view));
    if (!this.hasPools) throw new AllocationError("no-pools", "no pools are configured");
    const requested = requestedAddresses(view);
    const wish = familyWish(view);
    const claim = claimOf(view);
    this.#countDeparted(view.key, false); // Why: what waits for it must not stand in its own way
    try {
      const choice =
        requested.length > 0
          ? this.#requestedChoice(view, requested, wish, claim)
          : (this.#earlierChoice(view, wish, claim) ?? chooseAddresses(this.#pools, view, wish, claim));
      return this.#take(view.key, choice, claim);
    } finally {
      this.#countDeparted(view.key, true); // unless it is back
    }
  }

  /**
   * Why the Service may not keep what it holds, or asks for something else; `undefined` when it keeps it or
   * holds nothing. Changes nothing.
   */
  objection(view: ServiceView): AllocationError | undefined {
    const holding = this.#holdings.get(view.key);
    if (holding === undefined) return undefined;
    try {
      this.#checkKept(view, holding.held);
      return undefined;
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      return error;
    }
  }

  /** @returns whether the Service held anything; what was kept for it is given back, too. */
  release(key: ServiceKey): boolean {
    if (this.#giveBackKept(key)) this.#openings += 1;
    const holding = this.#holdings.get(key);
    if (holding === undefined) return false;
    this.#giveBack(key, holding);
    this.#openings += 1;
    return true;
  }

  /**
   * Takes back what a deleted Service had. If it, or else its pool, says so the addresses wait for one of its name
   * to return; those that others share do so no longer than they are shared.
   */
  retire(view: ServiceView, now: Instant): void {
    const held = this.heldBy(view.key);
    if (held === undefined || !this.release(view.key)) return;
    const pool = this.#pools.find(({ config }) => config.name === held.pool);
    const stickyMs = stickyMsOf(view.annotations[STICKY], pool?.rules.stickyMs);
    if (stickyMs === 0) return;
    const own = held.addresses.filter((address) => !this.#uses.has(address));
    this.#await({ key: view.key, addresses: held.addresses, until: now + stickyMs }, own);
  }

  /**
   * Has addresses wait as `retire` does, for a Service that was deleted before anything was known here. To be called
   * before pools are set and anything is adopted: who is there after all is awaited no more once it has adopted.
   *
   * @param shown addresses in statuses of Services: they are not kept from those who have them.
   */
  expectBack(departure: Departure, shown: ReadonlySet<IpAddress>): void {
    const own = departure.addresses.filter((address) => !shown.has(address));
    this.#await(departure, own);
  }

  /** Who was deleted and may still return, in the order they left. */
  get departures(): readonly Departure[] {
    return [...this.#departed.all()];
  }

  /** When `expire` has to be called at the latest; `undefined`: nobody is awaited. */
  get nextExpiry(): Instant | undefined {
    return this.#departed.nextAt;
  }

  /** Gives the addresses of those that did not return in time to all. */
  expire(now: Instant): void {
    for (const key of this.#departed.due(now)) this.#forgetDeparted(key);
  }

  /** Where this is equal for two Services the younger can be given no more than the older was, until openings grow. */
  asking(view: ServiceView): string {
    const pools = this.#pools.map(({ config }) => config);
    const departed = this.#departed.addressesOf(view.key) === undefined ? "" : view.key;
    return `${this.#generation} ${departed} ${askingOf(pools, view, this.heldBy(view.key))}`;
  }

  heldBy(key: ServiceKey): Held | undefined {
    return this.#holdings.get(key)?.held;
  }

  /** Sorted; empty when nobody holds the address. */
  usersOf(address: IpAddress): readonly ServiceKey[] {
    return this.#uses.usersOf(address);
  }

  /** In the order of the pools. */
  usage(): readonly PoolUsage[] {
    return this.#pools.map(usageOf);
  }

  /** The name of the pool that gives the address out; `undefined` when none does. */
  poolOf(address: IpAddress): string | undefined {
    return this.#poolWith([address])?.config.name;
  }

  /** The one pool that gives out all of them. */
  #poolWith(addresses: readonly IpAddress[]): PoolState | undefined {
    return this.#pools.find((pool) => givesOutAll(pool, addresses));
  }

  #checkKept(view: ServiceView, { addresses, pool: name }: Held): void {
    const wish = familyWish(view);
    if (!satisfiesWish(wish, addresses)) throw wrongFamily(addresses, wish);
    this.#checkedChoice(view, addresses, claimOf(view));
    const requested = requestedAddresses(view);
    const poolWanted = requestedPool(view);
    if (poolWanted !== undefined && poolWanted !== name) {
      throw new AllocationError("address-not-in-pool", `the Service asks for pool "${poolWanted}"`);
    }
    if (requested.length > 0 && !sameAddresses(requested, addresses)) {
      throw new AllocationError("address-not-in-pool", `the Service asks for ${requested.join(" and ")}`);
    }
  }

  /** What the Service had before it was deleted, if it may have all of it. */
  #earlierChoice(view: ServiceView, wish: FamilyWish, claim: Claim): Choice | undefined {
    const earlier = this.#departed.addressesOf(view.key);
    if (earlier === undefined || earlier.length !== wish.families.length) return undefined;
    const name = requestedPool(view);
    try {
      const choice = this.#newChoice(view, earlier, claim);
      const isWanted = name === undefined || name === choice.pool.config.name;
      return isWanted && satisfiesWish(wish, earlier) ? choice : undefined;
    } catch (error) {
      if (error instanceof AllocationError) return undefined;
      throw error;
    }
  }

  #await(departure: Departure, own: readonly IpAddress[]): void {
    this.#forgetDeparted(departure.key);
    const overdue = this.#departed.remember(departure, own);
    this.#keepOwnOf(departure.key);
    if (overdue !== undefined) this.#forgetDeparted(overdue);
  }

  #ownOf(key: ServiceKey): readonly IpAddress[] {
    const addresses = this.#departed.addressesOf(key) ?? [];
    return addresses.filter((address) => this.#departed.keeperOf(address) === key);
  }

  /** Keeps the addresses that wait for the Service, and that nobody has, from everybody. */
  #keepOwnOf(key: ServiceKey): void {
    for (const address of this.#ownOf(key)) {
      if (!this.#uses.has(address)) this.#eachSpaceOf(address, (space, position) => space.reserve(position));
    }
    this.#countDeparted(key, true);
  }

  /** Has what waits for the Service count in the quota of its namespace, or not. */
  #countDeparted(key: ServiceKey, isCounted: boolean): void {
    for (const address of this.#ownOf(key)) this.#count(key, address, isCounted && !this.#uses.has(address));
  }

  #count(key: ServiceKey, address: IpAddress, isCounted: boolean): void {
    for (const { spaces, quota } of this.#pools) {
      if (!isWithin(spaces[familyOf(address)], address)) continue;
      quota.setAwaiting(namespaceOf(key), address, isCounted);
    }
  }

  #forgetDeparted(key: ServiceKey): void {
    for (const address of this.#departed.forget(key)) {
      this.#count(key, address, false);
      this.#openings += 1;
      const isReserved = this.#pools.some(({ reservedFor }) => reservedFor.has(address));
      if (isReserved || this.#uses.has(address)) continue;
      this.#eachSpaceOf(address, (space, position) => space.unreserve(position));
    }
  }

  #eachSpaceOf(address: IpAddress, use: (space: Space, position: bigint) => void): void {
    for (const { spaces } of this.#pools) {
      const space = spaces[familyOf(address)];
      const position = space.positionOf(toBigint(address));
      if (position !== undefined) use(space, position);
    }
  }

  /** Takes over what changed in the Service without any harm to its addresses: ports, sharing, order. */
  #confirm(view: ServiceView, held: Held): Held {
    const claim = claimOf(view);
    const requested = requestedAddresses(view);
    const wish = familyWish(view);
    const pool = namedPool(this.#pools, held.pool, view);
    const missing = wish.families.filter((family) => !held.addresses.map(familyOf).includes(family));
    const added = requested.length > 0 ? [] : (lowestAddresses(pool, missing, claim) ?? []);
    const addresses = requested.length > 0 ? requested : [...held.addresses, ...added];
    const holding = this.#holdings.get(view.key);
    if (holding === undefined || (sameClaim(holding.claim, claim) && sameList(addresses, held.addresses))) {
      return held;
    }
    // Why not otherwise: what nobody may share stays closed to everybody, whatever its ports are.
    const shares = holding.claim.inCluster !== undefined || claim.inCluster !== undefined;
    if (shares && !sameClaim(holding.claim, claim)) this.#openings += 1;
    this.#giveBack(view.key, holding);
    return this.#take(view.key, { pool, addresses }, claim);
  }

  /**
   * The address of one family stays when only the families that a Service wants have changed. `undefined` where
   * that is not so, or the pool has none of the other family to give.
   */
  #partlyKept(view: ServiceView, { addresses, pool: name }: Held): Choice | undefined {
    try {
      const { families } = familyWish(view);
      const kept = addresses.filter((address) => families.includes(familyOf(address)));
      const pool = namedPool(this.#pools, name, view);
      if (kept.length === 0 || requestedAddresses(view).length > 0) return undefined;
      const missing = families.filter((family) => !kept.some((address) => familyOf(address) === family));
      const added = lowestAddresses(pool, missing, claimOf(view)) ?? [];
      const all = [...kept, ...added].toSorted((one, other) => familyOf(one) - familyOf(other));
      this.#checkKept(view, { addresses: all, pool: name });
      return { pool, addresses: all };
    } catch (error) {
      if (error instanceof AllocationError) return undefined;
      throw error;
    }
  }

  #requestedChoice(
    view: ServiceView,
    requested: readonly IpAddress[],
    wish: FamilyWish,
    claim: Claim,
  ): Choice {
    if (requested.length !== wish.families.length || !satisfiesWish(wish, requested)) {
      throw wrongFamily(requested, wish);
    }
    const choice = this.#newChoice(view, requested, claim);
    const name = requestedPool(view);
    if (name === undefined || namedPool(this.#pools, name, view) === choice.pool) return choice;
    throw new AllocationError(
      "address-not-in-pool",
      `the Service asks for ${requested.join(" and ")} and for pool "${name}", ` +
        `but the address is in pool "${choice.pool.config.name}"`,
    );
  }

  /** The same for addresses that the Service does not have yet: what it keeps need not be within the quota. */
  #newChoice(view: ServiceView, addresses: readonly IpAddress[], claim: Claim): Choice {
    const choice = this.#checkedChoice(view, addresses, claim);
    const { pool } = choice;
    if (pool.rules.closed) throw new AllocationError("pool-closed", describeClosed(pool));
    if (withinQuota(pool, addresses, claim)) return choice;
    throw new AllocationError("quota-reached", describeQuota(pool, view));
  }

  /** The addresses with the one pool they are of, when the Service may have every one of them. */
  #checkedChoice(view: ServiceView, addresses: readonly IpAddress[], claim: Claim): Choice {
    const pool = this.#poolWith(addresses);
    if (pool === undefined) throw this.#notInOnePool(addresses);
    const exclusion = exclusionFrom(pool.config, view);
    if (exclusion !== undefined) throw new AllocationError("pool-not-allowed", exclusion);
    for (const address of addresses) this.#checkAddress(pool, address, claim);
    return { pool, addresses };
  }

  /** @throws {AllocationError} when others have the address, or it is set aside for them. */
  #checkAddress(pool: PoolState, address: IpAddress, claim: Claim): void {
    const { service: key } = claim;
    const keeper = this.#departed.keeperOf(address);
    if (isReservedForOther(pool, address, key) || (keeper !== undefined && keeper !== key)) {
      const whom = [...(pool.reservedFor.get(address) ?? [])].join(", ") || keeper;
      throw new AllocationError("address-reserved", `${address} is kept for ${whom}`);
    }
    this.#uses.checkSharing(pool, address, claim);
  }

  #refusalOf(pool: PoolState, address: IpAddress, claim: Claim): AllocationError | undefined {
    try {
      this.#checkAddress(pool, address, claim);
      return undefined;
    } catch (error) {
      if (error instanceof AllocationError) return error;
      throw error;
    }
  }

  #notInOnePool(addresses: readonly IpAddress[]): AllocationError {
    const homeless = addresses.filter((address) => this.poolOf(address) === undefined);
    if (homeless.length === 0) {
      return new AllocationError(
        "address-not-in-pool",
        `${addresses.join(" and ")} are in different pools, want both in one`,
      );
    }
    const excluder = this.#pools.find(({ config }) =>
      config.ranges.some((range) => homeless.some((address) => rangeContains(range, address))),
    );
    const avoider = this.#pools.find(({ config, spaces }) =>
      homeless.some((address) => config.avoidBuggyIps && isWithin(spaces[familyOf(address)], address)),
    );
    const why =
      avoider !== undefined
        ? `: pool "${avoider.config.name}" avoids buggy IPs (.0 and .255)`
        : excluder !== undefined
          ? `: pool "${excluder.config.name}" excludes that (annotation herald.io/exclude)`
          : "";
    return new AllocationError("address-not-in-pool", `no pool gives out ${homeless.join(" and ")}${why}`);
  }

  #take(key: ServiceKey, { pool, addresses }: Choice, claim: Claim): Held {
    const held = { addresses, pool: pool.config.name };
    this.#giveBackKept(key);
    this.#forgetDeparted(key);
    this.#holdings.set(key, { held, claim });
    for (const address of addresses) this.#uses.add(pool, address, claim);
    return held;
  }

  #giveBack(key: ServiceKey, { held, claim }: Holding): void {
    this.#holdings.delete(key);
    for (const address of held.addresses) this.#uses.remove(address, claim);
  }

  /** @returns whether anything was kept for it. */
  #giveBackKept(key: ServiceKey): boolean {
    const { addresses, claim } = this.#kept.get(key) ?? {};
    if (addresses === undefined || claim === undefined) return false;
    this.#kept.delete(key);
    for (const address of addresses) this.#uses.remove(address, claim);
    return addresses.length > 0;
  }
}

/** What is in use for a Service that holds nothing. */
interface Kept {
  readonly addresses: readonly IpAddress[];
  /** What the Service was like when it was kept. */
  readonly claim: Claim;
}

interface Holding {
  readonly held: Held;
  /** What the Service was like when it last held. */
  readonly claim: Claim;
}

function isWithin(space: Space, address: IpAddress): boolean {
  return space.positionOf(toBigint(address)) !== undefined;
}

function givesOutAll({ spaces }: PoolState, addresses: readonly IpAddress[]): boolean {
  return addresses.every((address) => {
    const space = spaces[familyOf(address)];
    return isWithin(space, address) && !space.isAvoided(toBigint(address));
  });
}

function isReservedForOther({ reservedFor }: PoolState, address: IpAddress, key: ServiceKey): boolean {
  return reservedFor.get(address)?.has(key) === false;
}

function wrongFamily(addresses: readonly IpAddress[], wish: FamilyWish): AllocationError {
  return new AllocationError(
    "wrong-family",
    `${addresses.join(" and ")} does not fit, the Service wants ${describeFamilies(wish.families)}`,
  );
}

function sameClaim(one: Claim, other: Claim): boolean {
  return one.inCluster === other.inCluster && sameList(one.ports, other.ports);
}

function sameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((entry, index) => entry === other[index]);
}

/** In any order. */
function sameAddresses(one: readonly IpAddress[], other: readonly IpAddress[]): boolean {
  return one.length === other.length && one.every((address) => other.includes(address));
}
