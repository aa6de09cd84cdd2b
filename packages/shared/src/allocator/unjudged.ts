import type { IpAddress } from "../ip/address.ts";
import { ALLOCATED_FROM_POOL } from "../service/annotations.ts";
import { ingressAddresses } from "../service/ingress.ts";
import type { ServiceKey, ServiceView } from "../service/view.ts";
import type { Allocator } from "./allocator.ts";
import { clearing, type Outcome } from "./converge.ts";

/**
 * Services with addresses that no pool in force has while some pools are refused: they may be of one of those. Nobody
 * takes such an address back, and nobody gives it out, until all pools are in force. What else they have stays theirs
 * alike, unless others have it who may not share it.
 */
export class UnjudgedServices {
  readonly #kept = new Map<ServiceKey, readonly IpAddress[]>(); // bounded by the Services of the cluster
  readonly #allocator: Allocator;

  constructor(allocator: Allocator) {
    this.#allocator = allocator;
  }

  has(key: ServiceKey): boolean {
    return this.#kept.has(key);
  }

  /** Keeps what the status has, if no pool in force has all of it. To be asked of a Service that is seen for the first time. */
  notice(view: ServiceView): void {
    const addresses = ingressAddresses(view);
    if (this.#homeless(addresses).length === 0 || this.#allocator.heldBy(view.key) !== undefined) return;
    this.#kept.set(view.key, addresses);
    this.#allocator.keep(view, addresses); // Why now: whoever is asked next must not get them
  }

  /** The Service as it was kept, for its addresses to be adopted; it is kept no more. */
  release(view: ServiceView): ServiceView {
    const addresses = this.#kept.get(view.key) ?? [];
    this.forget(view.key);
    return { ...view, ingress: addresses.map((ip) => ({ ip })) };
  }

  forget(key: ServiceKey): void {
    if (this.#kept.delete(key)) this.#allocator.release(key);
  }

  /** Where a Service that is kept should be. */
  outcome(view: ServiceView): Outcome {
    const before = this.#kept.get(view.key) ?? [];
    const refusals = this.#allocator.keep(view, before); // Why again: its ports and its sharing key may have changed
    const addresses = before.filter((address) => !refusals.has(address));
    this.#kept.set(view.key, addresses);
    const losses = [...refusals].map(([address, refusal]) => clearing([address], refusal));
    const why = this.#describe(addresses);
    return {
      addresses,
      pool: view.annotations[ALLOCATED_FROM_POOL],
      notices: [...losses, { level: "Warning", reason: "LoadBalancerFailed", message: why }],
      failure: undefined,
      why,
      waits: false,
      freed: false,
      isUnjudged: true,
    };
  }

  #homeless(addresses: readonly IpAddress[]): readonly IpAddress[] {
    return addresses.filter((address) => this.#allocator.poolOf(address) === undefined);
  }

  #describe(addresses: readonly IpAddress[]): string {
    const homeless = this.#homeless(addresses);
    const which = homeless.length === addresses.length ? "it" : homeless.join(" and ");
    return `${addresses.join(" and ")} is kept: no pool in force has ${which}, and pools are refused, as the ConfigurationState "controller" says`;
  }
}
