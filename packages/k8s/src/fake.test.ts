import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { V1Service } from "@kubernetes/client-node";
import { ApiError, type ApiObject, type WatchEvent } from "./api.ts";
import { elapse } from "./elapse.ts";
import { FakeApi } from "./fake.ts";
import { eventsPath, nodesPath, servicePath, serviceStatusPath, servicesPath } from "./paths.ts";

const newApi = (): { api: FakeApi; clock: VirtualClock } => {
  const clock = new VirtualClock();
  return { api: new FakeApi({ clock, startEpochMs: Date.UTC(2026, 0, 1) }), clock };
};
const names = (items: readonly { metadata?: { name?: string } }[]): string[] =>
  items.map(({ metadata }) => metadata?.name ?? "");
const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "accepted",
    (error: unknown) => (error instanceof ApiError ? `${error.status} ${error.reason}` : "bug"),
  );

/** Listens in the background. */
async function listen(api: FakeApi, path: string, resourceVersion: string, query = {}): Promise<string[]> {
  const heard: string[] = [];
  const tell = (event: WatchEvent<ApiObject>): void => {
    if (event.type === "bookmark") heard.push(`bookmark ${event.resourceVersion}`);
    else if (event.type === "error") heard.push(`error ${event.error.status}`);
    else heard.push(`${event.type} ${event.object.metadata?.name} ${event.object.metadata?.resourceVersion}`);
  };
  const events = await api.watch<ApiObject>(path, { resourceVersion, timeoutSeconds: 300, query });
  void (async () => {
    try {
      for await (const event of events) tell(event);
      heard.push("end");
    } catch (error) {
      heard.push(error instanceof ApiError ? error.reason : "bug");
    }
  })();
  return heard;
}

