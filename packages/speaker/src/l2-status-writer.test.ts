import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { elapse } from "@herald/k8s/elapse";
import { FakeApi } from "@herald/k8s/fake";
import { podsPath } from "@herald/k8s/paths";
import { customPath, ServedKinds } from "@herald/k8s/served-kinds";
import { l2StatusName, labelValue, SERVICE_L2_STATUSES } from "@herald/k8s/service-l2-status";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { serviceKey } from "@herald/shared/service/view";
import { L2StatusWriter } from "./l2-status-writer.ts";

const NAMESPACE = "metallb-system";
const service = serviceKey("shop", "web");
const OBJECTS = customPath(SERVICE_L2_STATUSES, NAMESPACE);
const nameOn = (node: string, isShared = false): string => l2StatusName({ service, node, isShared });

interface Found {
  readonly metadata: {
    readonly name: string;
    readonly labels: object;
    readonly ownerReferences?: readonly { name: string }[];
  };
  readonly status?: { readonly node: string; readonly interfaces: readonly { readonly name: string }[] };
}

describe("L2StatusWriter", () => {
  let api: FakeApi;
  let clock: VirtualClock;
  let stop: AbortController;
  let runs: Promise<void>[];
  beforeEach(() => {
    clock = new VirtualClock();
    api = new FakeApi({ clock });
    stop = new AbortController();
    runs = [];
    for (const name of ["speaker-a", "speaker-b"]) api.put(`${podsPath(NAMESPACE)}/${name}`, {});
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(runs);
  });

  const serve = (): void => {
    api.put("/apis/metallb.io/v1beta1", { resources: [{ name: SERVICE_L2_STATUSES.plural }] });
  };
  const start = (node: string, podName: string): L2StatusWriter => {
    const random = new SeededRandom(1);
    const served = new ServedKinds({ client: api, clock, random, wanted: [SERVICE_L2_STATUSES] });
    const failed = (): void => {};
    const made = new L2StatusWriter({
      client: api,
      clock,
      random,
      namespace: NAMESPACE,
      node,
      podName,
      served,
      failed,
    });
    runs.push(served.run(stop.signal), made.run(stop.signal));
    return made;
  };
  const here = (interfaces: readonly string[] = [], isShared = false) =>
    ({ type: "here", service, interfaces, isShared }) as const;
  const found = () => api.peekAll<Found>(OBJECTS);
  const inShort = () =>
    found().map(({ metadata, status }) =>
      [
        metadata.ownerReferences?.[0]?.name,
        status?.node,
        ...(status?.interfaces ?? []).map((each) => each.name),
      ].join(" "),
    );
  const writes = () => {
    const asked = api.requests.splice(0).map(({ method }) => method);
    return asked.filter((method) => method !== "GET").join(" ");
  };
  const pass = (ms = 1_000): Promise<void> => elapse(clock, ms);

  it("writes who announces and where, labelled as MetalLB does, and not again what stands there", async () => {
    serve();
    const a = start("node-a", "speaker-a");
    a.put(here(["eth0", "eth1"]));
    await pass();
    assert.deepEqual(inShort(), ["speaker-a node-a eth0 eth1"]);
    assert.deepEqual(found()[0]?.metadata.labels, {
      "metallb.io/node": "node-a",
      "metallb.io/service-name": "web",
      "metallb.io/service-namespace": "shop",
    });
    assert.equal(writes(), "POST PATCH");
    a.put(here(["eth0", "eth1"]));
    await pass();
    assert.equal(writes(), "");
    a.put(here([]));
    await pass();
    assert.deepEqual(inShort(), ["speaker-a node-a"]);
    assert.equal(writes(), "PATCH");
  });

  it("replaces what another node said, whose writer need do nothing", async () => {
    serve();
    const [a, b] = [start("node-a", "speaker-a"), start("node-b", "speaker-b")];
    a.put(here());
    await pass();
    writes();
    a.put({ type: "left", service });
    b.put(here());
    await pass();
    assert.deepEqual(inShort(), ["speaker-b node-b"]);
    assert.equal(writes(), "DELETE POST PATCH");
    a.put({ type: "gone", service });
    await pass();
    assert.deepEqual(inShort(), ["speaker-b node-b"]);
    b.put({ type: "gone", service });
    await pass();
    assert.deepEqual(inShort(), []);
    assert.equal(writes(), "DELETE");
  });

  it("has an object for each node of several that announce, and each takes its own away", async () => {
    serve();
    const [a, b] = [start("node-a", "speaker-a"), start("node-b", "speaker-b")];
    a.put(here());
    await pass();
    a.put(here([], true));
    b.put(here([], true));
    await pass();
    assert.deepEqual(inShort().sort(), ["speaker-a node-a", "speaker-b node-b"]);
    assert.deepEqual(
      found().map(({ metadata }) => metadata.name),
      [nameOn("node-a", true), nameOn("node-b", true)].sort(),
    );
    a.put({ type: "left", service });
    await pass();
    assert.deepEqual(inShort(), ["speaker-b node-b"]);
  });

  it("writes anew what belongs to a pod that is gone", async () => {
    serve();
    start("node-a", "speaker-a").put(here());
    await pass();
    writes();
    start("node-a", "speaker-b").put(here());
    await pass();
    assert.deepEqual(inShort(), ["speaker-b node-a"]);
  });

  it("waits without a word for a kind that is not there, and writes once it is", async () => {
    const a = start("node-a", "speaker-a");
    a.put(here());
    await a.whenIdle();
    await pass(100_000);
    assert.ok(api.requests.every(({ path }) => path === "/apis/metallb.io/v1beta1"));
    serve();
    await pass(31_000);
    assert.deepEqual(inShort(), ["speaker-a node-a"]);
  });

  it("fits the name of every node into a label (MetalLB's does not: defect 23)", () => {
    const long = `${"node-".repeat(20)}x`;
    assert.equal(labelValue("node-a"), "node-a");
    assert.match(labelValue(long), /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/);
    assert.notEqual(labelValue(long), labelValue(`${long}y`));
  });
});
