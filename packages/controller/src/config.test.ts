import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { type Replica, World } from "./testing/world.ts";

const GOOD = "address-pools: [{name: p, protocol: layer2, addresses: [192.0.2.0/28]}]";
const BAD = "address-pools:\n- name: p\n  protocol: layer3\n  addresses: [192.0.2.0/28]\n";

const NO_POOLS_YET =
  'Warning AllocationFailed: Failed to allocate IP for "default/web": there are no address pools yet: ConfigMap metallb-system/config does not exist or is refused, and there is no IPAddressPool that can be read';

async function start(config?: string): Promise<{ world: World; replica: Replica }> {
  const world = new World(new VirtualClock(), new SeededRandom(1));
  if (config !== undefined) world.configure(config);
  const replica = world.start();
  await world.pass(1000);
  return { world, replica };
}

const GAUGES = [
  "herald_config_loaded",
  "herald_config_stale",
  "metallb_k8s_client_config_loaded_bool",
  "metallb_k8s_client_config_stale_bool",
];

async function gauges(replica: Replica): Promise<readonly (number | undefined)[]> {
  return await Promise.all(GAUGES.map((name) => replica.metric(name)));
}

function messages(replica: Replica): readonly unknown[] {
  return replica.lines.map(({ msg }) => msg).filter((msg) => /config|ConfigMap/.test(String(msg)));
}

describe("the configuration", () => {
  it("comes into force when the ConfigMap comes, and readiness did not wait for it", async () => {
    const { world, replica } = await start();
    world.put("web");
    await world.pass(5000);
    assert.deepEqual(
      [world.addresses("web"), world.events("web"), replica.controller.notReady],
      [[], [NO_POOLS_YET], []],
    );
    assert.deepEqual(await gauges(replica), [0, 0, 0, 0]);
    world.configure(GOOD);
    await world.pass(5000);
    assert.deepEqual(world.addresses("web"), ["192.0.2.0"]);
    assert.deepEqual(await gauges(replica), [1, 0, 1, 0]);
    assert.deepEqual(messages(replica), [
      "waiting for the ConfigMap with the address pools",
      "configuration loaded",
    ]);
    assert.deepEqual(world.events("config"), ["Normal ConfigurationLoaded: Address pools: p"]);
  });

  it("stays in force when a bad one is written, with its line told, and all is well after", async () => {
    const { world, replica } = await start(GOOD);
    world.put("web");
    await world.pass(5000);
    world.configure(BAD);
    world.put("late");
    await world.pass(5000);
    assert.deepEqual(world.everything(), { late: ["192.0.2.1"], web: ["192.0.2.0"] });
    assert.deepEqual([await gauges(replica), replica.controller.notReady], [[1, 1, 1, 1], []]);
    assert.match(world.events("config")[1] ?? "", /^Warning InvalidConfiguration: line 3: .*layer3/);
    world.configure(GOOD);
    await world.pass(5000);
    assert.deepEqual(await gauges(replica), [1, 0, 1, 0]);
    assert.deepEqual(messages(replica), [
      "configuration loaded",
      "configuration refused",
      "configuration is good again",
    ]);
    assert.equal(world.events("config").length, 3);
    assert.equal(world.statusWrites, 2);
  });

  it("that is bad is told once for each set of mistakes", async () => {
    const { world, replica } = await start(GOOD);
    for (const config of [BAD, BAD, `${BAD}bgp-comunities: {}\n`]) {
      world.configure(config);
      await world.pass(5000);
    }
    assert.deepEqual(messages(replica).filter((message) => message === "configuration refused").length, 2);
  });

  it("that is bad from the start is told and leaves nothing in force", async () => {
    const { world, replica } = await start(BAD);
    assert.deepEqual(await gauges(replica), [0, 1, 0, 1]);
    assert.equal(world.events("config").length, 1);
  });

  it("stays in force when the ConfigMap is deleted", async () => {
    const { world, replica } = await start(GOOD);
    world.put("web");
    await world.pass(5000);
    world.removeConfig();
    world.put("late");
    await world.pass(5000);
    assert.deepEqual(world.everything(), { late: ["192.0.2.1"], web: ["192.0.2.0"] });
    assert.deepEqual(await gauges(replica), [1, 1, 1, 1]);
  });

  it("that loses a pool moves its Services to another in one write each (MetalLB defect 30: its docs say otherwise)", async () => {
    const { world, replica } = await start(
      "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/28]}, {name: b, protocol: layer2, addresses: [198.51.100.0/28]}]",
    );
    world.put("one");
    world.put("two");
    await world.pass(5000);
    assert.equal(await replica.metric("metallb_allocator_addresses_in_use_total", { pool: "a" }), 2);
    world.configure("address-pools: [{name: b, protocol: layer2, addresses: [198.51.100.0/28]}]");
    await world.pass(5000);
    assert.deepEqual(world.everything(), { one: ["198.51.100.0"], two: ["198.51.100.1"] });
    assert.equal(world.statusWrites, 4);
    assert.equal(await replica.metric("metallb_allocator_addresses_in_use_total", { pool: "a" }), undefined);
    assert.equal(await replica.metric("metallb_allocator_services_allocated_total", { pool: "b" }), 2);
  });

  it("that renames a pool keeps every address and changes the annotation", async () => {
    const { world } = await start(GOOD);
    world.put("web");
    await world.pass(5000);
    world.configure(GOOD.replace("name: p", "name: q"));
    await world.pass(5000);
    assert.deepEqual(
      [world.addresses("web"), world.pool("web"), world.statusWrites],
      [["192.0.2.0"], "q", 2],
    );
  });

  it("that gains a pool serves those who wait", async () => {
    const { world } = await start("address-pools: [{name: p, protocol: layer2, addresses: [192.0.2.0/32]}]");
    world.put("a");
    world.put("b");
    await world.pass(5000);
    world.configure(GOOD);
    await world.pass(5000);
    assert.deepEqual(world.everything(), { a: ["192.0.2.0"], b: ["192.0.2.1"] });
  });

  it("is told on by whoever leads, not by those who follow", async () => {
    const { world } = await start(GOOD);
    world.start({ identity: "two" });
    await world.pass(5000);
    world.configure(BAD);
    await world.pass(5000);
    assert.equal(world.events("config").length, 2);
  });
});
