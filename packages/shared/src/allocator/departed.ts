import type { Instant } from "../core.ts";
import type { IpAddress } from "../ip/address.ts";
import type { ServiceKey } from "../service/view.ts";
import type { Held } from "./allocator.ts";

/** What Services had that were deleted, for as long as they may return. */
export class Departed {
  /** In the order they left; at most `MAX_DEPARTED`. */
  readonly #byService = new Map<ServiceKey, { readonly held: Held; readonly until: Instant }>();
  readonly #byAddress = new Map<IpAddress, ServiceKey>(); // only what nobody else had; of #byService

  /** When the next one is forgotten; `undefined`: nobody is awaited. */
  get nextAt(): Instant | undefined {
    const times = [...this.#byService.values()].map(({ until }) => until);
    return times.length === 0 ? undefined : times.reduce((one, other) => Math.min(one, other));
  }

  heldBy(key: ServiceKey): Held | undefined {
    return this.#byService.get(key)?.held;
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
  remember(key: ServiceKey, held: Held, own: readonly IpAddress[], until: Instant): ServiceKey | undefined {
    this.#byService.set(key, { held, until });
    for (const address of own) this.#byAddress.set(address, key);
    const [oldest] = this.#byService.keys();
    return this.#byService.size > MAX_DEPARTED ? oldest : undefined;
  }

  /** @returns the addresses that were kept for it alone. */
  forget(key: ServiceKey): readonly IpAddress[] {
    const own = (this.heldBy(key)?.addresses ?? []).filter((address) => this.keeperOf(address) === key);
    for (const address of own) this.#byAddress.delete(address);
    this.#byService.delete(key);
    return own;
  }

  due(now: Instant): readonly ServiceKey[] {
    return [...this.#byService].filter(([, { until }]) => until <= now).map(([key]) => key);
  }
}

const MAX_DEPARTED = 10_000;
