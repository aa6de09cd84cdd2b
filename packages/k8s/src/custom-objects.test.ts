import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { ApiError } from "./api.ts";
import { CustomObjects } from "./custom-objects.ts";
import { elapse } from "./elapse.ts";
import { FakeApi } from "./fake.ts";
import { customPath, ServedKinds } from "./served-kinds.ts";

const POOLS = { version: "v1beta1", plural: "ipaddresspools" } as const;
const PEERS = { version: "v1beta2", plural: "bgppeers" } as const;
const V1BETA1 = "/apis/metallb.io/v1beta1";
const V1BETA2 = "/apis/metallb.io/v1beta2";
const POOL = `${customPath(POOLS, "metallb-system")}/default`;
const serving = (...names: string[]): object => ({ resources: names.map((name) => ({ name })) });

function world(prepare: (api: FakeApi) => void = () => {}) {
  const clock = new VirtualClock();
  const api = new FakeApi({ clock });
  prepare(api);
  const random = new SeededRandom(1);
  const stop = new AbortController();
  const follow = [POOLS, PEERS];
  const served = new ServedKinds({ client: api, clock, random, wanted: follow });
  let changes = 0;
  const notices: string[] = [];
  const objects = new CustomObjects({
    client: api,
    clock,
    random,
    namespace: "metallb-system",
    served,
    follow,
    onChange: () => {
      changes += 1;
    },
    notice: (plural, { type }) => notices.push(`${plural} ${type}`),
  });
  const run = Promise.all([served.run(stop.signal), objects.run(stop.signal)]);
  let isSynced = false;
  const synced = objects.whenSynced(stop.signal).then(
    () => {
      isSynced = true;
    },
    () => {},
  );
  return {
    api,
    objects,
    notices,
    pass: (ms: number) => elapse(clock, ms),
    synced: () => isSynced,
    changes: () => changes,
    asked: () => api.requests.splice(0).map(({ method, path }) => `${method} ${path}`),
    end: async () => {
      stop.abort();
      await Promise.all([run, synced]);
      assert.equal(api.openWatches, 0);
    },
  };
}

describe("CustomObjects", () => {
  it("is synced without the kinds once it is known that they are not there, and looks again gently", async () => {
    const { asked, end, objects, pass, synced } = world();
    await pass(100);
    assert.equal(synced(), true);
    assert.equal(objects.anyServed, false);
    assert.deepEqual(objects.of("ipaddresspools"), []);
    assert.deepEqual(asked(), [`GET ${V1BETA1}`, `GET ${V1BETA2}`]);
    await pass(120_000);
    assert.ok(asked().length <= 16, "less than every 15 seconds");
    await end();
  });

  it("follows a kind that is installed later, and goes on looking for the other", async () => {
    const { api, asked, changes, end, objects, pass } = world();
    await pass(100);
    api.put(V1BETA1, serving("ipaddresspools"));
    api.put(POOL, { metadata: { labels: { zone: "a" } }, spec: { addresses: ["192.0.2.0/24"] } });
    await pass(31_000);
    assert.deepEqual(objects.of("ipaddresspools"), [
      { metadata: { name: "default", labels: { zone: "a" } }, spec: { addresses: ["192.0.2.0/24"] } },
    ]);
    assert.ok(changes() > 0);
    asked();
    await pass(31_000);
    assert.ok(asked().every((request) => request === `GET ${V1BETA2}`));
    api.remove(POOL);
    await pass(100);
    assert.deepEqual(objects.of("ipaddresspools"), []);
    await end();
  });

  it("concludes nothing from an API server that does not answer", async () => {
    const { end, objects, pass, synced } = world((api) => {
      api.put(V1BETA1, serving("ipaddresspools"));
      api.put(V1BETA2, serving("bgppeers"));
      api.failNext(4, new ApiError(503, "ServiceUnavailable", "not yet"));
    });
    await pass(300);
    assert.equal(synced(), false);
    await pass(5_000);
    assert.equal(synced(), true);
    assert.equal(objects.anyServed, true);
    await end();
  });

  it("is not held up by a kind that it may not read", async () => {
    const { end, objects, pass, synced } = world((api) => {
      api.put(V1BETA1, serving("ipaddresspools"));
      api.failNext(100, new ApiError(403, "Forbidden", "no"), ({ method }) => method === "LIST");
    });
    await pass(5_000);
    assert.equal(synced(), true);
    assert.deepEqual(objects.unread, [{ plural: "ipaddresspools", why: "Forbidden: no" }]);
    await end();
  });

  it("waits half a minute for a kind that gives no answer, then goes on without and says so", async () => {
    const { api, changes, end, notices, objects, pass, synced } = world((fake) => {
      fake.put(V1BETA1, serving("ipaddresspools"));
      fake.put(V1BETA2, serving("bgppeers"));
      fake.put(POOL, { spec: {} });
      const broken = new ApiError(500, "InternalError", "conversion failed");
      fake.failNext(12, broken, ({ method, path }) => method === "LIST" && path.includes("bgppeers"));
    });
    await pass(29_000);
    assert.deepEqual([synced(), objects.unread], [false, []]);
    await pass(2_000);
    assert.equal(synced(), true);
    assert.equal(objects.of("ipaddresspools").length, 1);
    assert.deepEqual(objects.unread, [{ plural: "bgppeers", why: "InternalError: conversion failed" }]);
    assert.equal(notices.filter((notice) => notice === "bgppeers overdue").length, 1);
    const before = changes();
    await pass(300_000);
    assert.deepEqual(objects.unread, []);
    assert.ok(changes() > before, "also when there is none: that is known now");
    assert.equal(api.openWatches, 2);
    await end();
  });

  it("goes on as well when the API server does not say which kinds it has", async () => {
    const { end, objects, pass, synced } = world((api) => {
      api.put(V1BETA1, serving("ipaddresspools"));
      const broken = new ApiError(503, "ServiceUnavailable", "no");
      api.failNext(10, broken, ({ path }) => path === V1BETA2);
    });
    await pass(29_000);
    assert.equal(synced(), false);
    await pass(2_000);
    assert.equal(synced(), true);
    assert.deepEqual(
      objects.unread.map(({ plural }) => plural),
      ["bgppeers"],
    );
    await pass(300_000);
    assert.deepEqual(objects.unread, [], "there are none");
    await end();
  });

  it("is synced without a kind that is served and cannot be found, as one that is being removed", async () => {
    const { end, pass, synced } = world((api) => {
      api.put(V1BETA1, serving("ipaddresspools"));
      api.failNext(100, new ApiError(404, "NotFound", "no"), ({ method }) => method === "LIST");
    });
    await pass(100);
    assert.equal(synced(), true);
    await end();
  });

  it("has no news in an object whose status alone is another one", async () => {
    const { api, changes, end, pass } = world((fake) => {
      fake.put(V1BETA1, serving("ipaddresspools"));
      fake.put(POOL, { metadata: { namespace: "metallb-system" }, spec: { addresses: ["10.0.0.0/24"] } });
    });
    await pass(100);
    const before = changes();
    const spec = { addresses: ["10.0.0.0/24"] };
    api.put(POOL, { metadata: { namespace: "metallb-system" }, spec, status: { assignedIPv4: 1 } });
    await pass(100);
    assert.equal(changes(), before);
    api.put(POOL, { metadata: { namespace: "metallb-system" }, spec: { addresses: ["10.0.1.0/24"] } });
    await pass(100);
    assert.equal(changes(), before + 1);
    await end();
  });
});
