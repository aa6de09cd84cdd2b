import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";

/** A LoadBalancer Service `default/web` on one IPv4 cluster address, except as told. */
export function service(
  changes: Partial<Omit<ServiceView, "key">> & { readonly key?: string } = {},
): ServiceView {
  const key = (changes.key ?? "default/web") as ServiceKey;
  return {
    uid: `uid of ${key}`,
    resourceVersion: "1",
    type: "LoadBalancer",
    loadBalancerClass: undefined,
    annotations: {},
    labels: {},
    clusterIps: ips("10.96.0.1"),
    ipFamilies: [4],
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    selector: {},
    ports: [{ protocol: "TCP", port: 80 }],
    loadBalancerIp: "",
    ingress: [],
    createdAtMs: 0,
    deleting: false,
    ...changes,
    key,
  };
}

/** Cluster addresses of both families. */
export const DUAL = {
  clusterIps: ["10.96.0.1", "fd00:96::1"] as unknown as readonly IpAddress[],
  ipFamilies: [4, 6],
} as const;

export function ips(...texts: readonly string[]): readonly IpAddress[] {
  return texts.map((text) => {
    const address = parseAddress(text);
    if (address === undefined) throw new Error(`${text} is no address`);
    return address;
  });
}
