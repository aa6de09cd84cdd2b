import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConditionWish } from "@herald/k8s/service-condition";
import { loadConfig } from "@herald/shared/config/load";
import type { ServiceKey } from "@herald/shared/service/view";
import type { Change } from "./kubernetes-protocol.ts";
import { on, service } from "./planner-fixture.ts";
import { ESTABLISHED, type SessionNews } from "./session-news.ts";
import { NAMES, type Name, Pair } from "./testdata/pair.ts";

const [SPOKESMAN, OTHER] = NAMES;
const SERVICES = 500;
const CONFIG = loadConfig(`
peers:
- {peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512}
- {peer-address: 192.0.2.253, peer-asn: 64513, my-asn: 64512}
address-pools: [{name: a, protocol: bgp, addresses: [10.0.0.0/16]}]
`);
const [TOR, SPINE] = CONFIG.peers.map(({ name }) => name) as [string, string];
const services = Array.from({ length: SERVICES }, (_, index) =>
  service(`web-${index}`, [`10.0.${index >> 8}.${index & 255}`]),
);
const FIRST = services[0]?.key as ServiceKey;
/** What a pair begins with, and is no matter here. */
const WEB = "default/web" as ServiceKey;
const UP = "True Announced";
const DOWN = "False NoSession";

/** The trouble of each node with both routers. */
const sessions = (troubles: readonly [string, string] | string): Change => {
  const [tor, spine] = typeof troubles === "string" ? [troubles, troubles] : troubles;
  const ofAll = (trouble: string): ReadonlyMap<string, string> =>
    new Map(NAMES.map((name) => [name, trouble]));
  return say(
    new Map([
      [TOR, ofAll(tor)],
      [SPINE, ofAll(spine)],
    ]),
  );
};
const say = (news: SessionNews): Change => ({ type: "sessions", news });

class World extends Pair {
  constructor(names: readonly Name[] = NAMES) {
    super(names);
    this.reads = true;
    if (names.length > 1) this.meet();
    for (const name of names) this.begin(name);
  }

  begin(name: Name): void {
    const there = services.flatMap((view): Change[] => {
      const announced = this.conditions.get(view.key);
      return [
        { type: "service", service: announced === undefined ? view : { ...view, announced } },
        { type: "endpoints", key: view.key, endpoints: on(...NAMES) },
      ];
    });
    this.apply(name, { type: "config", config: CONFIG }, ...there);
  }

  override write(key: ServiceKey, wish: ConditionWish): void {
    if (key !== WEB) super.write(key, wish);
  }

  /** What all Services say after that time, and how often something was written meanwhile. */
  after(ms: number): readonly [string, number] {
    const before = this.writes;
    this.clock.advance(ms);
    const said = new Set([...this.conditions.values()].map(({ status, reason }) => `${status} ${reason}`));
    return [[...said].join(), this.writes - before];
  }
}

describe("a Service that only BGP announces", () => {
  it("is said to be announced once sessions are known, by the one speaker that follows them", () => {
    const world = new World();
    assert.deepEqual([...world.following], [SPOKESMAN]);
    assert.deepEqual(world.after(60_000), ["", 0]);
    world.apply(SPOKESMAN, sessions(ESTABLISHED));
    assert.deepEqual(world.after(60_000), [UP, SERVICES]);
  });

  it("is written once when all sessions end and once when one is back, and never for one of several", () => {
    const world = new World();
    world.apply(SPOKESMAN, sessions(ESTABLISHED));
    world.after(60_000);
    world.apply(SPOKESMAN, sessions(["refused", ESTABLISHED]));
    assert.deepEqual(world.after(60_000), [UP, 0]);
    world.apply(SPOKESMAN, sessions("refused"));
    assert.deepEqual(world.after(9_000), [UP, 0], "it may be back soon");
    assert.deepEqual(world.after(60_000), [DOWN, SERVICES]);
    assert.match(world.conditions.get(FIRST)?.message ?? "", /^no node can announce it by BGP: every node: /);
    world.apply(SPOKESMAN, sessions(["refused", ESTABLISHED]));
    assert.deepEqual(world.after(60_000), [UP, SERVICES]);
    world.apply(SPOKESMAN, sessions(ESTABLISHED));
    assert.deepEqual(world.after(86_400_000), [UP, 0]);
  });

  it("is not written when a router is back within ten seconds", () => {
    const world = new World();
    world.apply(SPOKESMAN, sessions(ESTABLISHED));
    world.after(60_000);
    world.apply(SPOKESMAN, sessions("closed"));
    world.after(5_000);
    world.apply(SPOKESMAN, sessions("refused"));
    world.after(4_000);
    world.apply(SPOKESMAN, sessions(ESTABLISHED));
    assert.deepEqual(world.after(60_000), [UP, 0]);
  });

  for (const [state, news] of [
    [UP, sessions(ESTABLISHED)],
    [DOWN, sessions("refused")],
  ] as const) {
    it(`stays ${state} when the speaker is started anew that said so`, () => {
      const world = new World();
      world.apply(SPOKESMAN, news);
      world.after(60_000);
      world.stop(SPOKESMAN);
      world.members(OTHER, []);
      assert.deepEqual([...world.following], [OTHER]);
      world.apply(OTHER, news);
      assert.deepEqual(world.after(8_000), [state, 0]);
      world.start(SPOKESMAN);
      world.begin(SPOKESMAN);
      world.meet();
      assert.deepEqual([...world.following], [SPOKESMAN]);
      world.apply(OTHER, sessions("what was on its way"));
      assert.deepEqual(world.after(60_000), [state, 0], "nothing is known yet of sessions");
      world.apply(SPOKESMAN, news);
      assert.deepEqual(world.after(86_400_000), [state, 0]);
    });
  }

  it("is said to be announced, perhaps, where nobody says how sessions stand", () => {
    const world = new World([SPOKESMAN]);
    world.apply(SPOKESMAN, say("unread"));
    assert.deepEqual(world.after(60_000), [UP, SERVICES]);
    assert.match(world.conditions.get(FIRST)?.message ?? "", /whether one is, is not known here/);
  });

  it("is no reason to follow sessions where there are no routers, or nothing to tell them", () => {
    const world = new World([SPOKESMAN]);
    const seen = [{ ...CONFIG, peers: [] }, CONFIG, { ...CONFIG, bgpAdvertisements: [] }].map((config) => {
      world.apply(SPOKESMAN, { type: "config", config });
      return world.following.size;
    });
    assert.deepEqual(seen, [0, 1, 0]);
  });
});
