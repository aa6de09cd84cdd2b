import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { type Replica, World } from "./testing/world.ts";

const ADDRESSES = { addresses: ["192.0.2.0/28"] };
const MAP = "address-pools: [{name: m, protocol: layer2, addresses: [198.51.100.0/28]}]";
const REFUSED = "our roles do not allow to list it, going on without, trying now and then";

function createWorld(): World {
  return new World(new VirtualClock(), new SeededRandom(1));
}

function lines(replica: Replica, msg: string): number {
  return replica.lines.filter((line) => line["msg"] === msg).length;
}

describe("pools that are objects", () => {
  it("serve Services without any ConfigMap", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES);
    world.put("web");
    const replica = world.start();
    await world.pass(5000);
    assert.deepEqual([world.addresses("web"), world.pool("web")], [["192.0.2.0"], "p"]);
    assert.equal(await replica.metric("metallb_k8s_client_config_stale_bool"), 0);
  });

  it("come beside the ConfigMap once their kind is installed, and nobody is told of every attempt", async () => {
    const world = createWorld();
    const missing = new ApiError(404, "NotFound", "the server could not find the requested resource");
    world.api.failNext(20, missing, ({ path }) => path.endsWith("/ipaddresspools"));
    world.configure(MAP);
    world.put("web");
    const replica = world.start();
    await world.pass(60_000);
    assert.deepEqual([world.addresses("web"), replica.controller.notReady], [["198.51.100.0"], []]);
    world.putPool("p", ADDRESSES);
    world.put("second", { annotations: { "metallb.io/address-pool": "p" } });
    await world.pass(15 * 60_000);
    assert.deepEqual(world.everything(), { second: ["192.0.2.0"], web: ["198.51.100.0"] });
    assert.equal(lines(replica, "kind is not installed, looking for it now and then"), 1);
    assert.equal(lines(replica, "list failed, trying again"), 0);
    assert.equal(world.statusWrites, 3); // one for why the second has no address yet
  });

  it("are done without while the roles do not allow to read them, until they do", async () => {
    const world = createWorld();
    const forbidden = new ApiError(403, "Forbidden", "cannot list resource");
    world.api.failNext(20, forbidden, ({ path }) => path.endsWith("/ipaddresspools"));
    world.configure(MAP);
    world.put("web");
    const replica = world.start();
    await world.pass(500);
    assert.deepEqual(replica.controller.notReady, ["the list of IPAddressPools"]);
    await world.pass(60_000);
    assert.deepEqual([world.addresses("web"), replica.controller.notReady], [["198.51.100.0"], []]);
    world.putPool("p", ADDRESSES);
    world.put("second", { annotations: { "metallb.io/address-pool": "p" } });
    await world.pass(15 * 60_000);
    assert.deepEqual(world.everything(), { second: ["192.0.2.0"], web: ["198.51.100.0"] });
    assert.equal(lines(replica, REFUSED), 1);
    assert.equal(lines(replica, "list failed, trying again"), 0);
  });

  it("select no namespace while the roles do not allow to read namespaces", async () => {
    const world = createWorld();
    const forbidden = new ApiError(403, "Forbidden", "cannot list resource");
    world.api.failNext(20, forbidden, ({ path }) => path === "/api/v1/namespaces");
    const namespaceSelectors = [{ matchLabels: { team: "shop" } }];
    world.putPool("p", { ...ADDRESSES, serviceAllocation: { namespaceSelectors } });
    world.putPool("q", { addresses: ["198.51.100.0/28"] });
    world.putNamespace("default", { team: "shop" });
    for (const name of ["p", "q"]) world.put(name, { annotations: { "metallb.io/address-pool": name } });
    const replica = world.start();
    await world.pass(60_000);
    assert.deepEqual(world.everything(), { p: [], q: ["198.51.100.0"] });
    const line = replica.lines.find(({ msg }) => msg === REFUSED);
    assert.deepEqual(
      [line?.["level"], line?.["resource"], line?.["effect"], lines(replica, REFUSED)],
      ["warn", "namespaces", "namespaceSelectors of pools match nothing", 1],
    );
    await world.pass(15 * 60_000);
    assert.deepEqual(world.everything(), { p: ["192.0.2.0"], q: ["198.51.100.0"] });
  });

  it("keep what was good while one is bad, and it is told", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES);
    world.put("web");
    const replica = world.start();
    await world.pass(5000);
    world.putPool("q", { addresses: ["203.0.113.0"] });
    world.put("late");
    await world.pass(5000);
    assert.deepEqual(world.everything(), { late: ["192.0.2.1"], web: ["192.0.2.0"] });
    assert.equal(await replica.metric("metallb_k8s_client_config_stale_bool"), 1);
    assert.match(
      world.events("q").join(),
      /^Warning InvalidConfiguration: IPAddressPool q: spec.addresses\[0\]: .*203\.0\.113\.0/,
    );
    world.removePool("q");
    await world.pass(5000);
    assert.equal(await replica.metric("metallb_k8s_client_config_stale_bool"), 0);
    assert.equal(world.statusWrites, 2);
  });

  it("follow the labels of namespaces", async () => {
    const world = createWorld();
    const namespaceSelectors = [{ matchLabels: { team: "shop" } }];
    world.putPool("p", { ...ADDRESSES, serviceAllocation: { namespaceSelectors } });
    world.putNamespace("default", {});
    world.put("web");
    world.start();
    await world.pass(5000);
    assert.deepEqual(world.addresses("web"), []);
    world.putNamespace("default", { team: "shop" });
    await world.pass(5000);
    assert.deepEqual(world.addresses("web"), ["192.0.2.0"]);
    world.putNamespace("default", { team: "bank" });
    await world.pass(5000);
    assert.deepEqual(world.addresses("web"), []);
  });

  it("take all addresses back when the last one is deleted", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES);
    world.put("web");
    world.start();
    await world.pass(5000);
    world.removePool("p");
    await world.pass(5000);
    assert.deepEqual(world.addresses("web"), []);
  });
});

