import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeBook, encodePage } from "@herald/layer2/claims/claim-codec";
import { ConflictGuard } from "@herald/layer2/conflict";
import { Election } from "@herald/layer2/election";
import type { IpAddress } from "@herald/shared/ip/address";
import { L2_SPREAD } from "@herald/shared/service/annotations";
import type { Change } from "./kubernetes-protocol.ts";
import { Planner } from "./planner.ts";
import { fit, on, service } from "./planner-fixture.ts";
import {
  digest,
  drained,
  FIRST,
  giveUp,
  NAMES,
  type Name,
  Pair,
  parted,
  SECOND,
  VIP,
} from "./testdata/pair.ts";

/** These and nobody else answer, all the time. */
function expectAnswers(pair: Pair, names: readonly Name[], forMs: number, everyMs = 50): void {
  for (const until = pair.clock.now() + forMs; pair.clock.now() < until; ) {
    assert.deepEqual(pair.answering(), names);
    pair.clock.advance(everyMs);
  }
}

describe("speakers that claim", () => {
  it("leave an address to the newer claim at once when a partition heals", () => {
    const pair = parted();
    assert.deepEqual(pair.answering(), NAMES);
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, NAMES);
    pair.exchange();
    assert.equal(pair.answering().length, 1);
  });

  it("leave an address with whoever holds it, and take it back after the time of quiet", () => {
    const pair = parted();
    pair.of(FIRST).setMembers(new Set([SECOND])); // not up to it yet
    pair.clock.advance(6_000);
    pair.gossips = true;
    pair.meet();
    assert.deepEqual(pair.answering(), [SECOND]);
    pair.clock.advance(59_000);
    assert.deepEqual(pair.answering(), [SECOND]);
    pair.clock.advance(2_000);
    assert.deepEqual(pair.answering(), [FIRST]);
  });

  it("ask for an address that nobody has held, whoever held what its Service had before", () => {
    const pair = new Pair([SECOND], "defend");
    pair.members(SECOND, NAMES);
    pair.clock.advance(2_000);
    pair.apply(SECOND, drained(SECOND));
    const last = Array.from({ length: 99 }, (_, index) => `192.0.2.${100 + index}` as IpAddress);
    const other = last.find((each) => new Election(digest).ownerOf(each, NAMES) === SECOND) as IpAddress;
    pair.apply(
      SECOND,
      { type: "service", service: service("web", [other]) },
      { type: "node", name: SECOND, node: fit },
    );
    assert.deepEqual(pair.answering(other), []);
    pair.clock.advance(1_000);
    assert.deepEqual(pair.answering(other), [SECOND]);
  });

  for (const meetAfterMs of [300, 5_000]) {
    it(`leave an address to whoever answers, when one starts that meets nobody for ${meetAfterMs} ms`, () => {
      const pair = new Pair([FIRST], "defend");
      pair.clock.advance(2_000);
      pair.gossips = false;
      const { said } = pair;
      pair.start(SECOND);
      expectAnswers(pair, [FIRST], meetAfterMs);
      assert.equal(pair.said, said, "nothing is claimed");
      pair.gossips = true;
      pair.meet();
      expectAnswers(pair, [FIRST], 3_000);
    });
  }

  it("leave an address to a claim that comes in the moment in which they would begin", () => {
    const waiting = (): Pair => {
      const pair = new Pair([SECOND], "defend");
      pair.members(SECOND, NAMES);
      return pair;
    };
    const dry = waiting();
    while (dry.said === 0) dry.clock.runUntil(dry.clock.nextDue() ?? 0);
    const begins = dry.clock.now();
    const pair = waiting();
    const claims = [{ address: VIP, epoch: 1_700_000_000_500 }];
    const page = encodePage({ speaker: FIRST, life: 1_700_000_000_001, version: 1, claims });
    pair.clock.at(begins, () => pair.of(SECOND).claims.state(encodeBook([page])));
    pair.clock.advance(begins + 10);
    assert.deepEqual([pair.answering(), pair.said], [[], 0]);
  });

  /** Neither hears the other; the second is the newer one. */
  const unheard = (): Pair => {
    const pair = new Pair([FIRST], "defend");
    pair.wired = false;
    pair.gossips = false;
    pair.clock.advance(2_000);
    pair.start(SECOND);
    pair.clock.advance(2_000);
    assert.deepEqual(pair.answering(), NAMES);
    return pair;
  };
  const reunite = (pair: Pair): void => {
    pair.wired = true;
    pair.gossips = true;
    pair.meet();
  };

  it("leave an address to the one that goes on when the other had the newer claim and gave it up to a stranger", () => {
    const pair = unheard();
    giveUp(pair, SECOND);
    assert.deepEqual(pair.answering(), [FIRST]);
    reunite(pair);
    expectAnswers(pair, [FIRST], 3_000);
  });

  it("take an address from nobody while they leave it to a stranger, though that one may not own it", () => {
    const pair = unheard();
    giveUp(pair, FIRST);
    pair.apply(FIRST, drained(SECOND));
    reunite(pair);
    expectAnswers(pair, [SECOND], 3_000);
  });

  it("claim nothing that they lost, though they would have it", () => {
    const pair = parted();
    pair.gossips = true;
    pair.meet();
    pair.apply(FIRST, drained(SECOND));
    pair.apply(SECOND, drained(FIRST));
    for (let ms = 0; ms < 10_000; ms += 100) {
      pair.clock.advance(100);
      assert.deepEqual(pair.claiming(), pair.answering());
    }
  });

  it("leave an address that one gave up to a stranger alone: each in turn would have it out with that one", () => {
    const pair = new Pair(NAMES, "defend");
    pair.meet();
    pair.clock.advance(2_000);
    const [holder] = pair.answering();
    giveUp(pair, holder as Name);
    expectAnswers(pair, [], 10_000);
  });

  /** The first to hold it gave it up to a stranger. */
  const leftToStranger = (): Pair => {
    const pair = new Pair([FIRST], "defend");
    pair.clock.advance(2_000);
    pair.start(SECOND);
    pair.meet();
    assert.deepEqual(pair.answering(), [FIRST]);
    pair.stranger = true;
    giveUp(pair, FIRST);
    pair.clock.advance(1_000);
    assert.deepEqual(pair.answering(), []);
    return pair;
  };

  it("ask for an address that one left to a stranger before they take it over when that one is gone", () => {
    const pair = leftToStranger();
    pair.stop(FIRST);
    pair.members(SECOND, []);
    expectAnswers(pair, [], 2_000, 5);
  });

  it("ask for an address that one left to a stranger before they take it over from a drained node, and back", () => {
    const pair = leftToStranger();
    for (const name of NAMES) pair.apply(name, drained(FIRST));
    expectAnswers(pair, [], 2_000, 5);
    for (const name of NAMES) pair.apply(name, drained(SECOND), { type: "node", name: FIRST, node: fit });
    expectAnswers(pair, [], 2_000, 5);
  });

  it("ask for nothing that is taken over from one that answers, though it was left to a stranger before", () => {
    const pair = leftToStranger();
    pair.stranger = false;
    pair.clock.advance(61_000);
    assert.deepEqual(pair.answering(), [FIRST]);
    pair.stop(FIRST);
    pair.members(SECOND, []);
    assert.deepEqual(pair.answering(), [SECOND]);
  });

  /** A single node is left of those that an address is spread over, and sees that first. */
  const spreadOver = (pair: Pair, name: Name): void => {
    const annotations = { [L2_SPREAD]: "per-client" };
    const spread: Change = { type: "service", service: service("web", [VIP], { annotations }) };
    const other = NAMES.find((each) => each !== name) as Name;
    for (const each of [name, other]) pair.apply(each, spread, drained(other));
  };

  it("ask for an address that one left to a stranger before it is spread over another one alone", () => {
    const pair = leftToStranger();
    spreadOver(pair, SECOND);
    expectAnswers(pair, [], 2_000, 5);
  });

  it("ask for nothing that is spread over one alone, and was another's that answers", () => {
    const pair = new Pair([FIRST], "defend");
    pair.clock.advance(2_000);
    pair.start(SECOND);
    pair.meet();
    assert.deepEqual(pair.answering(), [FIRST]);
    spreadOver(pair, SECOND);
    assert.ok(pair.answering().includes(SECOND));
  });

  it("go through their Services piece by piece when a page tells of many claims", (t) => {
    const pair = new Pair();
    pair.members("node-1", ["node-2"]);
    const claimChanged = t.mock.method(Planner.prototype, "claimChanged");
    const judged = t.mock.method(ConflictGuard.prototype, "handle");
    const rivals = (): number =>
      judged.mock.calls.filter((call) => call.arguments[0].type === "rival").length;
    const claims = Array.from({ length: 200 }, (_, index) => ({
      address: `192.0.2.${index}` as IpAddress,
      epoch: 1_700_000_000_500,
    }));
    const page = encodePage({ speaker: "node-2", life: 1_700_000_000_001, version: 200, claims });
    pair.of("node-1").claims.state(encodeBook([page]));
    assert.deepEqual([claimChanged.mock.callCount(), rivals()], [0, 0]);
    pair.clock.advance(5);
    assert.equal(rivals(), 200);
    const told = claimChanged.mock.calls.map((call) => call.arguments[0]);
    assert.deepEqual(
      told,
      claims.map(({ address }) => address),
    );
  });

  it("take it back at once when asked to", () => {
    const pair = parted();
    pair.of(FIRST).setMembers(new Set([SECOND]));
    pair.clock.advance(6_000);
    pair.gossips = true;
    pair.meet();
    for (const name of NAMES) {
      pair.apply(name, { type: "node", name: FIRST, node: { ...fit, failBack: "now" } });
    }
    pair.clock.advance(10);
    assert.deepEqual(pair.answering(), [FIRST]);
  });

  it("go by the hash at once while a speaker of MetalLB is there", () => {
    const pair = parted();
    pair.of(FIRST).setMembers(new Set([SECOND]));
    pair.clock.advance(6_000);
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, [...NAMES, "metallb"], true);
    pair.exchange();
    pair.clock.advance(10);
    assert.deepEqual(pair.answering(), [FIRST]);
  });

  it("take over at once from one that is gone", () => {
    const pair = parted();
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, NAMES);
    pair.exchange();
    const [holder] = pair.answering();
    const heir = NAMES.find((name) => name !== holder) as Name;
    pair.members(heir, []);
    assert.ok(pair.answering().includes(heir));
  });

  it("announce nothing anew when one is gone but what it had", () => {
    const pair = new Pair();
    pair.meet();
    const addresses = Array.from({ length: 20 }, (_, index) => `192.0.2.${20 + index}` as IpAddress);
    const services = addresses.map((address) => service(address, [address]));
    for (const name of NAMES) {
      for (const each of services) {
        pair.apply(name, { type: "endpoints", key: each.key, endpoints: on(...NAMES) });
        pair.apply(name, { type: "service", service: each });
      }
    }
    pair.clock.advance(10_000); // whatever is repeated has been said
    const [gone, heir] = NAMES;
    const moved = [VIP, ...addresses].filter((address) => pair.answering(address).includes(gone));
    assert.ok(moved.length > 0 && moved.length <= addresses.length, "each has some");
    pair.announced.length = 0;
    pair.stop(gone);
    pair.members(heir, []);
    pair.clock.advance(1_000);
    assert.deepEqual(
      pair.announced.toSorted((a, b) => addresses.indexOf(a.address) - addresses.indexOf(b.address)),
      moved.map((address) => ({ by: heir, address })),
    );
  });

  it("wait for nobody with an address that no Service has any more", () => {
    const pair = parted();
    assert.ok(pair.answering().includes("node-1"));
    const moved = service("web", ["192.0.2.99"], { externalTrafficPolicy: "Local" });
    const elsewhere: Change = { type: "endpoints", key: moved.key, endpoints: on("node-2") };
    pair.apply("node-1", { type: "service", service: moved }, elsewhere);
    assert.ok(!pair.answering().includes("node-1"));
  });

  it("wait for no successor any more once the Service is gone", () => {
    const pair = parted();
    pair.members(SECOND, NAMES);
    pair.apply(SECOND, drained(SECOND));
    assert.ok(pair.answering().includes(SECOND), "it waits to hear who takes over");
    pair.apply(SECOND, { type: "service-gone", key: service("web", [VIP]).key });
    assert.ok(!pair.answering().includes(SECOND));
  });

  it("take an address from a drained node that claimed it while it saw nobody else", () => {
    const pair = parted();
    for (const name of NAMES) pair.apply(name, drained(SECOND));
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, NAMES);
    pair.exchange();
    pair.clock.advance(20);
    assert.deepEqual(pair.answering(), [FIRST]);
  });

  it("answer each other less and less often while each takes the other for the one to give way", () => {
    const pair = parted();
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, NAMES);
    pair.exchange();
    const saidWithin = (ms: number): number => {
      const before = pair.said;
      pair.clock.advance(ms);
      return pair.said - before;
    };
    const part = (): void => {
      pair.apply(FIRST, drained(SECOND));
      pair.apply(SECOND, drained(FIRST));
    };
    part();
    assert.ok(saidWithin(60_000) < 40);
    assert.ok(saidWithin(600_000) < 100, "once a minute each claims and loses, and both is passed on once");
    pair.apply(SECOND, { type: "node", name: FIRST, node: fit }, drained(SECOND));
    saidWithin(180_000);
    assert.equal(saidWithin(60_000), 0);
    pair.apply(SECOND, { type: "node", name: SECOND, node: fit });
    part();
    assert.ok(saidWithin(10_000) >= 5, "as soon as at first");
  });
});
