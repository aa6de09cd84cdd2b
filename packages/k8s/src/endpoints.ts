import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey } from "@herald/shared/service/view";
import type { V1EndpointSlice } from "@kubernetes/client-node";
import type { Raw } from "./api.ts";

/** The part of an EndpointSlice that decides where traffic may enter. */
export interface EndpointSliceView {
  /** By the label `kubernetes.io/service-name`. */
  readonly service: ServiceKey;
  readonly endpoints: readonly EndpointView[];
}

/** @returns `undefined` for a slice that belongs to no Service. */
export function endpointSliceView(slice: Raw<V1EndpointSlice>): EndpointSliceView | undefined {
  throw new Error(`not yet ${slice}`);
}

/**
 * Endpoints by Service, out of slices that come and go. Feed it every key a Reflector of slices reports; it answers
 * which Services are touched, also when a slice vanished or changed its Service.
 */
export class EndpointIndex {
  /** @returns the Services whose endpoints changed: none, one or two. */
  set(sliceKey: string, slice: EndpointSliceView | undefined): readonly ServiceKey[] {
    throw new Error(`not yet ${sliceKey} ${slice}`);
  }

  /** Of all slices of the Service; an address may stand in two of them for a moment. */
  get(service: ServiceKey): readonly EndpointView[] {
    throw new Error(`not yet ${service}`);
  }
}
