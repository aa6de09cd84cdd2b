import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { World } from "./testing/world.ts";

const ADDRESSES = { addresses: ["192.0.2.0/28"] };

function createWorld(): World {
  return new World(new VirtualClock(), new SeededRandom(1));
}

describe("a pool that overlaps a network of the cluster", () => {
  it("is told so once, and again when it is another one", async () => {
    const world = createWorld();
    world.api.put("/api/v1/nodes/n", {
      spec: { podCIDRs: ["10.244.0.0/24"] },
      status: {
        addresses: [
          { type: "InternalIP", address: "192.0.2.4" },
          { type: "Hostname", address: "n" },
        ],
      },
    });
    world.api.put("/apis/networking.k8s.io/v1/servicecidrs/kubernetes", {
      spec: { cidrs: ["10.96.0.0/16"] },
    });
    world.putPool("p", ADDRESSES);
    world.putAdvertisement("all", {});
    world.configure("address-pools: [{name: m, protocol: layer2, addresses: [10.96.255.0/24]}]");
    world.start();
    await world.pass(600_000);
    const advice = "Exclude these addresses: annotation herald.io/exclude";
    assert.deepEqual(
      [world.events("p"), world.events("config").filter((event) => event.startsWith("Warning"))],
      [
        [
          `Warning PoolOverlapsNetwork: Pool "p": "192.0.2.0/28" overlaps an address of node "n" (192.0.2.4-192.0.2.4). ${advice}`,
        ],
        [
          `Warning PoolOverlapsNetwork: Pool "m": "10.96.255.0/24" overlaps the network of Services (10.96.0.0/16). ${advice}`,
        ],
      ],
    );
    world.putPool("p", ADDRESSES, { "herald.io/exclude": "192.0.2.4" });
    await world.pass(60_000);
    world.putPool("p", ADDRESSES);
    await world.pass(60_000);
    assert.equal(world.events("p").length, 2);
  });
});

describe("a pool with the cluster address of a Service", () => {
  it("is told so once, by the oldest, where the API server tells no network of Services", async () => {
    const world = createWorld();
    world.putPool("p", { addresses: ["10.96.0.0/24"] }, { "herald.io/disabled-for-new-services": "true" });
    world.putAdvertisement("all", {});
    world.start();
    await world.pass(60_000);
    assert.deepEqual(world.events("p"), []);
    for (const [index, name] of ["old", "young"].entries()) {
      const clusterIPs = [`10.96.0.${9 - index}`];
      world.put(name, {
        createdAt: `2026-01-0${index + 1}T00:00:00Z`,
        spec: { type: "ClusterIP", clusterIP: clusterIPs[0], clusterIPs },
      });
      await world.pass(60_000);
    }
    assert.deepEqual(world.events("p"), [
      'Warning PoolOverlapsNetwork: Pool "p": "10.96.0.0/24" overlaps the cluster address of Service default/old (10.96.0.9). Exclude these addresses: annotation herald.io/exclude',
    ]);
  });
});
