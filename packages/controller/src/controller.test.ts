import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { ControllerOptions } from "./controller.ts";
import { type Replica, UNSPOKEN, World } from "./testing/world.ts";

function createWorld(seed = 1): World {
  return new World(new VirtualClock(), new SeededRandom(seed));
}

const POOL = `
address-pools:
- name: default
  protocol: layer2
  addresses: [192.168.1.100-192.168.1.159]
`;

const TWO_ADDRESSES = `
address-pools:
- {name: small, protocol: layer2, addresses: [192.168.1.100-192.168.1.101]}
`;

/** A controller that leads, in a cluster that has the configuration. */
async function lead(
  config = POOL,
  options: Partial<ControllerOptions> = {},
): Promise<{ world: World; replica: Replica }> {
  const world = createWorld();
  world.configure(config);
  const replica = world.start(options);
  await world.pass(1000);
  return { world, replica };
}

describe("a Service", () => {
  it("gets its address in one write, and its owner is told", async () => {
    const { world } = await lead();
    world.put("web");
    await world.pass(5000);
    assert.deepEqual(world.everything(), { web: ["192.168.1.100"] });
    assert.equal(world.statusWrites, 1);
    assert.equal(world.pool("web"), "default");
    assert.deepEqual(world.events("web"), ['Normal IPAllocated: Assigned IP ["192.168.1.100"]']);
  });

  it("is not written again for what others change in it, nor for the ipMode the API adds", async () => {
    const { world } = await lead();
    world.put("web");
    await world.pass(5000);
    world.put("web", { annotations: { "metallb.io/ip-allocated-from-pool": "default", note: "hello" } });
    await world.pass(60_000);
    assert.deepEqual([world.addresses("web"), world.statusWrites], [["192.168.1.100"], 1]);
  });

  it("has its status put right when somebody else has written it", async () => {
    const { world } = await lead();
    world.put("web");
    await world.pass(5000);
    world.writeStatus("web", [{ ip: "10.9.9.9" }]);
    await world.pass(5000);
    assert.deepEqual([world.addresses("web"), world.pool("web")], [["192.168.1.100"], "default"]);
    assert.equal(world.statusWrites, 2);
  });

  it("moves from pool to pool in one write", async () => {
    const { world } = await lead(`${POOL}- {name: other, protocol: layer2, addresses: [10.0.0.0/24]}\n`);
    world.put("web");
    await world.pass(5000);
    world.put("web", { annotations: { "metallb.universe.tf/address-pool": "other" } });
    await world.pass(5000);
    assert.deepEqual(
      [world.addresses("web"), world.pool("web"), world.statusWrites],
      [["10.0.0.0"], "other", 2],
    );
    assert.deepEqual(
      world.events("web").map((event) => event.split(":")[0]),
      ["Normal IPAllocated", "Normal ClearAssignment", "Normal IPAllocated"],
    );
  });

  it("loses its address with its type, and whoever waits gets it", async () => {
    const { world } = await lead(TWO_ADDRESSES);
    for (const name of ["a", "b", "c"]) world.put(name);
    await world.pass(5000);
    assert.deepEqual(world.everything(), { a: ["192.168.1.100"], b: ["192.168.1.101"], c: [] });
    world.put("a", { spec: { type: "ClusterIP" } });
    await world.pass(5000);
    assert.deepEqual(world.everything(), { a: [], b: ["192.168.1.101"], c: ["192.168.1.100"] });
    assert.equal(world.pool("a"), undefined);
  });

  it("waits until another one is deleted, and says why", async () => {
    const { world, replica } = await lead(TWO_ADDRESSES);
    for (const name of ["a", "b", "c"]) world.put(name);
    await world.pass(5000);
    const [event] = world.events("c");
    assert.match(event ?? "", /^Warning AllocationFailed: Failed to allocate IP for "default\/c": .*small/);
    assert.equal(await replica.metric("herald_controller_services", { state: "pool-exhausted" }), 1);
    world.remove("b");
    await world.pass(5000);
    assert.deepEqual(world.everything(), { a: ["192.168.1.100"], c: ["192.168.1.101"] });
    assert.equal(world.events("c").length, 2);
    assert.equal(world.statusWrites, 4); // one each, and one more for why there was nothing
  });

  it("has its address, the pool and both conditions applied at once, and says why while it has none", async () => {
    const { world } = await lead(TWO_ADDRESSES);
    for (const name of ["a", "b", "c"]) world.put(name);
    await world.pass(5000);
    const full =
      'no available IPs: pool "small" has no free IPv4 address. To change that, add addresses to a pool, or delete a Service that needs none.';
    assert.deepEqual(
      ["a", "c"].map((name) => world.conditions(name)),
      [
        ['herald.io/Allocated True Allocated: 192.168.1.100 of pool "small"', UNSPOKEN],
        [`herald.io/Allocated False PoolExhausted: ${full}`],
      ],
    );
    await world.pass(600_000);
    assert.deepEqual(world.serviceWrites, ["a apply", "b apply", "c apply"]);
    world.put("a", { spec: { type: "ClusterIP" } });
    await world.pass(5000);
    assert.deepEqual(world.serviceWrites.slice(3), ["a apply", "c apply"]);
    assert.deepEqual(world.conditions("a"), []);
    assert.deepEqual(world.conditions("c"), [
      'herald.io/Allocated True Allocated: 192.168.1.100 of pool "small"',
      UNSPOKEN,
    ]);
  });

  it("of another class is never touched", async () => {
    const { world } = await lead();
    world.put("theirs", { spec: { loadBalancerClass: "other" }, ingress: [{ hostname: "lb.example" }] });
    await world.pass(5000);
    assert.deepEqual([world.addresses("theirs"), world.statusWrites], [["lb.example"], 0]);
  });

  it("that is changed between the decision and the write is decided anew", async () => {
    const { world, replica } = await lead(
      `${POOL}- {name: other, protocol: layer2, addresses: [10.0.0.0/24]}\n`,
    );
    world.api.setDelay(50);
    world.put("web");
    await world.pass(20);
    world.put("web", { annotations: { "metallb.io/address-pool": "other" } });
    world.api.setDelay(0);
    await world.pass(5000);
    assert.deepEqual([world.addresses("web"), world.pool("web")], [["10.0.0.0"], "other"]);
    assert.equal(await replica.metric("metallb_allocator_addresses_in_use_total", { pool: "default" }), 0);
  });

  it("is written again later when the API server fails", async () => {
    const { world, replica } = await lead();
    world.api.failNext(3, new ApiError(500, "InternalError", "etcd is away"), ({ path }) =>
      path.endsWith("/web/status"),
    );
    world.put("web");
    await world.pass(60_000);
    assert.deepEqual(world.addresses("web"), ["192.168.1.100"]);
    assert.equal(await replica.metric("metallb_k8s_client_update_errors_total"), 3);
    assert.equal(world.events("web").length, 1);
  });

  it("keeps its address through all that befalls the watch", async () => {
    const { world } = await lead();
    world.put("web");
    await world.pass(5000);
    world.api.cutWatches();
    world.api.compact();
    await world.pass(60_000);
    world.api.setReachable(false);
    await world.pass(5000);
    world.api.setReachable(true);
    world.put("late");
    await world.pass(120_000);
    assert.deepEqual(world.everything(), { late: ["192.168.1.101"], web: ["192.168.1.100"] });
    assert.equal(world.statusWrites, 2);
  });
});

