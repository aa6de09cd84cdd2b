import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LabelSelector, Pool } from "../config/config.ts";
import { serviceKey } from "../service/view.ts";
import { Allocator } from "./allocator.ts";
import { converge, type Outcome, relinquish } from "./converge.ts";
import { type SampleService, samplePool, sampleService } from "./samples.ts";

function allocatorOf(...pools: readonly Pool[]): Allocator {
  const allocator = new Allocator();
  allocator.setPools(pools);
  return allocator;
}

function told({ notices }: Outcome): readonly string[] {
  return notices.map(({ level, reason }) => `${level} ${reason}`);
}

const ip = (address: string) => ({ loadBalancerIp: address });
const annotated = (name: string, value: string) => ({ annotations: { [`metallb.io/${name}`]: value } });
const ips = (text: string) => annotated("loadBalancerIPs", text);
const inPool = (name: string) => annotated("address-pool", name);
const prefer = { ipFamilyPolicy: "PreferDualStack" } as const;

const byLabel: LabelSelector = { matchLabels: { team: "metallb" }, matchExpressions: [] };
const pinned = (priority: number, namespace?: string, selector?: LabelSelector) => ({
  serviceAllocation: {
    priority,
    namespaces: namespace === undefined ? undefined : new Set([namespace]),
    serviceSelectors: selector === undefined ? [] : [selector],
  },
});
const POOLS: readonly Pool[] = [
  samplePool("pool1", ["1.2.3.0/24"]),
  samplePool("pool2", ["3.4.5.6/32"], { autoAssign: false }),
  samplePool("pool3", ["1000::/127"]),
  samplePool("dual", ["5.0.0.0/28", "5000::/124"], { autoAssign: false }),
  samplePool("ns-11", ["11.0.0.0/28"], pinned(11, "team-a")),
  samplePool("ns-10", ["10.0.0.0/28"], pinned(10, "team-a")),
  samplePool("ns-0", ["12.0.0.0/28"], pinned(0, "team-b")),
  samplePool("label-9", ["9.0.0.0/28"], pinned(9, undefined, byLabel)),
  samplePool("label-8", ["8.0.0.0/28"], pinned(8, undefined, byLabel)),
  samplePool("both-5", ["15.0.0.0/28"], pinned(5, "team-a", byLabel)),
];

