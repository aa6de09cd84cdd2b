import type { IpAddress } from "../ip/address.ts";
import { ALLOCATED_FROM_POOL } from "../service/annotations.ts";
import { ingressAddresses } from "../service/ingress.ts";
import type { ServiceKey, ServiceView } from "../service/view.ts";
import type { Allocator } from "./allocator.ts";
import type { Outcome } from "./converge.ts";

/**
 * Services whose addresses no pool in force has while some pools are refused: they may be of one of those. Nobody takes
 * such an address back, and nobody gives it out, until all pools are in force.
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

  /** Keeps what the status has, if no pool in force has it. To be asked of a Service that is seen for the first time. */
  notice(view: ServiceView): void {
    const addresses = ingressAddresses(view);
    const isHomeless = addresses.some((address) => this.#allocator.poolOf(address) === undefined);
    if (isHomeless && this.#allocator.heldBy(view.key) === undefined) this.#kept.set(view.key, addresses);
  }

  /** The Service as it was kept, for its addresses to be adopted; it is kept no more. */
  release(view: ServiceView): ServiceView {
    const addresses = this.#kept.get(view.key) ?? [];
    this.#kept.delete(view.key);
    return { ...view, ingress: addresses.map((ip) => ({ ip })) };
  }

  forget(key: ServiceKey): void {
    this.#kept.delete(key);
  }

  /** Where a Service that is kept should be. */
  outcome({ key, annotations }: ServiceView): Outcome {
    const addresses = this.#kept.get(key) ?? [];
    const why = `${addresses.join(" and ")} is kept: no pool in force has it, and pools are refused, as the ConfigurationState "controller" says`;
    return {
      addresses,
      pool: annotations[ALLOCATED_FROM_POOL],
      notices: [{ level: "Warning", reason: "LoadBalancerFailed", message: why }],
      failure: undefined,
      why,
      waits: false,
      freed: false,
      isUnjudged: true,
    };
  }
}
