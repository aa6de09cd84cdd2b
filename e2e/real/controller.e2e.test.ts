import assert from "node:assert/strict";
import { after, describe } from "node:test";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation, NAMESPACE } from "./installation.ts";
import { addressesIn, type ServiceObject, service } from "./objects.ts";

const { it, before } = clusterTests({ kubelets: false });
const SERVICES = "/api/v1/namespaces/default/services";
const CONFIG = `address-pools:
- name: default
  protocol: layer2
  addresses:
  - 192.168.1.100-192.168.1.199
  - 198.51.100.0/22
- name: careful
  protocol: layer2
  avoid-buggy-ips: true
  auto-assign: false
  addresses:
  - 203.0.113.254-203.0.114.1
`;

const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/herald-controller`;

/** Only for failing; a Lease runs out within it. */
const WITHIN_MS = 60_000;

type Assignments = ReadonlyMap<string, string>;

describe("the controller, on a real API server", () => {
  let cluster: Cluster;
  let herald: Installation;

  before(async () => {
    cluster = await startCluster({ name: "controller", nodes: 1 });
    herald = await Installation.start(cluster, { speakers: [] });
    await herald.configure(CONFIG);
    // Services come by a watch of their own, and without a configuration each is told so: one write more.
    await herald.segment.until(
      async () => (await herald.metric("control-plane", "herald_config_loaded")) === 1,
      "the configuration is in force",
    );
  });
  after(() => cluster?.stop());

  it("gives 300 Services, created at once, an address each and none twice", async () => {
    await create("many", 300);
    const assigned = await allAddressed(300);
    assert.equal(new Set(assigned.values()).size, 300);
  });

  it("writes each Service once and no more", async () => {
    assert.equal(await herald.statusesWritten(), 300);
    const text = await herald.metrics("control-plane");
    assert.doesNotMatch(text, /status_writes_total\{outcome="unchanged"\} [1-9]/);
    assert.match(text, /^herald_controller_status_conflicts_total 0$/m);
  });

  it("gives nothing of a pool without auto-assign unasked, and never an address that ends in .0 or .255 where told", async () => {
    assert.deepEqual(
      [...(await assignments()).values()].filter((address) => address.startsWith("203.0.11")),
      [],
    );
    const annotations = { "metallb.universe.tf/address-pool": "careful" };
    const found = await herald.createServices([
      { name: "careful-1", annotations },
      { name: "careful-2", annotations },
    ]);
    assert.deepEqual(found.flatMap(addressesIn).sort(), ["203.0.113.254", "203.0.114.1"]);
    await cluster.api.post(SERVICES, service({ name: "careful-3", annotations }));
    await cluster.waitFor<{ items: readonly { reason: string; message: string }[] }>(
      "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dcareful-3",
      (list) => list?.items.some(({ reason }) => reason === "AllocationFailed") === true,
      WITHIN_MS,
      "careful-3 is told that the pool has nothing left",
    );
    for (const name of ["careful-1", "careful-2", "careful-3"])
      await cluster.api.delete(`${SERVICES}/${name}`);
  });

  it("leaves Services of another load balancer class alone", async () => {
    const spec = { loadBalancerClass: "example.com/other" };
    await cluster.api.post(SERVICES, service({ name: "other-class", spec }));
    await herald.createServices([{ name: "no-class" }]); // decided later, so the other was decided, too
    assert.deepEqual(addressesIn(await cluster.api.get<ServiceObject>(`${SERVICES}/other-class`)), []);
    for (const name of ["other-class", "no-class"]) await cluster.api.delete(`${SERVICES}/${name}`);
  });

  it("loses and moves nothing when it is killed in the middle of giving out addresses", async () => {
    const before = await assignments();
    const created = create("later", 100, 4); // a few at a time: some are without an address when it dies
    await whenAddressed(320);
    herald.controller().kill("SIGKILL");
    await Promise.all([herald.controller().exited, created]);
    await create("orphaned", 100); // these are for certain
    const atDeath = await assignments();
    await herald.startController("controller-2");
    const afterwards = await allAddressed(500);
    assert.equal(new Set(afterwards.values()).size, 500);
    for (const held of [before, atDeath]) {
      assert.deepEqual(
        [...held].filter(([name, address]) => afterwards.get(name) !== address),
        [],
      );
    }
  });

  it("gives no address twice while two controllers run and the leader is killed", async () => {
    await herald.startController("controller-3");
    const created = create("contested", 200);
    await whenAddressed(520);
    herald.controller("controller-2").kill("SIGKILL");
    await Promise.all([herald.controller("controller-2").exited, created]);
    const afterwards = await allAddressed(700); // the Lease of the dead leader has to run out
    assert.equal(new Set(afterwards.values()).size, 700);
  });

  it("hands over at once when the leader stops in order", async () => {
    await herald.startController("controller-4");
    assert.deepEqual(await herald.controller("controller-3").stop(30_000), { code: 0, signal: null });
    const { spec } = await cluster.api.get<{ spec: { holderIdentity?: string } }>(LEASE);
    assert.notEqual(spec.holderIdentity, "controller-3", "a Lease left behind would last 15 s");
    await create("handover", 1);
    await allAddressed(701);
  });

  it("carries on after the API server was restarted", async () => {
    await cluster.restartApiServer("SIGKILL");
    await create("restarted", 5);
    const assigned = await allAddressed(706);
    assert.equal(new Set(assigned.values()).size, 706);
  });

  it("heals a status that someone else has emptied", async () => {
    const before = await assignments();
    await cluster.api.patch(`${SERVICES}/many-7/status`, { status: { loadBalancer: { ingress: null } } });
    await herald.addressed("many-7");
    assert.deepEqual(await assignments(), before);
  });

  async function create(prefix: string, count: number, atOnce = count): Promise<void> {
    const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`).values();
    const createEach = async (): Promise<void> => {
      for (const name of names) await cluster.api.post(SERVICES, service({ name }));
    };
    await Promise.all(Array.from({ length: atOnce }, createEach));
  }

  /** Resolves as soon as so many Services have addresses; a Lease may have to run out first. */
  async function whenAddressed(count: number): Promise<void> {
    await cluster.waitFor<ServiceList>(
      SERVICES,
      (list) => countAddressed(list) >= count,
      WITHIN_MS,
      `${count} Services have addresses`,
    );
  }

  async function allAddressed(count: number): Promise<Assignments> {
    await cluster.waitFor<ServiceList>(
      SERVICES,
      (list) => countAddressed(list) === count,
      WITHIN_MS,
      `${count} Services have addresses`,
    );
    return assignments();
  }

  async function assignments(): Promise<Assignments> {
    const { items } = await cluster.api.get<ServiceList>(SERVICES);
    return new Map(
      items.flatMap((item) => addressesIn(item).map((address) => [item.metadata.name, address] as const)),
    );
  }
});

interface ServiceList {
  readonly items: readonly ServiceObject[];
}

function countAddressed(list: ServiceList | undefined): number {
  return (list?.items ?? []).filter((item) => addressesIn(item).length > 0).length;
}
