import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { mayShare } from "@herald/shared/allocator/linear-allocator";
import type { Pool } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import type { IpAddress } from "@herald/shared/ip/address";
import { rangeContains } from "@herald/shared/ip/range";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import fc from "fast-check";
import { type Decision, Reconciler } from "./reconcile.ts";
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

describe("pools of which some are refused", () => {
  const SETS = [
    '- {name: four, protocol: layer2, addresses: [1.2.3.0/30]}\n- {name: six, protocol: layer2, addresses: ["3000::/126"]}',
    '- {name: both, protocol: layer2, addresses: [1.2.3.0/31, "3000::/127"]}',
  ].map((pools) => loadConfig(`address-pools:\n${pools}\n`).pools);
  const view = fc
    .record(
      {
        name: fc.constantFrom("a", "b", "c", "d", "e"),
        ingress: fc.subarray(["1.2.3.0", "1.2.3.1", "3000::", "3000::1"].map((ip) => ({ ip }))),
        createdAtMs: fc.nat(3),
        annotations: fc.constantFrom({}, { "metallb.io/allow-shared-ip": "us" }),
        ports: fc.constantFrom(80, 443).map((port) => [{ protocol: "TCP", port }]),
        type: fc.constantFrom("LoadBalancer", "LoadBalancer", "LoadBalancer", "ClusterIP"),
      },
      { noNullPrototype: true },
    )
    .map(({ name, ...rest }) =>
      service({ key: `default/${name}`, ...DUAL, ipFamilyPolicy: "PreferDualStack", ...rest }),
    );
  const config = fc.record({ pools: fc.constantFrom(...SETS), isPartial: fc.boolean() });
  const step = fc.record(
    {
      view,
      isGone: fc.nat(5).map((one) => one === 0),
      config: fc.option(config, { freq: 3, nil: undefined }),
    },
    { noNullPrototype: true },
  );

  it("never let two Services that may not share show one address of those in force", () => {
    const start = fc.uniqueArray(view, { selector: ({ key }) => key });
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 30 }), (views, steps) => {
        const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
        const now = new Map(views.map((each) => [each.key, each]));
        const shown = new Map<ServiceKey, readonly IpAddress[]>();
        const note = (decisions: readonly Decision[]): void => {
          for (const { view, desired } of decisions) shown.set(view.key, desired?.addresses ?? []);
        };
        let pools: readonly Pool[] = FOUR;
        note(reconciler.configure(pools, now.values(), 0, true));
        for (const { view, isGone, config } of steps) {
          now.set(view.key, view);
          if (isGone) now.delete(view.key);
          if (config !== undefined) {
            pools = config.pools;
            note(reconciler.configure(pools, now.values(), 0, config.isPartial));
          }
          note(reconciler.update([{ key: view.key, view: now.get(view.key) }]));
          assertApart([...now.values()], shown, pools);
        }
      }),
      { numRuns: 300 },
    );
  });

  function assertApart(
    views: readonly ServiceView[],
    shown: ReadonlyMap<ServiceKey, readonly IpAddress[]>,
    pools: readonly Pool[],
  ): void {
    const isInForce = (address: IpAddress): boolean =>
      pools.some(({ ranges }) => ranges.some((range) => rangeContains(range, address)));
    for (const [index, one] of views.entries()) {
      const addresses = (shown.get(one.key) ?? []).filter(isInForce);
      for (const other of views.slice(index + 1)) {
        const common = addresses.filter((address) => shown.get(other.key)?.includes(address));
        assert.ok(common.length === 0 || mayShare(one, other), `${one.key} ${other.key} ${common}`);
      }
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
