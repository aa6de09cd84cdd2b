import type { V1Pod } from "@kubernetes/client-node";
import type { Raw } from "./api.ts";

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

export function podView(pod: Raw<V1Pod>): PodView {
  throw new Error(`not yet ${pod}`);
}
