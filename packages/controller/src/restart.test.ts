import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import fc from "fast-check";
import { type Replica, World } from "./testing/world.ts";

const POOL = "address-pools: [{name: p, protocol: layer2, addresses: [192.0.2.0/28]}]";

function createWorld(seed = 1): World {
  const world = new World(new VirtualClock(), new SeededRandom(seed));
  world.configure(POOL);
  return world;
}

/** Where every Service is, once nothing is left to do. */
async function settled(world: World): Promise<Readonly<Record<string, readonly string[]>>> {
  await world.pass(120_000);
  return world.everything();
}

describe("a restart", () => {
  it("moves nobody and writes nothing", async () => {
    const world = createWorld();
    const first = world.start();
    for (let index = 0; index < 10; index += 1) world.put(`s${index}`);
    for (const index of [1, 4, 5]) {
      await world.pass(1000);
      world.remove(`s${index}`);
    }
    const before = await settled(world);
    await first.stop();
    world.api.requests.length = 0;
    world.start({ identity: "two" });
    assert.deepEqual(await settled(world), before);
    assert.equal(world.statusWrites, 0);
  });

  it("with a conflict in the statuses leaves the address with the older Service", async () => {
    const world = createWorld();
    const ingress = [{ ip: "192.0.2.5" }];
    world.put("aaa", { createdAt: "2026-01-02T00:00:00Z", ingress });
    world.put("zzz", { createdAt: "2026-01-01T00:00:00Z", ingress });
    world.start();
    assert.deepEqual(await settled(world), { aaa: ["192.0.2.0"], zzz: ["192.0.2.5"] });
  });

  it("without any configuration leaves every status as it is", async () => {
    const world = new World(new VirtualClock(), new SeededRandom(1));
    world.put("web", { ingress: [{ ip: "192.0.2.5" }] });
    const replica = world.start();
    assert.deepEqual(await settled(world), { web: ["192.0.2.5"] });
    assert.deepEqual([world.statusWrites, replica.controller.notReady], [0, []]);
  });

  it("with a bad configuration leaves every status as it is", async () => {
    const world = createWorld();
    world.configure("address-pools: [{name: p}]");
    world.put("web", { ingress: [{ ip: "192.0.2.5" }] });
    world.start();
    assert.deepEqual(await settled(world), { web: ["192.0.2.5"] });
  });

  it("gives the same addresses whatever order the API lists in", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async (_, seed) => {
        const world = createWorld();
        const random = new SeededRandom(seed);
        const order = names
          .map((name) => ({ name, at: random.next() }))
          .sort((one, other) => one.at - other.at);
        for (const { name } of order) {
          world.put(name, { createdAt: `2026-01-01T00:00:${10 + (Number(name.slice(1)) % 7)}Z` });
        }
        world.start();
        return await settled(world);
      }),
    );
    for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
  });
});

describe("a controller killed in the middle", () => {
  for (const atMs of [0, 5, 12, 30, 55]) {
    it(`loses nothing and moves nobody when it dies ${atMs} ms into the writing`, async () => {
      const world = createWorld(atMs);
      const first = world.start();
      for (const name of ["a", "b", "c"]) world.put(name);
      await world.pass(1000);
      const before = world.everything();
      world.api.setDelay(10);
      for (const name of ["d", "e", "f", "g", "h"]) world.put(name);
      await world.pass(atMs);
      first.kill();
      const shown = world.everything();
      world.start({ identity: "two" });
      const after = await settled(world);
      assert.deepEqual(pick(after, Object.keys(before)), before);
      const written = Object.keys(shown).filter((name) => shown[name]?.length === 1);
      assert.deepEqual(pick(after, written), pick(shown, written));
      assertNoneTwice(after);
      assert.ok(Object.values(after).every((addresses) => addresses.length === 1));
    });
  }
});

