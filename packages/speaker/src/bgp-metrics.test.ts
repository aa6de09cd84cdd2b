import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Bench, routes } from "@herald/bgp/testdata/bench";
import { Registry } from "prom-client";
import { type BgpMetrics, createBgpMetrics, type SessionSight } from "./bgp-metrics.ts";

const TOR = { peer: "192.0.2.254:179", vrf: "default" };
const RED = { ...TOR, vrf: "red" };

/** A session with a router, with a table of one prefix; @param isUp whether the router has it. */
function sight(labels: SessionSight["labels"], isUp: boolean): SessionSight {
  const bench = new Bench().reach(isUp ? "established" : "idle");
  bench.handle({ type: "routes", routes: routes("203.0.113.1/32") });
  return { labels, status: bench.session.status(), wanted: 1 };
}

describe("the metrics of BGP", () => {
  let registry: Registry;
  let metrics: BgpMetrics;
  beforeEach(() => {
    registry = new Registry();
    metrics = createBgpMetrics(registry);
  });
  const series = async (name: string): Promise<readonly string[]> => {
    const lines = (await registry.getSingleMetricAsString(name)).split("\n");
    return lines.filter((line) => line.startsWith(name)).map((line) => line.slice(name.length));
  };

  for (const [order, ups] of [
    ["the first", [false, true]],
    ["the last", [true, false]],
  ] as const) {
    it(`are the worst of the sessions with one router from several addresses, where ${order} is down`, async () => {
      const sights = [...ups.map((isUp) => sight(TOR, isUp)), sight(RED, true)];
      metrics.watch(() => sights);
      for (const [name, worst, good] of [
        ["metallb_bgp_session_up", 0, 1],
        ["metallb_bgp_announced_prefixes_total", 0, 1],
        ["metallb_bgp_pending_prefixes_total", 1, 0],
      ] as const) {
        assert.deepEqual(await series(name), [
          `{peer="192.0.2.254:179",vrf="default"} ${worst}`,
          `{peer="192.0.2.254:179",vrf="red"} ${good}`,
        ]);
      }
    });
  }

  it("count what all of them did", async () => {
    metrics.watch(() => [sight(TOR, true), sight(TOR, true)]);
    assert.deepEqual(await series("metallb_bgp_updates_total"), ['{peer="192.0.2.254:179",vrf="default"} 2']);
  });

  it("are kept until the last of them is gone", async () => {
    let sights = [sight(TOR, true), sight(RED, true)];
    metrics.watch(() => sights);
    metrics.downs.inc({ ...TOR, reason: "closed" });
    metrics.forget(TOR); // of another session from another address
    assert.deepEqual((await series("herald_speaker_bgp_downs_total")).length, 1);
    sights = [sight(RED, true)];
    metrics.forget(TOR);
    assert.deepEqual(await series("herald_speaker_bgp_downs_total"), []);
  });
});
