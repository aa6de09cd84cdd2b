import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ServiceKey } from "@herald/shared/service/view";
import fc from "fast-check";
import type { UsableInterfaces } from "./interface-rules.ts";
import type { CandidateNode, Decision } from "./plan.ts";
import type { Planner } from "./planner.ts";
import { advertisement, config, excluded, fit, labelled, on, planner, service } from "./planner-fixture.ts";

type Step =
  | { type: "service"; name: string; ips: readonly string[]; policy: "Cluster" | "Local" }
  | { type: "remove"; name: string }
  | { type: "endpoints"; name: string; nodes: readonly string[] }
  | { type: "nodes"; fit: readonly string[]; excluded: readonly string[] }
  | { type: "advertisements"; which: readonly number[] }
  | { type: "interfaces"; of: readonly (readonly string[] | "all")[] };

const runs = { numRuns: 500 };
const NAMES = ["a", "b", "c"];
const NODES = ["iris1", "iris2", "iris3"];
const ADVERTISEMENTS = [
  advertisement(),
  advertisement({
    nodeSelectors: [labelled("name", "iris1"), labelled("name", "iris3")],
    interfaces: ["eth1"],
  }),
  advertisement({ interfaces: ["eth0"], serviceSelectors: [labelled("app", "a"), labelled("app", "b")] }),
  advertisement({ preferredNodeSelectors: [{ weight: 3, preference: labelled("name", "iris3") }] }),
];
const interfaces = fc.oneof(fc.constant("all" as const), fc.subarray(["eth0", "eth1", "eth2"]));
const name = fc.constantFrom(...NAMES);
const ips = fc.oneof(
  fc.uniqueArray(fc.constantFrom("10.20.30.1", "10.20.30.2"), { minLength: 0, maxLength: 1 }),
  fc.tuple(fc.constantFrom("10.20.30.1", "10.20.30.2", "10.20.30.3"), fc.constantFrom("fd00::1", "fd00::2")),
  fc.tuple(fc.constantFrom("fd00::1", "fd00::2")),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant("service" as const),
    name,
    ips,
    policy: fc.constantFrom("Cluster" as const, "Local" as const),
  }),
  fc.record({ type: fc.constant("remove" as const), name }),
  fc.record({ type: fc.constant("endpoints" as const), name, nodes: fc.subarray(NODES) }),
  fc.record({ type: fc.constant("nodes" as const), fit: fc.subarray(NODES), excluded: fc.subarray(NODES) }),
  fc.record({
    type: fc.constant("advertisements" as const),
    which: fc.subarray([...ADVERTISEMENTS.keys()], { minLength: 1 }),
  }),
  fc.record({ type: fc.constant("interfaces" as const), of: fc.tuple(interfaces, interfaces, interfaces) }),
);

const nodesOf = (s: Extract<Step, { type: "nodes" }>): Map<string, CandidateNode> =>
  new Map([
    ...s.fit.map((node) => [node, { ...fit, labels: { name: node } }] as const),
    ...s.excluded.map((node) => [node, excluded] as const),
  ]);

/** @returns the Services it says to decide about again. */
function tell(made: Planner, s: Step): readonly string[] {
  const everybody = NAMES.map((each) => `default/${each}`);
  switch (s.type) {
    case "service":
      return made.setService(
        service(s.name, s.ips, { externalTrafficPolicy: s.policy, labels: { app: s.name } }),
      );
    case "remove":
      return made.removeService(`default/${s.name}` as ServiceKey);
    case "endpoints":
      return made.setEndpoints(`default/${s.name}` as ServiceKey, on(...s.nodes));
    case "nodes":
      return made.setNodes(nodesOf(s)) ? everybody : [];
    case "interfaces":
      return tellInterfaces(made, interfacesOf(s)) ? everybody : [];
    case "advertisements": {
      const l2Advertisements = ADVERTISEMENTS.filter((_, index) => s.which.includes(index));
      made.configure({ pools: config.pools, l2Advertisements });
      return everybody;
    }
  }
}

/** @returns whether decisions may be others now. */
function tellInterfaces(made: Planner, interfaces: ReadonlyMap<string, UsableInterfaces>): boolean {
  const nodes = [...new Set([...NODES, ...interfaces.keys()])];
  return nodes.map((name) => made.setInterfaces(name, interfaces.get(name))).includes(true);
}

function interfacesOf({ of }: Extract<Step, { type: "interfaces" }>): Map<string, UsableInterfaces> {
  return new Map(
    NODES.map((node, index) => {
      const names = of[index] ?? "all";
      return [node, names === "all" ? names : new Set(names)];
    }),
  );
}

/** What a step tells about; a later step about the same leaves nothing of it. */
function subjectOf(s: Step): string {
  if (!("name" in s)) return s.type;
  return `${s.type === "endpoints" ? "endpoints" : "service"} ${s.name}`;
}

const decisions = (made: Planner): Decision[] =>
  NAMES.map((each) => made.decide(`default/${each}` as ServiceKey));

describe("Planner, whatever happens", () => {
  it("decides what a fresh planner would that is told only how things stand", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: "max" }), (history) => {
        const lived = planner("iris1");
        const last = new Map<string, Step>();
        for (const s of history) {
          tell(lived, s);
          decisions(lived);
          last.set(subjectOf(s), s);
        }
        const fresh = planner("iris1");
        for (const s of last.values()) tell(fresh, s);
        assert.deepEqual(decisions(lived), decisions(fresh));
      }),
      runs,
    );
  });

  it("tells of every decision that a change makes another one", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: "max" }), (history) => {
        const made = planner("iris1");
        for (const s of history) {
          const before = decisions(made);
          const touched = tell(made, s);
          const after = decisions(made);
          const changed = NAMES.filter(
            (_, index) => JSON.stringify(before[index]) !== JSON.stringify(after[index]),
          );
          assert.deepEqual(
            changed.filter((each) => !touched.includes(`default/${each}`)),
            [],
          );
        }
      }),
      runs,
    );
  });

  it("never lets two nodes announce one address, nor one Service of two families from two nodes", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: "max" }), (history) => {
        const planners = NODES.map((self) => planner(self));
        for (const s of history) for (const made of planners) tell(made, s);
        const speakers = planners.flatMap((made, index) =>
          decisions(made).flatMap((decision) =>
            decision.type === "announce" ? decision.addresses.map((ip) => `${ip} ${index}`) : [],
          ),
        );
        const perAddress = Map.groupBy(new Set(speakers), (entry) => entry.split(" ")[0]);
        assert.deepEqual(
          [...perAddress.values()].filter((nodes) => nodes.length > 1),
          [],
        );
      }),
      runs,
    );
  });
});
