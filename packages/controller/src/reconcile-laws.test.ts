import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { loadConfig } from "@herald/shared/config/load";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import fc from "fast-check";
import { Reconciler } from "./reconcile.ts";
import { DUAL, service } from "./testing/views.ts";

const POOL = "metallb.io/address-pool";
const POOLS = loadConfig(`
address-pools:
- {name: four, protocol: layer2, addresses: [1.2.3.0/31]}
- {name: both, protocol: layer2, addresses: [3.2.1.0/24, "3000::/120"]}
`).pools;
const FOUR = POOLS.slice(0, 1);

describe("the order of news", () => {
  const views = Array.from({ length: 12 }, (_, index) =>
    service({
      key: `default/s${index}`,
      createdAtMs: index % 5,
      annotations: index % 3 === 0 ? { [POOL]: "four" } : {},
      ingress: index % 4 === 1 ? [{ ip: "1.2.3.1" }] : [],
    }),
  );

  function outcome(order: readonly ServiceView[]): object {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    reconciler.configure(POOLS, order);
    return Object.fromEntries(views.map(({ key }) => [key, reconciler.heldBy(key)?.addresses]));
  }

  it("does not matter: a hundred shuffled lists give the same addresses", () => {
    const expected = outcome(views);
    for (let seed = 0; seed < 100; seed += 1) {
      const random = new SeededRandom(seed);
      const shuffled = views
        .map((view) => ({ view, at: random.next() }))
        .sort((one, other) => one.at - other.at)
        .map(({ view }) => view);
      assert.deepEqual(outcome(shuffled), expected, `seed ${seed}`);
    }
  });

  const step = fc.record(
    {
      name: fc.constantFrom("a", "b", "c", "d", "e"),
      what: fc.constantFrom("put", "remove", "plain", "pool", "shared"),
      port: fc.constantFrom(80, 443),
    },
    { noNullPrototype: true },
  );

  it("never lets two Services that may not share hold one address", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
        reconciler.configure(FOUR, []);
        const now = new Map<ServiceKey, ServiceView>();
        for (const { name, what, port } of steps) {
          const key = `default/${name}` as ServiceKey;
          const view = what === "remove" ? undefined : variant(key, what, port);
          if (view === undefined) now.delete(key);
          else now.set(key, view);
          reconciler.update([{ key, view }]);
          assertUnshared(reconciler, now);
        }
      }),
    );
  });

  function variant(key: ServiceKey, what: string, port: number): ServiceView {
    const annotations: Record<string, string> =
      what === "shared" ? { "metallb.io/allow-shared-ip": "us" } : {};
    return service({
      key,
      annotations: what === "pool" ? { [POOL]: "none" } : annotations,
      type: what === "plain" ? "ClusterIP" : "LoadBalancer",
      ports: [{ protocol: "TCP", port }],
    });
  }

  function assertUnshared(reconciler: Reconciler, now: ReadonlyMap<ServiceKey, ServiceView>): void {
    const users = new Map<string, ServiceView>();
    for (const view of now.values()) {
      const [address] = reconciler.heldBy(view.key)?.addresses ?? [];
      if (address === undefined) continue;
      const slot = `${address} ${view.ports[0]?.port}`;
      const other = users.get(slot) ?? users.get(address);
      assert.equal(other, undefined, `${view.key} and ${other?.key} have ${address}`);
      const shares = view.annotations["metallb.io/allow-shared-ip"] !== undefined;
      users.set(shares ? slot : address, view);
    }
  }
});

describe("those who wait", () => {
  const SETS = [
    "- {name: four, protocol: layer2, addresses: [1.2.3.0/31]}",
    '- {name: two, protocol: layer2, addresses: [1.2.3.0/32, "3000::/128"]}',
    "- {name: four, protocol: layer2, addresses: [1.2.3.0/32]}\n- {name: more, protocol: layer2, addresses: [1.2.3.1/32]}",
  ].map((pools) => loadConfig(`address-pools:\n${pools}\n`).pools);
  const ASKS: readonly Partial<ServiceView>[] = [
    {},
    { annotations: { "metallb.io/allow-shared-ip": "us" } },
    { annotations: { "metallb.io/allow-shared-ip": "us" }, ports: [{ protocol: "TCP", port: 443 }] },
    { annotations: { "metallb.io/allow-shared-ip": "them" }, ports: [{ protocol: "TCP", port: 443 }] },
    { annotations: { [POOL]: "more" } },
    { loadBalancerIp: "1.2.3.1" },
    { ...DUAL, ipFamilyPolicy: "PreferDualStack" },
    { ...DUAL, ipFamilyPolicy: "RequireDualStack" },
    { type: "ClusterIP" },
  ];
  const step = fc.record(
    {
      name: fc.constantFrom("a", "b", "c", "d", "e", "f"),
      view: fc.array(fc.constantFrom(...ASKS), { maxLength: 1 }), // none: it is gone
      pools: fc.option(fc.constantFrom(...SETS), { freq: 8, nil: undefined }),
    },
    { noNullPrototype: true },
  );

  it("are never passed over when they could be served: asking once more changes nothing", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
        reconciler.configure(SETS[0] ?? [], []);
        const now = new Map<ServiceKey, ServiceView>();
        const held = (): object =>
          Object.fromEntries([...now.keys()].map((key) => [key, reconciler.heldBy(key)]));
        for (const { name, view, pools } of steps) {
          const key = `default/${name}` as ServiceKey;
          if (pools !== undefined) reconciler.configure(pools, now.values());
          now.delete(key);
          for (const ask of view) now.set(key, service({ key, ...ask }));
          reconciler.update([{ key, view: now.get(key) }]);
          const before = held();
          reconciler.update([...now].map(([again, view]) => ({ key: again, view: { ...view } })));
          assert.deepEqual(held(), before);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("are served before the younger ones, also by what is given back in the middle", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    const views = ["a", "b", "c", "d"].map((name) => service({ key: `default/${name}` }));
    const [a, b, c, d] = views as [ServiceView, ServiceView, ServiceView, ServiceView];
    reconciler.configure(SETS[0] ?? [], [b, d]);
    reconciler.update([a, c].map((view) => ({ key: view.key, view })));
    reconciler.update([{ key: b.key, view: { ...b, annotations: { [POOL]: "more" } } }]);
    assert.deepEqual(
      [a, b, c].map(({ key }) => reconciler.heldBy(key)?.addresses),
      [["1.2.3.0"], undefined, undefined],
    );
  });

  it("cost one question for all who ask alike, however many they are", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    const views = Array.from({ length: 500 }, (_, index) =>
      service({ key: `default/s${index}`, createdAtMs: index }),
    );
    reconciler.configure(SETS[0] ?? [], views);
    const decided = reconciler.update([{ key: "default/s0" as ServiceKey, view: undefined }]);
    assert.deepEqual(
      decided.map(({ view, desired }) => [view.key, desired?.addresses]),
      [
        ["default/s2", ["1.2.3.0"]],
        ["default/s3", []],
      ],
    );
  });
});
