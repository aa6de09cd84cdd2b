import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceView } from "@herald/shared/service/view";
import type { V1Service } from "@kubernetes/client-node";
import type { ApiClient, Raw } from "./api.ts";

/** The view of a Service as it comes over the wire. */
export function serviceView(service: Raw<V1Service>): ServiceView {
  throw new Error(`not yet ${service}`);
}

/** What the status of a Service ought to say. */
export interface DesiredStatus {
  /** In the order to write them; empty clears the status. */
  readonly addresses: readonly IpAddress[];
  /** Written as `metallb.io/ip-allocated-from-pool`; `undefined` removes it. */
  readonly pool: string | undefined;
}

/**
 * The merge patch that brings a Service's status to `desired`, for the status subresource; `undefined` when nothing
 * differs. Addresses are compared as a sequence of ips: the API server adds `ipMode` to what we write. Carries the
 * resourceVersion, so that it fails with 409 when somebody else was faster.
 */
export function statusPatch(service: ServiceView, desired: DesiredStatus): object | undefined {
  throw new Error(`not yet ${service} ${desired}`);
}

export type StatusWrite =
  | { readonly outcome: "written" | "unchanged"; readonly service: ServiceView }
  /** Deleted meanwhile, or another object of the same name by now. */
  | { readonly outcome: "gone" };

/**
 * Writes what `decide` wants in one request. After a conflict the Service is read again and `decide` asked again, up to
 * five times.
 *
 * @throws {ApiError} when the API server refuses or cannot be reached: retry later.
 */
export async function writeServiceStatus(options: {
  readonly client: ApiClient;
  readonly service: ServiceView;
  /** `undefined` leaves the Service alone. */
  readonly decide: (service: ServiceView) => DesiredStatus | undefined;
  readonly signal?: AbortSignal;
}): Promise<StatusWrite> {
  throw new Error(`not yet ${options}`);
}
