import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Pool } from "../config/config.ts";
import { AllocationError } from "../errors.ts";
import { familyOf, type IpAddress } from "../ip/address.ts";
import type { ServiceView } from "../service/view.ts";
import { Allocator } from "./allocator.ts";
import { LinearAllocator, mayShare } from "./linear-allocator.ts";
import { samplePool, sampleService } from "./samples.ts";

const POOL_SETS: readonly (readonly Pool[])[] = [
  [samplePool("p", ["10.0.0.254-10.0.1.1", "fd00::/127"]), samplePool("q", ["10.0.2.0/31", "fd00:1::/127"])],
  [samplePool("p", ["10.0.0.254-10.0.1.1", "fd00::/127"], { avoidBuggyIps: true })],
  [samplePool("q", ["10.0.0.255/32", "10.0.1.1/32", "10.0.0.254/32"]), samplePool("p", ["fd00::/126"])],
  [
    samplePool("q", ["10.0.2.0/31"], { autoAssign: false }),
    samplePool("p", ["10.0.0.254/31", "fd00::1/128"]),
  ],
  [],
];
const POOLS_AT_START = POOL_SETS[0] ?? [];

type Step =
  | { readonly type: "hold"; readonly view: ServiceView }
  | { readonly type: "keep"; readonly view: ServiceView; readonly addresses: readonly IpAddress[] }
  | { readonly type: "release"; readonly view: ServiceView }
  | { readonly type: "pools"; readonly pools: readonly Pool[] };

const annotations = fc.record(
  {
    "metallb.io/allow-shared-ip": fc.constantFrom("k", "k", "other"),
    "metallb.io/address-pool": fc.constantFrom("p", "q", "nope"),
    "metallb.io/loadBalancerIPs": fc.constantFrom(
      "10.0.1.1",
      "10.0.0.254,fd00::1",
      "fd00::,10.0.1.0",
      "garbage",
    ),
  },
  { noNullPrototype: true, requiredKeys: [] },
);

const view: fc.Arbitrary<ServiceView> = fc
  .record(
    {
      name: fc.constantFrom("a", "b", "c", "d", "e", "f"),
      namespace: fc.constantFrom("shop", "shop", "bank"),
      stack: fc.constantFrom("4", "4", "6", "46", "64"),
      policy: fc.constantFrom("SingleStack", "PreferDualStack", "RequireDualStack"),
      traffic: fc.constantFrom("Cluster", "Cluster", "Local"),
      selector: fc.constantFrom({}, { app: "x" }),
      ports: fc.constantFrom<string[]>(["TCP/80"], ["TCP/443"], ["TCP/80", "UDP/53"], []),
      annotations,
    },
    { noNullPrototype: true },
  )
  .map(({ name, policy, traffic, ...rest }) =>
    sampleService(name, { ...rest, ipFamilyPolicy: policy, externalTrafficPolicy: traffic }),
  );

/** What a status may have, of pools and of none. */
const kept = fc.subarray(
  ["10.0.1.0", "10.0.2.0", "fd00::", "fd00:1::1", "fd00:2::7"] as unknown as IpAddress[],
  { minLength: 1 },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: view.map((view): Step => ({ type: "hold", view })) },
  {
    weight: 2,
    arbitrary: fc.tuple(view, kept).map(([view, addresses]): Step => ({ type: "keep", view, addresses })),
  },
  { weight: 2, arbitrary: view.map((view): Step => ({ type: "release", view })) },
  { weight: 1, arbitrary: fc.constantFrom(...POOL_SETS).map((pools): Step => ({ type: "pools", pools })) },
);
const history = fc.array(step, { maxLength: 60 });

/** What came of a step; for a hold its addresses, none when it was refused; for a keep those that are kept. */
function take(allocator: Allocator, step: Step): readonly string[] {
  switch (step.type) {
    case "pools":
      return allocator.setPools(step.pools);
    case "release":
      return [String(allocator.release(step.view.key))];
    case "keep": {
      if (allocator.heldBy(step.view.key) !== undefined) return [];
      const refusals = allocator.keep(step.view, step.addresses);
      return step.addresses.filter(
        (address) => !refusals.has(address) && allocator.poolOf(address) !== undefined,
      );
    }
    case "hold":
      try {
        return allocator.hold(step.view).addresses;
      } catch (error) {
        assert.ok(error instanceof AllocationError, String(error));
        return [];
      }
  }
}

function takeSlowly(model: LinearAllocator, step: Step): readonly string[] {
  switch (step.type) {
    case "hold":
      return model.hold(step.view);
    case "keep":
      return model.holders.has(step.view.key) ? [] : model.keep(step.view, step.addresses);
    case "release":
      model.release(step.view.key);
      return [];
    case "pools":
      model.setPools(step.pools);
      return [];
  }
}

