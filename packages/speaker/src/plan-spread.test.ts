import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import fc from "fast-check";
import type { Decision } from "./plan.ts";
import type { Planner } from "./planner.ts";
import { excluded, fit, on, planner, service } from "./planner-fixture.ts";

const IP = "10.20.30.1";
const OTHER = "10.20.30.2";
const NODES = new Map(["iris1", "iris2", "iris3"].map((name) => [name, fit]));
const ASKS = { annotations: { "herald.io/l2-spread": "per-client" } };
const key = "default/a" as ServiceKey;

interface Known {
  readonly services: readonly ServiceView[];
  readonly nodes?: ReadonlyMap<string, typeof fit>;
  /** Nodes with endpoints; all Services have them. */
  readonly hosts?: readonly string[];
}

function madeFor(
  self: string,
  { services, nodes = NODES, hosts = ["iris1", "iris2", "iris3"] }: Known,
): Planner {
  const made = planner(self, nodes);
  for (const each of services) {
    made.setService(each);
    made.setEndpoints(each.key, on(...hosts));
  }
  return made;
}
const decide = (self: string, known: Known): Decision => madeFor(self, known).decide(key);
const over = (self: string, ...nodes: string[]) => ({ self, nodes });

describe("A Service that is to be spread", () => {
  const told = [
    {
      name: "is announced by every node that may",
      known: { services: [service("a", [IP], ASKS)] },
      decision: {
        type: "announce",
        addresses: [IP],
        spread: over("iris1", "iris1", "iris2", "iris3"),
      },
    },
    {
      name: "is announced in both families by the same nodes",
      known: { services: [service("a", [IP, "fd00::1"], ASKS)] },
      decision: {
        type: "announce",
        addresses: [IP, "fd00::1"],
        spread: over("iris1", "iris1", "iris2", "iris3"),
      },
    },
    {
      name: "is announced under policy Local by the nodes with endpoints",
      known: {
        services: [service("a", [IP], { ...ASKS, externalTrafficPolicy: "Local" as const })],
        hosts: ["iris1", "iris3"],
      },
      decision: { type: "announce", addresses: [IP], spread: over("iris1", "iris1", "iris3") },
    },
    {
      name: "is not announced under policy Local by a node without endpoints",
      known: {
        services: [service("a", [IP], { ...ASKS, externalTrafficPolicy: "Local" as const })],
        hosts: ["iris2", "iris3"],
      },
      decision: { type: "withdraw", reason: "noLocalEndpoints", owner: undefined },
    },
    {
      name: "is not announced by a node that may own nothing",
      known: {
        services: [service("a", [IP], ASKS)],
        nodes: new Map([...NODES, ["iris1", excluded]]),
      },
      decision: { type: "withdraw", reason: "nodeLabeledExcludeBalancers", owner: undefined },
    },
    {
      name: "is left by a node that is drained, with its operator's words",
      known: {
        services: [service("a", [IP], ASKS)],
        nodes: new Map([...NODES, ["iris1", { ...fit, drain: "new disk" }]]),
      },
      decision: { type: "withdraw", reason: "nodeDrained", owner: undefined, note: "new disk" },
    },
    {
      name: "is spread with another that shares its address and asks for it, too",
      known: { services: [service("a", [IP], ASKS), service("b", [IP, "fd00::1"], ASKS)] },
      decision: {
        type: "announce",
        addresses: [IP],
        spread: over("iris1", "iris1", "iris2", "iris3"),
      },
    },
  ] as const;
  for (const { name, known, decision } of told) {
    it(name, () => assert.deepEqual(decide("iris1", known), decision));
  }

  const refused = [
    {
      name: "the value is unknown",
      services: [service("a", [IP], { annotations: { "herald.io/l2-spread": "per-packet" } })],
      notSpread: "spreadUnknown",
    },
    {
      name: "the value is empty",
      services: [service("a", [IP], { annotations: { "herald.io/l2-spread": "" } })],
      notSpread: "spreadUnknown",
    },
    {
      name: "another on its address does not ask for it",
      services: [service("a", [IP], ASKS), service("b", [IP])],
      notSpread: "spreadNotShared",
    },
    {
      name: "one that shares with it through another does not ask for it",
      services: [
        service("a", [IP], ASKS),
        service("b", [IP, "fd00::1"], ASKS),
        service("c", ["fd00::1"], { annotations: { "herald.io/l2-spread": "no" } }),
      ],
      notSpread: "spreadNotShared",
    },
  ] as const;
  for (const { name, services, notSpread } of refused) {
    it(`is announced by one node, which says why, when ${name}`, () => {
      const decisions = [...NODES.keys()].map((self) => decide(self, { services }));
      const announced = decisions.filter(({ type }) => type === "announce");
      assert.deepEqual(announced, [{ type: "announce", addresses: [IP], notSpread }]);
      assert.equal(decisions.filter(({ type }) => type === "withdraw").length, 2);
    });
  }

  it("says nothing of it about a Service that shares with it and did not ask", () => {
    const services = [service("a", [IP]), service("b", [IP], ASKS)];
    const announced = [...NODES.keys()].map((self) => decide(self, { services }));
    assert.deepEqual(
      announced.filter(({ type }) => type === "announce"),
      [{ type: "announce", addresses: [IP] }],
    );
  });

  it("is announced by one node while a speaker takes part that knows of owners only", () => {
    const made = [...NODES.keys()].map((self) => madeFor(self, { services: [service("a", [IP], ASKS)] }));
    assert.deepEqual(
      made.map((each) => each.setClaiming(false)),
      [true, true, true],
    );
    const announced = made.map((each) => each.decide(key)).filter(({ type }) => type === "announce");
    assert.deepEqual(announced, [{ type: "announce", addresses: [IP], notSpread: "spreadForeign" }]);
    assert.deepEqual(
      made.map((each) => each.setClaiming(true)),
      [true, true, true],
    );
    assert.ok(made.every((each) => "spread" in each.decide(key)));
  });

  it("is decided about anew when a sharer stops asking, and when it goes", () => {
    const made = madeFor("iris1", { services: [service("a", [IP], ASKS), service("b", [IP], ASKS)] });
    assert.deepEqual([...made.setService(service("b", [IP]))].sort(), ["default/a", "default/b"]);
    assert.equal("spread" in made.decide(key), false);
    assert.deepEqual([...made.setService(service("b", [OTHER]))].sort(), ["default/a", "default/b"]);
    assert.equal("spread" in made.decide(key), true);
  });

  it("is spread over the nodes that are left, on all of them alike, whatever is told", () => {
    const names = [...NODES.keys()];
    const wish = fc.constantFrom({}, ASKS, { annotations: { "herald.io/l2-spread": "?" } });
    fc.assert(
      fc.property(fc.subarray(names), wish, wish, fc.constantFrom(IP, OTHER), (usable, one, two, ip) => {
        const nodes = new Map(names.map((name) => [name, usable.includes(name) ? fit : excluded]));
        const services = [service("a", [IP], one), service("b", [ip], two)];
        const decisions = names.map((self) => decide(self, { services, nodes }));
        const announcers = names.filter((_, index) => decisions[index]?.type === "announce");
        const isSpread = one === ASKS && (ip === OTHER || two === ASKS);
        if (isSpread) assert.deepEqual(announcers, usable);
        else assert.equal(announcers.length, Math.min(1, usable.length));
        for (const decision of decisions) {
          if (decision.type === "announce" && isSpread) assert.deepEqual(decision.spread?.nodes, usable);
        }
      }),
    );
  });
});
