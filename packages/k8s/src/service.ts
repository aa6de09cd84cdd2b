import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { ALLOCATED_FROM_POOL, ANNOTATION_PREFIXES } from "@herald/shared/service/annotations";
import { HERALD_PREFIX } from "@herald/shared/service/idle-annotations";
import { ingressShows } from "@herald/shared/service/ingress";
import type { ConditionView, IngressView, ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { V1LoadBalancerIngress, V1Service } from "@kubernetes/client-node";
import { type ApiClient, ApiError, keyOf, type Raw } from "./api.ts";
import { servicePath, serviceStatusPath } from "./paths.ts";

/** Type of the condition on a Service that says whether it has addresses, and why not. */
export const ALLOCATED_CONDITION = "herald.io/Allocated";

/** Type of the condition on a Service that says whether nodes announce it. */
export const ANNOUNCED_CONDITION = "herald.io/Announced";

/** The view of a Service as it comes over the wire. */
export function serviceView(service: Raw<V1Service>): ServiceView {
  const { metadata = {}, spec = {}, status } = service;
  const conditionOf = (wanted: string) => status?.conditions?.find(({ type }) => type === wanted);
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
    ...inView("allocated", conditionOf(ALLOCATED_CONDITION)),
    ...inView("announced", conditionOf(ANNOUNCED_CONDITION)),
  };
}

function ownAnnotations(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([name]) =>
        name.startsWith(HERALD_PREFIX) || ANNOTATION_PREFIXES.some((prefix) => name.startsWith(prefix)),
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

function inView(
  name: "allocated" | "announced",
  condition: RawCondition | undefined,
): Partial<Record<typeof name, ConditionView>> {
  if (condition === undefined) return {};
  const { status, reason, message, lastTransitionTime: since } = condition;
  return { [name]: { status, reason, message, since } };
}

type RawCondition = Readonly<Record<"status" | "reason" | "message" | "lastTransitionTime", string>>;

/** What the status of a Service ought to say. */
export interface DesiredStatus {
  /** In the order to write them; empty clears the status. */
  readonly addresses: readonly IpAddress[];
  /** Written as `metallb.io/ip-allocated-from-pool`; `undefined` removes it. */
  readonly pool: string | undefined;
  /** The condition `herald.io/Allocated`; "none" removes it, absent leaves it alone. */
  readonly allocated?: Omit<ConditionView, "since"> | "none";
}

/**
 * The strategic merge patch that brings a Service's status to `desired`, for the status subresource; `undefined`
 * when nothing differs. Addresses are compared as a sequence of ips: the API server adds `ipMode` to what we write.
 * Carries the resourceVersion, so that it fails with 409 when somebody else was faster.
 *
 * @param epochMs milliseconds since 1970, for the condition.
 */
export function statusPatch(service: ServiceView, desired: DesiredStatus, epochMs = 0): object | undefined {
  const { uid, resourceVersion, annotations } = service;
  const addressesDiffer = !ingressShows(service, desired.addresses);
  const poolDiffers = annotations[ALLOCATED_FROM_POOL] !== desired.pool;
  const conditions = conditionsPatch(service, desired, epochMs);
  if (!addressesDiffer && !poolDiffers && conditions === undefined) return undefined;
  const written = desired.addresses.map((ip) => ({ ip }));
  return {
    metadata: {
      uid,
      resourceVersion,
      ...(poolDiffers && { annotations: { [ALLOCATED_FROM_POOL]: desired.pool ?? null } }),
    },
    ...((addressesDiffer || conditions !== undefined) && {
      status: {
        ...(addressesDiffer && { loadBalancer: { ingress: written.length === 0 ? null : written } }),
        ...(conditions !== undefined && { conditions }),
      },
    }),
  };
}

function conditionsPatch(
  { allocated: found }: ServiceView,
  { allocated: wanted }: DesiredStatus,
  epochMs: number,
): readonly object[] | undefined {
  const type = ALLOCATED_CONDITION;
  if (wanted === undefined) return undefined;
  if (wanted === "none") return found === undefined ? undefined : [{ $patch: "delete", type }];
  const { status, reason, message } = wanted;
  const isSame = found?.status === status && found.reason === reason && found.message === message;
  if (isSame) return undefined;
  const now = new Date(epochMs).toISOString().replace(/\.\d+Z$/, "Z"); // whole seconds, as metav1.Time is written
  const lastTransitionTime = found?.status === status ? found.since : now;
  return [{ type, status, reason, message, lastTransitionTime }];
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
  /** Milliseconds since 1970; for the condition. */
  readonly epochMs?: number;
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
  const { client, decide, epochMs, signal } = options;
  const reading = signal === undefined ? {} : { signal };
  const desired = decide(service);
  const patch = desired === undefined ? undefined : statusPatch(service, desired, epochMs);
  if (patch === undefined) return { outcome: "unchanged", service };
  try {
    const written = await client.patch<V1Service>(
      serviceStatusPath(service.key),
      "strategic",
      patch,
      reading,
    );
    return { outcome: "written", service: serviceView(written as Raw<V1Service>) };
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409 && attemptsLeft > 1)) throw error;
  }
  const fresh = serviceView(await client.get<V1Service>(servicePath(service.key), reading));
  if (fresh.uid !== options.service.uid) return { outcome: "gone" };
  return await decideAndWrite(options, fresh, attemptsLeft - 1);
}
