import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BgpEffect } from "./effect.ts";
import { formatPrefix, parsePrefix } from "./prefix.ts";
import { RouteTable } from "./route.ts";
import { Bench, KEEPALIVE, RESTART, theirOpen } from "./testdata/bench.ts";
import { RouterTable } from "./testdata/router-table.ts";

const COUNT = 10_000;
const put = (table: RouteTable, text: string, med: number): void => {
  const prefix = parsePrefix(text) ?? assert.fail(text);
  table.set(formatPrefix(prefix), [{ prefix, pathId: 0, attributes: { med } }]);
};

/** Ten thousand addresses. */
function largeTable(): RouteTable {
  const table = new RouteTable();
  for (let at = 0; at < COUNT; at += 1) put(table, `10.0.${at >> 8}.${at & 255}/32`, 1);
  return table;
}

/** A router that writes down what it hears. */
class Router {
  readonly table = new RouterTable({ asnOctets: 4, external: true, pathIds: [] });
  readonly bench = new Bench();

  /** Lets the session do what it is due to. @returns in how many turns. */
  settle(): number {
    const { session, now } = this.bench;
    for (let turns = 0; ; turns += 1) {
      if ((session.nextWake() ?? Number.POSITIVE_INFINITY) > now) return turns;
      this.hear(session.wake(now));
    }
  }

  hear(effects: readonly BgpEffect[]): void {
    for (const effect of effects) if (effect.type === "send") this.table.take(effect.bytes);
  }
}

describe("a large table", () => {
  it("is told in turns between which others have theirs, and its end is told last", () => {
    const router = new Router();
    const { bench } = router;
    bench.reach("open-confirm", theirOpen({}, [{ type: "graceful-restart", ...RESTART, families: [] }]));
    bench.session.handle({ type: "routes", routes: largeTable() }, 0);
    router.hear(bench.session.handle({ type: "bytes", connection: 1, bytes: KEEPALIVE }, 0));
    assert.deepEqual([router.table.routes.size, router.table.ended], [0, []]);
    assert.ok(router.settle() > 3);
    assert.deepEqual([router.table.routes.size, bench.session.status().told[4]], [COUNT, COUNT]);
    assert.deepEqual(router.table.ended, [4, 6]);
  });

  it("that changes between two turns is told as it is in the end", () => {
    const router = new Router();
    const table = largeTable();
    const { session } = router.bench.reach("established");
    router.hear(session.handle({ type: "routes", routes: table }, 0));
    put(table, "10.0.0.1/32", 2);
    table.set("10.0.0.2/32", []);
    router.hear(session.handle({ type: "routes", routes: table }, 0));
    router.settle();
    assert.equal(router.table.routes.size, COUNT - 1);
    assert.equal(router.table.routes.get("10.0.0.1/32")?.attributes.med, 2);
  });

  it("is taken back at once: good-bye may be what follows", () => {
    const router = new Router();
    const { session } = router.bench.reach("established");
    router.hear(session.handle({ type: "routes", routes: largeTable() }, 0));
    router.settle();
    router.hear(session.handle({ type: "routes", routes: new RouteTable() }, 0));
    assert.equal(router.table.routes.size, 0);
  });

  it("is let go with its session", () => {
    const router = new Router();
    const { bench } = router;
    bench.reach("established");
    router.hear(bench.session.handle({ type: "routes", routes: largeTable() }, 0));
    bench.closed();
    assert.deepEqual([router.settle(), bench.session.status().told[4], router.table.routes.size], [0, 0, 0]);
  });
});