describe("fake API server", () => {
  it("gives an object what an API server gives it, and keeps name and uid for good", async () => {
    const { api } = newApi();
    const created = await api.create<V1Service>(servicesPath("shop"), { metadata: { name: "web" } });
    assert.deepEqual(created.metadata, {
      name: "web",
      namespace: "shop",
      uid: "uid-1",
      creationTimestamp: "2026-01-01T00:00:00Z",
      resourceVersion: "2",
    });
    const changed = await api.patch<V1Service>(servicePath("shop/web"), "merge", {
      metadata: { labels: { a: "b" }, creationTimestamp: "1999-01-01T00:00:00Z" },
    });
    assert.deepEqual(changed.metadata, { ...created.metadata, labels: { a: "b" }, resourceVersion: "3" });
  });

  it("names objects itself when asked to", async () => {
    const { api } = newApi();
    await api.create(eventsPath("shop"), { metadata: { generateName: "web." } });
    await api.create(eventsPath("shop"), { metadata: { generateName: "web." } });
    const all = names(api.peekAll<ApiObject>(eventsPath()));
    assert.ok(all.length === 2 && all.every((name) => name.startsWith("web.")));
  });

  it("refuses doubles, strangers and what somebody else has changed", async () => {
    const { api } = newApi();
    const object = api.put<V1Service>(servicePath("shop/web"), {});
    api.put(servicePath("shop/web"), { spec: { type: "LoadBalancer" } });
    assert.deepEqual(
      [
        await refusal(api.create(servicesPath("shop"), { metadata: { name: "web" } })),
        await refusal(api.get(servicePath("shop/none"))),
        await refusal(api.update(servicePath("shop/web"), object)),
        await refusal(api.patch(servicePath("shop/web"), "merge", { metadata: { uid: "other" } })),
        await refusal(api.delete(servicePath("shop/web"), { preconditions: { resourceVersion: "2" } })),
        await refusal(api.delete(servicePath("shop/web"))),
        await refusal(api.get("/nonsense")),
      ],
      [
        "409 AlreadyExists",
        "404 NotFound",
        "409 Conflict",
        "409 Conflict",
        "409 Conflict",
        "accepted",
        "404 NotFound",
      ],
    );
  });

  it("writes a status only through its subresource, metadata included, and adds ipMode", async () => {
    const { api } = newApi();
    api.put(servicePath("shop/web"), { spec: { type: "LoadBalancer" } });
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
    await api.patch(servicePath("shop/web"), "merge", { status });
    assert.equal(api.peek<V1Service>(servicePath("shop/web"))?.status, undefined);
    await api.patch(serviceStatusPath("shop/web"), "merge", {
      status,
      spec: { type: "ClusterIP" },
      metadata: { annotations: { a: "b" } },
    });
    const written = api.peek<V1Service>(servicePath("shop/web"));
    assert.deepEqual(
      [written?.spec?.type, written?.metadata?.annotations, written?.status],
      ["LoadBalancer", { a: "b" }, { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] } }],
    );
  });

  it("writes nothing when nothing changes", async () => {
    const { api } = newApi();
    const first = api.put<V1Service>(servicePath("shop/web"), { spec: { type: "LoadBalancer" } });
    const heard = await listen(api, servicesPath(), first.metadata?.resourceVersion ?? "");
    const again = await api.patch<V1Service>(servicePath("shop/web"), "merge", {
      spec: { type: "LoadBalancer" },
    });
    assert.deepEqual([again, heard], [first, []]);
  });

  it("lists in pages that all show the same moment, and forgets them when compacted", async () => {
    const { api } = newApi();
    for (const name of ["a", "b", "c", "d", "e"]) api.put(`${nodesPath()}/${name}`, {});
    const first = await api.listPage<ApiObject>(nodesPath(), { limit: 2 });
    api.put(`${nodesPath()}/bb`, {});
    const second = await api.listPage<ApiObject>(nodesPath(), { limit: 2, continue: first.continue });
    const third = await api.listPage<ApiObject>(nodesPath(), { limit: 2, continue: second.continue });
    assert.deepEqual(
      [first, second, third].map((page) => [names(page.items), page.resourceVersion]),
      [
        [["a", "b"], "6"],
        [["c", "d"], "6"],
        [["e"], "6"],
      ],
    );
    assert.equal(third.continue, undefined);
    api.compact();
    assert.equal(
      await refusal(api.listPage(nodesPath(), { limit: 2, continue: second.continue })),
      "410 Expired",
    );
  });

  it("replays what happened since a version, then tells what happens, with bookmarks, until its time is up", async () => {
    const { api, clock } = newApi();
    api.put(servicePath("shop/a"), {});
    api.put(servicePath("shop/b"), {});
    const heard = await listen(api, servicesPath(), "2");
    api.put(servicePath("shop/a"), { spec: { type: "LoadBalancer" } });
    api.put(`${nodesPath()}/n`, {});
    await elapse(clock, 60_000);
    api.remove(servicePath("shop/b"));
    await elapse(clock, 240_000);
    assert.deepEqual(heard, [
      "added b 3",
      "modified a 4",
      "bookmark 5",
      "deleted b 6",
      "bookmark 6",
      "bookmark 6",
      "bookmark 6",
      "end",
    ]);
  });

  it("selects by label, field and namespace; what leaves the selection is deleted for its watchers", async () => {
    const { api, clock } = newApi();
    const labels = { app: "x" };
    api.put(servicePath("shop/a"), { metadata: { labels } });
    api.put(servicePath("shop/b"), {});
    api.put(servicePath("other/a"), { metadata: { labels } });
    const query = { labelSelector: "app=x", fieldSelector: "metadata.name=a" };
    const page = await api.listPage<ApiObject>(servicesPath("shop"), { limit: 9, query });
    assert.deepEqual(names(page.items), ["a"]);
    const heard = await listen(api, servicesPath("shop"), page.resourceVersion, query);
    api.put(servicePath("other/a"), { metadata: { labels: {} } });
    api.put(servicePath("shop/a"), { metadata: { labels: {} } });
    await elapse(clock, 0);
    assert.deepEqual(heard, ["deleted a 6"]);
  });

  it("answers 410 to a watch from before the compaction", async () => {
    const { api } = newApi();
    api.put(servicePath("shop/a"), {});
    api.put(servicePath("shop/a"), { spec: {} });
    api.compact();
    const watch = api.watch(servicesPath(), { resourceVersion: "2", timeoutSeconds: 300 });
    assert.equal(await refusal(watch), "410 Expired");
  });

  it("says nothing on a watch from the future, as the real one", async () => {
    const { api, clock } = newApi();
    const heard = await listen(api, servicesPath(), "900");
    api.put(servicePath("shop/a"), {});
    await elapse(clock, 120_000);
    assert.deepEqual(heard, []);
  });

  it("fails, hangs and delays on demand", async () => {
    const { api, clock } = newApi();
    api.put(servicePath("shop/a"), {});
    const get = (): Promise<string> => refusal(api.get(servicePath("shop/a")));
    api.failNext(1, new ApiError(500, "InternalError", "no"), ({ method }) => method === "GET");
    assert.deepEqual([await get(), await get()], ["500 InternalError", "accepted"]);
    const heard = await listen(api, servicesPath(), "2");
    api.setReachable(false);
    assert.equal(await get(), "0 Unreachable");
    api.setReachable(true);
    await elapse(clock, 0);
    assert.deepEqual(heard, ["Unreachable"]);
    api.setDelay(1000);
    let answer = "none";
    void get().then((text) => {
      answer = text;
    });
    await elapse(clock, 999);
    assert.equal(answer, "none");
    await elapse(clock, 1);
    assert.equal(answer, "accepted");
    api.setHanging(true);
    const abort = new AbortController();
    const hanging = api.get(servicePath("shop/a"), { signal: abort.signal });
    await elapse(clock, 600_000);
    abort.abort(new Error("enough"));
    await assert.rejects(hanging, { message: "enough" });
  });

  it("hands out copies: nobody changes what is stored by accident", async () => {
    const { api } = newApi();
    api.put(servicePath("shop/a"), { spec: { type: "LoadBalancer" } });
    const copy = await api.get<V1Service>(servicePath("shop/a"));
    if (copy.spec !== undefined) copy.spec.type = "ClusterIP";
    assert.equal(api.peek<V1Service>(servicePath("shop/a"))?.spec?.type, "LoadBalancer");
  });
});
