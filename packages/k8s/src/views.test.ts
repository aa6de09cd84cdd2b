import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ServiceKey } from "@herald/shared/service/view";
import { configMapView } from "./config-map.ts";
import { EndpointIndex, endpointSliceView } from "./endpoints.ts";
import { nodeView } from "./node.ts";
import { podView } from "./pod.ts";

describe("views", () => {
  it("reads a node's conditions and internal addresses of both families", () => {
    const view = nodeView({
      metadata: { name: "n1", labels: { zone: "a" } },
      spec: {
        unschedulable: true,
        taints: [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }],
      },
      status: {
        addresses: [
          { type: "Hostname", address: "n1" },
          { type: "InternalIP", address: "10.0.0.1" },
          { type: "ExternalIP", address: "192.0.2.1" },
          { type: "InternalIP", address: "fd00::1" },
        ],
        conditions: [
          { type: "Ready", status: "True" },
          { type: "NetworkUnavailable", status: "True" },
          { type: "DiskPressure", status: "False" },
        ],
      },
    });
    assert.deepEqual(view, {
      name: "n1",
      labels: { zone: "a" },
      networkUnavailable: true,
      ready: true,
      unschedulable: true,
      outOfService: false,
      deleting: false,
      drain: "",
      failBack: "",
      internalIps: ["10.0.0.1", "fd00::1"],
    });
  });

  it("takes a condition that is Unknown for one that is not met", () => {
    const view = nodeView({
      metadata: { name: "n1" },
      status: { conditions: [{ type: "Ready", status: "Unknown" }] },
    });
    assert.deepEqual(view, {
      name: "n1",
      labels: {},
      networkUnavailable: false,
      ready: false,
      unschedulable: false,
      outOfService: false,
      deleting: false,
      drain: "",
      failBack: "",
      internalIps: [],
    });
  });

  for (const effect of ["NoExecute", "NoSchedule", "PreferNoSchedule"]) {
    it(`reads from a taint of effect ${effect} that a node is out of service`, () => {
      const taints = [{ key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect }];
      assert.equal(nodeView({ spec: { taints } }).outOfService, true);
    });
  }

  it("reads that a node is being deleted", () =>
    assert.equal(nodeView({ metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }).deleting, true));

  const drains = [
    { annotation: "kernel upgrade", drain: "kernel upgrade" },
    { annotation: "true", drain: "true" },
    { annotation: "false", drain: "" },
    { annotation: "", drain: "" },
  ];
  for (const { annotation, drain } of drains) {
    it(`takes "${annotation}" for ${drain === "" ? "no wish" : "the reason"} to drain a node`, () => {
      const annotations = { "herald.io/drain": annotation, "herald.io/fail-back": "1" };
      const view = nodeView({ metadata: { annotations } });
      assert.deepEqual([view.drain, view.failBack], [drain, "1"]);
    });
  }

  it("reads where a pod is and whether it is ready", () => {
    const view = podView({
      metadata: { name: "p", namespace: "ns", deletionTimestamp: "2026-01-01T00:00:00Z", labels: { a: "b" } },
      spec: { nodeName: "n1", containers: [] },
      status: {
        phase: "Running",
        podIP: "10.0.0.1",
        podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    });
    assert.deepEqual(view, {
      name: "p",
      namespace: "ns",
      nodeName: "n1",
      podIps: ["10.0.0.1", "fd00::1"],
      labels: { a: "b" },
      ready: true,
      deleting: true,
      phase: "Running",
    });
  });

  it("reads a pod that is not scheduled yet, and one of an old kubelet", () => {
    const unknown = { nodeName: "", labels: {}, ready: false, deleting: false };
    assert.deepEqual(podView({ metadata: { name: "p", namespace: "ns" }, status: { phase: "Pending" } }), {
      ...unknown,
      name: "p",
      namespace: "ns",
      podIps: [],
      phase: "Pending",
    });
    assert.deepEqual(podView({ metadata: { name: "p", namespace: "ns" }, status: { podIP: "10.0.0.1" } }), {
      ...unknown,
      name: "p",
      namespace: "ns",
      podIps: ["10.0.0.1"],
      phase: "Unknown",
    });
  });

  it("reads the data of a ConfigMap, also of one without any", () => {
    const metadata = { name: "config", namespace: "metallb-system", uid: "u", resourceVersion: "7" };
    assert.deepEqual(configMapView({ metadata, data: { config: "x" } }), {
      ...metadata,
      data: { config: "x" },
    });
    assert.deepEqual(configMapView({ metadata }), { ...metadata, data: {} });
  });

  it("reads endpoints, ready unless said otherwise and serving when ready", () => {
    const view = endpointSliceView({
      addressType: "IPv4",
      metadata: { name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
      endpoints: [
        { addresses: ["10.0.0.1"], nodeName: "n1" },
        { addresses: ["10.0.0.2"], conditions: { ready: false } },
        { addresses: ["10.0.0.3"], conditions: { ready: false, serving: true, terminating: true } },
      ],
    });
    assert.deepEqual(view, {
      service: "shop/web",
      endpoints: [
        { nodeName: "n1", addresses: ["10.0.0.1"], ready: true, serving: true },
        { nodeName: undefined, addresses: ["10.0.0.2"], ready: false, serving: false },
        { nodeName: undefined, addresses: ["10.0.0.3"], ready: false, serving: true },
      ],
    });
  });

  it("has no view of a slice without a Service", () => {
    assert.equal(endpointSliceView({ metadata: { name: "x", namespace: "shop" }, endpoints: [] }), undefined);
  });
});

describe("endpoint index", () => {
  const slice = (service: string, ...addresses: string[]) => ({
    service: service as ServiceKey,
    endpoints: addresses.map((address) => ({
      nodeName: "n1",
      addresses: [address],
      ready: true,
      serving: true,
    })),
  });
  const addressesOf = (index: EndpointIndex, service: string): readonly string[] =>
    index.get(service as ServiceKey).flatMap(({ addresses }) => addresses);

  it("joins the slices of a Service", () => {
    const index = new EndpointIndex();
    assert.deepEqual(index.set("shop/web-1", slice("shop/web", "10.0.0.1")), ["shop/web"]);
    assert.deepEqual(index.set("shop/web-2", slice("shop/web", "fd00::1")), ["shop/web"]);
    assert.deepEqual(addressesOf(index, "shop/web"), ["10.0.0.1", "fd00::1"]);
  });

  it("names both Services when a slice changes hands", () => {
    const index = new EndpointIndex();
    index.set("shop/s", slice("shop/old", "10.0.0.1"));
    assert.deepEqual(index.set("shop/s", slice("shop/new", "10.0.0.1")), ["shop/old", "shop/new"]);
    assert.deepEqual([addressesOf(index, "shop/old"), addressesOf(index, "shop/new")], [[], ["10.0.0.1"]]);
  });

  it("names the Service of a slice that vanished, and nobody for one it never knew", () => {
    const index = new EndpointIndex();
    index.set("shop/s", slice("shop/web", "10.0.0.1"));
    assert.deepEqual(index.set("shop/s", undefined), ["shop/web"]);
    assert.deepEqual([addressesOf(index, "shop/web"), index.set("shop/other", undefined)], [[], []]);
  });
});
