import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LabelSelector, Pool } from "../config/config.ts";
import { serviceKey } from "../service/view.ts";
import type { Allocator } from "./allocator.ts";
import { converge } from "./converge.ts";
import {
  allocation,
  allocatorOf,
  ask,
  inPool,
  ip,
  ips,
  type SampleService,
  samplePool,
  sampleService,
} from "./samples.ts";

// What MetalLB's own tables of its allocator try and the other tests do not.

const byTeam: LabelSelector = { matchLabels: { team: "a" }, matchExpressions: [] };
const prefer = { ipFamilyPolicy: "PreferDualStack" } as const;
const dualStack = { stack: "46", ...prefer } as const;

/** What a Service that is shown in turn as each of these has after each. */
function through(allocator: Allocator, ...steps: readonly (SampleService | { readonly pools: Pool[] })[]) {
  return steps.flatMap((step) => {
    if ("pools" in step) {
      allocator.setPools(step.pools);
      return [];
    }
    const { addresses, notices } = converge(sampleService("a", step), allocator);
    return [[addresses.join(" "), ...notices.map(({ reason }) => reason)].join(", ")];
  });
}

describe("a pool for Services of a label", () => {
  const pools = [
    samplePool("open", ["10.0.0.0/24"]),
    samplePool("team", ["10.1.0.0/24"], allocation({ serviceSelectors: [byTeam] })),
    samplePool("both", ["10.2.0.0/24"], {
      ...allocation({ priority: 1, serviceSelectors: [byTeam], namespaces: new Set(["bank"]) }),
    }),
  ];
  const labels = { team: "a" };

  it("serves them in every namespace, and one that is for a namespace, too, in that alone", () => {
    const allocator = allocatorOf(...pools);
    assert.deepEqual(
      [
        ask(allocator, "a", { labels }),
        ask(allocator, "b", { labels, namespace: "bank" }),
        ask(allocator, "c", { labels, namespace: "park" }),
        ask(allocator, "d", { labels, namespace: "park", ...inPool("both") }),
        ask(allocator, "e", { namespace: "bank", ...inPool("both") }),
      ],
      ["10.1.0.0 of team", "10.2.0.0 of both", "10.1.0.1 of team", "pool-not-allowed", "pool-not-allowed"],
    );
  });

  it("is left by a Service that loses the label, and not entered by one that gains it", () => {
    assert.deepEqual(through(allocatorOf(...pools), { labels }, {}, { labels }), [
      "10.1.0.0, IPAllocated",
      "10.0.0.0, ClearAssignment, IPAllocated",
      "10.0.0.0",
    ]);
  });
});

describe("a request that is met", () => {
  it("may name the pool of its addresses besides", () => {
    const pools = [samplePool("p", ["10.0.0.0/24", "fd00::/120"]), samplePool("q", ["10.1.0.0/24"])];
    const annotations = { ...ips("fd00::7 , 10.0.0.7").annotations, ...inPool("p").annotations };
    const both = { stack: "46", annotations } as const;
    assert.equal(ask(allocatorOf(...pools), "a", both), "fd00::7 10.0.0.7 of p");
    assert.equal(
      ask(allocatorOf(...pools), "a", { ...ip("10.1.0.7"), ...inPool("p") }),
      "address-not-in-pool",
    );
  });
});

describe("ports of Services that share", () => {
  const shared = (prefix: string, ...ports: string[]): SampleService => ({
    annotations: { [`${prefix}/allow-shared-ip`]: "dns" },
    ports,
  });

  it("are told apart by protocol, and the key is one under both prefixes", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/24"]));
    assert.deepEqual(
      [
        ask(allocator, "udp", shared("metallb.io", "UDP/53")),
        ask(allocator, "tcp", shared("metallb.universe.tf", "TCP/53")),
        ask(allocator, "sctp", shared("metallb.io", "SCTP/53")),
        ask(allocator, "again", shared("metallb.universe.tf", "UDP/53")),
      ],
      ["10.0.0.0 of p", "10.0.0.0 of p", "10.0.0.0 of p", "10.0.0.1 of p"],
    );
  });

  it("are of one Service each while both come to select the same pods under policy Local", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/32"]));
    const local = { externalTrafficPolicy: "Local" } as const;
    const [first, second] = [shared("metallb.io", "TCP/80"), shared("metallb.io", "TCP/443")];
    const [web, mail] = [{ selector: { app: "web" } }, { selector: { app: "mail" } }];
    const turns: readonly (readonly [name: string, SampleService])[] = [
      ["first", { ...first, ...web }],
      ["second", { ...second, ...web }],
      ["second", { ...second, ...web, ...local }], // loses it
      ["first", { ...first, ...web, ...local }],
      ["second", { ...second, ...web, ...local }], // both again
      ["first", { ...first, ...mail, ...local }], // loses it
      ["second", { ...second, ...mail, ...local }],
      ["first", { ...first, ...mail, ...local }], // both again
    ];
    const refused = "pool-exhausted";
    assert.deepEqual(
      turns.map(([name, view]) => ask(allocator, name, view).replace(" of p", "")),
      ["10.0.0.0", "10.0.0.0", refused, "10.0.0.0", "10.0.0.0", refused, "10.0.0.0", "10.0.0.0"],
    );
  });
});

