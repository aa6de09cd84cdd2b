import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ServiceKey } from "@herald/shared/service/view";
import fc from "fast-check";
import type { CandidateNode } from "./plan.ts";
import { fit, on, planner, service } from "./planner-fixture.ts";

const NODES = ["iris1", "iris2", "iris3"];
const SERVICES = ["a", "b", "c"];

const shape = fc.record(
  {
    ips: fc.constantFrom(["10.20.30.1"], ["10.20.30.2"], ["10.20.30.1", "fd00::1"]),
    policy: fc.constantFrom("Cluster" as const, "Local" as const),
    endpoints: fc.subarray(NODES),
  },
  { noNullPrototype: true },
);
type Shape = typeof shape extends fc.Arbitrary<infer Value> ? Value : never;
const shapes = fc.tuple(shape, shape, shape);

/** Who announces each Service, by name. */
function announcers(
  services: readonly Shape[],
  nodeOf: (name: string) => CandidateNode,
): readonly (readonly string[])[] {
  const nodes = new Map(NODES.map((name) => [name, nodeOf(name)]));
  const planners = NODES.map((self) => {
    const made = planner(self, nodes);
    for (const [index, { ips, policy, endpoints }] of services.entries()) {
      const view = service(SERVICES[index] ?? "", ips, { externalTrafficPolicy: policy });
      made.setService(view);
      made.setEndpoints(view.key, on(...endpoints));
    }
    return { self, made };
  });
  return SERVICES.map((name) =>
    planners
      .filter(({ made }) => made.decide(`default/${name}` as ServiceKey).type === "announce")
      .map(({ self }) => self),
  );
}

function whoCould({ endpoints, policy }: Shape): readonly string[] {
  return endpoints.length === 0 || policy === "Local" ? endpoints : NODES;
}

const draining =
  (drained: readonly string[]) =>
  (name: string): CandidateNode =>
    drained.includes(name) ? { ...fit, drain: "x" } : fit;

describe("draining, whatever shares addresses and wherever endpoints are", () => {
  it("leaves no Service unanswered that is answered for without it (MetalLB defect 27)", () => {
    fc.assert(
      fc.property(shapes, fc.subarray(NODES), (services, drained) => {
        const before = announcers(services, () => fit);
        const after = announcers(services, draining(drained));
        const served = (each: readonly (readonly string[])[]): boolean[] => each.map((by) => by.length === 1);
        assert.deepEqual(served(after), served(before));
      }),
      { numRuns: 500 },
    );
  });

  it("leaves nothing on a drained node that a fit one serves alone", () => {
    fc.assert(
      fc.property(shape, fc.subarray(NODES), (one, drained) => {
        const [by = []] = announcers([one], draining(drained));
        const could = whoCould(one);
        const free = could.filter((name) => !drained.includes(name));
        const rightly = free.length > 0 ? free : could;
        assert.deepEqual(
          by.filter((name) => !rightly.includes(name)),
          [],
        );
        assert.equal(by.length, could.length > 0 ? 1 : 0);
      }),
      { numRuns: 500 },
    );
  });

  it("lets a node out of service own nothing", () => {
    fc.assert(
      fc.property(shapes, fc.subarray(NODES), (services, gone) => {
        const by = announcers(services, (name) =>
          gone.includes(name) ? { ...fit, outOfService: true, drain: "x" } : fit,
        );
        assert.deepEqual(
          by.flat().filter((name) => gone.includes(name)),
          [],
        );
      }),
      { numRuns: 200 },
    );
  });
});
