import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey } from "@herald/shared/service/view";
import type { V1Endpoint, V1EndpointSlice } from "@kubernetes/client-node";
import type { Raw } from "./api.ts";

/** The part of an EndpointSlice that decides where traffic may enter. */
export interface EndpointSliceView {
  /** By the label `kubernetes.io/service-name`. */
  readonly service: ServiceKey;
  readonly endpoints: readonly EndpointView[];
}

/** @returns `undefined` for a slice that belongs to no Service. */
export function endpointSliceView({
  metadata,
  endpoints,
}: Partial<Raw<V1EndpointSlice>>): EndpointSliceView | undefined {
  const service = metadata?.labels?.["kubernetes.io/service-name"] ?? "";
  if (service === "") return undefined;
  return {
    service: `${metadata?.namespace ?? ""}/${service}` as ServiceKey,
    // Why `?? []`: Go writes an empty list as null.
    endpoints: (endpoints ?? []).map(endpointView),
  };
}

function endpointView({ addresses, conditions, nodeName }: Raw<V1Endpoint>): EndpointView {
  const ready = conditions?.ready ?? true;
  return { nodeName, addresses, ready, serving: conditions?.serving ?? ready };
}

/**
 * Endpoints by Service, out of slices that come and go. Feed it every key a Reflector of slices reports; it answers
 * which Services are touched, also when a slice vanished or changed its Service.
 */
export class EndpointIndex {
  readonly #slices = new Map<string, EndpointSliceView>(); // by slice key; bounded by the slices in the cluster
  readonly #byService = new Map<ServiceKey, Set<string>>(); // slice keys; no empty sets

  /** @returns the Services whose endpoints may have changed: none, one or two. */
  set(sliceKey: string, slice: EndpointSliceView | undefined): readonly ServiceKey[] {
    const before = this.#slices.get(sliceKey);
    if (before !== undefined) this.#forget(sliceKey, before.service);
    if (slice !== undefined) this.#keep(sliceKey, slice);
    return [...new Set([before, slice].flatMap((view) => (view === undefined ? [] : [view.service])))];
  }

  /** Of all slices of the Service; an address may stand in two of them for a moment. */
  get(service: ServiceKey): readonly EndpointView[] {
    return [...(this.#byService.get(service) ?? [])].flatMap(
      (sliceKey) => this.#slices.get(sliceKey)?.endpoints ?? [],
    );
  }

  #keep(sliceKey: string, slice: EndpointSliceView): void {
    this.#slices.set(sliceKey, slice);
    const keys = this.#byService.get(slice.service) ?? new Set();
    this.#byService.set(slice.service, keys.add(sliceKey));
  }

  #forget(sliceKey: string, service: ServiceKey): void {
    this.#slices.delete(sliceKey);
    const keys = this.#byService.get(service);
    keys?.delete(sliceKey);
    if (keys?.size === 0) this.#byService.delete(service);
  }
}
