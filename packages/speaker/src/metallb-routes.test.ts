import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RouteAttributes } from "@herald/bgp/route";
import { BgpPlan } from "./bgp-plan.ts";
import { type RecordedCluster, readRecording } from "./testdata/recorded-cluster.ts";

/** What each node tells each router of our own system: node, router, prefix, LOCAL_PREF, communities. Sorted. */
function routesOf({ ignoresExcludeLabel, nodes, config, services }: RecordedCluster): readonly string[] {
  return [...nodes.keys()]
    .flatMap((self) => {
      const options = { ignoreExcludeLb: ignoresExcludeLabel, drainOnCordon: false, drainOnNotReady: false };
      const plan = new BgpPlan({ self, options: { ...options, lbClass: undefined } });
      // What was recorded is what sessions were given; which of it goes over one of a single family came after that.
      const peers = config.peers.map((peer) => ({ ...peer, dualStackAddressFamily: true }));
      plan.configure({ ...config, peers });
      plan.setNodes(nodes);
      for (const { view, endpoints } of services) {
        plan.setService(view);
        plan.setEndpoints(view.key, endpoints);
      }
      for (const _ of plan.work());
      return plan.plans.flatMap(({ peer, routes }) =>
        [...routes.best()].map(([prefix, { attributes }]) =>
          [self, peer.name, prefix, ...inWords(attributes)].join(" "),
        ),
      );
    })
    .sort();
}

function inWords({ localPref, communities = [], largeCommunities = [] }: RouteAttributes): readonly string[] {
  return [
    ...(localPref === undefined ? [] : [`localPref=${localPref}`]),
    ...[...communities, ...largeCommunities.map((text) => `large:${text}`)].sort(),
  ];
}

// Advertisements that disagree on LOCAL_PREF are left out: there docs/differences.md has something to say.
describe("what routers are told", () => {
  const clusters = readRecording("metallb-routes.txt", "bgpAdvertisements");

  for (const [index, cluster] of clusters.entries()) {
    it(`is what MetalLB tells them, in recorded cluster ${index + 1}`, () => {
      assert.deepEqual(routesOf(cluster), [...cluster.results].sort());
    });
  }

  it("was recorded in two dozen clusters, with routes in each", () => {
    assert.deepEqual([clusters.length, clusters.every(({ results }) => results.length > 0)], [24, true]);
  });
});
