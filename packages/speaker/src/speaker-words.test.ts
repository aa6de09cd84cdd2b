import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { L2_SPREAD } from "@herald/shared/service/annotations";
import type { ServiceView } from "@herald/shared/service/view";
import { fit, on, service } from "./planner-fixture.ts";
import { drained, FIRST, giveUp, NAMES, type Name, Pair, parted, SECOND, VIP } from "./testdata/pair.ts";

const DAY_MS = 86_400_000;
const web = service("web", [VIP]);
/** What stands in its status, in short. */
const stands = (pair: Pair): string => {
  const { status, reason, message } = pair.conditions.get(web.key) ?? {};
  return `${status} ${reason}${status === "True" ? `: ${message}` : ""}`;
};
const announcedFrom = (name: Name): string => `True Announced: announced from node "${name}": ${VIP}`;
const meetAgain = (pair: Pair): void => {
  pair.gossips = true;
  pair.meet();
};

describe("what speakers say of a Service", () => {
  const [one, other] = ["aaa", "web"].map((name) =>
    service(name, [VIP], { externalTrafficPolicy: "Local" }),
  ) as [ServiceView, ServiceView];

  for (const reads of [false, true]) {
    it(`names the node that keeps an address that another claimed alone, ${reads ? "" : "not "}having read so`, () => {
      const pair = parted();
      pair.reads = reads;
      for (const name of NAMES) pair.apply(name, drained(SECOND));
      assert.deepEqual([stands(pair), pair.named.get(web.key)], [announcedFrom(SECOND), SECOND]);
      meetAgain(pair);
      pair.clock.advance(1_100);
      assert.deepEqual(
        [pair.answering(), stands(pair), pair.named.get(web.key), pair.writes],
        [[FIRST], announcedFrom(FIRST), FIRST, 3],
      );
      pair.clock.advance(DAY_MS);
      assert.equal(pair.writes, 3);
    });
  }

  it("names the node that kept an address when another is gone that claimed it alone", () => {
    const pair = parted();
    pair.reads = true;
    pair.apply(FIRST, { type: "service", service: web });
    pair.stop(SECOND);
    pair.write(web.key, { status: "True", reason: "Announced", message: "announced from that one" });
    pair.named.set(web.key, SECOND);
    pair.clock.advance(29_000);
    assert.equal(pair.named.get(web.key), SECOND);
    pair.clock.advance(2_000);
    assert.deepEqual([stands(pair), pair.named.get(web.key)], [announcedFrom(FIRST), FIRST]);
    const { writes } = pair;
    pair.clock.advance(DAY_MS);
    assert.equal(pair.writes, writes);
  });

  it("is what the one says that answers, once another has taken it for a stranger and met it", () => {
    const pair = new Pair([FIRST], "defend");
    pair.reads = true;
    pair.clock.advance(2_000);
    pair.gossips = false;
    pair.start(SECOND);
    pair.clock.advance(900);
    assert.deepEqual(stands(pair), "False AddressQuarantined");
    pair.clock.advance(1_100);
    assert.deepEqual(stands(pair), announcedFrom(FIRST));
    meetAgain(pair);
    const { writes } = pair;
    pair.clock.advance(DAY_MS);
    assert.deepEqual([stands(pair), pair.writes], [announcedFrom(FIRST), writes]);
  });

  it("is not fought over by two that announce it without knowing of each other", () => {
    const pair = parted();
    pair.reads = true;
    for (const name of NAMES) pair.apply(name, { type: "service", service: web });
    pair.write(web.key, { status: "False", reason: "NoEndpoints", message: "no pods" });
    pair.clock.advance(DAY_MS / 24);
    const { writes } = pair;
    assert.ok(writes <= 20, `${writes} in an hour`);
    pair.clock.advance(DAY_MS);
    assert.ok(pair.writes - writes <= 12, `${pair.writes} in a day`);
    meetAgain(pair);
    pair.clock.advance(2 * DAY_MS);
    assert.deepEqual([stands(pair)], pair.answering().map(announcedFrom));
  });

  it("is written once for each node that takes over, whether from one that is drained or one that is gone", () => {
    const pair = new Pair(NAMES, "defend");
    pair.reads = true;
    pair.meet();
    pair.clock.advance(DAY_MS);
    const [holder] = pair.answering() as [Name];
    const heir = NAMES.find((name) => name !== holder) as Name;
    const { writes } = pair;
    for (const name of NAMES) pair.apply(name, drained(holder));
    pair.clock.advance(DAY_MS);
    assert.deepEqual([stands(pair), pair.writes - writes], [announcedFrom(heir), 1]);
    for (const name of NAMES) pair.apply(name, { type: "node", name: holder, node: fit });
    pair.stop(heir);
    pair.members(holder, []);
    pair.clock.advance(DAY_MS);
    assert.deepEqual([stands(pair), pair.writes - writes], [announcedFrom(holder), 2]);
  });

  it("is what others write while one leaves all to them", () => {
    const pair = new Pair([FIRST], "defend");
    pair.reads = true;
    pair.clock.advance(2_000);
    void pair.of(FIRST).drain();
    pair.write(web.key, { status: "False", reason: "AddressQuarantined", message: "given up" });
    pair.clock.advance(4_000);
    assert.deepEqual([pair.answering(), stands(pair)], [[FIRST], "False AddressQuarantined"]);
  });

  it("is that several nodes announce it once the one of them is gone that gave it up", () => {
    const pair = new Pair(NAMES, "defend");
    pair.reads = true;
    pair.meet();
    const spread = service("web", [VIP], { annotations: { [L2_SPREAD]: "per-client" } });
    for (const name of NAMES) pair.apply(name, { type: "service", service: spread });
    pair.clock.advance(10_000);
    giveUp(pair, SECOND);
    pair.clock.advance(10_000);
    assert.equal(stands(pair), "False AddressQuarantined");
    const { writes } = pair;
    pair.stop(SECOND);
    pair.members(FIRST, []);
    pair.clock.advance(3_000);
    assert.deepEqual(
      [stands(pair), pair.writes - writes],
      [`True Announced: announced from several nodes, each for its share of the clients: ${VIP}`, 1],
    );
  });

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
