import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { KEPT_ADDRESSES } from "./kept-addresses.ts";
import { type Replica, World } from "./testing/world.ts";

const LEASE = "/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases/herald-controller";

/** Two addresses that wait for ten minutes, one of which "web" had until it was deleted. */
async function left(): Promise<{ readonly world: World; readonly first: Replica }> {
  const world = new World(new VirtualClock(), new SeededRandom(1));
  world.putPool("p", { addresses: ["192.0.2.0/31"] }, { "herald.io/sticky": "10m" });
  const first = world.start({ identity: "one" });
  world.put("web");
  await world.pass(3000);
  world.put("other");
  await world.pass(3000);
  assert.deepEqual(world.everything(), { other: ["192.0.2.1"], web: ["192.0.2.0"] });
  world.remove("web");
  return { world, first };
}

async function stopped(world: World, replica: Replica): Promise<void> {
  const stopping = replica.stop();
  await world.settle();
  await stopping;
}

function note(world: World, text?: string): string | undefined {
  type Lease = { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  const lease = world.api.peek<Lease>(LEASE);
  if (text !== undefined) {
    world.api.put(LEASE, {
      ...lease,
      metadata: { ...lease?.metadata, annotations: { [KEPT_ADDRESSES]: text } },
    });
  }
  return lease?.metadata?.annotations?.[KEPT_ADDRESSES];
}

describe("the address of a deleted Service", () => {
  it("waits for it when the controller stops in order right after that, and is given to others in time", async () => {
    const { world, first } = await left();
    await world.settle();
    await stopped(world, first);
    world.start({ identity: "two" });
    world.put("between");
    await world.pass(10_000);
    assert.deepEqual(world.addresses("between"), []);
    world.put("web");
    await world.pass(10_000);
    assert.deepEqual(world.everything(), { between: [], other: ["192.0.2.1"], web: ["192.0.2.0"] });
    world.remove("web");
    await world.pass(600_000);
    assert.deepEqual(world.addresses("between"), ["192.0.2.0"]);
    assert.equal(note(world), undefined);
  });

  it("is free at the time it was to be, also after a change of leader", async () => {
    const { world, first } = await left();
    await world.pass(300_000);
    await stopped(world, first);
    world.start({ identity: "two" });
    world.put("between");
    await world.pass(299_000);
    assert.deepEqual(world.addresses("between"), []);
    await world.pass(2000);
    assert.deepEqual(world.addresses("between"), ["192.0.2.0"]);
  });

  it("waits when the leader dies once it has renewed its Lease, and another one follows", async () => {
    const { world, first } = await left();
    const second = world.start({ identity: "two" });
    await world.pass(2500);
    first.kill();
    world.put("between");
    world.put("web"); // younger, and nobody leads
    await world.pass(30_000);
    assert.equal(second.controller.state.leading, true);
    assert.deepEqual(world.everything(), { between: [], other: ["192.0.2.1"], web: ["192.0.2.0"] });
  });

  it("waits through any number of leaders, and while none has a configuration", async () => {
    const { world, first } = await left();
    await world.pass(3000);
    await stopped(world, first);
    world.removePool("p");
    const second = world.start({ identity: "two" });
    await world.pass(10_000);
    await stopped(world, second);
    world.putPool("p", { addresses: ["192.0.2.0/31"] }, { "herald.io/sticky": "10m" });
    world.start({ identity: "three" });
    world.put("between");
    await world.pass(10_000);
    assert.deepEqual(world.addresses("between"), []);
  });

  it("stays with another Service whose status has it, whatever the Lease says", async () => {
    const { world, first } = await left();
    await world.pass(3000);
    const until = "2026-01-01T01:00:00.000Z";
    note(world, JSON.stringify([{ service: "default/web", addresses: ["192.0.2.1"], until }]));
    first.kill();
    const second = world.start({ identity: "two" });
    await world.pass(30_000);
    assert.equal(second.controller.state.leading, true);
    world.put("web");
    await world.pass(3000);
    assert.deepEqual(world.everything(), { other: ["192.0.2.1"], web: ["192.0.2.0"] });
  });

  it("goes with the renewals, and costs no request", async () => {
    const { world } = await left();
    await world.pass(2500);
    const before = note(world);
    const requests = (): number => world.api.requests.filter(({ path }) => path === LEASE).length;
    const renewals = requests();
    await world.pass(20_000);
    assert.equal(note(world), before);
    assert.equal(requests() - renewals, 10);
  });
});

describe("a Lease with words of somebody else", () => {
  for (const text of ["", "nonsense", "{}", '[{"service":"web"}]', "[".repeat(5000)]) {
    it(`is taken, and they are told of and taken away: ${text.slice(0, 30)}`, async () => {
      const world = new World(new VirtualClock(), new SeededRandom(1));
      world.putPool("p", { addresses: ["192.0.2.0/31"] });
      world.api.put(LEASE, {
        metadata: {
          namespace: "metallb-system",
          name: "herald-controller",
          annotations: { [KEPT_ADDRESSES]: text },
        },
        spec: {},
      });
      const replica = world.start();
      world.put("web");
      await world.pass(10_000);
      assert.deepEqual(world.addresses("web"), ["192.0.2.0"]);
      assert.equal(note(world), undefined);
      const told = replica.lines.filter(({ annotation }) => annotation === KEPT_ADDRESSES);
      assert.deepEqual(
        told.map(({ mistakes }) => mistakes),
        [1],
      );
    });
  }
});