describe("many Services", () => {
  it("a thousand at once all get addresses, each by one write, none twice", async () => {
    const { world, replica } = await lead(
      "address-pools: [{name: p, protocol: layer2, addresses: [10.0.0.0/16]}]",
    );
    for (let index = 0; index < 1000; index += 1) world.put(`s${index}`);
    await world.pass(1000);
    const addresses = Object.values(world.everything());
    assert.equal(new Set(addresses.map((list) => list.join())).size, 1000);
    assert.ok(addresses.every((list) => list.length === 1));
    assert.equal(world.statusWrites, 1000);
    assert.equal(await replica.metric("metallb_allocator_services_allocated_total", { pool: "p" }), 1000);
  });

  it("that want each other's addresses get them, and none is ever seen on both", async () => {
    const { world } = await lead(TWO_ADDRESSES);
    const asking = (address: string): { annotations: Record<string, string> } => ({
      annotations: { "metallb.io/loadBalancerIPs": address },
    });
    world.put("a", asking("192.168.1.100"));
    world.put("b", asking("192.168.1.101"));
    await world.pass(5000);
    const seen = watchForDoubles(world);
    // Why: both changes are to arrive together, with the next list.
    world.api.cutWatches();
    world.put("a", asking("192.168.1.101"));
    world.put("b", asking("192.168.1.100"));
    world.api.compact();
    await world.pass(60_000);
    assert.deepEqual(world.everything(), { a: ["192.168.1.101"], b: ["192.168.1.100"] });
    assert.deepEqual([seen(), world.statusWrites], [[], 2 + 3]);
  });

  it("an address that moves on is gone from one before another shows it", async () => {
    const { world } = await lead(TWO_ADDRESSES);
    world.put("a");
    world.put("b");
    world.put("c");
    await world.pass(5000);
    const seen = watchForDoubles(world);
    // Why: the write that takes the address off is the one that is late.
    world.api.failNext(2, new ApiError(500, "InternalError", "slow"), ({ path }) =>
      path.endsWith("/a/status"),
    );
    world.put("a", { annotations: { "metallb.io/address-pool": "none" } });
    await world.pass(60_000);
    assert.deepEqual(world.everything(), { a: [], b: ["192.168.1.101"], c: ["192.168.1.100"] });
    assert.deepEqual(seen(), []);
  });
});

