import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceView } from "@herald/shared/service/view";
import type { V1Service } from "@kubernetes/client-node";
import { ApiError, type Raw } from "./api.ts";
import { FakeApi } from "./fake.ts";
import { servicePath } from "./paths.ts";
import { type DesiredStatus, serviceView, statusPatch, writeServiceStatus } from "./service.ts";

const POOL = "metallb.io/ip-allocated-from-pool";
const desired = (addresses: readonly string[], pool?: string): DesiredStatus => ({
  addresses: addresses as readonly IpAddress[],
  pool,
});

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

const view = (ips: readonly string[], pool?: string, hostname?: string): ServiceView =>
  serviceView({
    metadata: {
      namespace: "shop",
      name: "web",
      uid: "u1",
      resourceVersion: "7",
      ...(pool !== undefined && { annotations: { [POOL]: pool } }),
    },
    status: {
      loadBalancer: { ingress: ips.map((ip) => ({ ip, ipMode: "VIP", ...(hostname && { hostname }) })) },
    },
  });
const identity = { uid: "u1", resourceVersion: "7" };
const statusOf = (...ips: string[]): object => ({ loadBalancer: { ingress: ips.map((ip) => ({ ip })) } });

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

describe("the condition herald.io/Allocated", () => {
  const found = { status: "False", reason: "PoolExhausted", message: "full", since: "2026-01-01T00:00:00Z" };
  const { since: _, ...same } = found;
  const type = "herald.io/Allocated";
  const patched = (allocated: DesiredStatus["allocated"], from: typeof found | "none" = found) =>
    statusPatch(
      { ...view([]), ...(from !== "none" && { allocated: from }) },
      { ...desired([]), ...(allocated !== undefined && { allocated }) },
      Date.UTC(2026, 6, 1),
    );
  const conditions = (...list: object[]) => ({ metadata: identity, status: { conditions: list } });

  it("is left alone where nothing is wanted of it, or it says so already", () => {
    assert.deepEqual(
      [patched(undefined), patched(same), patched("none", "none")],
      [undefined, undefined, undefined],
    );
  });

  it("is removed, or written with the time since when it is so", () => {
    assert.deepEqual(patched("none"), conditions({ $patch: "delete", type }));
    const other = { ...same, message: "still full" };
    assert.deepEqual(patched(other), conditions({ type, ...other, lastTransitionTime: found.since }));
    const good = { status: "True", reason: "Allocated", message: "here" };
    const now = "2026-07-01T00:00:00Z";
    assert.deepEqual(patched(good), conditions({ type, ...good, lastTransitionTime: now }));
    assert.deepEqual(patched(good, "none"), conditions({ type, ...good, lastTransitionTime: now }));
  });
});

const patches: readonly { name: string; from: ServiceView; to: DesiredStatus; patch: object | undefined }[] =
  [
    {
      name: "says nothing when only ipMode differs",
      from: view(["192.0.2.1"], "a"),
      to: desired(["192.0.2.1"], "a"),
      patch: undefined,
    },
    {
      name: "says nothing when there is nothing to clear",
      from: view([]),
      to: desired([]),
      patch: undefined,
    },
    {
      name: "writes addresses and pool together",
      from: view([]),
      to: desired(["192.0.2.1", "fd00::1"], "a"),
      patch: {
        metadata: { ...identity, annotations: { [POOL]: "a" } },
        status: statusOf("192.0.2.1", "fd00::1"),
      },
    },
    {
      name: "clears both",
      from: view(["192.0.2.1"], "a"),
      to: desired([]),
      patch: {
        metadata: { ...identity, annotations: { [POOL]: null } },
        status: { loadBalancer: { ingress: null } },
      },
    },
    {
      name: "corrects the pool alone",
      from: view(["192.0.2.1"], "a"),
      to: desired(["192.0.2.1"], "b"),
      patch: { metadata: { ...identity, annotations: { [POOL]: "b" } } },
    },
    {
      name: "writes a new order",
      from: view(["fd00::1", "192.0.2.1"], "a"),
      to: desired(["192.0.2.1", "fd00::1"], "a"),
      patch: { metadata: identity, status: statusOf("192.0.2.1", "fd00::1") },
    },
    {
      name: "removes a hostname somebody else wrote",
      from: view(["192.0.2.1"], "a", "h.example"),
      to: desired(["192.0.2.1"], "a"),
      patch: { metadata: identity, status: statusOf("192.0.2.1") },
    },
  ];

