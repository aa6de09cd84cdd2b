import type { IpAddress, IpFamily } from "../ip/address.ts";

/** `namespace/name`. The word MetalLB's metrics and logs use for a Service. */
export type ServiceKey = string & { readonly __brand: "ServiceKey" };

/** The few fields of a Service that either program reads. */
export interface ServiceView {
  readonly key: ServiceKey;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly type: string;
  /** `undefined` when the Service names no class. */
  readonly loadBalancerClass: string | undefined;
  /** Only those under a prefix of `annotations.ts`, and all of Herald's own, known or not. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** One or two, in the API's order; empty for headless Services and before the API has given any. */
  readonly clusterIps: readonly IpAddress[];
  /** The API's order: the first is the primary family. May be empty on objects of old API servers. */
  readonly ipFamilies: readonly IpFamily[];
  readonly ipFamilyPolicy: "SingleStack" | "PreferDualStack" | "RequireDualStack";
  readonly externalTrafficPolicy: "Cluster" | "Local";
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePort[];
  /** `spec.loadBalancerIP` as written; "" when absent. */
  readonly loadBalancerIp: string;
  /** `status.loadBalancer.ingress` as written; an entry has an ip, a hostname or both. */
  readonly ingress: readonly IngressView[];
  /** Milliseconds since 1970; decides who keeps an address that two Services claim after a restart. */
  readonly createdAtMs: number;
  readonly deleting: boolean;
  /** The condition `herald.io/Allocated` of the status; absent when there is none. */
  readonly allocated?: ConditionView;
  /** The same of `herald.io/Announced`. */
  readonly announced?: ConditionView;
}

/** A condition in a status, without its type. */
export interface ConditionView {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  /** When its status was another for the last time, as written. */
  readonly since: string;
}

export interface ServicePort {
  /** "TCP", "UDP" or "SCTP". */
  readonly protocol: string;
  readonly port: number;
}

export interface IngressView {
  readonly ip?: string;
  readonly hostname?: string;
  /** Where it is not "VIP"; no program of ours writes it, nor the next one, but what others have said stays. */
  readonly ipMode?: string;
  readonly ports?: readonly object[];
}

export function serviceKey(namespace: string, name: string): ServiceKey {
  return `${namespace}/${name}` as ServiceKey;
}

/** @returns `undefined` where it is no `namespace/name`. */
export function parseServiceKey(text: string): ServiceKey | undefined {
  return SERVICE_KEY.test(text) ? (text as ServiceKey) : undefined;
}

const SERVICE_KEY = /^[a-z0-9][-a-z0-9]{0,62}\/[a-z0-9][-a-z0-9]{0,62}$/;

export function namespaceOf(key: ServiceKey): string {
  return key.slice(0, key.indexOf("/"));
}
