import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import {
  ALLOCATED_FROM_POOL,
  ANNOTATION_PREFIXES,
  HERALD_ANNOTATIONS,
} from "@herald/shared/service/annotations";
import { ingressShows } from "@herald/shared/service/ingress";
import type { IngressView, ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { V1LoadBalancerIngress, V1Service } from "@kubernetes/client-node";
import { type ApiClient, ApiError, keyOf, type Raw } from "./api.ts";
import { servicePath, serviceStatusPath } from "./paths.ts";

/** The view of a Service as it comes over the wire. */
export function serviceView(service: Raw<V1Service>): ServiceView {
  const { metadata = {}, spec = {}, status } = service;
  return {
    key: keyOf(service) as ServiceKey,
    uid: metadata.uid ?? "",
    resourceVersion: metadata.resourceVersion ?? "",
    type: spec.type ?? "ClusterIP",
    loadBalancerClass: spec.loadBalancerClass,
    annotations: ownAnnotations(metadata.annotations),
    labels: metadata.labels ?? {},
    ...clusterFields(spec),
    externalTrafficPolicy: spec.externalTrafficPolicy === "Local" ? "Local" : "Cluster",
    selector: spec.selector ?? {},
    ports: (spec.ports ?? []).map(({ protocol = "TCP", port }) => ({ protocol, port })),
    loadBalancerIp: spec.loadBalancerIP ?? "",
    ingress: (status?.loadBalancer?.ingress ?? []).map(ingressView),
    createdAtMs: Date.parse(metadata.creationTimestamp ?? "") || 0,
    deleting: metadata.deletionTimestamp !== undefined,
  };
}

function ownAnnotations(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([name]) => name in HERALD_ANNOTATIONS || ANNOTATION_PREFIXES.some((prefix) => name.startsWith(prefix)),
    ),
  );
}

function clusterFields(
  spec: NonNullable<Raw<V1Service>["spec"]>,
): Pick<ServiceView, "clusterIps" | "ipFamilies" | "ipFamilyPolicy"> {
  const written = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  const { ipFamilyPolicy: policy } = spec;
  return {
    // "None" and "" are no addresses: a headless Service, or one the API server has not completed.
    clusterIps: written.map(parseAddress).filter((address) => address !== undefined),
    ipFamilies: (spec.ipFamilies ?? []).map((family) => (family === "IPv6" ? 6 : 4)),
    ipFamilyPolicy: policy === "PreferDualStack" || policy === "RequireDualStack" ? policy : "SingleStack",
  };
}

function ingressView({ ip, hostname }: Raw<V1LoadBalancerIngress>): IngressView {
  return { ...(ip !== undefined && { ip }), ...(hostname !== undefined && { hostname }) };
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
  const { uid, resourceVersion, annotations } = service;
  const addressesDiffer = !ingressShows(service, desired.addresses);
  const poolDiffers = annotations[ALLOCATED_FROM_POOL] !== desired.pool;
  if (!addressesDiffer && !poolDiffers) return undefined;
  const written = desired.addresses.map((ip) => ({ ip }));
  return {
    metadata: {
      uid,
      resourceVersion,
      ...(poolDiffers && { annotations: { [ALLOCATED_FROM_POOL]: desired.pool ?? null } }),
    },
    ...(addressesDiffer && {
      status: { loadBalancer: { ingress: written.length === 0 ? null : written } },
    }),
  };
}

export type StatusWrite =
  | { readonly outcome: "written" | "unchanged"; readonly service: ServiceView }
  /** Deleted meanwhile, or another object of the same name by now. */
  | { readonly outcome: "gone" };

export interface StatusWriteOptions {
  readonly client: ApiClient;
  readonly service: ServiceView;
  /** What the status of this Service should be; `undefined` leaves it alone. Asked again after a conflict. */
  readonly decide: (service: ServiceView) => DesiredStatus | undefined;
  readonly signal?: AbortSignal;
}

/** Somebody who writes the same Service faster than this is asked about by the queue's back-off. */
const ATTEMPTS = 5;

/**
 * Writes what `decide` wants, in one request. After a conflict the Service is read again and `decide` asked again, up
 * to five times.
 *
 * @throws {ApiError} when the API server refuses or cannot be reached: retry later.
 */
export async function writeServiceStatus(options: StatusWriteOptions): Promise<StatusWrite> {
  try {
    return await decideAndWrite(options, options.service, ATTEMPTS);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { outcome: "gone" };
    throw error;
  }
}

async function decideAndWrite(
  options: StatusWriteOptions,
  service: ServiceView,
  attemptsLeft: number,
): Promise<StatusWrite> {
  const { client, decide, signal } = options;
  const reading = signal === undefined ? {} : { signal };
  const desired = decide(service);
  const patch = desired === undefined ? undefined : statusPatch(service, desired);
  if (patch === undefined) return { outcome: "unchanged", service };
  try {
    const written = await client.patch<V1Service>(serviceStatusPath(service.key), "merge", patch, reading);
    return { outcome: "written", service: serviceView(written as Raw<V1Service>) };
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409 && attemptsLeft > 1)) throw error;
  }
  const fresh = serviceView(await client.get<V1Service>(servicePath(service.key), reading));
  if (fresh.uid !== options.service.uid) return { outcome: "gone" };
  return await decideAndWrite(options, fresh, attemptsLeft - 1);
}