describe("an address whose last Service cannot be written", () => {
  it("is given on as soon as that Service is deleted", async () => {
    const { world } = await lead(TWO_ADDRESSES);
    for (const name of ["a", "b", "c"]) world.put(name);
    await world.pass(5000);
    const refusal = new ApiError(500, "InternalError", "a webhook is away");
    world.api.failNext(1000, refusal, ({ path }) => path.endsWith("/a/status"));
    world.put("a", { annotations: { "metallb.io/address-pool": "none" } });
    await world.pass(100_000);
    assert.deepEqual(world.everything(), { a: ["192.168.1.100"], b: ["192.168.1.101"], c: [] });
    world.remove("a");
    await world.pass(1000);
    assert.deepEqual(world.everything(), { b: ["192.168.1.101"], c: ["192.168.1.100"] });
  });
});

/** Looks at every instant anything happens; says which addresses were on two Services at once. */
function watchForDoubles(world: World): () => readonly string[] {
  const doubles: string[] = [];
  const { api } = world;
  const patch = api.patch.bind(api);
  api.patch = async (...request) => {
    const result = await patch(...request);
    const shown = Object.values(world.everything()).flat();
    doubles.push(...shown.filter((address, index) => shown.indexOf(address) !== index));
    return result as never;
  };
  return () => doubles;
}

describe("a controller without an election", () => {
  it("leads at once and asks for no Lease", async () => {
    const { world, replica } = await lead(POOL, { leaderElect: false });
    world.put("web");
    await world.pass(1000);
    assert.deepEqual(world.addresses("web"), ["192.168.1.100"]);
    assert.deepEqual(
      world.api.requests.filter(({ path }) => path.includes("lease")),
      [],
    );
    await replica.stop();
  });
});

describe("an ordered stop", () => {
  it("finishes the writes in hand and releases the Lease for the next", async () => {
    const { world, replica } = await lead();
    world.api.setDelay(20);
    world.put("web");
    await world.pass(10);
    const stopped = replica.stop();
    await world.pass(100);
    await stopped;
    assert.deepEqual(world.addresses("web"), ["192.168.1.100"]);
    world.api.setDelay(0);
    const next = world.start({ identity: "two" });
    await world.pass(100);
    assert.equal(next.controller.state.leading, true);
    await next.stop();
  });
});

describe("readiness", () => {
  it("waits for all lists and names them (MetalLB defect 24)", async () => {
    const world = createWorld();
    world.api.setReachable(false);
    const replica = world.start({ leaderElect: false });
    await world.settle();
    assert.deepEqual(replica.controller.notReady, [
      "the list of Services",
      "the ConfigMap metallb-system/config",
      "the list of IPAddressPools",
      "the list of Namespaces",
    ]);
    world.api.setReachable(true);
    await world.pass(60_000);
    assert.deepEqual(replica.controller.notReady, []);
  });

  it("comes to followers, too", async () => {
    const { world } = await lead();
    const follower = world.start({ identity: "two" });
    await world.pass(1000);
    assert.deepEqual([follower.controller.notReady, follower.controller.state.leading], [[], false]);
  });
});
