import { familyOf, type IpAddress, toBigint } from "@herald/shared/ip/address";

/**
 * Which Services must be answered for by the same node: those that share an address, and those that share
 * one with those, and so on. An address has one owner, and a Service of two families has one, too.
 *
 * @typeParam Key of a Service.
 */
export class SharingGroups<Key extends string> {
  /** Addresses in the order of the status. Bounded by Services, two each. */
  readonly #addresses = new Map<Key, readonly IpAddress[]>();
  readonly #users = new Map<IpAddress, Set<Key>>();

  /** Replaces what `key` uses; no addresses: forgets it. @returns addresses that nobody uses any more. */
  set(key: Key, addresses: readonly IpAddress[]): readonly IpAddress[] {
    const before = this.addressesOf(key);
    for (const address of before) this.#users.get(address)?.delete(key);
    if (addresses.length === 0) this.#addresses.delete(key);
    else this.#addresses.set(key, addresses);
    for (const address of addresses) {
      const users = this.#users.get(address);
      if (users === undefined) this.#users.set(address, new Set([key]));
      else users.add(key);
    }
    const unused = before.filter((address) => this.#users.get(address)?.size === 0);
    for (const address of unused) this.#users.delete(address);
    return unused;
  }

  addressesOf(key: Key): readonly IpAddress[] {
    return this.#addresses.get(key) ?? [];
  }

  /** @returns who uses an address, in no particular order. */
  usersOf(address: IpAddress): Iterable<Key> {
    return this.#users.get(address) ?? [];
  }

  /** @returns `key` itself and all that belong with it, in no particular order. */
  groupOf(key: Key): ReadonlySet<Key> {
    const group = new Set([key]);
    for (const member of group) {
      // A set that grows while it is walked is walked to its new end.
      for (const address of this.addressesOf(member)) {
        for (const user of this.#users.get(address) ?? []) group.add(user);
      }
    }
    return group;
  }

  /**
   * The address that stands for a group in the election: the lowest of its members' first addresses, IPv4
   * before IPv6. For a Service that stands alone that is its first address, which is what MetalLB hashes;
   * for a group it depends on nothing but who is in it.
   */
  representative(group: Iterable<Key>): IpAddress | undefined {
    let lowest: IpAddress | undefined;
    for (const key of group) {
      const first = this.addressesOf(key)[0];
      if (first !== undefined && (lowest === undefined || precedes(first, lowest))) lowest = first;
    }
    return lowest;
  }
}

function precedes(a: IpAddress, b: IpAddress): boolean {
  if (familyOf(a) !== familyOf(b)) return familyOf(a) < familyOf(b);
  return toBigint(a) < toBigint(b);
}
