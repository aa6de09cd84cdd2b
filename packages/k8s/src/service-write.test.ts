import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { IpAddress } from "@herald/shared/ip/address";
import { NO_SPEAKER_YET } from "@herald/shared/service/no-speaker-yet";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { V1Service } from "@kubernetes/client-node";
import { ApiError, type Raw } from "./api.ts";
import type { DesiredStatus } from "./desired-status.ts";
import { FakeApi } from "./fake.ts";
import { servicePath, serviceStatusPath } from "./paths.ts";
import { serviceView } from "./service.ts";
import { applyServiceCondition } from "./service-condition.ts";
import { type StatusWrite, type StatusWriteOptions, writeServiceStatus } from "./service-write.ts";

const KEY = "shop/web" as ServiceKey;
const POOL = "metallb.io/ip-allocated-from-pool";
const good = { status: "True", reason: "Allocated", message: "here" };
const desired = (address: string): DesiredStatus => ({
  addresses: [address as IpAddress],
  pool: "a",
  allocated: good,
});
const NOTHING: DesiredStatus = { addresses: [], pool: undefined, allocated: "none" };
const EPOCH = "1970-01-01T00:00:00Z";
const allocated = { type: "herald.io/Allocated", ...good, lastTransitionTime: EPOCH };
const unspoken = { type: "herald.io/Announced", ...NO_SPEAKER_YET, lastTransitionTime: EPOCH };

describe("status write", () => {
  let api: FakeApi;
  const raw = (): Raw<V1Service> => api.peek<V1Service>(servicePath(KEY)) as Raw<V1Service>;
  const service = (): ServiceView => serviceView(raw());
  const write = (
    to: DesiredStatus | StatusWriteOptions["decide"],
    options: Partial<StatusWriteOptions> = {},
  ): Promise<StatusWrite> => {
    const decide = typeof to === "function" ? to : () => to;
    const fieldManager = "herald-controller";
    const from = options.service ?? service();
    return writeServiceStatus({ client: api, decide, fieldManager, ...options, service: from });
  };
  /** What was asked since the last look, reads and all. */
  const asked = (): readonly string[] =>
    api.requests.splice(0).map(({ method, path, type }) => {
      assert.equal(path, method === "PATCH" ? serviceStatusPath(KEY) : servicePath(KEY));
      return type ?? method;
    });

  beforeEach(() => {
    api = new FakeApi({ clock: new VirtualClock() });
    api.put(servicePath(KEY), { spec: { type: "LoadBalancer" } });
  });

  it("takes one request, of addresses, pool and both conditions, and none when repeated", async () => {
    assert.deepEqual(await write(desired("192.0.2.1")), { outcome: "written", service: service() });
    assert.deepEqual(
      [raw().metadata?.annotations, raw().status],
      [
        { [POOL]: "a" },
        {
          loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] },
          conditions: [allocated, unspoken],
        },
      ],
    );
    assert.equal((await write(desired("192.0.2.1"))).outcome, "unchanged");
    assert.deepEqual(asked(), ["apply"]);
  });

  it("takes one request where the address changes, and one where all goes", async () => {
    await write(desired("192.0.2.1"));
    await write(desired("192.0.2.2"));
    await write(NOTHING);
    assert.deepEqual(asked(), ["apply", "apply", "apply"]);
    assert.deepEqual([raw().metadata?.annotations, raw().status], [undefined, { loadBalancer: {} }]);
  });

  it("leaves to a speaker what it has said", async () => {
    await write(desired("192.0.2.1"));
    const wish = { status: "True", reason: "Announced", message: "from a node" } as const;
    const { uid, key } = service();
    const type = "herald.io/Announced";
    await applyServiceCondition({
      ...{ client: api, service: key, uid, type, wish },
      ...{ fieldManager: "herald-speaker", epochMs: 60_000 },
    });
    await write(desired("192.0.2.2"));
    const spoken = { type, ...wish, lastTransitionTime: "1970-01-01T00:01:00Z" };
    assert.deepEqual(raw().status?.conditions, [allocated, spoken]);
    await write(NOTHING);
    assert.deepEqual(raw().status, { loadBalancer: {}, conditions: [spoken] });
    assert.deepEqual(asked(), ["apply", "GET", "apply", "apply", "apply"]);
  });

  it("takes a second request for what an earlier release or MetalLB wrote, when it is to go", async () => {
    api.put(servicePath(KEY), {
      metadata: { annotations: { [POOL]: "a" } },
      spec: { type: "LoadBalancer" },
      status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] }, conditions: [allocated] },
    });
    await write(desired("192.0.2.2"));
    assert.deepEqual(asked(), ["apply"]);
    assert.equal((await write(NOTHING)).outcome, "written");
    assert.deepEqual(asked(), ["apply", "strategic"]);
    assert.deepEqual(service(), { ...service(), annotations: {}, ingress: [] });
    assert.equal((await write(NOTHING)).outcome, "unchanged");
  });

  it("stops between the two once it may not write", async () => {
    api.put(servicePath(KEY), { metadata: { annotations: { [POOL]: "a" } }, spec: { type: "LoadBalancer" } });
    await write(desired("192.0.2.1"));
    asked();
    const answers = [true, false];
    await write(NOTHING, { mayWrite: () => answers.shift() === true });
    assert.deepEqual([asked(), service().annotations], [["apply"], { [POOL]: "a" }]);
    assert.equal((await write(NOTHING, { mayWrite: () => false })).outcome, "unchanged");
    assert.deepEqual(asked(), []);
  });

  it("decides again on what a faster writer left", async () => {
    const old = service();
    api.put(servicePath(KEY), { spec: { type: "LoadBalancer" }, metadata: { labels: { zone: "b" } } });
    const zones: string[] = [];
    const decide = ({ labels }: ServiceView): DesiredStatus => {
      zones.push(labels["zone"] ?? "-");
      return desired(labels["zone"] === "b" ? "192.0.2.2" : "192.0.2.1");
    };
    const result = await write(decide, { service: old });
    assert.deepEqual([zones, result], [["-", "b"], { outcome: "written", service: service() }]);
    assert.deepEqual([service().ingress, asked()], [[{ ip: "192.0.2.2" }], ["apply", "GET", "apply"]]);
  });

  it("leaves a Service alone that decide has nothing to say about", async () => {
    const result = await write(() => undefined);
    assert.deepEqual([result.outcome, asked()], ["unchanged", []]);
  });

  it("is told when the Service is gone, or is another one by now, and makes none", async () => {
    const old = service();
    api.remove(servicePath(KEY));
    assert.equal((await write(desired("192.0.2.1"), { service: old })).outcome, "gone");
    assert.equal(api.peek(servicePath(KEY)), undefined);
    api.put(servicePath(KEY), { spec: { type: "LoadBalancer" } });
    assert.equal((await write(desired("192.0.2.1"), { service: old })).outcome, "gone");
    assert.deepEqual([service().ingress, asked()], [[], ["apply", "GET", "apply", "GET"]]);
  });

  it("throws when five attempts met five conflicts, and what else the API server refuses", async () => {
    const isPatch = ({ method }: { method: string }): boolean => method === "PATCH";
    api.failNext(5, new ApiError(409, "Conflict", "modified"), isPatch);
    await assert.rejects(write(desired("192.0.2.1")), { status: 409 });
    assert.equal(asked().filter((each) => each === "apply").length, 5);
    api.failNext(1, new ApiError(422, "Invalid", "no"), isPatch);
    await assert.rejects(write(desired("192.0.2.1")), { status: 422 });
  });
});
