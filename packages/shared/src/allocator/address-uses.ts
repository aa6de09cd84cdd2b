import { AllocationError } from "../errors.ts";
import { familyOf, type IpAddress, toBigint } from "../ip/address.ts";
import { namespaceOf, type ServiceKey } from "../service/view.ts";
import { type PoolState, termsIn } from "./pool-state.ts";
import type { Claim, SharingTerms } from "./sharing.ts";
import type { Space } from "./space.ts";

/** An address somebody has. */
interface AddressUse {
  readonly pool: PoolState;
  readonly space: Space;
  /** In `space`. */
  readonly position: bigint;
  /** Of all its users. */
  readonly terms: SharingTerms | undefined;
  /** At least one. Those without ports count, too. */
  readonly users: Map<ServiceKey, Claim>;
}

/** Services named in a message. */
const MAX_USERS_NAMED = 5;

/** Who has which address, alone or with others; quotas and the spaces of the pools are told. */
export class AddressUses {
  readonly #uses = new Map<IpAddress, AddressUse>(); // bounded by what the Services of the cluster hold

  has(address: IpAddress): boolean {
    return this.#uses.has(address);
  }

  /** Sorted; empty when nobody has the address. */
  usersOf(address: IpAddress): readonly ServiceKey[] {
    return [...(this.#uses.get(address)?.users.keys() ?? [])].sort();
  }

  /** For pools that are all replaced; nobody is told. */
  clear(): void {
    this.#uses.clear();
  }

  /** @param pool the one that gives the address out. */
  add(pool: PoolState, address: IpAddress, claim: Claim): void {
    const { service, ports } = claim;
    pool.quota.take(namespaceOf(service), address);
    const use = this.#uses.get(address) ?? this.#open(pool, address, claim);
    use.users.set(service, claim);
    if (use.terms !== undefined) use.space.occupyPorts(use.position, use.terms, ports);
  }

  /** @param claim as it was added. */
  remove(address: IpAddress, { service, ports }: Claim): void {
    const use = this.#uses.get(address);
    if (use === undefined) return;
    use.pool.quota.giveBack(namespaceOf(service), address);
    use.users.delete(service);
    if (use.terms !== undefined) use.space.vacatePorts(use.position, use.terms, ports);
    if (use.users.size > 0) return;
    use.space.close(use.position, use.terms);
    this.#uses.delete(address);
  }

  /** @throws {AllocationError} when others have the address who may not share it with this one. */
  checkSharing(pool: PoolState, address: IpAddress, claim: Claim): void {
    const { service: key, ports } = claim;
    const terms = termsIn(pool, claim);
    const use = this.#uses.get(address);
    const others = this.usersOf(address).filter((user) => user !== key);
    if (use === undefined || others.length === 0) return;
    const users =
      others.slice(0, MAX_USERS_NAMED).join(", ") + (others.length > MAX_USERS_NAMED ? ", …" : "");
    if (terms === undefined || use.terms === undefined) {
      throw new AllocationError("address-in-use", `${address} is in use by ${users}`);
    }
    if (terms !== use.terms) {
      const isAlike = others.every((other) => use.users.get(other)?.inCluster === claim.inCluster);
      if (isAlike && !pool.sharesAcross) {
        throw new AllocationError(
          "sharing-refused",
          `${address} is shared by ${users} of another namespace, and pool "${pool.config.name}" shares inside a ` +
            "namespace only (annotation herald.io/allow-sharing-across-namespaces)",
        );
      }
      throw new AllocationError(
        "sharing-refused",
        `${address} is shared by ${users} under another sharing key, externalTrafficPolicy or selector`,
      );
    }
    for (const port of ports) {
      const owner = others.find((other) => use.users.get(other)?.ports.includes(port));
      if (owner === undefined) continue;
      throw new AllocationError("sharing-refused", `port ${port} of ${address} is in use by ${owner}`);
    }
  }

  #open(pool: PoolState, address: IpAddress, claim: Claim): AddressUse {
    const terms = termsIn(pool, claim);
    const space = pool.spaces[familyOf(address)];
    const position = space.positionOf(toBigint(address));
    if (position === undefined) throw new RangeError(`${address} is not in pool ${pool.config.name}`);
    const use = { pool, space, position, terms, users: new Map() };
    this.#uses.set(address, use);
    space.open(position, terms);
    return use;
  }
}