describe("two controllers at once", () => {
  it("one leads and the other follows until the Lease is free", async () => {
    const world = createWorld();
    const [one, two] = [world.start({ identity: "one" }), world.start({ identity: "two" })];
    await world.pass(5000);
    assert.deepEqual(leaders([one, two]), [true, false]);
    const stopping = one.stop();
    await world.pass(5000);
    await stopping;
    assert.deepEqual(leaders([one, two]), [false, true]);
  });

  it("the one that cannot renew stops writing before the other begins", async () => {
    const world = createWorld();
    const [one, two] = [world.start({ identity: "one" }), world.start({ identity: "two" })];
    await world.pass(5000);
    one.cut((path) => path.includes("/leases"));
    let both = 0;
    for (let second = 0; second < 60; second += 1) {
      await world.pass(1000);
      if (leaders([one, two]).every((leads) => leads)) both += 1;
      world.put(`s${second % 10}`);
    }
    assert.deepEqual([both, leaders([one, two])], [0, [false, true]]);
    assertNoneTwice(await settled(world));
  });

  it("the one whose timers are late writes nothing once its time is up", async () => {
    const world = createWorld();
    const one = world.start({ identity: "one" });
    await world.pass(5000);
    one.freezeTimers();
    world.put("soon");
    await world.pass(1000);
    const soon = world.addresses("soon");
    await world.pass(10_000);
    world.put("late");
    await world.pass(1000);
    assert.deepEqual([soon, world.addresses("late")], [["192.0.2.0"], []]);
  });

  it("put right what a dead leader's last write still does, after the next one has begun", async () => {
    const world = new World(new VirtualClock(), new SeededRandom(1));
    world.configure("address-pools: [{name: p, protocol: layer2, addresses: [192.0.2.0/32]}]");
    const one = world.start({ identity: "one" });
    await world.pass(1000);
    const { api } = world;
    const patch = api.patch.bind(api);
    const arrival = Promise.withResolvers<void>();
    api.patch = async (...request) => {
      api.patch = patch;
      await arrival.promise;
      return await patch(...request);
    };
    world.put("young", { createdAt: "2026-01-02T00:00:00Z" });
    await world.pass(100);
    one.kill();
    world.put("old", { createdAt: "2026-01-01T00:00:00Z" });
    world.start({ identity: "two" });
    await world.pass(60_000);
    const before = world.everything();
    arrival.resolve();
    await world.pass(1000);
    const healed = { old: ["192.0.2.0"], young: [] };
    assert.deepEqual([before, world.everything()], [healed, healed]);
  });

  const step = fc.record(
    {
      what: fc.constantFrom(
        "put",
        "put",
        "remove",
        "cut lease",
        "cut all",
        "heal",
        "kill and start",
        "delay",
      ),
      who: fc.constantFrom(0, 1),
      name: fc.constantFrom("a", "b", "c", "d", "e", "f"),
      waitMs: fc.constantFrom(0, 30, 700, 8000, 20_000),
    },
    { noNullPrototype: true },
  );

  it("never show one address on two Services, whatever happens to their connections", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), fc.nat(1000), async (steps, seed) => {
        const world = createWorld(seed);
        world.configure("address-pools: [{name: p, protocol: layer2, addresses: [192.0.2.0/30]}]");
        const replicas = [world.start({ identity: "r0" }), world.start({ identity: "r1" })];
        for (const [index, { what, who, name, waitMs }] of steps.entries()) {
          act(world, replicas, { what, who, name, index });
          await world.pass(waitMs);
          assertNoneTwice(world.everything());
        }
        for (const replica of replicas) replica.heal();
        world.api.setDelay(0);
        const after = await settled(world);
        assertNoneTwice(after);
        const wanted = Math.min(Object.keys(after).length, 4);
        assert.equal(Object.values(after).flat().length, wanted, JSON.stringify(after));
      }),
      { numRuns: 40 },
    );
  });
});

function act(
  world: World,
  replicas: Replica[],
  step: { readonly what: string; readonly who: number; readonly name: string; readonly index: number },
): void {
  const replica = replicas[step.who];
  switch (step.what) {
    case "put":
      if (world.everything()[step.name] === undefined) world.put(step.name);
      return;
    case "remove":
      if (world.everything()[step.name] !== undefined) world.remove(step.name);
      return;
    case "cut lease":
      replica?.cut((path) => path.includes("/leases"));
      return;
    case "cut all":
      replica?.cut(() => true);
      return;
    case "heal":
      replica?.heal();
      return;
    case "delay":
      world.api.setDelay(step.index % 2 === 0 ? 200 : 0);
      return;
    case "kill and start":
      replica?.kill();
      replicas[step.who] = world.start({ identity: `r${step.who}-${step.index}` });
      return;
  }
}

function leaders(replicas: readonly Replica[]): readonly boolean[] {
  return replicas.map(({ controller }) => controller.state.leading);
}

function assertNoneTwice(everything: Readonly<Record<string, readonly string[]>>): void {
  const shown = Object.values(everything).flat();
  assert.equal(new Set(shown).size, shown.length, JSON.stringify(everything));
}

function pick<T>(record: Readonly<Record<string, T>>, names: readonly string[]): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name)));
}
