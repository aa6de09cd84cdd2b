import type { V1Node } from "@kubernetes/client-node";
import type { Raw } from "./api.ts";
import { hasCondition } from "./condition.ts";

export interface NodeView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Condition `NetworkUnavailable` is True. */
  readonly networkUnavailable: boolean;
  /** Condition `Ready` is True. */
  readonly ready: boolean;
  /** `spec.unschedulable`: cordoned. */
  readonly unschedulable: boolean;
  /** As the API gives them, both families. */
  readonly internalIps: readonly string[];
}

export function nodeView({ metadata, spec, status }: Raw<V1Node>): NodeView {
  return {
    name: metadata?.name ?? "",
    labels: metadata?.labels ?? {},
    networkUnavailable: hasCondition(status?.conditions, "NetworkUnavailable"),
    ready: hasCondition(status?.conditions, "Ready"),
    unschedulable: spec?.unschedulable ?? false,
    internalIps: (status?.addresses ?? [])
      .filter(({ type }) => type === "InternalIP")
      .map(({ address }) => address),
  };
}