describe("status patch", () => {
  for (const { name, from, to, patch } of patches) {
    it(name, () => assert.deepEqual(statusPatch(from, to), patch));
  }
});

const KEY = "shop/web";

function apiWithService(): { api: FakeApi; service: () => ServiceView; raw: () => Raw<V1Service> } {
  const api = new FakeApi({ clock: new VirtualClock() });
  api.put(servicePath(KEY), { spec: { type: "LoadBalancer" } });
  const raw = (): Raw<V1Service> => api.peek<V1Service>(servicePath(KEY)) as Raw<V1Service>;
  return { api, service: () => serviceView(raw()), raw };
}

describe("status write", () => {
  it("takes one request, and none when repeated", async () => {
    const { api, service, raw } = apiWithService();
    const decide = (): DesiredStatus => desired(["192.0.2.1"], "a");
    const first = await writeServiceStatus({ client: api, service: service(), decide });
    assert.deepEqual(first, { outcome: "written", service: service() });
    assert.deepEqual(raw().status, { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] } });
    assert.equal(raw().metadata?.annotations?.[POOL], "a");
    const second = await writeServiceStatus({ client: api, service: service(), decide });
    assert.equal(second.outcome, "unchanged");
    assert.deepEqual(api.requests, [
      { method: "PATCH", path: "/api/v1/namespaces/shop/services/web/status", type: "strategic" },
    ]);
  });

  it("decides again on what a faster writer left", async () => {
    const { api, service } = apiWithService();
    const old = service();
    api.put(servicePath(KEY), { spec: { type: "LoadBalancer" }, metadata: { labels: { zone: "b" } } });
    const asked: string[] = [];
    const result = await writeServiceStatus({
      client: api,
      service: old,
      decide: ({ labels }) => {
        asked.push(labels["zone"] ?? "-");
        return desired([labels["zone"] === "b" ? "192.0.2.2" : "192.0.2.1"], "a");
      },
    });
    assert.deepEqual([asked, result], [["-", "b"], { outcome: "written", service: service() }]);
    assert.deepEqual(service().ingress, [{ ip: "192.0.2.2" }]);
  });

  it("leaves a Service alone that decide has nothing to say about", async () => {
    const { api, service } = apiWithService();
    const result = await writeServiceStatus({ client: api, service: service(), decide: () => undefined });
    assert.deepEqual([result.outcome, api.requests], ["unchanged", []]);
  });

  it("is told when the Service is gone, or is another one by now", async () => {
    const { api, service } = apiWithService();
    const old = service();
    const write = async (): Promise<string> =>
      (await writeServiceStatus({ client: api, service: old, decide: () => desired(["192.0.2.1"]) })).outcome;
    api.remove(servicePath(KEY));
    assert.equal(await write(), "gone");
    api.put(servicePath(KEY), { spec: { type: "LoadBalancer" } });
    assert.equal(await write(), "gone");
    assert.deepEqual(service().ingress, []);
  });

  it("throws when five attempts met five conflicts, and what else the API server refuses", async () => {
    const { api, service } = apiWithService();
    const write = (): Promise<unknown> =>
      writeServiceStatus({ client: api, service: service(), decide: () => desired(["192.0.2.1"]) });
    const isPatch = ({ method }: { method: string }): boolean => method === "PATCH";
    api.failNext(5, new ApiError(409, "Conflict", "modified"), isPatch);
    await assert.rejects(write(), { status: 409 });
    assert.equal(api.requests.filter(isPatch).length, 5);
    api.failNext(1, new ApiError(422, "Invalid", "no"), isPatch);
    await assert.rejects(write(), { status: 422 });
  });
});
