import type { Pool, ServiceAllocation } from "../config/config.ts";
import { AllocationError } from "../errors.ts";
import type { IpAddress } from "../ip/address.ts";
import { parseRange } from "../ip/range.ts";
import { type ServicePort, type ServiceView, serviceKey } from "../service/view.ts";
import { Allocator } from "./allocator.ts";

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

/** A pool for tests and benchmarks, of CIDRs and ranges. Frozen: nobody is to change what was configured. */
export function samplePool(name: string, addresses: readonly string[], rest: Partial<Pool> = {}): Pool {
  return frozen({
    name,
    labels: {},
    ranges: addresses.map((text) => {
      const parsed = parseRange(text);
      if ("mistake" in parsed) throw new TypeError(parsed.mistake);
      return parsed.range;
    }),
    avoidBuggyIps: false,
    autoAssign: true,
    serviceAllocation: undefined,
    ...rest,
  });
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Set) return value;
  for (const entry of Object.values(value)) frozen(entry);
  return Object.freeze(value);
}

export function allocatorOf(...pools: readonly Pool[]): Allocator {
  const allocator = new Allocator();
  allocator.setPools(pools);
  return allocator;
}

/** What a Service gets, as text: `10.0.0.1 of pool`, or the reason and the message of the refusal. */
export function tell(allocator: Allocator, name: string, options: SampleService = {}): string {
  try {
    const { addresses, pool } = allocator.hold(sampleService(name, options));
    return `${addresses.join(" ")} of ${pool}`;
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    return `${error.reason}: ${error.message}`;
  }
}

/** The same, of a refusal the reason alone. */
export function ask(allocator: Allocator, name: string, options: SampleService = {}): string {
  return tell(allocator, name, options).replace(/^([a-z-]+): .*$/s, "$1");
}

/** Parts of a sample Service that ask for an address, for several, or for a pool. */
export const ip = (address: string) => ({ loadBalancerIp: address });
export const ips = (text: string) => ({ annotations: { "metallb.io/loadBalancerIPs": text } });
export const inPool = (name: string) => ({ annotations: { "metallb.io/address-pool": name } });

/** The part of a sample pool that sets it aside. */
export const allocation = (
  rest: Partial<ServiceAllocation>,
): { readonly serviceAllocation: ServiceAllocation } => ({
  serviceAllocation: { priority: 0, namespaces: undefined, serviceSelectors: [], ...rest },
});

const CLUSTER_IPS: Readonly<Record<string, string>> = { "4": "10.96.0.1", "6": "fd00:96::1" };

function samplePort(text: string): ServicePort {
  const [protocol = "", port] = text.split("/");
  return { protocol, port: Number(port) };
}
