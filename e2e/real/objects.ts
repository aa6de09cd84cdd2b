import type { ApiObject } from "../cluster/api.ts";
import { ECHO } from "../cluster/workload.ts";

export interface ServiceOptions {
  readonly name: string;
  /** Pods with this label `app` serve it. */
  readonly app?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Merged into the spec. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface ServiceObject extends ApiObject {
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

/** A Service of type LoadBalancer before the echo workload: HTTP on 80, UDP on 82. */
export function service({ name, app = "echo", annotations = {}, spec = {} }: ServiceOptions): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, annotations },
    spec: {
      type: "LoadBalancer",
      selector: { app },
      ports: [
        { name: "http", protocol: "TCP", port: 80, targetPort: ECHO.http },
        { name: "udp", protocol: "UDP", port: 82, targetPort: ECHO.udp },
      ],
      ...spec,
    },
  };
}

/** Addresses in a Service's status, in its order. */
export function addressesIn({ status }: ServiceObject): readonly string[] {
  return (status.loadBalancer.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
}

/** The ConfigMap text every MetalLB 0.7 user has: one layer-2 pool on the cluster's LAN. */
export const ISSUE_CONFIG = `address-pools:
- name: default
  protocol: layer2
  addresses:
  - 192.168.1.100-192.168.1.159
`;
