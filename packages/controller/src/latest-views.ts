import type { IpAddress } from "@herald/shared/ip/address";
import { ingressAddresses } from "@herald/shared/service/ingress";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";

/**
 * The newest we know of each Service: what the watch has brought, or what our own write or read was answered
 * with while the watch is behind. Knows which Services show which address.
 */
export class LatestViews {
  readonly #views = new Map<ServiceKey, ServiceView>(); // bounded by the Services of the cluster
  readonly #shownBy = new Map<IpAddress, Set<ServiceKey>>(); // the addresses in the status of #views

  get(key: ServiceKey): ServiceView | undefined {
    return this.#views.get(key);
  }

  values(): Iterable<ServiceView> {
    return this.#views.values();
  }

  /** @returns what is known now: `view`, unless something newer of the same object was. */
  see(view: ServiceView): ServiceView {
    const known = this.#views.get(view.key);
    if (known !== undefined && known.uid === view.uid && isOlder(view, known)) return known;
    this.forget(view.key);
    this.#views.set(view.key, view);
    for (const address of ingressAddresses(view)) {
      const showing = this.#shownBy.get(address) ?? new Set();
      this.#shownBy.set(address, showing.add(view.key));
    }
    return view;
  }

  forget(key: ServiceKey): void {
    const known = this.#views.get(key);
    if (known === undefined) return;
    this.#views.delete(key);
    for (const address of ingressAddresses(known)) {
      const showing = this.#shownBy.get(address);
      showing?.delete(key);
      if (showing?.size === 0) this.#shownBy.delete(address);
    }
  }

  /** The Services whose status has the address. */
  shownBy(address: IpAddress): Iterable<ServiceKey> {
    return this.#shownBy.get(address) ?? [];
  }
}

/** Versions of one resource are decimal numbers that only grow (KEP-5504); shorter ones are smaller. */
function isOlder(one: ServiceView, other: ServiceView): boolean {
  const [a, b] = [one.resourceVersion, other.resourceVersion];
  return a.length === b.length ? a < b : a.length < b.length;
}
