import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { metallbPath, objectPath } from "@herald/k8s/paths";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { World } from "./testing/world.ts";

const ADDRESSES = { addresses: ["192.0.2.0/28"] };

function createWorld(): World {
  return new World(new VirtualClock(), new SeededRandom(1));
}

function put(world: World, plural: string, name: string, annotations: object, version?: string): void {
  const metadata = { namespace: "metallb-system", name, annotations };
  world.api.put(objectPath(metallbPath(plural, "metallb-system", version), name), { metadata, spec: {} });
}

/** What objects are told of their annotations. */
function told(world: World, name: string): readonly string[] {
  return world.events(name).filter((event) => event.includes("AnnotationIgnored"));
}

describe("an annotation of ours that does nothing", () => {
  it("of a pool is told once, and again when it is another one", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES, { "herald.io/exlude": "network", "example.com/team": "a" });
    world.start();
    await world.pass(600_000);
    const exlude =
      'Warning AnnotationIgnored: herald.io/exlude: not known, does nothing, did you mean "herald.io/exclude"?';
    assert.deepEqual(told(world, "p"), [exlude]);
    world.putPool("p", ADDRESSES, { "herald.io/exclude": "network", "herald.io/role": "peer" });
    await world.pass(600_000);
    assert.deepEqual(told(world, "p"), [
      exlude,
      "Warning AnnotationIgnored: herald.io/role: does nothing on an IPAddressPool, it is for a BGPPeer",
    ]);
  });

  it("of a pool with a reservation of what it never gives out is told so, until it gives that out", async () => {
    const world = createWorld();
    const reserve = { "herald.io/reserve": "192.0.20.3=default/web" };
    world.putPool("p", ADDRESSES, reserve);
    world.start();
    await world.pass(60_000);
    const warning =
      "Warning AnnotationIgnored: herald.io/reserve: 192.0.20.3 is not in the pool, nobody is given it";
    assert.deepEqual(told(world, "p"), [warning]);
    world.putPool("p", { addresses: ["192.0.20.0/28"] }, reserve);
    await world.pass(60_000);
    world.putPool("p", ADDRESSES, reserve);
    await world.pass(60_000);
    assert.deepEqual(told(world, "p"), [`${warning} ×2`]);
  });

  it("of a Service is told it once, and not again by another leader", async () => {
    const world = createWorld();
    world.putPool("p", ADDRESSES);
    const first = world.start();
    world.put("web", { annotations: { "herald.io/stikcy": "10m" } });
    world.put("fine", { spec: { loadBalancerIP: "192.0.2.0" }, annotations: { "herald.io/sticky": "10m" } });
    await world.pass(600_000);
    const warning =
      'Warning AnnotationIgnored: herald.io/stikcy: not known, does nothing, did you mean "herald.io/sticky"?';
    const stopping = first.stop();
    await world.settle();
    await stopping;
    world.start({ identity: "two" });
    await world.pass(600_000);
    assert.deepEqual([told(world, "web"), told(world, "fine")], [[warning], []]);
    world.put("web", { ingress: [{ ip: "192.0.2.0" }], annotations: { "herald.io/exclude": "network" } });
    await world.pass(600_000);
    assert.deepEqual(told(world, "web"), [
      warning,
      "Warning AnnotationIgnored: herald.io/exclude: does nothing on a Service, it is for an IPAddressPool",
    ]);
  });

  it("is told of every kind that is read, and named are five of many", async () => {
    const world = createWorld();
    world.start();
    put(world, "bgpadvertisements", "routes", { "herald.io/mde": "1", "herald.io/med": "1" });
    put(world, "l2advertisements", "segment", { "herald.io/l2-spread": "per-client" });
    const many = Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((index) => [`herald.io/x${index}`, ""]));
    put(world, "bgppeers", "tor", many, "v1beta2");
    await world.pass(60_000);
    const all = [1, 2, 3, 4, 5].map((index) => `herald.io/x${index}: not known, does nothing`);
    assert.deepEqual(
      ["routes", "segment", "tor"].map((name) => told(world, name)),
      [
        ['Warning AnnotationIgnored: herald.io/mde: not known, does nothing, did you mean "herald.io/med"?'],
        [
          "Warning AnnotationIgnored: herald.io/l2-spread: does nothing on an L2Advertisement, it is for a Service",
        ],
        [`Warning AnnotationIgnored: ${all.join("; ")}; and 2 more`],
      ],
    );
  });
});
