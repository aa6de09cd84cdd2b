import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "@herald/shared/config/load";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import { Reconciler } from "./reconcile.ts";
import { DUAL, ips, service } from "./testing/views.ts";

const POOLS = loadConfig(`
address-pools:
- {name: four, protocol: layer2, addresses: [1.2.3.0/31]}
- {name: six, protocol: layer2, addresses: ["1000::/127"]}
- {name: both, protocol: layer2, addresses: [3.2.1.0/24, "3000::/120"]}
- {name: named, protocol: layer2, addresses: [4.5.6.0/24], auto-assign: false}
`).pools;

const FOUR = POOLS.slice(0, 1);

/** What a status is to say and what its owner is told. */
interface Expected {
  readonly addresses?: readonly string[];
  readonly pool?: string;
  readonly told?: readonly string[];
}

function decide(view: ServiceView, pools = POOLS, lbClass = ""): Expected | "left alone" {
  const reconciler = new Reconciler({ lbClass, source: "ConfigMap ns/config" });
  return summary(reconciler.configure(pools, [view]));
}

function summary(decisions: ReturnType<Reconciler["update"]>): Expected | "left alone" {
  assert.equal(decisions.length, 1);
  const [{ desired, notices } = { desired: undefined, notices: [] }] = decisions;
  if (desired === undefined) return "left alone";
  const { addresses, pool } = desired;
  return {
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(pool === undefined ? {} : { pool }),
    ...(notices.length === 0 ? {} : { told: notices.map(({ level, reason }) => `${level} ${reason}`) }),
  };
}

const POOL = "metallb.io/address-pool";
const IPS = "metallb.io/loadBalancerIPs";
const OLD_IPS = "metallb.universe.tf/loadBalancerIPs";
const FROM = "metallb.io/ip-allocated-from-pool";
const GIVEN = ["Normal IPAllocated"];
const FAILED = ["Warning AllocationFailed"];
const MOVED = ["Normal ClearAssignment", "Normal IPAllocated"];

