import type { NODE_ANNOTATIONS } from "@herald/shared/service/annotations";
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
  /** Somebody vouches that the node is shut down: the taint `node.kubernetes.io/out-of-service`, of whatever effect. */
  readonly outOfService: boolean;
  /** On its way out, held by a finalizer. */
  readonly deleting: boolean;
  /** Why an operator wants it to serve no more, in the operator's words; "": nobody does. */
  readonly drain: string;
  /** What the annotation `herald.io/fail-back` says; a new value is the word to take addresses back. */
  readonly failBack: string;
  /** As the API gives them, both families. */
  readonly internalIps: readonly string[];
}

const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

export function nodeView({ metadata, spec, status }: Raw<V1Node>): NodeView {
  const annotation = (name: keyof typeof NODE_ANNOTATIONS): string => metadata?.annotations?.[name] ?? "";
  const drain = annotation("herald.io/drain");
  return {
    name: metadata?.name ?? "",
    labels: metadata?.labels ?? {},
    networkUnavailable: hasCondition(status?.conditions, "NetworkUnavailable"),
    ready: hasCondition(status?.conditions, "Ready"),
    unschedulable: spec?.unschedulable ?? false,
    outOfService: spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) ?? false,
    deleting: metadata?.deletionTimestamp !== undefined,
    drain: drain === "false" ? "" : drain,
    failBack: annotation("herald.io/fail-back"),
    internalIps: (status?.addresses ?? [])
      .filter(({ type }) => type === "InternalIP")
      .map(({ address }) => address),
  };
}
