import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { type ServiceFields, UNSPOKEN, World } from "./testing/world.ts";

const FROM = "metallb.io/ip-allocated-from-pool";
const KEPT =
  'is kept: no pool in force has it, and pools are refused, as the ConfigurationState "controller" says';

/** `web` has an address of pool `bad`, which cannot be read; `other` has none yet. */
function startBeside(bad: object, prepare: (world: World) => void = () => {}): World {
  const world = new World(new VirtualClock(), new SeededRandom(1));
  world.putPool("good", { addresses: ["192.0.2.0/28"] });
  world.putPool("bad", bad);
  world.put("web", { annotations: { [FROM]: "bad" } });
  world.writeStatus("web", [{ ip: "198.51.100.7" }]);
  world.put("other");
  prepare(world);
  return world;
}

describe("a controller that starts beside a pool that is refused", () => {
  it("neither takes back an address that may be of it nor gives it to others, and says so", async () => {
    const world = startBeside({ addresses: ["198.51.100.0/x"] });
    world.put("rival", { annotations: { "metallb.io/loadBalancerIPs": "198.51.100.7" } });
    const replica = world.start();
    await world.pass(60_000);
    assert.deepEqual(world.everything(), { other: ["192.0.2.0"], rival: [], web: ["198.51.100.7"] });
    assert.equal(world.pool("web"), "bad");
    assert.deepEqual(world.conditions("web"), [
      `herald.io/Allocated Unknown Unjudged: 198.51.100.7 ${KEPT}. To change that, mend or delete what is refused.`,
      UNSPOKEN,
    ]);
    assert.deepEqual(world.events("web"), [`Warning LoadBalancerFailed: 198.51.100.7 ${KEPT}`]);
    assert.match(world.configurationState ?? "", /^Invalid\|IPAddressPool bad: spec\.addresses\[0\]/);
    const { statusWrites } = world;
    world.put("web", { annotations: { [FROM]: "bad" }, metadata: { labels: { app: "web" } } } as object);
    await world.pass(60_000);
    assert.equal(world.statusWrites, statusWrites);
    await replica.stop();
  });

  it("confirms the address once the pool is good", async () => {
    const world = startBeside({ addresses: ["x"] });
    world.start();
    await world.pass(5_000);
    world.putPool("bad", { addresses: ["198.51.100.0/28"] });
    await world.pass(5_000);
    assert.deepEqual(world.everything(), { other: ["192.0.2.0"], web: ["198.51.100.7"] });
    assert.deepEqual(world.conditions("web"), [
      'herald.io/Allocated True Allocated: 198.51.100.7 of pool "bad"',
      UNSPOKEN,
    ]);
  });

  it("takes the address back once the configuration is whole and has no place for it", async () => {
    const world = startBeside({ addresses: ["x"] });
    world.start();
    await world.pass(5_000);
    world.removePool("bad");
    await world.pass(5_000);
    assert.deepEqual(world.everything(), { other: ["192.0.2.0"], web: ["192.0.2.1"] });
    assert.match(world.events("web").join("\n"), /Normal ClearAssignment: Taking back 198\.51\.100\.7/);
  });

  it("gives nothing out of pools that overlap, and leaves to each what it has", async () => {
    const world = startBeside({ addresses: ["192.0.2.0/24"] }); // of which the other one is a part
    world.start();
    await world.pass(5_000);
    assert.deepEqual(world.everything(), { other: [], web: ["198.51.100.7"] });
  });

  it("lets go of what a Service has that is deleted or no load balancer any more", async () => {
    const world = startBeside({ addresses: ["x"] });
    world.start();
    await world.pass(5_000);
    world.put("web", { annotations: { [FROM]: "bad" }, spec: { type: "ClusterIP" } });
    await world.pass(5_000);
    assert.deepEqual(world.everything(), { other: ["192.0.2.0"], web: [] });
  });

  it("treats pools alike that the API server does not let it read, and goes on with the others", async () => {
    const broken = new ApiError(500, "InternalError", "conversion failed");
    const world = startBeside({ addresses: ["198.51.100.0/28"] }, ({ api }) => {
      api.failNext(20, broken, ({ path }) => path.endsWith("/ipaddresspools"));
    });
    world.configure("address-pools: [{name: m, protocol: layer2, addresses: [203.0.113.0/28]}]");
    const replica = world.start();
    await world.pass(29_000);
    assert.deepEqual(replica.controller.notReady, ["the list of IPAddressPools"]);
    await world.pass(10_000);
    assert.deepEqual(replica.controller.notReady, []);
    assert.deepEqual(world.everything(), { other: ["203.0.113.0"], web: ["198.51.100.7"] });
    assert.equal(await replica.metric("metallb_k8s_client_config_stale_bool"), 1);
    await world.pass(15 * 60_000);
    assert.deepEqual(world.everything(), { other: ["203.0.113.0"], web: ["198.51.100.7"] });
    assert.deepEqual(world.conditions("web"), [
      'herald.io/Allocated True Allocated: 198.51.100.7 of pool "bad"',
      UNSPOKEN,
    ]);
  });
});