describe("dual stack that is preferred", () => {
  const four = samplePool("p", ["10.0.0.0/24"]);
  const both = samplePool("p", ["10.0.0.0/24", "fd00::/120"]);

  it("and then required of a pool of one family costs the address, until it is preferred again", () => {
    assert.deepEqual(
      through(allocatorOf(four), dualStack, { ...dualStack, ipFamilyPolicy: "RequireDualStack" }, dualStack),
      ["10.0.0.0, IPAllocated", ", ClearAssignment, AllocationFailed", "10.0.0.0, IPAllocated"],
    );
  });

  it("adds an address when the Service gains a cluster address, and drops it with that, and no other", () => {
    for (const [single, first, second] of [
      ["4", "10.0.0.1", "fd00::1"],
      ["6", "fd00::1", "10.0.0.1"],
    ] as const) {
      const allocator = allocatorOf(both);
      const alone = { ...prefer, stack: single };
      ask(allocator, "before", dualStack);
      assert.deepEqual(through(allocator, alone, dualStack), [
        `${first}, IPAllocated`,
        `${first} ${second}, IPAllocated`,
      ]);
      allocator.release(serviceKey("shop", "before")); // a lower one is free from now on
      assert.deepEqual(through(allocator, alone), [`${first}, ClearAssignment`]);
    }
  });

  it("adds an address when its own pool gains the family, and moves to no other pool for it", () => {
    const other = samplePool("other", ["10.1.0.0/24", "fd01::/120"]);
    assert.deepEqual(
      through(
        allocatorOf(four),
        dualStack,
        { pools: [other, four] },
        dualStack,
        { pools: [other, both] },
        dualStack,
      ),
      ["10.0.0.0, IPAllocated", "10.0.0.0, AdditionalAssignFailed", "10.0.0.0 fd00::, IPAllocated"],
    );
  });

  it("takes both addresses from another pool when its own loses a family", () => {
    const other = samplePool("other", ["10.1.0.0/24", "fd01::/120"]);
    assert.deepEqual(through(allocatorOf(both), dualStack, { pools: [four, other] }, dualStack), [
      "10.0.0.0 fd00::, IPAllocated",
      "10.1.0.0 fd01::, IPAllocated",
    ]);
  });
});

describe("counting a pool that avoids buggy addresses", () => {
  it("leaves out two of each /24, one of a /25 that ends in one, and none of IPv6, which counts exactly", () => {
    const addresses = ["3.2.3.0/24", "3.3.4.128/25"];
    for (const order of [
      [...addresses, "fd00::/64"],
      ["fd00::/64", ...addresses],
    ]) {
      const [usage] = allocatorOf(samplePool("p", order, { avoidBuggyIps: true })).usage();
      assert.deepEqual([usage?.ipv4.total, usage?.ipv6.total], [381n, 1n << 64n]);
    }
  });

  it("counts three that share an address as one, and nobody once they have left", () => {
    const allocator = allocatorOf(samplePool("p", ["10.0.0.0/30", "fd00::/126"]));
    const annotations = { "metallb.io/allow-shared-ip": "k" };
    const names = ["1", "2", "3"];
    for (const name of names) ask(allocator, name, { stack: "46", annotations, ports: [`TCP/${name}`] });
    const inUse = () => allocator.usage().map(({ ipv4, ipv6 }) => [ipv4.inUse, ipv6.inUse]);
    assert.deepEqual(inUse(), [[1, 1]]);
    for (const name of names) allocator.release(serviceKey("shop", name));
    assert.deepEqual(inUse(), [[0, 0]]);
  });
});
