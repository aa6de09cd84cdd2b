import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { FakeApi } from "@herald/k8s/fake";
import { servicePath } from "@herald/k8s/paths";
import { serviceView } from "@herald/k8s/service";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { ServiceView } from "@herald/shared/service/view";
import { LatestViews } from "./latest-views.ts";
import type { Decision } from "./reconcile.ts";
import { StatusWriter, type StatusWriterOptions } from "./status-writer.ts";
import { ips, service } from "./testing/views.ts";

const PATH = servicePath("default/web");
const LOST = new AbortController().signal;

interface Bench {
  readonly api: FakeApi;
  readonly writer: StatusWriter;
  /** The Service as the API has it. */
  readonly current: () => ServiceView;
  readonly latest: LatestViews;
  /** What the writer asked for and told, in order. */
  readonly story: string[];
}

function bench(options: Partial<StatusWriterOptions> = {}): Bench {
  const api = new FakeApi({ clock: new VirtualClock() });
  api.put(PATH, { metadata: { namespace: "default" }, spec: { type: "LoadBalancer" } });
  const latest = new LatestViews();
  const story: string[] = [];
  const writer = new StatusWriter({
    client: api,
    latest,
    mayWrite: () => true,
    epochMs: () => 0,
    enqueue: (key) => story.push(`enqueue ${key}`),
    reconsider: ({ resourceVersion }) => story.push(`reconsider ${resourceVersion}`),
    tell: (_, notices) => story.push(...notices.map(({ reason }) => `tell ${reason}`)),
    count: (outcome) => story.push(outcome),
    ...options,
  });
  const current = (): ServiceView => serviceView(api.peek(PATH) ?? {});
  latest.watched(current());
  return { api, writer, current, latest, story };
}

function decision(view: ServiceView, address: string): Decision {
  return {
    view,
    desired: { addresses: ips(address), pool: "p" },
    notices: [{ level: "Normal", reason: "IPAllocated", message: "" }],
  };
}

function shown({ current }: Bench): readonly (string | undefined)[] {
  return current().ingress.map(({ ip }) => ip);
}

describe("writing a status", () => {
  it("tells what there is to tell after the write, once", async () => {
    const at = bench();
    at.writer.accept([decision(at.current(), "192.0.2.1")]);
    await at.writer.write(at.current().key, LOST);
    await at.writer.write(at.current().key, LOST);
    assert.deepEqual(at.story, ["enqueue default/web", "written", "tell IPAllocated"]);
    assert.deepEqual([shown(at), at.writer.pending], [["192.0.2.1"], 0]);
  });

  it("asks nothing of the API where nothing differs", async () => {
    const at = bench();
    at.writer.accept([{ view: at.current(), desired: { addresses: [], pool: undefined }, notices: [] }]);
    await at.writer.write(at.current().key, LOST);
    assert.deepEqual([at.story, at.api.requests], [["enqueue default/web"], []]);
  });

  it("asks nothing of the API once it may not, and does not try for ever", async () => {
    const at = bench({ mayWrite: () => false });
    at.writer.accept([decision(at.current(), "192.0.2.1")]);
    await at.writer.write(at.current().key, LOST);
    assert.deepEqual([at.story, at.api.requests], [["enqueue default/web", "unchanged"], []]);
  });

  it("has a Service decided anew that changed meanwhile, and writes the new decision", async () => {
    const at: Bench = bench({
      reconsider: (view) => {
        at.story.push("reconsider");
        at.writer.accept([decision(view, "192.0.2.2")]);
      },
    });
    at.writer.accept([decision(at.current(), "192.0.2.1")]);
    at.api.put(PATH, {
      metadata: { namespace: "default", labels: { a: "b" } },
      spec: { type: "LoadBalancer" },
    });
    await at.writer.write(at.current().key, LOST);
    assert.deepEqual(shown(at), ["192.0.2.2"]);
    assert.deepEqual(at.story, [
      "enqueue default/web",
      "conflict",
      "reconsider",
      "enqueue default/web",
      "written",
      "tell IPAllocated",
      "tell IPAllocated",
    ]);
  });

  it("waits for another status after all when the new decision is an address that one shows still", async () => {
    const other = service({ key: "default/other", ingress: [{ ip: "192.0.2.2" }] });
    const at: Bench = bench({ reconsider: (view) => at.writer.accept([decision(view, "192.0.2.2")]) });
    at.latest.watched(other);
    at.writer.accept([decision(other, "192.0.2.3"), decision(at.current(), "192.0.2.1")]);
    at.api.put(PATH, {
      metadata: { namespace: "default", labels: { a: "b" } },
      spec: { type: "LoadBalancer" },
    });
    await at.writer.write(at.current().key, LOST);
    assert.deepEqual([shown(at), at.writer.pending], [[], 2]);
    await at.writer.write(at.current().key, LOST);
    at.latest.watched({ ...other, resourceVersion: "2", ingress: [{ ip: "192.0.2.3" }] });
    await at.writer.write(other.key, LOST);
    await at.writer.write(at.current().key, LOST);
    assert.deepEqual([shown(at), at.writer.pending], [["192.0.2.2"], 0]);
  });

  it("forgets a Service that is gone", async () => {
    const at = bench();
    const view = at.current();
    at.writer.accept([decision(view, "192.0.2.1")]);
    at.api.remove(PATH);
    await at.writer.write(view.key, LOST);
    assert.deepEqual([at.story.slice(1), at.writer.pending], [["gone"], 0]);
  });

  it("keeps what is to be written and told when the API refuses", async () => {
    const at = bench();
    at.writer.accept([decision(at.current(), "192.0.2.1")]);
    at.api.failNext(1, new ApiError(503, "ServiceUnavailable", "later"));
    await assert.rejects(at.writer.write(at.current().key, LOST), { name: "ApiError" });
    await at.writer.write(at.current().key, LOST);
    assert.deepEqual(at.story.slice(1), ["failed", "written", "tell IPAllocated"]);
  });
});
