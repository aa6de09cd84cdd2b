import type { V1Node } from "@kubernetes/client-node";
import type { Raw } from "./api.ts";

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

export function nodeView(node: Raw<V1Node>): NodeView {
  throw new Error(`not yet ${node}`);
}