const decided: readonly { name: string; view: ServiceView; gets: Expected | "left alone" }[] = [
  {
    name: "a LoadBalancer gets the first address",
    view: service(),
    gets: { addresses: ["1.2.3.0"], pool: "four", told: GIVEN },
  },
  { name: "a ClusterIP Service is left alone", view: service({ type: "ClusterIP" }), gets: "left alone" },
  {
    name: "an address asked for in the spec is given",
    view: service({ loadBalancerIp: "3.2.1.9" }),
    gets: { addresses: ["3.2.1.9"], pool: "both", told: GIVEN },
  },
  {
    name: "an address asked for by annotation is given",
    view: service({ annotations: { [IPS]: "3.2.1.9" } }),
    gets: { addresses: ["3.2.1.9"], pool: "both", told: GIVEN },
  },
  {
    name: "an address asked for under the old prefix is given",
    view: service({ annotations: { [OLD_IPS]: "3.2.1.9" } }),
    gets: { addresses: ["3.2.1.9"], pool: "both", told: GIVEN },
  },
  {
    name: "asking in both ways is a mistake",
    view: service({ loadBalancerIp: "3.2.1.9", annotations: { [IPS]: "3.2.1.9" } }),
    gets: { told: FAILED },
  },
  {
    name: "asking for garbage is a mistake",
    view: service({ loadBalancerIp: "web" }),
    gets: { told: FAILED },
  },
  {
    name: "garbage keeps the address there is",
    view: service({ loadBalancerIp: "web", ingress: [{ ip: "1.2.3.1" }] }),
    gets: { addresses: ["1.2.3.1"], pool: "four", told: ["Warning LoadBalancerFailed"] },
  },
  {
    name: "an address that is in another pool than the one named is refused",
    view: service({ loadBalancerIp: "3.2.1.9", annotations: { [POOL]: "four" } }),
    gets: { told: FAILED },
  },
  {
    name: "two addresses of one family are refused",
    view: service({ annotations: { [IPS]: "3.2.1.9,3.2.1.10" } }),
    gets: { told: FAILED },
  },
  {
    name: "an address of no pool costs the one there is",
    view: service({ loadBalancerIp: "9.9.9.9", ingress: [{ ip: "1.2.3.1" }] }),
    gets: { told: ["Normal ClearAssignment", ...FAILED] },
  },
  {
    name: "a pool that gives nothing by itself gives when named",
    view: service({ annotations: { [POOL]: "named" } }),
    gets: { addresses: ["4.5.6.0"], pool: "named", told: GIVEN },
  },
  {
    name: "naming another pool moves the Service",
    view: service({ annotations: { [POOL]: "named" }, ingress: [{ ip: "1.2.3.1" }] }),
    gets: { addresses: ["4.5.6.0"], pool: "named", told: MOVED },
  },
  {
    name: "a pool nobody knows is a mistake",
    view: service({ annotations: { [POOL]: "none" } }),
    gets: { told: FAILED },
  },
  {
    name: "what the status says is kept",
    view: service({ ingress: [{ ip: "3.2.1.7" }] }),
    gets: { addresses: ["3.2.1.7"], pool: "both" },
  },
  {
    name: "an address of no pool is replaced",
    view: service({ ingress: [{ ip: "9.9.9.9" }] }),
    gets: { addresses: ["1.2.3.0"], pool: "four", told: MOVED },
  },
  {
    name: "a host name beside the address goes",
    view: service({ ingress: [{ hostname: "x.example" }, { ip: "3.2.1.7" }] }),
    gets: { addresses: ["3.2.1.7"], pool: "both" },
  },
  {
    name: "a Service that turned NodePort is cleared when its address came from us",
    view: service({ type: "NodePort", ingress: [{ ip: "1.2.3.0" }], annotations: { [FROM]: "four" } }),
    gets: {},
  },
  {
    name: "a Service on its way out is given nothing",
    view: service({ deleting: true }),
    gets: "left alone",
  },
  {
    name: "a Service on its way out keeps what it has",
    view: service({ deleting: true, ingress: [{ ip: "1.2.3.1" }] }),
    gets: { addresses: ["1.2.3.1"], pool: "four" },
  },
  {
    name: "a LoadBalancer of another class is left alone, whoever served it before",
    view: service({
      loadBalancerClass: "other",
      ingress: [{ ip: "1.2.3.0" }],
      annotations: { [FROM]: "four" },
    }),
    gets: "left alone",
  },
  { name: "without a cluster address nothing happens", view: service({ clusterIps: [] }), gets: {} },
  {
    name: "an address of the wrong family is replaced",
    view: service({ ingress: [{ ip: "1000::1" }] }),
    gets: { addresses: ["1.2.3.0"], pool: "four", told: MOVED },
  },
  {
    name: "asking for the wrong family is a mistake",
    view: service({ loadBalancerIp: "1000::1" }),
    gets: { told: FAILED },
  },
  {
    name: "dual stack gets IPv4 first, whatever the order of its cluster addresses",
    view: service({
      clusterIps: ips("fd00:96::1", "10.96.0.1"),
      ipFamilies: [6, 4],
      ipFamilyPolicy: "RequireDualStack",
    }),
    gets: { addresses: ["3.2.1.0", "3000::"], pool: "both", told: GIVEN },
  },
  {
    name: "dual stack cannot be had with one cluster address",
    view: service({ ipFamilyPolicy: "RequireDualStack" }),
    gets: { told: ["Warning not enough clusterips"] },
  },
  {
    name: "preferring dual stack with one cluster address gets one address",
    view: service({ ipFamilyPolicy: "PreferDualStack", annotations: { [POOL]: "both" } }),
    gets: { addresses: ["3.2.1.0"], pool: "both", told: GIVEN },
  },
  {
    name: "preferring dual stack takes IPv4 where there is only that",
    view: service({ ...DUAL, ipFamilyPolicy: "PreferDualStack", annotations: { [POOL]: "four" } }),
    gets: { addresses: ["1.2.3.0"], pool: "four", told: GIVEN },
  },
  {
    name: "preferring dual stack takes IPv6 where there is only that",
    view: service({ ...DUAL, ipFamilyPolicy: "PreferDualStack", annotations: { [POOL]: "six" } }),
    gets: { addresses: ["1000::"], pool: "six", told: GIVEN },
  },
  {
    name: "one address asked for is too few for dual stack",
    view: service({ ...DUAL, ipFamilyPolicy: "RequireDualStack", loadBalancerIp: "3.2.1.9" }),
    gets: { told: FAILED },
  },
  {
    name: "two addresses asked for come in the order of the asking",
    view: service({
      ...DUAL,
      ipFamilyPolicy: "RequireDualStack",
      annotations: { [IPS]: "3000::9, 3.2.1.9" },
    }),
    gets: { addresses: ["3000::9", "3.2.1.9"], pool: "both", told: GIVEN },
  },
  {
    name: "half of a dual stack is not kept",
    view: service({
      ...DUAL,
      ipFamilyPolicy: "RequireDualStack",
      ingress: [{ hostname: "x" }, { ip: "3000::7" }],
    }),
    gets: { addresses: ["3.2.1.0", "3000::"], pool: "both", told: MOVED },
  },
  {
    name: "three addresses become one",
    view: service({ ingress: [{ ip: "1.2.3.0" }, { ip: "1.2.3.1" }, { ip: "3.2.1.0" }] }),
    gets: { addresses: ["1.2.3.0"], pool: "four", told: ["Warning nolbIPsIPFamily", "Normal IPAllocated"] },
  },
];

