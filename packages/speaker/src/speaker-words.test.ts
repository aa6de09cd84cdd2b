import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { on, service } from "./planner-fixture.ts";
import { FIRST, NAMES, Pair, SECOND, VIP } from "./testdata/pair.ts";

describe("what speakers say of a Service", () => {
  const [one, other] = ["aaa", "web"].map((name) =>
    service(name, [VIP], { externalTrafficPolicy: "Local" }),
  ) as [ReturnType<typeof service>, ReturnType<typeof service>];

  for (const [first, order] of [
    [[FIRST, SECOND], "hears of it first"],
    [[SECOND, FIRST], "hears of it last"],
  ] as const) {
    it(`names no node where its address went to one that cannot serve it, when the one before ${order}`, () => {
      const pair = new Pair();
      pair.meet();
      for (const name of NAMES) {
        for (const view of [one, other])
          pair.apply(
            name,
            { type: "service", service: view },
            { type: "endpoints", key: view.key, endpoints: on(FIRST) },
          );
      }
      pair.clock.advance(10_000);
      const [before, by] = [pair.answering(), [...pair.named]];
      for (const name of first) {
        pair.apply(name, { type: "endpoints", key: one.key, endpoints: on(SECOND) });
        pair.clock.advance(100);
      }
      pair.clock.advance(10_000);
      assert.deepEqual(
        [before, by.toSorted(), pair.answering(), [...pair.named]],
        [
          [FIRST],
          [
            [one.key, FIRST],
            [other.key, FIRST],
          ],
          [SECOND],
          [[one.key, SECOND]],
        ],
      );
    });
  }
});
