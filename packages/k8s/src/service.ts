import { parseAddress } from "@herald/shared/ip/address";
import { ANNOTATION_PREFIXES } from "@herald/shared/service/annotations";
import { HERALD_PREFIX } from "@herald/shared/service/idle-annotations";
import type { ConditionView, IngressView, ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { V1LoadBalancerIngress, V1Service } from "@kubernetes/client-node";
import { keyOf, type Raw } from "./api.ts";

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

function ingressView({ ip, hostname, ipMode, ports }: Raw<V1LoadBalancerIngress>): IngressView {
  return {
    ...(ip !== undefined && { ip }),
    ...(hostname !== undefined && { hostname }),
    ...(ipMode !== undefined && ipMode !== "VIP" && { ipMode }), // that is what the API server means by none
    ...(ports !== undefined && ports.length > 0 && { ports }),
  };
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