describe("deciding for one Service", () => {
  for (const { name, view, gets } of decided) it(name, () => assert.deepEqual(decide(view), gets));

  const classes: readonly { own: string; theirs: string | undefined; served: boolean }[] = [
    { own: "", theirs: undefined, served: true },
    { own: "", theirs: "other", served: false },
    { own: "mine", theirs: undefined, served: false },
    { own: "mine", theirs: "other", served: false },
    { own: "mine", theirs: "mine", served: true },
  ];
  for (const { own, theirs, served } of classes) {
    it(`${served ? "serves" : "leaves alone"} class ${theirs ?? "none"} when told to serve ${own || "none"}`, () => {
      const decision = decide(service({ loadBalancerClass: theirs }), POOLS, own);
      assert.equal(decision === "left alone", !served);
    });
  }

  it("decides nothing before it knows any pools, so that statuses stay", () => {
    const view = service({ ingress: [{ ip: "1.2.3.0" }] });
    assert.deepEqual(
      new Reconciler({ lbClass: "", source: "ConfigMap ns/config" }).update([{ key: view.key, view }]),
      [],
    );
  });

  it("says once, to each Service without an address, that there are no pools yet", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    const view = service({});
    const why =
      "there are no address pools yet: ConfigMap ns/config does not exist or is refused, and there is no IPAddressPool that can be read";
    const advice = "add an IPAddressPool, or a pool to the ConfigMap, or mend what is refused";
    const explained = `${why}. To change that, ${advice}.`;
    const allocated = { status: "False", reason: "NotConfigured", message: explained };
    const desired = { addresses: [], pool: undefined, allocated };
    const message = `Failed to allocate IP for "default/web": ${why}`;
    const change = { key: view.key, view };
    assert.deepEqual(reconciler.update([change, change]), [
      { view, desired, notices: [{ level: "Warning", reason: "AllocationFailed", message }] },
    ]);
    reconciler.update([{ key: view.key, view: undefined }]);
    assert.equal(reconciler.update([change]).length, 1);
  });

  it("leaves a Service alone that shows an address by the time it was to be told that there are no pools", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    const view = service({});
    const shown = service({ ingress: [{ ip: "1.2.3.0" }] });
    reconciler.update([{ key: view.key, view }]);
    assert.deepEqual(reconciler.update([{ key: view.key, view: shown }]), [
      { view: shown, desired: undefined, notices: [] },
    ]);
    assert.deepEqual(reconciler.update([{ key: view.key, view: shown }]), []);
    assert.equal(reconciler.update([{ key: view.key, view }]).length, 1);
  });

  it("clears what no pool gives out once there are no pools", () => {
    const view = service({ ingress: [{ ip: "1.2.3.0" }] });
    assert.deepEqual(decide(view, []), { told: FAILED });
  });
});

