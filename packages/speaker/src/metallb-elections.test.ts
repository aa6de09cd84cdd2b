import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { planner } from "./planner-fixture.ts";
import { type RecordedCluster, readRecording } from "./testdata/recorded-cluster.ts";

/** For each Service the nodes that announce it, each asked for itself, and on which interfaces. */
function announcersOf({ ignoresExcludeLabel, nodes, config, services }: RecordedCluster): readonly string[] {
  const planners = [...nodes.keys()].map((self) => {
    const made = planner(self, nodes, ignoresExcludeLabel);
    made.configure(config);
    for (const { view, endpoints } of services) {
      made.setService(view);
      made.setEndpoints(view.key, endpoints);
    }
    return { self, made };
  });
  return services.map(({ view }) => {
    const announcers = planners.flatMap(({ self, made }) => {
      const decision = made.decide(view.key);
      return decision.type === "announce" ? [`${self} on ${decision.interfaces?.join("+") ?? "all"}`] : [];
    });
    return announcers.join(" and ") || "nobody";
  });
}

// No two Services share an address, and every node has every interface: there docs/differences.md has something to say.
describe("who announces on layer 2", () => {
  const clusters = readRecording("metallb-elections.txt", "l2Advertisements");

  for (const [index, cluster] of clusters.entries()) {
    it(`is whom MetalLB elects, in recorded cluster ${index + 1}`, () => {
      assert.deepEqual(announcersOf(cluster), cluster.results);
    });
  }

  it("was recorded in sixty clusters, of four Services each", () => {
    assert.deepEqual([clusters.length, clusters.flatMap(({ results }) => results).length], [60, 240]);
  });
});
