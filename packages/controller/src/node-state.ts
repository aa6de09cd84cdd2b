import type { ApiObject } from "@herald/k8s/api";
import { hasCondition } from "@herald/k8s/condition";
import type { ClusterNetwork } from "@herald/shared/allocator/network-overlaps";
import { parseRange } from "@herald/shared/ip/range";

/** What the controller reads of a Node. */
export interface NodeState {
  readonly name: string;
  /** Condition `Ready` is True: its kubelet was heard lately. */
  readonly isReady: boolean;
  /** Addresses of the node and its pods. */
  readonly networks: readonly ClusterNetwork[];
}

interface NodeObject extends ApiObject {
  readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
  readonly status?: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** The view of a Node as it comes over the wire. */
export function nodeState({ metadata, spec = {}, status = {} }: NodeObject): NodeState {
  const { podCIDR, podCIDRs = podCIDR === undefined ? [] : [podCIDR] } = spec;
  const name = metadata?.name ?? "";
  const addresses = (status.addresses ?? []).filter(({ type }) => type.endsWith("IP"));
  return {
    name,
    isReady: hasCondition(status.conditions, "Ready"),
    networks: [
      ...podCIDRs.flatMap((text) => network(`the pod network of node "${name}"`, text)),
      ...addresses.flatMap(({ address }) => network(`an address of node "${name}"`, `${address}-${address}`)),
    ],
  };
}

/** @returns none where the text is no network. */
export function network(what: string, text: string): readonly ClusterNetwork[] {
  const parsed = parseRange(text);
  return "range" in parsed ? [{ what, range: parsed.range }] : [];
}