const IP = "Normal IPAllocated";
const CLEAR = "Normal ClearAssignment";
const FAIL = "Warning AllocationFailed";
const cases: readonly { name: string; options: SampleService; want: string; notices: readonly string[] }[] = [
  { name: "a ClusterIP Service nothing", options: { type: "ClusterIP" }, want: "", notices: [] },
  { name: "a LoadBalancer the first address", options: {}, want: "1.2.3.0", notices: [IP] },
  { name: "what its field asks for", options: ip("1.2.3.7"), want: "1.2.3.7", notices: [IP] },
  { name: "what its annotation asks for", options: ips("1.2.3.7"), want: "1.2.3.7", notices: [IP] },
  {
    name: "nothing to who asks both ways",
    options: { ...ip("1.2.3.7"), ...ips("1.2.3.7") },
    want: "",
    notices: [FAIL],
  },
  { name: "nothing for garbage in the field", options: ip("please"), want: "", notices: [FAIL] },
  { name: "nothing for garbage in the annotation", options: ips("please"), want: "", notices: [FAIL] },
  {
    name: "nothing where address and pool disagree",
    options: {
      annotations: { "metallb.io/loadBalancerIPs": "1.2.3.7", "metallb.io/address-pool": "pool2" },
    },
    want: "",
    notices: [FAIL],
  },
  { name: "nothing for two IPv4 addresses", options: ips("1.2.3.4,1.2.3.5"), want: "", notices: [FAIL] },
  {
    name: "nothing in the place of an address when the new wish cannot be met",
    options: { ...ip("9.9.9.9"), status: ["1.2.3.4"] },
    want: "",
    notices: [CLEAR, FAIL],
  },
  {
    name: "what it has when the new wish is garbage",
    options: { ...ip("please"), status: ["1.2.3.4"] },
    want: "1.2.3.4",
    notices: ["Warning LoadBalancerFailed"],
  },
  {
    name: "an address of a pool that is not automatic",
    options: inPool("pool2"),
    want: "3.4.5.6",
    notices: [IP],
  },
  {
    name: "an address of the pool it names instead of its own",
    options: { ...inPool("pool2"), status: ["1.2.3.4"] },
    want: "3.4.5.6",
    notices: [CLEAR, IP],
  },
  { name: "nothing from an unknown pool", options: inPool("nope"), want: "", notices: [FAIL] },
  { name: "what its status has", options: { status: ["1.2.3.4"] }, want: "1.2.3.4", notices: [] },
  {
    name: "a new address for a stale one",
    options: { status: ["2.3.4.5"] },
    want: "1.2.3.0",
    notices: [CLEAR, IP],
  },
  {
    name: "a new address for one that is none",
    options: { ingress: [{ ip: "please" }] },
    want: "1.2.3.0",
    notices: [IP],
  },
  {
    name: "an address for a host name",
    options: { ingress: [{ hostname: "a.example" }] },
    want: "1.2.3.0",
    notices: [IP],
  },
  {
    name: "nothing once it is a NodePort Service",
    options: { type: "NodePort", status: ["1.2.3.0"] },
    want: "",
    notices: [],
  },
  { name: "nothing without a cluster address, silently", options: { stack: "" }, want: "", notices: [] },
  { name: "nothing of the wrong family: IPv6 field", options: ip("1000::"), want: "", notices: [FAIL] },
  { name: "nothing of the wrong family: IPv6 annotation", options: ips("1000::"), want: "", notices: [FAIL] },
  {
    name: "nothing of the wrong family: IPv4 field",
    options: { stack: "6", ...ip("1.2.3.4") },
    want: "",
    notices: [FAIL],
  },
  {
    name: "nothing of the wrong family: IPv4 annotation",
    options: { stack: "6", ...ips("1.2.3.4") },
    want: "",
    notices: [FAIL],
  },
  {
    name: "an IPv6 address in place of an IPv4 one",
    options: { stack: "6", status: ["1.2.3.4"] },
    want: "1000::",
    notices: [CLEAR, IP],
  },
  {
    name: "IPv4 before IPv6, whatever the order of the cluster addresses",
    options: { stack: "64", ...inPool("dual") },
    want: "5.0.0.0 5000::",
    notices: [IP],
  },
  {
    name: "nothing for dual stack required with one cluster address",
    options: { ipFamilyPolicy: "RequireDualStack", ...inPool("dual") },
    want: "",
    notices: ["Warning not enough clusterips"],
  },
  {
    name: "one address for dual stack preferred with one cluster address (MetalLB defect 1)",
    options: { ...prefer, ...inPool("dual") },
    want: "5.0.0.0",
    notices: [IP],
  },
  {
    name: "IPv4 for dual stack preferred of an IPv4 pool",
    options: { stack: "46", ...prefer, ...inPool("pool1") },
    want: "1.2.3.0",
    notices: [IP],
  },
  {
    name: "IPv6 for dual stack preferred of an IPv6 pool",
    options: { stack: "46", ...prefer, ...inPool("pool3") },
    want: "1000::",
    notices: [IP],
  },
  {
    name: "nothing for one address in the field with dual stack",
    options: { stack: "46", ...ip("5.0.0.0") },
    want: "",
    notices: [FAIL],
  },
  {
    name: "nothing for one address in the annotation with dual stack",
    options: { stack: "46", ...ips("5.0.0.0") },
    want: "",
    notices: [FAIL],
  },
  {
    name: "two addresses asked for with dual stack",
    options: { stack: "46", ...ips("5.0.0.3,5000::3") },
    want: "5.0.0.3 5000::3",
    notices: [IP],
  },
  {
    name: "nothing for two addresses with single stack",
    options: ips("5.0.0.3,5000::3"),
    want: "",
    notices: [FAIL],
  },
  {
    name: "both anew when dual stack is required and its status has a host name and one address",
    options: { stack: "46", ...inPool("dual"), ingress: [{ hostname: "a.example" }, { ip: "5000::3" }] },
    want: "5.0.0.0 5000::",
    notices: [CLEAR, IP],
  },
  {
    name: "a second address from the same pool to who prefers dual stack",
    options: { stack: "46", ...prefer, ...inPool("dual"), status: ["5.0.0.3"] },
    want: "5.0.0.3 5000::",
    notices: [IP],
  },
  {
    name: "what it has when dual stack is preferred and its pool has but one family",
    options: { stack: "46", ...prefer, status: ["1.2.3.4"] },
    want: "1.2.3.4",
    notices: ["Normal AdditionalAssignFailed"],
  },
  {
    name: "the better priority of two for its namespace",
    options: { namespace: "team-a" },
    want: "10.0.0.0",
    notices: [IP],
  },
  {
    name: "a pool of priority 0 when that alone is for it",
    options: { namespace: "team-b" },
    want: "12.0.0.0",
    notices: [IP],
  },
  {
    name: "the better priority of two for its labels",
    options: { labels: { team: "metallb" } },
    want: "8.0.0.0",
    notices: [IP],
  },
  {
    name: "the pool for its namespace and labels before all",
    options: { namespace: "team-a", labels: { team: "metallb" } },
    want: "15.0.0.0",
    notices: [IP],
  },
  {
    name: "one address in place of three",
    options: { status: ["1.2.3.4", "1.2.3.5", "1.2.3.6"] },
    want: "1.2.3.0",
    notices: ["Warning nolbIPsIPFamily", IP],
  },
];

