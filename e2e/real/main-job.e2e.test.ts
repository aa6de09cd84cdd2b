import assert from "node:assert/strict";
import { after, describe } from "node:test";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation, NAMESPACE, PATIENT } from "./installation.ts";
import { addressesIn, ISSUE_CONFIG, type ServiceObject, service } from "./objects.ts";

const { it, before } = clusterTests({ kubelets: false });
const SERVICES = "/api/v1/namespaces/default/services";
const WITHIN_MS = 40_000;

interface EventList {
  readonly items: readonly {
    readonly reason: string;
    readonly type: string;
    readonly message: string;
    readonly involvedObject: { readonly kind: string; readonly name: string };
  }[];
}

describe("the main job, on a real cluster", () => {
  let cluster: Cluster;
  let herald: Installation;

  before(async () => {
    cluster = await startCluster({ name: "main-job" });
    herald = await Installation.start(cluster, { speakerFlags: PATIENT });
    await Promise.all(cluster.nodes.map((node) => herald.startEcho(`echo-${node}`, node, "echo")));
  });
  after(() => cluster?.stop());

  it("leaves a Service waiting, and says what for, until pools are configured", async () => {
    await cluster.api.post(SERVICES, service({ name: "early" }));
    const { items } = await eventsUntil(
      `/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dearly`,
      (events) => events.some(({ reason }) => reason === "AllocationFailed"),
      "an Event says why early has no address",
    );
    assert.match(
      items.find(({ reason }) => reason === "AllocationFailed")?.message ?? "",
      /there are no address pools yet: ConfigMap metallb-system\/config/,
    );
    await herald.configure(ISSUE_CONFIG);
    assert.deepEqual(addressesIn(await herald.addressed("early")), ["192.168.1.100"]);
  });

  it("gives a Service an address of the pool its annotation names", async () => {
    await herald.configure(`${ISSUE_CONFIG}- name: reserved
  protocol: layer2
  auto-assign: false
  addresses:
  - 192.168.1.180/30
`);
    const [old, current] = await herald.createServices([
      { name: "reserved-old", annotations: { "metallb.universe.tf/address-pool": "reserved" } },
      { name: "reserved-new", annotations: { "metallb.io/address-pool": "reserved" } },
    ]);
    assert.deepEqual([old, current].flatMap((found) => (found ? addressesIn(found) : [])).sort(), [
      "192.168.1.180",
      "192.168.1.181",
    ]);
    assert.equal(old?.metadata.annotations?.["metallb.io/ip-allocated-from-pool"], "reserved");
  });

  it("answers from another host, through kube-proxy, to a pod", async () => {
    const answer = await herald.ask("client", "192.168.1.100");
    assert.match(answer.pod, /^echo-node-[123]$/);
  });

  it("answers from a host behind a router", async () => {
    const answer = await herald.ask("far-client", "192.168.1.100");
    assert.match(answer.pod, /^echo-node-[123]$/);
  });

  it("has exactly one node answering for each address", async () => {
    for (const name of ["early", "reserved-old", "reserved-new"]) {
      const [address = ""] = addressesIn(await cluster.api.get<ServiceObject>(`${SERVICES}/${name}`));
      await herald.segment.untilHeld(address); // by one, not two
    }
  });

  it("says on the Service which node announces it", async () => {
    // Both are looked at anew each time: an address that changes its node is told of a little later.
    await herald.segment.until(async () => {
      const node = await herald.segment.untilHeld("192.168.1.100");
      const { items } = await cluster.api.get<EventList>(
        "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dearly",
      );
      return items.some(
        ({ reason, message }) =>
          reason === "nodeAssigned" && message === `announcing from node "${node}" with protocol "layer2"`,
      );
    }, "nodeAssigned names the node that answers");
  });

  it("honours a requested address, by field and by annotation", async () => {
    const found = await herald.createServices([
      { name: "by-field", spec: { loadBalancerIP: "192.168.1.140" } },
      { name: "by-annotation", annotations: { "metallb.universe.tf/loadBalancerIPs": "192.168.1.141" } },
    ]);
    assert.deepEqual(found.map(addressesIn), [["192.168.1.140"], ["192.168.1.141"]]);
  });

  it("lets Services with one sharing key share an address on different ports", async () => {
    const annotations = { "metallb.universe.tf/allow-shared-ip": "dns" };
    const ports = (protocol: string) => [
      { name: protocol.toLowerCase(), protocol, port: 53, targetPort: 8080 },
    ];
    const found = await herald.createServices([
      { name: "dns-tcp", annotations, spec: { ports: ports("TCP") } },
      { name: "dns-udp", annotations, spec: { ports: ports("UDP") } },
    ]);
    assert.deepEqual(addressesIn(found[0] as ServiceObject), addressesIn(found[1] as ServiceObject));
  });

  it("says which pools were tried when a request cannot be met", async () => {
    await cluster.api.post(
      SERVICES,
      service({ name: "astray", annotations: { "metallb.io/address-pool": "nowhere" } }),
    );
    const { items } = await eventsUntil(
      `/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dastray`,
      (events) => events.some(({ reason }) => reason === "AllocationFailed"),
      "an Event says why astray has no address",
    );
    assert.match(items.find(({ reason }) => reason === "AllocationFailed")?.message ?? "", /nowhere/);
    await cluster.api.delete(`${SERVICES}/astray`);
  });

  it("keeps client addresses and announces only where an endpoint is, under policy Local", async () => {
    await herald.startEcho("local-echo", "node-2", "local");
    const [found] = await herald.createServices([
      { name: "local", app: "local", spec: { externalTrafficPolicy: "Local" } },
    ]);
    const [address = ""] = addressesIn(found as ServiceObject);
    assert.equal(await herald.segment.untilHeld(address), "node-2");
    assert.deepEqual(await herald.ask("client", address).then(({ pod, client }) => ({ pod, client })), {
      pod: "local-echo",
      client: "192.168.1.50",
    });
    assert.equal((await herald.ask("far-client", address)).client, "10.99.0.50");
  });

  it("refuses a bad configuration whole, with its line, and changes nothing", async () => {
    const before = await allAddresses();
    await herald.configure(`address-pools:
- name: default
  protocol: layer3
  addresses:
  - 192.168.1.100-192.168.1.90
`);
    const { items } = await eventsUntil(
      `/api/v1/namespaces/${NAMESPACE}/events?fieldSelector=involvedObject.name%3Dconfig`,
      (events) => events.some(({ type }) => type === "Warning"),
      "an Event on the ConfigMap says what is wrong",
    );
    const message = items.find(({ type }) => type === "Warning")?.message ?? "";
    assert.match(message, /line 3: address-pools\[0\]\.protocol/);
    assert.match(message, /line 5: address-pools\[0\]\.addresses\[0\]/);
    assert.equal(await herald.metric("control-plane", "metallb_k8s_client_config_stale_bool"), 1);
    assert.equal(await herald.readyz("control-plane"), 200);
    assert.deepEqual(await allAddresses(), before);
    await herald.configure(ISSUE_CONFIG);
    await herald.createServices([{ name: "after-bad-config" }]);
    await herald.segment.until(
      async () => (await herald.metric("control-plane", "metallb_k8s_client_config_stale_bool")) === 0,
      "the configuration is good again",
    );
  });

  it("moves a Service whose pool has gone, and only that one", async () => {
    const kept = (await allAddresses()).filter(([name]) => !name.startsWith("reserved"));
    await cluster.waitFor<ServiceObject>(
      `${SERVICES}/reserved-old`,
      (found) =>
        found !== undefined && !addressesIn(found).some((address) => address.startsWith("192.168.1.18")),
      WITHIN_MS,
      "reserved-old lost the address of a pool that is gone",
    );
    assert.deepEqual(
      (await allAddresses()).filter(([name]) => !name.startsWith("reserved")),
      kept,
    );
  });

  it("gives a dual-stack Service one address of each family, and announces both", async () => {
    await herald.configure(`${ISSUE_CONFIG}- name: dual
  protocol: layer2
  auto-assign: false
  addresses:
  - 192.168.1.170/32
  - fd77::1:0/120
`);
    const annotations = { "metallb.io/address-pool": "dual" };
    const [found] = await herald.createServices([
      { name: "dual", annotations, spec: { ipFamilyPolicy: "RequireDualStack" } },
    ]);
    assert.deepEqual(addressesIn(found as ServiceObject), ["192.168.1.170", "fd77::1:0"]);
    for (const address of ["192.168.1.170", "fd77::1:0"]) {
      assert.match((await herald.ask("client", address)).pod, /^echo-node-[123]$/);
    }
  });

  it("gives a freed address to the Service that waits for it", async () => {
    await herald.configure(`${ISSUE_CONFIG}- name: tiny
  protocol: layer2
  auto-assign: false
  addresses:
  - 192.168.1.190/32
`);
    const annotations = { "metallb.io/address-pool": "tiny" };
    await herald.createServices([{ name: "holder", annotations }]);
    await cluster.api.post(SERVICES, service({ name: "waiter", annotations }));
    await eventsUntil(
      `/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dwaiter`,
      (events) => events.some(({ reason }) => reason === "AllocationFailed"),
      "waiter is told that the pool is full",
    );
    await cluster.api.patch(`${SERVICES}/holder`, { spec: { type: "ClusterIP" } });
    assert.deepEqual(addressesIn(await herald.addressed("waiter")), ["192.168.1.190"]);
    assert.equal(await herald.segment.untilHeld("192.168.1.190").then(() => true), true);
  });

  async function allAddresses(): Promise<readonly (readonly [string, string])[]> {
    const { items } = await cluster.api.get<{ items: readonly ServiceObject[] }>(SERVICES);
    return items.map((item) => [item.metadata.name, addressesIn(item).join()] as const).sort();
  }

  function eventsUntil(path: string, accept: (events: EventList["items"]) => boolean, what: string) {
    return cluster.waitFor<EventList>(
      path,
      (list) => list !== undefined && accept(list.items),
      WITHIN_MS,
      what,
    );
  }
});
