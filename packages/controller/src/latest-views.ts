import type { IpAddress } from "@herald/shared/ip/address";
import { ingressAddresses } from "@herald/shared/service/ingress";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";

/**
 * The newest we know of each Service: what the watch has brought, or what our own write or read was answered
 * with while the watch is behind. Knows which Services show which address.
 */
export class LatestViews {
  readonly #views = new Map<ServiceKey, ServiceView>(); // bounded by the Services of the cluster
  /** Answers that the watch has not caught up with. */
  readonly #ahead = new Set<ServiceKey>(); // of #views
  readonly #shownBy = new Map<IpAddress, Set<ServiceKey>>(); // the addresses in the status of #views

  get(key: ServiceKey): ServiceView | undefined {
    return this.#views.get(key);
  }

  values(): Iterable<ServiceView> {
    return this.#views.values();
  }

  /**
   * The watch is believed, whatever it brings, unless it is behind an answer: where etcd was restored from a
   * backup, versions begin again below those that were known.
   *
   * @returns what is known now: `view`, or the answer that is ahead of it.
   */
  watched(view: ServiceView): ServiceView {
    const known = this.#views.get(view.key);
    if (known !== undefined && this.#ahead.has(view.key) && isOlder(view, known)) return known;
    return this.#replace(view);
  }

  /** What a write or a read of ours was answered with. @returns what is known now: `view`, unless something newer was. */
  answered(view: ServiceView): ServiceView {
    const known = this.#views.get(view.key);
    if (known !== undefined && (isSame(view, known) || isOlder(view, known))) return known;
    this.#replace(view);
    this.#ahead.add(view.key);
    return view;
  }

  #replace(view: ServiceView): ServiceView {
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
    this.#ahead.delete(key);
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

function isSame(one: ServiceView, other: ServiceView): boolean {
  return one.uid === other.uid && one.resourceVersion === other.resourceVersion;
}

/** Versions of one resource are decimal numbers that only grow (KEP-5504); shorter ones are smaller. */
function isOlder(one: ServiceView, other: ServiceView): boolean {
  if (one.uid !== other.uid) return false;
  const [a, b] = [one.resourceVersion, other.resourceVersion];
  return a.length === b.length ? a < b : a.length < b.length;
}
