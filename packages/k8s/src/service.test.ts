import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serviceView } from "./service.ts";

describe("view of a Service", () => {
  it("keeps what we read of a full one", () => {
    const view = serviceView({
      metadata: {
        namespace: "shop",
        name: "web",
        uid: "u1",
        resourceVersion: "7",
        creationTimestamp: "2026-01-02T03:04:05Z",
        deletionTimestamp: "2026-01-02T03:05:05Z",
        labels: { app: "web" },
        annotations: {
          "metallb.io/address-pool": "a",
          "metallb.universe.tf/allow-shared-ip": "k",
          "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
      },
      spec: {
        type: "LoadBalancer",
        loadBalancerClass: "x",
        clusterIP: "10.96.0.9",
        clusterIPs: ["10.96.0.9", "FD96:0::9"],
        ipFamilies: ["IPv4", "IPv6"],
        ipFamilyPolicy: "PreferDualStack",
        externalTrafficPolicy: "Local",
        selector: { app: "web" },
        ports: [{ port: 80 }, { port: 53, protocol: "UDP" }],
        loadBalancerIP: "192.0.2.1",
      },
      status: {
        loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }, { hostname: "h.example" }] },
      },
    });
    assert.deepEqual(view, {
      key: "shop/web",
      uid: "u1",
      resourceVersion: "7",
      type: "LoadBalancer",
      loadBalancerClass: "x",
      annotations: { "metallb.io/address-pool": "a", "metallb.universe.tf/allow-shared-ip": "k" },
      labels: { app: "web" },
      clusterIps: ["10.96.0.9", "fd96::9"],
      ipFamilies: [4, 6],
      ipFamilyPolicy: "PreferDualStack",
      externalTrafficPolicy: "Local",
      selector: { app: "web" },
      ports: [
        { protocol: "TCP", port: 80 },
        { protocol: "UDP", port: 53 },
      ],
      loadBalancerIp: "192.0.2.1",
      ingress: [{ ip: "192.0.2.1" }, { hostname: "h.example" }],
      createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      deleting: true,
    });
  });

  it("fills in what an empty one leaves out", () => {
    assert.deepEqual(serviceView({ metadata: { namespace: "a", name: "b" }, spec: { clusterIP: "None" } }), {
      key: "a/b",
      uid: "",
      resourceVersion: "",
      type: "ClusterIP",
      loadBalancerClass: undefined,
      annotations: {},
      labels: {},
      clusterIps: [],
      ipFamilies: [],
      ipFamilyPolicy: "SingleStack",
      externalTrafficPolicy: "Cluster",
      selector: {},
      ports: [],
      loadBalancerIp: "",
      ingress: [],
      createdAtMs: 0,
      deleting: false,
    });
  });
});

it("is viewed with both conditions of ours and no other", () => {
  const condition = (type: string) => ({
    type,
    status: "False",
    reason: "Why",
    message: `of ${type}`,
    lastTransitionTime: "2026-01-01T00:00:00Z",
  });
  const conditions = ["other", "herald.io/Announced", "herald.io/Allocated"].map(condition);
  const { allocated, announced } = serviceView({ status: { conditions } });
  const seen = (type: string) => ({
    status: "False",
    reason: "Why",
    message: `of ${type}`,
    since: "2026-01-01T00:00:00Z",
  });
  assert.deepEqual([allocated, announced], ["herald.io/Allocated", "herald.io/Announced"].map(seen));
});

it("is viewed with what others have said of its addresses, but for the mode that is meant by none", () => {
  const ports = [{ port: 80, protocol: "TCP" }];
  const ingress = [
    { ip: "192.0.2.1", ipMode: "VIP", ports: [] },
    { ip: "192.0.2.2", ipMode: "Proxy", ports },
  ];
  const view = serviceView({ status: { loadBalancer: { ingress } } });
  assert.deepEqual(view.ingress, [{ ip: "192.0.2.1" }, { ip: "192.0.2.2", ipMode: "Proxy", ports }]);
});
