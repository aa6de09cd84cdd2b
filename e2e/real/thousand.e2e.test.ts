import assert from "node:assert/strict";
import { after, describe } from "node:test";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation, NAMESPACE } from "./installation.ts";
import { AddressWatch, createMany, type Requests, requestsOf, requestsSoFar } from "./many-services.ts";
import { installKinds, metallbObject } from "./metallb-objects.ts";

const { it, before } = clusterTests({ kubelets: false });
const COUNT = 1_000;
/** From the answer to the last create until the last address is in its status. */
const WITHIN_MS = 1_000;
const services = Array.from({ length: COUNT }, (_, index) => ({ name: `s${index}` }));

describe("a thousand Services, on pools and advertisements of metallb.io", () => {
  let cluster: Cluster;
  let herald: Installation;
  let watch: AddressWatch;

  /**
   * Writes of statuses of Services since the cluster started, once so many were applied. Why waited for: the API
   * server counts a request when it has answered it, and its watches tell of what came of it before.
   */
  async function writesOnceThereAre(applied: number): Promise<Readonly<Record<string, number>>> {
    const count = (all: readonly Requests[], verb: string): number =>
      requestsOf(all, verb, "services/status");
    let all = await requestsSoFar(cluster.api);
    await herald.segment.until(async () => {
      all = await requestsSoFar(cluster.api);
      return count(all, "APPLY") >= applied;
    }, `the API server has counted ${applied} writes`);
    return { APPLY: count(all, "APPLY"), PATCH: count(all, "PATCH"), PUT: count(all, "PUT") };
  }

  before(async () => {
    cluster = await startCluster({ name: "thousand", nodes: 1 });
    await installKinds(cluster);
    herald = await Installation.start(cluster, { speakers: [] }); // they have writes of their own
    await cluster.apply([
      metallbObject("IPAddressPool", "default", { addresses: ["198.18.0.0/21"] }),
      metallbObject("L2Advertisement", "default", { ipAddressPools: ["default"] }),
    ]);
    // Once the first one has an address, the pool is known.
    await herald.createServices([{ name: "first" }]);
    watch = await AddressWatch.start(cluster.api);
  });
  after(async () => {
    watch?.stop();
    await cluster?.stop();
  });

  it("are all addressed within a second of the last create, each with an address of its own, applied by one write each", async () => {
    const created = await createMany(cluster.api, services);
    const tookMs = (await watch.untilAddressed(COUNT + 1, 60_000)) - created;
    console.log(`  all are addressed ${Math.round(tookMs)} ms after the last create`);
    assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
    assert.equal(new Set([...watch.addresses.values()].flat()).size, COUNT + 1);
    assert.deepEqual(await writesOnceThereAre(COUNT + 1), { APPLY: COUNT + 1, PATCH: 0, PUT: 0 });
  });

  it("are counted in the status of their pool", async () => {
    await cluster.waitFor<{ status?: object }>(
      `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools/default`,
      (found) => (found?.status as { assignedIPv4?: number } | undefined)?.assignedIPv4 === COUNT + 1,
      60_000,
      "the pool says how many of its addresses are in use",
    );
  });

  it("cost nothing when the controller starts again: it adopts them without a write", async () => {
    const held = new Map(watch.addresses);
    await herald.controller().stop();
    await herald.startController("controller-2");
    await herald.createServices([{ name: "last" }]); // whoever decides for it has adopted the others
    assert.deepEqual(await writesOnceThereAre(COUNT + 2), { APPLY: COUNT + 2, PATCH: 0, PUT: 0 });
    assert.deepEqual(new Map([...watch.addresses].filter(([name]) => name !== "last")), held);
  });
});
