import assert from "node:assert/strict";
import { after, describe } from "node:test";
import type { ApiObject } from "../cluster/api.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation, NAMESPACE } from "./installation.ts";
import { installKinds } from "./metallb-objects.ts";
import { addressesIn, type ServiceObject, type ServiceOptions, service } from "./objects.ts";

const { it, before } = clusterTests({ kubelets: false });
/** Only for failing; kinds that come while the controller runs are looked for every half minute. */
const WITHIN_MS = 60_000;
const POOLS = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools`;
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/herald-controller`;
const services = (namespace = "default"): string => `/api/v1/namespaces/${namespace}/services`;

interface Found extends ServiceObject {
  readonly status: ServiceObject["status"] & {
    readonly conditions?: readonly Record<"type" | "status" | "reason" | "message", string>[];
  };
}

describe("allocation from objects, on a real API server", () => {
  let cluster: Cluster;
  let herald: Installation;

  before(async () => {
    cluster = await startCluster({ name: "allocation", nodes: 1 });
    herald = await Installation.start(cluster, { speakers: [] });
    await cluster.kubectl(["create", "namespace", "bank"]);
  });
  after(() => cluster?.stop());

  it("is ready without the kinds, and serves from a pool once they are installed", async () => {
    await create("waiting");
    await settled("waiting", "NotConfigured");
    await installKinds(cluster);
    await pool("first", ["192.0.2.0/30"]);
    const found = await settled("waiting", "Allocated");
    assert.deepEqual(addressesIn(found), ["192.0.2.0"]);
    assert.equal(found.metadata.annotations?.["metallb.io/ip-allocated-from-pool"], "first");
    assert.deepEqual(allocated(found), ["True", "Allocated", '192.0.2.0 of pool "first"']);
  });

  it("writes address, pool and conditions at once, and leaves those of others alone", async () => {
    const before = await herald.statusesWritten();
    await create("other", { spec: { type: "ClusterIP" } });
    const conditions = [
      {
        type: "example.com/Other",
        status: "True",
        reason: "Some",
        message: "",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ];
    await cluster.api.patch(`${services()}/other/status`, { status: { conditions } });
    await cluster.api.patch(`${services()}/other`, { spec: { type: "LoadBalancer" } });
    const found = await settled("other", "Allocated");
    assert.deepEqual(found.status.conditions?.map(({ type }) => type).sort(), [
      "example.com/Other",
      "herald.io/Allocated",
      "herald.io/Announced", // that no speaker has said anything yet
    ]);
    assert.equal(await herald.statusesWritten(), before + 1);
    await cluster.api.patch(`${services()}/other`, { spec: { type: "ClusterIP" } });
    const cleared = await waitFor("other", (found) => allocated(found).length === 0);
    assert.deepEqual(addressesIn(cleared), []);
    assert.deepEqual(
      cleared.status.conditions?.map(({ type }) => type),
      ["example.com/Other"],
    );
    assert.equal(await herald.statusesWritten(), before + 2);
  });

  it("says which pools were tried and why each was refused, until there is room", async () => {
    await pool("closed", ["198.51.100.0/30"], { "herald.io/disabled-for-new-services": "true" });
    await inForce("closed");
    for (const name of ["a", "b", "c"]) await create(name);
    await settled("c", "Allocated");
    await create("late");
    const [status, , message] = allocated(await settled("late", "PoolExhausted"));
    assert.equal(status, "False");
    assert.equal(
      message,
      'no available IPs: pool "closed" is disabled for new Services; pool "first" has no free IPv4 address. ' +
        "To change that, add addresses to a pool, or delete a Service that needs none.",
    );
    await cluster.api.delete(`${services()}/b`);
    await settled("late", "Allocated");
  });

  it("keeps sharing keys inside their namespace, unless the pool says otherwise", async () => {
    await pool("shared", ["203.0.113.0/28"]);
    const sharing = { "metallb.io/allow-shared-ip": "k", "metallb.io/address-pool": "shared" };
    const options = { annotations: sharing, spec: { ports: [{ protocol: "TCP", port: 443 }] } };
    await create("sharer", { annotations: sharing });
    const one = addressesIn(await settled("sharer", "Allocated"));
    await create("neighbour", options, "bank");
    assert.notDeepEqual(addressesIn(await settled("neighbour", "Allocated", "bank")), one);
    await cluster.api.delete(`${services("bank")}/neighbour`);
    await pool("shared", ["203.0.113.0/28"], { "herald.io/allow-sharing-across-namespaces": "true" });
    await herald.segment.until(async () => {
      await create("neighbour", options, "bank");
      const found = addressesIn(await settled("neighbour", "Allocated", "bank"));
      await cluster.api.delete(`${services("bank")}/neighbour`);
      return found.join() === one.join();
    }, "the neighbour shares the address");
  });

  it("reserves, excludes and counts as the pool's annotations say", async () => {
    await pool("ruled", ["10.9.0.0/29"], {
      "herald.io/exclude": "network, broadcast",
      "herald.io/reserve": "10.9.0.5=default/chosen",
      "herald.io/quota-per-namespace": "2",
    });
    const annotations = { "metallb.io/address-pool": "ruled" };
    await inForce("ruled");
    await create("chosen");
    assert.deepEqual(addressesIn(await settled("chosen", "Allocated")), ["10.9.0.5"]);
    await create("plain", { annotations });
    assert.deepEqual(addressesIn(await settled("plain", "Allocated")), ["10.9.0.1"]);
    await create("too-many", { annotations });
    await settled("too-many", "QuotaReached");
    await create("own-quota", { annotations }, "bank");
    assert.deepEqual(addressesIn(await settled("own-quota", "Allocated", "bank")), ["10.9.0.2"]);
    await create("thief", { annotations: { "metallb.io/loadBalancerIPs": "10.9.0.5" } }, "bank");
    await settled("thief", "AddressReserved", "bank");
  });

  it("gives a Service that returns what it had", async () => {
    await pool("sticky", ["10.8.0.0/29"], { "herald.io/sticky": "10m" });
    const annotations = { "metallb.io/address-pool": "sticky" };
    await create("returns", { annotations });
    const had = addressesIn(await settled("returns", "Allocated"));
    await cluster.api.delete(`${services()}/returns`);
    await create("between", { annotations });
    assert.notDeepEqual(addressesIn(await settled("between", "Allocated")), had);
    await create("returns", { annotations });
    assert.deepEqual(addressesIn(await settled("returns", "Allocated")), had);
  });

  it("follows the labels of namespaces, and serves nobody where none match (MetalLB defect 4)", async () => {
    await pool("team", ["10.7.0.0/29"], {}, { namespaceSelectors: [{ matchLabels: { team: "money" } }] });
    const annotations = { "metallb.io/address-pool": "team" };
    await create("teams", { annotations }, "bank");
    await settled("teams", "PoolNotAllowed", "bank");
    await cluster.kubectl(["label", "namespace", "bank", "team=money"]);
    assert.deepEqual(addressesIn(await settled("teams", "Allocated", "bank")), ["10.7.0.0"]);
  });

  it("follows a Service to dual stack and back, and leaves it the address it began with", async () => {
    await pool("twofold", ["10.6.0.0/29", "fd06::/125"]);
    for (const [name, ipFamilies, first, second] of [
      ["grows", ["IPv4"], "10.6.0.0", "fd06::"],
      ["grows-too", ["IPv6"], "fd06::", "10.6.0.0"],
    ] as const) {
      const annotations = { "metallb.io/address-pool": "twofold" };
      await create(name, { annotations, spec: { ipFamilyPolicy: "SingleStack", ipFamilies } });
      const alone = await settled(name, "Allocated");
      assert.deepEqual(addressesIn(alone), [first]);
      assert.deepEqual(await follow(name, "PreferDualStack", 2), [first, second]);
      assert.deepEqual(await follow(name, "RequireDualStack", 2), [first, second]);
      assert.deepEqual(await follow(name, "SingleStack", 1), [first]);
      await cluster.api.delete(`${services()}/${name}`);
    }
  });

  it("gives who prefers dual stack the second address once its pool has one, and both anew once it has none", async () => {
    const annotations = { "metallb.io/address-pool": "halved" };
    await pool("halved", ["10.5.0.0/29"]);
    await create("prefers", { annotations, spec: { ipFamilyPolicy: "PreferDualStack" } });
    assert.deepEqual(addressesIn(await settled("prefers", "Allocated")), ["10.5.0.0"]);
    await pool("halved", ["10.5.0.0/29", "fd05::/125"]);
    const both = await waitFor("prefers", (found) => addressesIn(found).length === 2);
    assert.deepEqual(addressesIn(both), ["10.5.0.0", "fd05::"]);
    await pool("halved", ["fd05::/125"]);
    const anew = await waitFor("prefers", (found) => addressesIn(found).length === 1);
    assert.deepEqual(addressesIn(anew), ["fd05::"]);
    assert.equal(anew.metadata.annotations?.["metallb.io/ip-allocated-from-pool"], "halved");
    await cluster.api.delete(`${services()}/prefers`);
  });

  it("serves from the pool for its labels first, of two by priority, and moves it when the labels go", async () => {
    const forGold = (priority: number) => ({
      priority,
      serviceSelectors: [{ matchLabels: { tier: "gold" } }],
    });
    await pool("gold-later", ["10.4.0.0/29"], {}, forGold(20));
    await pool("gold-sooner", ["10.4.1.0/32"], {}, forGold(10));
    await Promise.all(["gold-later", "gold-sooner"].map(inForce));
    const labels = { tier: "gold" };
    for (const [name, address, from] of [
      ["gold-one", "10.4.1.0", "gold-sooner"],
      ["gold-two", "10.4.0.0", "gold-later"],
    ] as const) {
      await cluster.api.post(services(), { ...service({ name }), metadata: { name, labels } });
      const found = await settled(name, "Allocated");
      assert.deepEqual(addressesIn(found), [address]);
      assert.equal(found.metadata.annotations?.["metallb.io/ip-allocated-from-pool"], from);
    }
    await cluster.api.patch(`${services()}/gold-one`, { metadata: { labels: { tier: "tin" } } });
    const moved = await waitFor("gold-one", (found) => {
      const [address] = addressesIn(found);
      return address !== undefined && address !== "10.4.1.0";
    });
    assert.doesNotMatch(moved.metadata.annotations?.["metallb.io/ip-allocated-from-pool"] ?? "", /gold/);
    for (const name of ["gold-one", "gold-two"]) await cluster.api.delete(`${services()}/${name}`);
  });

  it("leaves a Service of another class to whoever serves that, and one that asks in two ways without an address", async () => {
    await pool("small", ["10.3.0.0/31"]);
    const annotations = { "metallb.io/address-pool": "small" };
    await create("theirs", { annotations, spec: { loadBalancerClass: "example.com/other" } });
    const asking = { ...annotations, "metallb.universe.tf/loadBalancerIPs": "10.3.0.1" };
    await create("asks-twice", { annotations: asking, spec: { loadBalancerIP: "10.3.0.1" } });
    await settled("asks-twice", "InvalidRequest");
    await create("asks-once", { annotations: asking });
    assert.deepEqual(addressesIn(await settled("asks-once", "Allocated")), ["10.3.0.1"]);
    const theirs = await cluster.api.get<Found>(`${services()}/theirs`);
    assert.deepEqual([addressesIn(theirs), allocated(theirs)], [[], []]);
    for (const name of ["theirs", "asks-twice", "asks-once"])
      await cluster.api.delete(`${services()}/${name}`);
  });

  it("keeps the last good pools while one overlaps, and tells that pool", async () => {
    await pool("overlapping", ["10.7.0.4/30"]);
    await cluster.waitFor<{ items: readonly { message: string }[] }>(
      `/api/v1/namespaces/${NAMESPACE}/events?fieldSelector=involvedObject.name%3Dteam`,
      (list) => list?.items.some(({ message }) => message.includes("overlapping")) === true,
      WITHIN_MS,
      "the later pool is told which one it overlaps",
    );
    assert.equal(await herald.metric("control-plane", "metallb_k8s_client_config_stale_bool"), 1);
    const state = await stateOf("Invalid");
    assert.match(state.errorSummary, /^IPAddressPool team: spec\.addresses\[0\]: .*overlaps/);
    await cluster.api.delete(`${POOLS}/overlapping`);
    assert.deepEqual((await stateOf("Valid")).errorSummary, "");
    assert.equal(await herald.metric("control-plane", "metallb_k8s_client_config_stale_bool"), 0);
  });

  it("counts what is in use in the status of each pool, and puts right what somebody else writes there", async () => {
    const counts = { assignedIPv4: 3, assignedIPv6: 0, availableIPv4: 3, availableIPv6: 0 };
    const shown = (): Promise<unknown> =>
      cluster.waitFor<{ status?: Record<string, number> }>(
        `${POOLS}/ruled`,
        (found) => Object.entries(counts).every(([name, count]) => found?.status?.[name] === count),
        WITHIN_MS,
        "the pool shows its counts",
      );
    await shown();
    await cluster.api.patch(`${POOLS}/ruled/status`, { status: { ...counts, assignedIPv4: 77 } });
    await shown();
  });

  it("warns of a pool that overlaps the network of Services, and of an annotation that does nothing", async () => {
    const { spec } = await cluster.api.get<{ spec: { clusterIP: string } }>(`${services()}/kubernetes`);
    await pool("near", [`${spec.clusterIP}/32`], { "herald.io/exlude": "network" });
    const list = await cluster.waitFor<{ items: readonly { reason: string; message: string }[] }>(
      `/api/v1/namespaces/${NAMESPACE}/events?fieldSelector=involvedObject.name%3Dnear`,
      (found) =>
        ["PoolOverlapsNetwork", "AnnotationIgnored"].every((wanted) =>
          found?.items.some(({ reason }) => reason === wanted),
        ),
      WITHIN_MS,
      "the pool is told what it overlaps, and what does nothing",
    );
    const told = (wanted: string): string =>
      list.items.find(({ reason }) => reason === wanted)?.message ?? "";
    assert.match(told("PoolOverlapsNetwork"), /overlaps the network of Services \(\d/);
    assert.equal(
      told("AnnotationIgnored"),
      'herald.io/exlude: not known, does nothing, did you mean "herald.io/exclude"?',
    );
  });

  it("gives a Service that returns what it had after the controller was restarted, too", async () => {
    const annotations = { "metallb.io/address-pool": "sticky" };
    const had = addressesIn(await settled("returns", "Allocated"));
    await cluster.api.delete(`${services()}/returns`);
    await cluster.waitFor<ApiObject & { metadata: { annotations?: Record<string, string> } }>(
      LEASE,
      (found) =>
        found?.metadata.annotations?.["herald.io/kept-addresses"]?.includes("default/returns") === true,
      WITHIN_MS,
      "the Lease says who is awaited",
    );
    assert.deepEqual(await herald.controller().stop(30_000), { code: 0, signal: null });
    await herald.startController("controller-2");
    await create("meanwhile", { annotations });
    assert.notDeepEqual(addressesIn(await settled("meanwhile", "Allocated")), had);
    await create("returns", { annotations });
    assert.deepEqual(addressesIn(await settled("returns", "Allocated")), had);
  });

  /** The addresses of a Service once its policy is this one and there are so many. */
  async function follow(name: string, ipFamilyPolicy: string, count: number): Promise<readonly string[]> {
    await cluster.api.patch(`${services()}/${name}`, { spec: { ipFamilyPolicy } });
    return addressesIn(await waitFor(name, (found) => addressesIn(found).length === count));
  }

  function stateOf(result: string): Promise<{ readonly result?: string; readonly errorSummary: string }> {
    return cluster
      .waitFor<{ status?: { result?: string; errorSummary: string } }>(
        `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/configurationstates/controller`,
        (found) => found?.status?.result === result,
        WITHIN_MS,
        `the configuration is ${result}`,
      )
      .then(({ status = { errorSummary: "" } }) => status);
  }

  async function pool(
    name: string,
    addresses: readonly string[],
    annotations: Readonly<Record<string, string>> = {},
    serviceAllocation?: object,
  ): Promise<void> {
    await cluster.apply({
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata: { name, namespace: NAMESPACE, annotations },
      spec: { addresses, ...(serviceAllocation !== undefined && { serviceAllocation }) },
    });
  }

  /** A Service and the pool that is for it come by two watches: whichever is first. */
  async function inForce(name: string): Promise<void> {
    await cluster.waitFor<{ status?: { availableIPv4?: number } }>(
      `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools/${name}`,
      (found) => found?.status?.availableIPv4 !== undefined,
      WITHIN_MS,
      `${name} is counted`,
    );
  }

  async function create(
    name: string,
    options: Omit<ServiceOptions, "name"> = {},
    namespace?: string,
  ): Promise<void> {
    await cluster.api.post<ApiObject>(services(namespace), service({ name, ...options }));
  }

  function settled(name: string, reason: string, namespace?: string): Promise<Found> {
    return waitFor(name, (found) => allocated(found)[1] === reason, namespace);
  }

  function waitFor(name: string, holds: (found: Found) => boolean, namespace?: string): Promise<Found> {
    return cluster.waitFor<Found>(
      `${services(namespace)}/${name}`,
      (found) => found !== undefined && holds(found),
      WITHIN_MS,
      `${name} is as expected`,
    );
  }
});

/** Status, reason and message of the condition. */
function allocated({ status }: Found): readonly string[] {
  const found = status.conditions?.find(({ type }) => type === "herald.io/Allocated");
  return found === undefined ? [] : [found.status, found.reason, found.message];
}