describe("converging one Service", () => {
  for (const { name, options, want, notices } of cases) {
    it(`gives ${name}`, () => {
      const allocator = allocatorOf(...POOLS);
      const outcome = converge(sampleService("a", options), allocator);
      assert.deepEqual([outcome.addresses.join(" "), told(outcome)], [want, notices]);
      assert.equal(outcome.pool === undefined, want === "");
    });
  }

  it("comes to the same end every time and then says nothing of success", () => {
    for (const { options, want } of cases) {
      const allocator = allocatorOf(...POOLS);
      const first = converge(sampleService("a", options), allocator);
      const status = first.addresses;
      for (let pass = 0; pass < 3; pass += 1) {
        const { addresses, notices, freed } = converge(
          sampleService("a", { ...options, status, ingress: status.map((ip) => ({ ip })) }),
          allocator,
        );
        assert.deepEqual([addresses.join(" "), freed], [want, false]);
        assert.deepEqual(
          notices.filter(({ reason }) => reason === "IPAllocated" || reason === "ClearAssignment"),
          [],
        );
      }
    }
  });

  it("does not let Services disturb each other, in whatever order they come", () => {
    const allocator = allocatorOf(...POOLS);
    const wanted = Array.from({ length: 20 }, (_, index) =>
      sampleService(`s${index}`, { status: [`1.2.3.${index * 3}`] }),
    );
    for (const view of wanted.toReversed()) {
      assert.deepEqual(converge(view, allocator).addresses, [view.ingress[0]?.ip]);
    }
  });

  it("tells what happened in words", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/32"]));
    assert.deepEqual(converge(sampleService("a", { status: ["2.0.0.0"] }), allocator), {
      addresses: ["1.0.0.0"],
      pool: "p",
      notices: [
        {
          level: "Normal",
          reason: "ClearAssignment",
          message: "Taking back 2.0.0.0: no pool gives out 2.0.0.0",
        },
        { level: "Normal", reason: "IPAllocated", message: 'Assigned IP ["1.0.0.0"]' },
      ],
      failure: undefined,
      why: undefined,
      waits: false,
      freed: false,
    });
    assert.deepEqual(converge(sampleService("b"), allocator), {
      addresses: [],
      pool: undefined,
      notices: [
        {
          level: "Warning",
          reason: "AllocationFailed",
          message: 'Failed to allocate IP for "shop/b": no available IPs: pool "p" has no free IPv4 address',
        },
      ],
      failure: "pool-exhausted",
      why: 'no available IPs: pool "p" has no free IPv4 address',
      waits: true,
      freed: false,
    });
  });

  it("believes what is held rather than a status that is yet to be read", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/24"]));
    converge(sampleService("other"), allocator);
    converge(sampleService("a"), allocator);
    allocator.release(serviceKey("shop", "other"));
    for (const status of [[], ["1.0.0.0"], ["1.0.0.5", "1.0.0.6", "1.0.0.7"]]) {
      const outcome = converge(sampleService("a", { status }), allocator);
      assert.deepEqual([outcome.addresses, outcome.notices], [["1.0.0.1"], []]);
    }
  });
});