describe("deciding for many Services", () => {
  const old = service({ key: "default/old", createdAtMs: 1 });
  const young = service({ key: "default/young", createdAtMs: 2 });
  const youngest = service({ key: "default/youngest", createdAtMs: 3 });

  function shown(reconciler: Reconciler, ...views: readonly ServiceView[]): readonly (string | undefined)[] {
    return views.map(({ key }) => reconciler.heldBy(key)?.addresses.join());
  }

  it("adopts every status before it gives anything out", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    const holder = { ...youngest, ingress: [{ ip: "1.2.3.0" }] };
    reconciler.configure(FOUR, [old, young, holder]);
    assert.deepEqual(shown(reconciler, old, young, youngest), ["1.2.3.1", undefined, "1.2.3.0"]);
  });

  it("lets the older of two Services with one address keep it", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    const ingress = [{ ip: "1.2.3.1" }];
    const decisions = reconciler.configure(FOUR, [
      { ...young, ingress },
      { ...old, ingress },
    ]);
    assert.deepEqual(shown(reconciler, old, young), ["1.2.3.1", "1.2.3.0"]);
    assert.deepEqual(
      decisions.map(({ view, notices }) => [view.key, notices.map(({ reason }) => reason)]),
      [
        ["default/old", []],
        ["default/young", ["ClearAssignment", "IPAllocated"]],
      ],
    );
  });

  it("gives what is released to the oldest who waits, not to who comes along", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    const holders = ["a", "b"].map((name) => service({ key: `default/${name}` }));
    const late = service({ key: "default/late", createdAtMs: 9 });
    reconciler.configure(FOUR, [...holders, youngest, young]);
    reconciler.update([
      { key: late.key, view: late },
      { key: "default/a" as ServiceKey, view: undefined },
    ]);
    assert.deepEqual(shown(reconciler, young, youngest, late), ["1.2.3.0", undefined, undefined]);
  });

  for (const { name, change } of [
    { name: "its type changes", change: { type: "ClusterIP" } },
    { name: "its class changes", change: { loadBalancerClass: "other" } },
    { name: "it is made anew under the same name", change: { uid: "new", createdAtMs: 99 } },
  ]) {
    it(`releases the address of a Service when ${name}`, () => {
      const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
      reconciler.configure(FOUR, [old, young, youngest]);
      const view = { ...old, ...change };
      reconciler.update([{ key: view.key, view }]);
      assert.deepEqual(shown(reconciler, old, young, youngest), [undefined, "1.2.3.1", "1.2.3.0"]);
    });
  }

  it("releases by a class of its own although the API drops the class with the type", () => {
    const reconciler = new Reconciler({ lbClass: "mine", source: "ConfigMap ns/config" });
    const mine = service({ loadBalancerClass: "mine" });
    reconciler.configure(FOUR, [mine]);
    const view = { ...mine, type: "ClusterIP", loadBalancerClass: undefined, ingress: [{ ip: "1.2.3.0" }] };
    assert.deepEqual(summary(reconciler.update([{ key: view.key, view }])), {});
    assert.equal(reconciler.heldBy(mine.key), undefined);
  });

  it("tells the same failure once, and again when it is another", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    const view = service({ annotations: { [POOL]: "none" } });
    const other = { ...view, annotations: { [POOL]: "nothing" } };
    const told = [
      reconciler.configure(POOLS, [view]),
      reconciler.update([{ key: view.key, view }]),
      reconciler.update([{ key: view.key, view: other }]),
    ].map((decisions) => decisions.flatMap(({ notices }) => notices.map(({ message }) => message)).length);
    assert.deepEqual(told, [1, 0, 1]);
  });

  it("does not take back by a status that is behind", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    reconciler.configure(POOLS, [old]);
    const view = { ...old, ingress: [{ ip: "3.2.1.9" }] };
    assert.deepEqual(summary(reconciler.update([{ key: view.key, view }])), {
      addresses: ["1.2.3.0"],
      pool: "four",
    });
  });

  it("moves everybody from a pool that goes to one that stays, in one decision each", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    reconciler.configure(FOUR, [old]);
    const view = { ...old, ingress: [{ ip: "1.2.3.0" }] };
    assert.deepEqual(summary(reconciler.configure(POOLS.slice(2), [view])), {
      addresses: ["3.2.1.0"],
      pool: "both",
      told: MOVED,
    });
  });

  it("does not move anybody for a pool that comes", () => {
    const reconciler = new Reconciler({ lbClass: "", source: "ConfigMap ns/config" });
    reconciler.configure(POOLS.slice(2, 3), [old]);
    assert.deepEqual(summary(reconciler.configure(POOLS, [old])), { addresses: ["3.2.1.0"], pool: "both" });
  });
});
