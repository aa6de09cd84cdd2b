import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { serviceKey } from "@herald/shared/service/view";
import type { V1Service } from "@kubernetes/client-node";
import { ApiError } from "./api.ts";
import { FakeApi } from "./fake.ts";
import { servicePath } from "./paths.ts";
import {
  applyServiceCondition,
  type ConditionWish,
  type ConditionWriteOptions,
} from "./service-condition.ts";

const key = serviceKey("shop", "web");
const NOON = Date.UTC(2026, 0, 1, 12);
const announced: ConditionWish = { status: "True", reason: "Announced", message: "from node-1" };
const silent: ConditionWish = { status: "False", reason: "NoEndpoints", message: "nothing to reach" };
const ingress = [{ ip: "192.0.2.10", ipMode: "VIP" }];

describe("A condition on a Service", () => {
  let api: FakeApi;
  const conditions = () => api.peek<V1Service>(servicePath(key))?.status?.conditions;
  const apply = (wish: ConditionWish, change: Partial<ConditionWriteOptions> = {}) =>
    applyServiceCondition({
      client: api,
      service: key,
      uid: api.peek<V1Service>(servicePath(key))?.metadata?.uid ?? "none",
      type: "herald.io/Announced",
      wish,
      fieldManager: "herald-speaker",
      epochMs: NOON,
      ...change,
    });
  const patches = () => api.requests.filter(({ method }) => method === "PATCH").length;

  beforeEach(() => {
    api = new FakeApi({ clock: new VirtualClock() });
    api.put(servicePath(key), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "shop" },
      status: { loadBalancer: { ingress } },
    });
  });

  it("is written once, and nothing else of the status with it", async () => {
    assert.equal(await apply(announced), "written");
    assert.equal(await apply(announced), "unchanged");
    assert.equal(patches(), 1);
    assert.deepEqual(api.peek<V1Service>(servicePath(key))?.status, {
      loadBalancer: { ingress },
      conditions: [{ type: "herald.io/Announced", lastTransitionTime: "2026-01-01T12:00:00Z", ...announced }],
    });
  });

  it("keeps the time of its last transition while only its words change", async () => {
    await apply(announced);
    await apply({ ...announced, message: "from node-2" }, { epochMs: NOON + 60_000 });
    assert.equal(conditions()?.[0]?.lastTransitionTime, "2026-01-01T12:00:00Z");
    await apply(silent, { epochMs: NOON + 120_000 });
    assert.equal(conditions()?.[0]?.lastTransitionTime, "2026-01-01T12:02:00Z");
  });

  it("does not go over what another one wrote meanwhile, if that is wanted", async () => {
    await apply({ ...announced, message: "from node-2" });
    assert.equal(await apply({ ...silent, over: "from node-1" }), "unchanged");
    assert.equal(await apply({ ...silent, over: "from node-2" }), "written");
  });

  it("leaves alone a Service that is another one of the same name, or none", async () => {
    assert.equal(await apply(announced, { uid: "older" }), "gone");
    api.remove(servicePath(key));
    assert.equal(await apply(announced), "gone");
    assert.equal(patches(), 0);
  });

  it("throws what the API server refuses, for somebody to try again", async () => {
    api.failNext(1, new ApiError(409, "Conflict", "somebody was faster"), ({ method }) => method === "PATCH");
    await assert.rejects(apply(announced), { name: "ApiError", status: 409 });
    assert.equal(await apply(announced), "written");
  });
});