describe("a sticky pool", () => {
  it("gives a Service that comes back in time what it had, and afterwards to whoever waits", async () => {
    const world = createWorld();
    world.putPool("p", { addresses: ["192.0.2.0/31"] }, { "herald.io/sticky": "1m" });
    for (const name of ["a", "b"]) world.put(name);
    world.start();
    await world.pass(5000);
    world.remove("a");
    world.put("c");
    await world.pass(30_000);
    assert.deepEqual(world.everything(), { b: ["192.0.2.1"], c: [] });
    world.put("a");
    await world.pass(5000);
    assert.deepEqual(world.everything(), { a: ["192.0.2.0"], b: ["192.0.2.1"], c: [] });
    world.remove("a");
    await world.pass(59_000);
    assert.deepEqual(world.addresses("c"), []);
    await world.pass(2000);
    assert.deepEqual(world.addresses("c"), ["192.0.2.0"]);
  });
});

describe("a pool that no advertisement selects", () => {
  const warning =
    "Warning PoolNotAdvertised: No L2Advertisement and no BGPAdvertisement selects the pool: nobody announces its addresses";

  it("is told so once there was time for one to come", async () => {
    const world = createWorld();
    for (const [index, name] of ["p", "q"].entries()) {
      world.putPool(name, { addresses: [`192.0.2.${16 * index}/28`] });
    }
    world.putAdvertisement("some", { ipAddressPools: ["p"] });
    world.start();
    await world.pass(20_000);
    assert.deepEqual(world.events("q"), []);
    await world.pass(600_000);
    assert.deepEqual([world.events("p"), world.events("q")], [[], [warning]]);
  });

  it("is told nothing while one selects it, or all", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES);
    world.putAdvertisement("all", {});
    world.start();
    await world.pass(600_000);
    assert.deepEqual(world.events("p"), []);
  });
});

describe("the status of a pool", () => {
  const counts = (assigned: number, available: number, v6 = [0, 0]) => ({
    assignedIPv4: assigned,
    assignedIPv6: v6[0],
    availableIPv4: available,
    availableIPv6: v6[1],
  });

  it("counts addresses, with one write for all that happens within a second", async () => {
    const world = createWorld();
    world.putPool("p", { addresses: ["192.0.2.0/24", "fd00::/120"] });
    world.start();
    await world.pass(5000);
    assert.deepEqual([world.poolStatus("p"), world.poolWrites], [counts(0, 256, [0, 256]), 1]);
    for (let index = 0; index < 50; index += 1) world.put(`s${index}`);
    await world.pass(5000);
    assert.deepEqual([world.poolStatus("p"), world.poolWrites], [counts(50, 206, [0, 256]), 2]);
    world.remove("s7");
    await world.pass(600_000);
    assert.deepEqual([world.poolStatus("p"), world.poolWrites], [counts(49, 207, [0, 256]), 3]);
  });

  it("is put right when somebody else writes it", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES);
    world.start();
    await world.pass(5000);
    world.poolStatus("p", counts(9, 9));
    await world.pass(5000);
    assert.deepEqual([world.poolStatus("p"), world.poolWrites], [counts(0, 16), 2]);
  });

  it("that the installed definition has no room for, as MetalLB's before 0.15, is not written again and again", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES);
    const { api } = world;
    const patch = api.patch.bind(api);
    let time = 0;
    api.patch = (path, type, body, options) => {
      if (!path.endsWith("/ipaddresspools/p/status")) return patch(path, type, body, options);
      time += 1; // nothing is kept but when, and that is news to whoever watches
      return patch(path, "merge", { status: {}, metadata: { managedFields: [{ time }] } });
    };
    world.start();
    await world.pass(60_000);
    assert.deepEqual([world.poolStatus("p"), world.poolWrites], [{}, 2]);
    world.put("web");
    await world.pass(60_000);
    assert.deepEqual([world.poolStatus("p"), world.poolWrites], [{}, 3]);
  });

  it("that the API server never takes keeps no other from being written", async () => {
    const world = createWorld();
    world.putPool("a", ADDRESSES);
    world.putPool("b", { addresses: ["198.51.100.0/28"] });
    const refused = new ApiError(500, "InternalError", "etcd is away");
    world.api.failNext(1_000, refused, ({ path }) => path.endsWith("/ipaddresspools/a/status"));
    world.start();
    await world.pass(5000);
    assert.deepEqual([world.poolStatus("a"), world.poolStatus("b")], [undefined, counts(0, 16)]);
    assert.equal(world.configurationState, "Valid||Reconciled");
  });

  it("is tried again until the API server takes it", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES);
    const refused = new ApiError(500, "InternalError", "etcd is away");
    world.api.failNext(3, refused, ({ path }) => path.endsWith("/ipaddresspools/p/status"));
    world.start();
    await world.pass(120_000);
    assert.deepEqual([world.poolStatus("p"), world.poolWrites], [counts(0, 16), 4]);
  });
});

