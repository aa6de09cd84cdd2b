import type { Instant } from "../core.ts";
import type { IpAddress } from "../ip/address.ts";
import type { ServiceKey } from "../service/view.ts";

/** A deleted Service whose addresses wait for its return. */
export interface Departure {
  readonly key: ServiceKey;
  readonly addresses: readonly IpAddress[];
  /** From then on they are everybody's. */
  readonly until: Instant;
}

/** What Services had that were deleted, for as long as they may return. */
export class Departed {
  /** In the order they left; at most `MAX_DEPARTED`. */
  readonly #byService = new Map<ServiceKey, Departure>();
  readonly #byAddress = new Map<IpAddress, ServiceKey>(); // only what nobody else had; of #byService

  /** When the next one is forgotten; `undefined`: nobody is awaited. */
  get nextAt(): Instant | undefined {
    const times = [...this.#byService.values()].map(({ until }) => until);
    return times.length === 0 ? undefined : times.reduce((one, other) => Math.min(one, other));
  }

  /** What the Service had; `undefined`: it is not awaited. */
  addressesOf(key: ServiceKey): readonly IpAddress[] | undefined {
    return this.#byService.get(key)?.addresses;
  }

  /** In the order they left. */
  all(): Iterable<Departure> {
    return this.#byService.values();
  }

  /** Who the address is kept for. */
  keeperOf(address: IpAddress): ServiceKey | undefined {
    return this.#byAddress.get(address);
  }

  keys(): Iterable<ServiceKey> {
    return this.#byService.keys();
  }

  /**
   * @param own those of its addresses that nobody shares, kept from everybody else.
   * @returns whose time is over because of it: one too many is awaited.
   */
  remember(departure: Departure, own: readonly IpAddress[]): ServiceKey | undefined {
    this.#byService.set(departure.key, departure);
    for (const address of own) this.#byAddress.set(address, departure.key);
    const [oldest] = this.#byService.keys();
    return this.#byService.size > MAX_DEPARTED ? oldest : undefined;
  }

  /** @returns the addresses that were kept for it alone. */
  forget(key: ServiceKey): readonly IpAddress[] {
    const own = (this.addressesOf(key) ?? []).filter((address) => this.keeperOf(address) === key);
    for (const address of own) this.#byAddress.delete(address);
    this.#byService.delete(key);
    return own;
  }

  due(now: Instant): readonly ServiceKey[] {
    return [...this.#byService].filter(([, { until }]) => until <= now).map(([key]) => key);
  }
}

const MAX_DEPARTED = 10_000;
