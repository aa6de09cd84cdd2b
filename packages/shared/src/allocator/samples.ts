import type { Pool } from "../config/config.ts";
import type { IpAddress } from "../ip/address.ts";
import { parseRange } from "../ip/range.ts";
import { type ServicePort, type ServiceView, serviceKey } from "../service/view.ts";

/** What a sample Service may say otherwise than the plain one: single stack IPv4, TCP port 80. */
export interface SampleService extends Partial<Omit<ServiceView, "clusterIps" | "ingress" | "ports">> {
  readonly namespace?: string;
  /** Cluster addresses by family: "4", "6", "46", "64" or "". */
  readonly stack?: "4" | "6" | "46" | "64" | "";
  /** As `TCP/80`. */
  readonly ports?: readonly string[];
  /** Addresses in the status. */
  readonly status?: readonly string[];
  readonly ingress?: ServiceView["ingress"];
}

/** A Service for tests and benchmarks. */
export function sampleService(
  name: string,
  { namespace = "shop", stack = "4", ports = ["TCP/80"], status = [], ...rest }: SampleService = {},
): ServiceView {
  return {
    key: serviceKey(namespace, name),
    uid: `uid-${name}`,
    resourceVersion: "1",
    type: "LoadBalancer",
    loadBalancerClass: undefined,
    annotations: {},
    labels: {},
    clusterIps: [...stack].map((family) => CLUSTER_IPS[family] as IpAddress),
    ipFamilies: [...stack].map((family) => (family === "4" ? 4 : 6)),
    ipFamilyPolicy: stack.length === 2 ? "RequireDualStack" : "SingleStack",
    externalTrafficPolicy: "Cluster",
    selector: { app: name },
    ports: ports.map(samplePort),
    loadBalancerIp: "",
    ingress: status.map((ip) => ({ ip })),
    createdAtMs: 0,
    deleting: false,
    ...rest,
  };
}

/** A pool for tests and benchmarks, of CIDRs and ranges. */
export function samplePool(name: string, addresses: readonly string[], rest: Partial<Pool> = {}): Pool {
  return {
    name,
    protocol: "layer2",
    ranges: addresses.map((text) => {
      const parsed = parseRange(text);
      if ("mistake" in parsed) throw new TypeError(parsed.mistake);
      return parsed.range;
    }),
    avoidBuggyIps: false,
    autoAssign: true,
    serviceAllocation: undefined,
    bgpAdvertisements: [],
    ...rest,
  };
}

const CLUSTER_IPS: Readonly<Record<string, string>> = { "4": "10.96.0.1", "6": "fd00:96::1" };

function samplePort(text: string): ServicePort {
  const [protocol = "", port] = text.split("/");
  return { protocol, port: Number(port) };
}