describe("the ConfigurationState of the controller", () => {
  it("says what is wrong, and is written only when that changes", async () => {
    const world = createWorld();
    const replica = world.start();
    await world.pass(60_000);
    assert.deepEqual([world.configurationState, world.stateWrites], [undefined, 0]);
    world.putPool("p", ADDRESSES);
    await world.pass(60_000);
    assert.deepEqual([world.configurationState, world.stateWrites], ["Valid||Reconciled", 1]);
    for (const name of ["a", "b"]) world.put(name);
    world.putPool("q", { addresses: ["192.0.2.8/29"] });
    await world.pass(60_000);
    assert.match(
      world.configurationState ?? "",
      /^Invalid\|IPAddressPool q: spec\.addresses\[0\]: .*overlaps.*\|ConfigurationError$/,
    );
    assert.equal(world.stateWrites, 2);
    world.removePool("q");
    await world.pass(60_000);
    assert.deepEqual([world.configurationState, world.stateWrites], ["Valid||Reconciled", 3]);
    await replica.stop();
    world.start({ identity: "two" });
    await world.pass(60_000);
    assert.equal(world.stateWrites, 3, "the next leader finds it as it should be");
  });

  it("comes back within five minutes when somebody deletes it, whatever else happens", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES);
    world.start();
    await world.pass(60_000);
    world.removeConfigurationState();
    for (let minute = 0; minute < 5; minute += 1) {
      world.put(`s${minute}`);
      await world.pass(60_000);
    }
    assert.deepEqual([world.configurationState, world.stateWrites], ["Valid||Reconciled", 2]);
    world.removeConfigurationState();
    await world.pass(300_000);
    assert.deepEqual([world.configurationState, world.stateWrites], ["Valid||Reconciled", 3]);
    await world.pass(1_200_000);
    assert.equal(world.stateWrites, 3);
  });

  it("has a message that the API server takes, whatever is wrong", async () => {
    const world = createWorld();
    for (let index = 0; index < 100; index += 1) {
      world.putPool(`${index}-${"n".repeat(200)}`, { addresses: ["x".repeat(100_000)] });
    }
    world.start();
    await world.pass(5000);
    const { errorSummary, conditions } = world.configurationStatus ?? {};
    assert.deepEqual([errorSummary?.length, conditions?.[0]?.message?.length], [32_768, 32_768]);
  });

  it("is not asked for again at every change while its kind is not installed", async () => {
    const world = createWorld();
    const missing = new ApiError(404, "NotFound", "the server could not find the requested resource");
    const isState = ({ path }: { readonly path: string }): boolean => path.includes("/configurationstates");
    world.api.failNext(4, missing, isState); // two looks
    world.putPool("p", ADDRESSES);
    world.start();
    for (let index = 0; index < 10; index += 1) {
      world.put(`s${index}`);
      await world.pass(2500);
    }
    assert.equal(world.api.requests.filter(isState).length, 2);
    await world.pass(60_000);
    assert.equal(world.configurationState, "Valid||Reconciled");
  });
});

describe("the sessions of a BGPPeer", () => {
  it("count while their nodes are ready, for which Nodes are watched once", async () => {
    const world = createWorld();
    const home = "/apis/metallb.io/v1beta1/namespaces/metallb-system";
    const peer = `${home.replace("v1beta1", "v1beta2")}/bgppeers/tor`;
    const ready = (name: string, status: string) =>
      world.api.put(`/api/v1/nodes/${name}`, { status: { conditions: [{ type: "Ready", status }] } });
    world.api.put(peer, { spec: {} });
    for (const node of ["iris1", "iris2"]) {
      ready(node, "True");
      const status = { node, peer: "tor", bgpStatus: "Established" };
      world.api.put(`${home}/bgpsessionstates/${node}`, { status });
    }
    world.start();
    await world.pass(60_000);
    const summary = () => world.api.peek<{ status?: { summary: string } }>(peer)?.status?.summary;
    assert.equal(summary(), "2/2 established");
    ready("iris2", "Unknown");
    await world.pass(20_000);
    assert.equal(summary(), "1/2 established");
    const asked = world.api.requests.filter(({ path }) => path === "/api/v1/nodes");
    assert.equal(asked.length, 2); // a list, and a watch from there
  });
});
