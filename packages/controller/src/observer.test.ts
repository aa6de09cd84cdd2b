import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { Registry } from "prom-client";
import { createObserverMetrics } from "./observe-metrics.ts";
import { Observer } from "./observer.ts";
import { World } from "./testing/world.ts";

const POOL = `address-pools: [{name: office, protocol: layer2, addresses: [192.0.2.0/31]}]`;

const OPTIONS = {
  namespace: "metallb-system",
  configName: "config",
  lbClass: "",
  sharingAcrossNamespaces: false,
};
const ip = (text: string): readonly object[] => [{ ip: text }];

/** An observer in a cluster in memory, somebody else's controller being the test. */
async function observe(world: World) {
  const lines: { readonly msg: string; readonly service?: string; readonly outcome?: string }[] = [];
  const registry = new Registry();
  const log = createLog({
    level: "info",
    program: "test",
    write: (line) => void lines.push(JSON.parse(line)),
  });
  const observer = new Observer(OPTIONS, {
    client: world.api,
    clock: world.clock,
    random: new SeededRandom(1),
    metrics: createObserverMetrics(registry),
    log,
  });
  const abort = new AbortController();
  const running = observer.run(abort.signal);
  await world.pass(2_000);
  return {
    observer,
    registry,
    told: (): readonly string[] =>
      lines
        .splice(0)
        .filter(({ msg }) => msg === "would")
        .map(({ service, outcome }) => `${service} ${outcome}`),
    stop: async () => {
      abort.abort();
      await running;
    },
  };
}

const newWorld = (): World => new World(new VirtualClock(), new SeededRandom(1));

describe("a controller that observes", () => {
  it("says what would become of whom, each thing once", async () => {
    const world = newWorld();
    world.configure(POOL);
    world.put("kept", { ingress: ip("192.0.2.1") });
    world.put("stray", { ingress: ip("198.51.100.1") });
    const { told, stop } = await observe(world);
    assert.deepEqual(told(), ["default/stray changes"]);
    world.put("late");
    await world.pass(2_000);
    assert.deepEqual(told(), ["default/late waits"]);
    world.writeStatus("stray", ip("192.0.2.0"));
    await world.pass(2_000);
    assert.deepEqual(told(), ["default/stray keeps"]);
    world.remove("stray");
    await world.pass(2_000);
    assert.deepEqual(told(), ["default/late gains"]);
    await stop();
  });

  it("writes nothing at all", async () => {
    const world = newWorld();
    world.configure("address-pools: [{name: bad, protocol: layer3}]");
    world.putPool("office", { addresses: ["192.0.2.0/31"] });
    world.put("web");
    const { stop } = await observe(world);
    world.configure(POOL);
    world.put("stray", { ingress: ip("198.51.100.1") });
    await world.pass(60_000);
    await stop();
    const methods = new Set(world.api.requests.map(({ method }) => method));
    assert.deepEqual([...methods].sort(), ["LIST", "WATCH"]);
  });

  it("has a page and metrics of the whole", async () => {
    const world = newWorld();
    world.configure(POOL);
    world.put("kept", { ingress: ip("192.0.2.1"), createdAt: "2026-01-01T00:00:00Z" });
    world.put("stray", { ingress: ip("198.51.100.1"), createdAt: "2026-01-01T00:00:01Z" });
    const { observer, registry, stop } = await observe(world);
    const { services, ...rest } = observer.page;
    assert.deepEqual(rest, {
      configured: true,
      mistakes: [],
      addresses: 2,
      lost: 1,
      counts: { keeps: 1, gains: 0, changes: 1, loses: 0, waits: 0 },
    });
    assert.deepEqual(
      services.map(({ service }) => service),
      ["default/stray"],
    );
    assert.deepEqual(observer.notReady, []);
    const text = await registry.metrics();
    assert.match(text, /^herald_controller_would_services\{outcome="changes"\} 1$/m);
    assert.match(text, /^herald_controller_would_lose_addresses 1$/m);
    assert.match(text, /^herald_controller_would_be_configured 1$/m);
    await stop();
  });

  it("says which mistakes keep a configuration from being in force", async () => {
    const world = newWorld();
    world.configure("address-pools: [{name: bad, protocol: layer3}]");
    world.put("web", { ingress: ip("192.0.2.1") });
    const { observer, stop } = await observe(world);
    const { configured, mistakes, lost } = observer.page;
    assert.deepEqual([configured, lost], [false, 0]);
    assert.match(mistakes.join("\n"), /address-pools\[0\]\.protocol: /);
    await stop();
  });
});
