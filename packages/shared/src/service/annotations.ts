/** The preferred prefix and the one MetalLB 0.7 to 0.12 used. Where both are set the first wins. */
export const ANNOTATION_PREFIXES = ["metallb.io/", "metallb.universe.tf/"] as const;

/** Annotations of a Service that we read, without their prefix. */
export type AnnotationName = "address-pool" | "loadBalancerIPs" | "allow-shared-ip";

/** Written by the controller, only under the preferred prefix. */
export const ALLOCATED_FROM_POOL = "metallb.io/ip-allocated-from-pool";

/** @returns the value under the first prefix that has it. */
export function annotation(
  annotations: Readonly<Record<string, string>>,
  name: AnnotationName,
): string | undefined {
  for (const prefix of ANNOTATION_PREFIXES) {
    const value = annotations[prefix + name];
    if (value !== undefined) return value;
  }
  return undefined;
}