describe("Services that wait beside pools that are refused", () => {
  const asking = (pool: string) => ({ annotations: { "metallb.io/address-pool": pool } });
  const see = 'as the ConfigurationState "controller" says';
  const allocated = (world: World, name: string) =>
    world
      .conditions(name)
      .map((line) => line.replace(/^herald.io.Allocated False |\. To change that.*/g, ""));

  it("are told that the pool they ask for is refused, and get its addresses once it is mended", async () => {
    const world = new World(new VirtualClock(), new SeededRandom(1));
    world.putPool("p", { addresses: ["192.0.2.0/32"] });
    world.put("web");
    world.put("younger");
    const replica = world.start();
    await world.pass(5_000);
    world.putPool("q", { addresses: ["198.51.100.0/x"] });
    world.put("asking", asking("q"));
    await world.pass(5_000);
    assert.deepEqual(allocated(world, "asking"), [
      `PoolRefused: the Service asks for pool "q", which is refused, ${see}`,
    ]);
    world.putPool("p", { addresses: ["192.0.2.0/28"] });
    world.putPool("q", { addresses: ["198.51.100.0/28"] });
    await world.pass(5_000);
    assert.deepEqual(world.everything(), {
      asking: ["198.51.100.0"],
      web: ["192.0.2.0"],
      younger: ["192.0.2.1"],
    });
    await replica.stop();
  });

  it("are told that a mistake may be why their pool is full, when it comes and when it goes", async () => {
    const world = new World(new VirtualClock(), new SeededRandom(1));
    world.putPool("p", { addresses: ["192.0.2.0/32"] });
    world.put("web");
    world.put("younger");
    const replica = world.start();
    await world.pass(5_000);
    const full = 'PoolExhausted: no available IPs: pool "p" has no free IPv4 address';
    assert.deepEqual(allocated(world, "younger"), [full]);
    world.putPool("q", { addresses: ["x"] });
    await world.pass(5_000);
    assert.deepEqual(allocated(world, "younger"), [
      `${full}; some of what is written of pools is refused, ${see}`,
    ]);
    world.removePool("q");
    await world.pass(5_000);
    assert.deepEqual(allocated(world, "younger"), [full]);
    assert.deepEqual(world.addresses("web"), ["192.0.2.0"]);
    assert.equal(world.statusWrites, 4, "one of web, three of younger");
    await replica.stop();
  });

  it("are told that no pool is in force when a controller starts beside refused ones alone", async () => {
    const world = new World(new VirtualClock(), new SeededRandom(1));
    world.putPool("q", { addresses: ["x"] });
    world.put("web");
    const replica = world.start();
    await world.pass(5_000);
    assert.deepEqual(allocated(world, "web"), [
      `PoolRefused: no pool is in force: pool "q" is refused, ${see}`,
    ]);
    await replica.stop();
  });
});

const DUAL = {
  spec: {
    clusterIPs: ["10.96.0.1", "fd00:96::1"],
    ...{ ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "PreferDualStack" },
  },
};

/** `web` has an address of pool `v4`, which is good, and one that pool `v6` had, which cannot be read. */
function startSplit(web: ServiceFields = {}): World {
  const world = new World(new VirtualClock(), new SeededRandom(1));
  world.putPool("v4", { addresses: ["192.0.2.0/30"] });
  world.putPool("v6", { addresses: ["fd00::/x"] });
  world.put("web", { createdAt: "2026-01-01T00:00:00Z", ...DUAL, ...web });
  world.writeStatus("web", [{ ip: "192.0.2.0" }, { ip: "fd00::7" }]);
  return world;
}

