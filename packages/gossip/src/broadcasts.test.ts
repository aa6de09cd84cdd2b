import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Broadcasts, type News, SHORTEST_NEWS_OCTETS } from "./broadcasts.ts";

const suspect = (node: string, from = "x"): News => ({ type: "suspect", incarnation: 1, node, from });

describe("news to tell", () => {
  it("is dropped once it was told as often as the limit says", () => {
    const broadcasts = new Broadcasts<News>(SHORTEST_NEWS_OCTETS);
    broadcasts.queue("a", suspect("a"), 30);
    const told = Array.from({ length: 5 }, () => broadcasts.take(1_400, 2, 4, 254).length);
    assert.deepEqual(told, [1, 1, 1, 1, 0]);
    assert.equal(broadcasts.size, 0);
  });

  it("about one member has the newest say, told as often as any other news", () => {
    const broadcasts = new Broadcasts<News>(SHORTEST_NEWS_OCTETS);
    broadcasts.queue("a", suspect("a"), 30);
    broadcasts.take(1_400, 2, 2, 254);
    broadcasts.queue("a", suspect("a", "y"), 30);
    const told = [1, 2, 3].map(() => broadcasts.take(1_400, 2, 2, 254));
    assert.deepEqual(told, [[suspect("a", "y")], [suspect("a", "y")], []]);
  });

  it("goes out by how little it was told before", () => {
    const broadcasts = new Broadcasts<News>(SHORTEST_NEWS_OCTETS);
    broadcasts.queue("a", suspect("a"), 30);
    broadcasts.take(1_400, 2, 4, 254);
    broadcasts.queue("b", suspect("b"), 30);
    assert.deepEqual(broadcasts.take(32, 2, 4, 254), [suspect("b")]);
    assert.deepEqual(broadcasts.take(64, 2, 4, 254), [suspect("a"), suspect("b")]);
  });

  it("leaves the room that a long piece does not fit into to a shorter one", () => {
    const broadcasts = new Broadcasts<News>(SHORTEST_NEWS_OCTETS);
    broadcasts.queue("long", suspect("long"), 500);
    broadcasts.queue("short", suspect("short"), 30);
    assert.deepEqual(broadcasts.take(100, 2, 4, 254), [suspect("short")]);
  });

  it("stays within room and number, and no piece is told more often than the limit", () => {
    const step = fc.oneof(
      fc.record({
        type: fc.constant("queue" as const),
        node: fc.integer({ min: 0, max: 9 }),
        octets: fc.integer({ min: 27, max: 600 }),
      }),
      fc.record({
        type: fc.constant("take" as const),
        room: fc.integer({ min: -10, max: 1_400 }),
        parts: fc.integer({ min: 0, max: 5 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const broadcasts = new Broadcasts<News>(SHORTEST_NEWS_OCTETS);
        const octetsOf = new Map<News, number>();
        const told = new Map<News, number>();
        for (const each of steps) {
          if (each.type === "queue") {
            const news = suspect(`n${each.node}`);
            octetsOf.set(news, each.octets);
            broadcasts.queue(`n${each.node}`, news, each.octets);
            continue;
          }
          const taken = broadcasts.take(each.room, 2, 3, each.parts);
          const used = taken.map((news) => (octetsOf.get(news) as number) + 2).reduce((a, b) => a + b, 0);
          assert.ok(taken.length <= each.parts && used <= Math.max(0, each.room));
          for (const news of taken) assert.ok(count(told, news) <= 3);
        }
        assert.ok(broadcasts.size <= 10);
      }),
    );
  });
});

function count(told: Map<News, number>, news: News): number {
  const times = (told.get(news) ?? 0) + 1;
  told.set(news, times);
  return times;
}