describe("converging through changes", () => {
  it("takes addresses back while there are no pools, and gives some again later", () => {
    const allocator = allocatorOf();
    const outcome = converge(sampleService("a", { status: ["1.0.0.7"] }), allocator);
    assert.deepEqual([outcome.addresses, outcome.failure, told(outcome)], [[], "no-pools", [FAIL]]);
    allocator.setPools([samplePool("p", ["1.0.0.0/24"])]);
    assert.deepEqual(converge(sampleService("a"), allocator).addresses, ["1.0.0.0"]);
  });

  it("lets the next Service in when one is deleted", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/32"]));
    converge(sampleService("a"), allocator);
    assert.equal(converge(sampleService("b"), allocator).failure, "pool-exhausted");
    assert.equal(allocator.release(serviceKey("shop", "a")), true);
    assert.deepEqual(converge(sampleService("b"), allocator).addresses, ["1.0.0.0"]);
  });

  it("says when others should be looked at again", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/30"]));
    const shared = (name: string, sharingKey: string, port: string) =>
      sampleService(name, { ...annotated("allow-shared-ip", sharingKey), ports: [port] });
    assert.deepEqual(
      [
        converge(sampleService("a"), allocator).freed,
        converge(sampleService("a", { type: "ClusterIP" }), allocator).freed,
        converge(sampleService("a", { type: "ClusterIP" }), allocator).freed,
        converge(shared("s", "k", "TCP/1"), allocator).freed,
        converge(shared("s", "k", "TCP/1"), allocator).freed,
        converge(shared("s", "k", "TCP/2"), allocator).freed,
        converge(shared("s", "other", "TCP/2"), allocator).freed,
      ],
      [false, true, false, false, false, true, true],
    );
  });

  it("moves a Service to the second pool in one pass when the first is deleted, and not before", () => {
    const [one, two] = [samplePool("one", ["1.0.0.0/24"]), samplePool("two", ["2.0.0.0/24"])];
    const allocator = allocatorOf(one);
    converge(sampleService("a"), allocator);
    allocator.setPools([two, one]);
    const view = sampleService("a", { status: ["1.0.0.0"] });
    assert.deepEqual(converge(view, allocator).addresses, ["1.0.0.0"]);
    assert.deepEqual(allocator.setPools([two]), [view.key]);
    const outcome = converge(view, allocator);
    assert.deepEqual([outcome.addresses, outcome.pool, told(outcome)], [["2.0.0.0"], "two", [CLEAR, IP]]);
  });

  it("adds the second family when the pool gains it, and takes both when the pool loses one", () => {
    const options = { stack: "46", ...prefer } as const;
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/24"]));
    assert.deepEqual(converge(sampleService("a", options), allocator).addresses, ["1.0.0.0"]);
    allocator.setPools([samplePool("p", ["1.0.0.0/24", "fd00::/64"])]);
    assert.deepEqual(converge(sampleService("a", options), allocator).addresses, ["1.0.0.0", "fd00::"]);
    allocator.setPools([samplePool("p", ["1.0.0.0/24"]), samplePool("q", ["2.0.0.0/24", "fd01::/64"])]);
    assert.deepEqual(converge(sampleService("a", options), allocator).addresses, ["2.0.0.0", "fd01::"]);
  });

  it("tells of nothing but the family that came or went", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/30", "fd00::/126"]));
    converge(sampleService("a"), allocator);
    const told = (["46", "4"] as const).map((stack) =>
      converge(sampleService("a", { stack }), allocator).notices.map(({ message }) => message),
    );
    assert.deepEqual(told, [
      ['Assigned additional IP ["fd00::"]'],
      ["Taking back fd00::: 1.0.0.0 and fd00:: does not fit, the Service wants IPv4"],
    ]);
  });

  it("never swings between one and two addresses on a single stack cluster (MetalLB defect 1)", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/24", "fd00::/64"]));
    let status: readonly string[] = [];
    for (let pass = 0; pass < 5; pass += 1) {
      status = converge(sampleService("a", { ...prefer, status }), allocator).addresses;
      assert.deepEqual(status, ["1.0.0.0"]);
    }
  });

  it("gives back what a Service of another class held (MetalLB defect 9)", () => {
    const allocator = allocatorOf(samplePool("p", ["1.0.0.0/32"]));
    converge(sampleService("a", { loadBalancerClass: "herald" }), allocator);
    const changed = sampleService("a", { type: "ClusterIP", status: ["1.0.0.0"] });
    assert.deepEqual(relinquish(changed, allocator), {
      addresses: [],
      pool: undefined,
      notices: [],
      failure: undefined,
      why: undefined,
      waits: false,
      freed: true,
    });
    assert.deepEqual(converge(sampleService("b"), allocator).addresses, ["1.0.0.0"]);
  });
});
