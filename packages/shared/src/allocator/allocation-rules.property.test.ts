import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Instant } from "../core.ts";
import { AllocationError } from "../errors.ts";
import type { IpAddress } from "../ip/address.ts";
import type { ServiceView } from "../service/view.ts";
import type { Allocator } from "./allocator.ts";
import { readPoolRules } from "./pool-rules.ts";
import { allocatorOf, samplePool, sampleService } from "./samples.ts";

const QUOTA = 3;
const { rules } = readPoolRules({
  "herald.io/exclude": "network, broadcast",
  "herald.io/reserve": "10.0.0.3=shop/a, 10.0.0.4=shop/b, 10.0.0.4=shop/c",
  "herald.io/quota-per-namespace": `${QUOTA}`,
  "herald.io/sticky": "10s",
});
const POOL = samplePool("p", ["10.0.0.0/28"], { rules });
const ADDRESSES = Array.from({ length: 16 }, (_, index) => `10.0.0.${index}` as IpAddress);

type Step =
  | { readonly type: "hold" | "release" | "retire"; readonly view: ServiceView }
  | { readonly type: "keep"; readonly view: ServiceView; readonly addresses: readonly IpAddress[] }
  | { readonly type: "pass"; readonly ms: number }
  | { readonly type: "pools" };

const view = fc
  .record({
    name: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    namespace: fc.constantFrom("shop", "shop", "bank"),
    ports: fc.constantFrom<string[]>(["TCP/1"], ["TCP/2"], []),
    key: fc.constantFrom("", "k"),
    address: fc.constantFrom(undefined, undefined, undefined, "10.0.0.3", "10.0.0.4", "10.0.0.7", "10.0.0.0"),
  })
  .map(({ name, namespace, ports, key, address }) =>
    sampleService(name, {
      namespace,
      ports,
      annotations: { ...(key !== "" && { "metallb.io/allow-shared-ip": key }) },
      loadBalancerIp: address ?? "",
    }),
  );

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: view.map((view): Step => ({ type: "hold", view })) },
  { weight: 2, arbitrary: view.map((view): Step => ({ type: "release", view })) },
  { weight: 4, arbitrary: view.map((view): Step => ({ type: "retire", view })) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 12_000 }).map((ms): Step => ({ type: "pass", ms })) },
  { weight: 1, arbitrary: fc.constant<Step>({ type: "pools" }) },
);

/** Also with what is kept for Services that cannot be judged yet: nobody asks their quota. */
const stepOrKeep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 17, arbitrary: step },
  {
    weight: 5,
    arbitrary: fc
      .tuple(view, fc.subarray(ADDRESSES.slice(2, 8), { minLength: 1, maxLength: 2 }))
      .map(([view, addresses]): Step => ({ type: "keep", view, addresses })),
  },
);

function hold(allocator: Allocator, view: ServiceView): void {
  try {
    allocator.hold(view);
  } catch (error) {
    assert.ok(error instanceof AllocationError, String(error));
  }
}

function take(allocator: Allocator, step: Step, now: Instant): void {
  switch (step.type) {
    case "hold":
      hold(allocator, step.view);
      break;
    case "release":
      allocator.release(step.view.key);
      break;
    case "retire":
      allocator.retire(step.view, now);
      break;
    case "keep":
      if (allocator.heldBy(step.view.key) === undefined) allocator.keep(step.view, step.addresses);
      break;
    case "pools":
      allocator.setPools([POOL]);
  }
}

/** Runs a history; `look` sees every state. @returns the time it ended. */
function play(allocator: Allocator, steps: readonly Step[], look: () => void): Instant {
  let now = 0;
  for (const each of steps) {
    if (each.type === "pass") now += each.ms;
    take(allocator, each, now);
    allocator.expire(now);
    look();
  }
  return now;
}

describe("any history under a pool's rules", () => {
  it("gives nobody what is excluded or reserved for another, and no namespace more than its quota", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const allocator = allocatorOf(POOL);
        play(allocator, steps, () => {
          const users = new Map(ADDRESSES.map((address) => [address, allocator.usersOf(address)]));
          assert.deepEqual(
            [users.get(ADDRESSES[0] as IpAddress), users.get(ADDRESSES[15] as IpAddress)],
            [[], []],
          );
          assert.ok(users.get(ADDRESSES[3] as IpAddress)?.every((user) => user === "shop/a"));
          assert.ok(users.get(ADDRESSES[4] as IpAddress)?.every((user) => /^shop\/[bc]$/.test(user)));
          for (const namespace of ["shop", "bank"]) {
            const held = [...users.values()].filter((keys) =>
              keys.some((key) => key.startsWith(`${namespace}/`)),
            );
            assert.ok(held.length <= QUOTA, `${namespace} has ${held.length}`);
          }
          const inUse = [...users.values()].filter((keys) => keys.length > 0).length;
          assert.equal(allocator.usage()[0]?.ipv4.inUse, inUse);
        });
      }),
      { numRuns: 300 },
    );
  });

  it("leaves every address to be given out again when all have left and nobody is awaited", () => {
    fc.assert(
      fc.property(fc.array(stepOrKeep, { maxLength: 60 }), (steps) => {
        const allocator = allocatorOf(POOL);
        const now = play(allocator, steps, () => {});
        for (const each of steps) if ("view" in each) allocator.release(each.view.key);
        allocator.expire(now + 10_000);
        assert.equal(allocator.nextExpiry, undefined);
        const given = ADDRESSES.map((_, index) => sampleService("x", { namespace: `n${index}` })).flatMap(
          (each) => {
            hold(allocator, each);
            return allocator.heldBy(each.key)?.addresses ?? [];
          },
        );
        const free = ADDRESSES.filter((_, index) => ![0, 3, 4, 15].includes(index));
        assert.deepEqual(given, free);
      }),
      { numRuns: 300 },
    );
  });
});