describe("a Service with one address of a good pool and one that a refused pool may have", () => {
  const shared = { annotations: { "metallb.io/allow-shared-ip": "us" } };
  const on443 = { spec: { ports: [{ protocol: "TCP", port: 443 }] } };
  const later = { createdAt: "2026-01-02T00:00:00Z" };
  const bothKept =
    "192.0.2.0 and fd00::7 is kept: no pool in force has fd00::7, and pools are refused, as the ConfigurationState " +
    '"controller" says';

  it("keeps both from everybody: who waits, who is new and who asks for it by name", async () => {
    const world = startSplit();
    world.put("other", later);
    world.put("rival", { ...later, annotations: { "metallb.io/loadBalancerIPs": "192.0.2.0" } });
    world.start();
    await world.pass(5_000);
    world.put("third", later);
    await world.pass(5_000);
    assert.deepEqual(world.everything(), {
      ...{ other: ["192.0.2.1"], rival: [], third: ["192.0.2.2"] },
      web: ["192.0.2.0", "fd00::7"],
    });
    assert.deepEqual(world.events("web"), [`Warning LoadBalancerFailed: ${bothKept}`]);
    assert.match(world.conditions("rival").join(), /AddressInUse: 192\.0\.2\.0 is in use by default\/web/);
    world.putPool("v6", { addresses: ["fd00::/120"] });
    await world.pass(5_000);
    assert.deepEqual(world.everything(), {
      ...{ other: ["192.0.2.1"], rival: [], third: ["192.0.2.2"] },
      web: ["192.0.2.0"], // of one pool, as every Service
    });
  });

  it("keeps it also while the configuration changes and is still not whole", async () => {
    const world = startSplit();
    world.start();
    await world.pass(5_000);
    world.putPool("v4", { addresses: ["192.0.2.0/31"] });
    world.put("other", later);
    await world.pass(5_000);
    assert.deepEqual(world.everything(), { other: ["192.0.2.1"], web: ["192.0.2.0", "fd00::7"] });
  });

  it("gives it to who waits once it wants none any more", async () => {
    const world = startSplit();
    world.start();
    world.put("rival", { ...later, annotations: { "metallb.io/loadBalancerIPs": "192.0.2.0" } });
    await world.pass(5_000);
    world.put("web", { spec: { type: "ClusterIP" } });
    await world.pass(5_000);
    assert.deepEqual(world.everything(), { rival: ["192.0.2.0"], web: [] });
  });

  it("shares with those that might share with it anyway, and with no others", async () => {
    const world = startSplit(shared);
    world.put("friend", { ...later, ...shared, ...on443 });
    world.put("clash", { ...later, ...shared });
    world.put("stranger", { ...later, ...on443 });
    world.start();
    await world.pass(5_000);
    assert.deepEqual(world.everything(), {
      ...{ clash: ["192.0.2.1"], friend: ["192.0.2.0"], stranger: ["192.0.2.2"] },
      web: ["192.0.2.0", "fd00::7"],
    });
  });

  it("loses the one of the good pool when it wants a port there that another has", async () => {
    const world = startSplit(shared);
    world.put("friend", { ...later, ...shared, ...on443 });
    world.start();
    await world.pass(5_000);
    world.put("web", { ...shared, spec: { ...DUAL.spec, ...on443.spec } });
    world.writeStatus("web", [{ ip: "192.0.2.0" }, { ip: "fd00::7" }]);
    await world.pass(5_000);
    assert.deepEqual(world.everything(), { friend: ["192.0.2.0"], web: ["fd00::7"] });
    assert.match(
      world.events("web").join("\n"),
      /ClearAssignment: Taking back 192\.0\.2\.0: port TCP\/443 of 192\.0\.2\.0 is in use by default\/friend/,
    );
  });

  it("loses it to an older one that shows it, too, and keeps it from a younger one", async () => {
    for (const [createdAt, expected] of [
      ["2025-12-31T00:00:00Z", { other: ["192.0.2.0"], web: ["fd00::7"] }],
      ["2026-01-02T00:00:00Z", { other: ["192.0.2.1"], web: ["192.0.2.0", "fd00::7"] }],
    ] as const) {
      const world = startSplit();
      world.put("other", { createdAt });
      world.writeStatus("other", [{ ip: "192.0.2.0" }]);
      const replica = world.start();
      await world.pass(5_000);
      assert.deepEqual(world.everything(), expected);
      await replica.stop();
    }
  });
});
