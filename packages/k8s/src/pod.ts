import type { V1Pod } from "@kubernetes/client-node";
import type { Raw } from "./api.ts";
import { hasCondition } from "./condition.ts";

export interface PodView {
  readonly name: string;
  readonly namespace: string;
  /** "" until scheduled. */
  readonly nodeName: string;
  /** Both families; empty until the kubelet reports. */
  readonly podIps: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Condition `Ready` is True. */
  readonly ready: boolean;
  readonly deleting: boolean;
  /** "Pending", "Running", "Succeeded", "Failed" or "Unknown". */
  readonly phase: string;
}

export function podView({ metadata, spec, status }: Raw<V1Pod>): PodView {
  return {
    name: metadata?.name ?? "",
    namespace: metadata?.namespace ?? "",
    nodeName: spec?.nodeName ?? "",
    podIps: podIpsOf(status),
    labels: metadata?.labels ?? {},
    ready: hasCondition(status?.conditions, "Ready"),
    deleting: metadata?.deletionTimestamp !== undefined,
    phase: status?.phase ?? "Unknown",
  };
}

/** `podIPs` holds both families; `podIP` is its first and all that old kubelets report. */
function podIpsOf(status: Raw<V1Pod>["status"]): readonly string[] {
  const ips = (status?.podIPs ?? []).map(({ ip }) => ip).filter((ip) => ip !== "");
  if (ips.length > 0) return ips;
  return status?.podIP === undefined || status.podIP === "" ? [] : [status.podIP];
}