/** Runs a history and looks at the state after every step. */
function play(steps: readonly Step[], look: (allocator: Allocator, owners: Owners) => void): void {
  const allocator = new Allocator();
  allocator.setPools(POOLS_AT_START);
  const latest = new Map<string, ServiceView>();
  const kept = new Map<string, Owner>();
  for (const step of steps) {
    const result = take(allocator, step);
    if (step.type === "pools") kept.clear();
    else kept.delete(step.view.key);
    if (step.type === "hold" && result.length > 0) latest.set(step.view.key, step.view);
    if (step.type === "keep" && result.length > 0) {
      kept.set(step.view.key, { view: step.view, addresses: result as readonly IpAddress[] });
    }
    const holders = [...latest.values()].flatMap((view) => {
      const { addresses } = allocator.heldBy(view.key) ?? {};
      return addresses === undefined ? [] : [{ view, addresses }];
    });
    look(allocator, [...holders, ...kept.values()]);
  }
}

/** Who holds something, as it was when it last got or kept it, or has something kept for it. */
interface Owner {
  readonly view: ServiceView;
  readonly addresses: readonly IpAddress[];
}
type Owners = readonly Owner[];

describe("any history of the allocator", () => {
  it("never has an address held by two Services, or kept for one, that may not share it", () => {
    fc.assert(
      fc.property(history, (steps) =>
        play(steps, (_, owners) => {
          for (const [index, one] of owners.entries()) {
            for (const other of owners.slice(index + 1)) {
              const common = one.addresses.filter((address) => other.addresses.includes(address));
              const mayBe = common.length === 0 || mayShare(one.view, other.view);
              assert.ok(mayBe, `${one.view.key} ${other.view.key} ${common}`);
            }
          }
        }),
      ),
    );
  });

  it("has every held address in the one pool it is said to be of, one of each family at most", () => {
    fc.assert(
      fc.property(history, (steps) =>
        play(steps, (allocator, owners) => {
          for (const { view } of owners) {
            const held = allocator.heldBy(view.key);
            const addresses = held?.addresses ?? [];
            assert.deepEqual(
              addresses.map((address) => allocator.poolOf(address)),
              addresses.map(() => held?.pool),
            );
            assert.equal(new Set(addresses.map(familyOf)).size, addresses.length);
          }
        }),
      ),
    );
  });

  it("counts as in use just what is held or kept", () => {
    fc.assert(
      fc.property(history, (steps) =>
        play(steps, (allocator, owners) => {
          const held = new Set(owners.flatMap(({ addresses }) => addresses));
          const count = (pool: string, family: number) =>
            [...held].filter((address) => allocator.poolOf(address) === pool && familyOf(address) === family)
              .length;
          for (const { pool, ipv4, ipv6 } of allocator.usage()) {
            assert.deepEqual([ipv4.inUse, ipv6.inUse], [count(pool, 4), count(pool, 6)]);
          }
          for (const address of held) {
            const users = owners.filter(({ addresses }) => addresses.includes(address));
            assert.deepEqual(allocator.usersOf(address), users.map(({ view }) => view.key).sort());
          }
        }),
      ),
    );
  });

  it("leaves everybody else alone, whether a hold succeeds or fails", () => {
    fc.assert(
      fc.property(history, view, (steps, newcomer) => {
        const allocator = new Allocator();
        allocator.setPools(POOLS_AT_START);
        for (const step of steps) take(allocator, step);
        const others = steps.flatMap((step) =>
          "view" in step && step.view.key !== newcomer.key ? [step.view] : [],
        );
        const before = others.map((other) => allocator.heldBy(other.key));
        take(allocator, { type: "hold", view: newcomer });
        assert.deepEqual(
          others.map((other) => allocator.heldBy(other.key)),
          before,
        );
      }),
    );
  });

  it("gives a Service the same again when it asks again, and when it let go just before", () => {
    fc.assert(
      fc.property(history, view, (steps, asker) => {
        const allocator = new Allocator();
        allocator.setPools(POOLS_AT_START);
        for (const step of steps) take(allocator, step);
        allocator.release(asker.key);
        const first = take(allocator, { type: "hold", view: asker });
        assert.deepEqual(take(allocator, { type: "hold", view: asker }), first);
        allocator.release(asker.key);
        assert.deepEqual(take(allocator, { type: "hold", view: asker }), first);
      }),
    );
  });

  it("comes out the same when it happens twice", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const run = () => {
          const allocator = new Allocator();
          allocator.setPools(POOLS_AT_START);
          return [steps.map((step) => take(allocator, step)), allocator.usage()];
        };
        assert.deepEqual(run(), run());
      }),
    );
  });

  it("comes out as if every address were looked at one by one", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const allocator = new Allocator();
        const model = new LinearAllocator();
        allocator.setPools(POOLS_AT_START);
        model.setPools(POOLS_AT_START);
        for (const step of steps) {
          const result = take(allocator, step);
          const expected = takeSlowly(model, step);
          if (step.type === "hold" || step.type === "keep") assert.deepEqual(result, expected);
          for (const [key, { addresses }] of model.holders) {
            assert.deepEqual(allocator.heldBy(key)?.addresses, addresses);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
