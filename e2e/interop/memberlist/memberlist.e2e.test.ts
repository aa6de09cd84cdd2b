import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { PROFILES } from "@herald/gossip/options";
import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import { buildPeer, type MemberlistVersion } from "./build-peer.ts";
import { OurMember, suspectFor } from "./our-member.ts";
import { LIMIT_MS, Peer } from "./peer.ts";
import { Standstills } from "./standstills.ts";

const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER_KEY = "ff0102030405060708090a0b0c0d0e0f";
const clusters: readonly { name: string; label?: string; keys?: readonly string[] }[] = [
  { name: "in the clear" },
  { name: "labelled and encrypted", label: "herald", keys: [KEY] },
];
/**
 * All probe as often as ever, but suspect for longer than a process of a busy machine stands still: here whoever does is
 * suspected, says that it lives once it goes on, and is never taken for dead.
 */
const PATIENT = suspectFor(LIMIT_MS, PROFILES.default);
const PATIENT_FLAGS = ["--pace=fast", `--suspicion=${LIMIT_MS}ms`];
/** 298 ms on virtual time at most (docs/gossip.md), by a process that never waits for a processor. */
const DEAD_WITHIN_MS = 500;
/** What a standstill costs besides itself: probes under way are begun anew, and suspects are given another probe's time. */
const AFTER_STANDSTILL_MS = 3 * PROFILES.default.probeIntervalMs;

for (const version of ["0.5.1", "0.7.0"] as const) {
  for (const { name, ...framing } of clusters) describeCluster(version, name, framing);
}

/** Two real members of memberlist and two of ours, on loopback. */
function describeCluster(
  version: MemberlistVersion,
  how: string,
  framing: { label?: string; keys?: readonly string[] },
): void {
  describe(`one cluster with memberlist ${version}, ${how}`, () => {
    const everybody = ["go-1", "go-2", "our-1", "our-2"];
    let program: string;
    let goOne: Peer;
    let goTwo: Peer;
    let ourOne: OurMember;
    let ourTwo: OurMember;
    let ourThree: OurMember;

    const startTheirs = (name: string, bind: string): Promise<Peer> =>
      Peer.start({
        program: [program],
        ...{ name, bind, ...framing },
        flags: [...PATIENT_FLAGS, `--payload=from ${name}`],
      });
    const startOurs = async (name: string, bind: string): Promise<OurMember> => {
      const ours = await OurMember.start({ name, bind, swim: PATIENT, ...framing });
      ours.gossip.setAckPayload(new TextEncoder().encode(`from ${name}`));
      return ours;
    };

    before(async () => {
      program = await buildPeer(version, console.log);
      goOne = await startTheirs("go-1", "127.0.7.1");
      ourOne = await startOurs("our-1", "127.0.7.11");
    });
    after(async () => {
      // Why waited for: the next cluster has the same addresses, and must neither find them taken nor hear of this one.
      await Promise.all([goOne, goTwo].map((peer) => peer?.kill()));
      await Promise.all([ourOne, ourTwo, ourThree].map((ours) => ours?.gossip.leave()));
    });
    afterEach(() => assert.deepEqual(ourOne.refused, []));

    it("lets us join them", async () => {
      ourOne.gossip.discovered([endpoint("127.0.7.1")]);
      await ourOne.untilAlive(["go-1", "our-1"]);
      await goOne.sees("join", "our-1");
    });

    it("lets them join us", async () => {
      goTwo = await startTheirs("go-2", "127.0.7.2");
      assert.equal(await goTwo.join(["127.0.7.11:7946"]), 1);
      await ourOne.untilAlive(["go-1", "go-2", "our-1"]);
      await goOne.sees("join", "go-2");
    });

    it("passes on news of a member that joined through somebody else", async () => {
      ourTwo = await startOurs("our-2", "127.0.7.12");
      ourTwo.gossip.discovered([endpoint("127.0.7.2")]);
      await ourTwo.untilAlive(everybody);
      await ourOne.untilAlive(everybody);
      await goOne.sees("join", "our-2");
    });

    it("has each answer the probes of all others, and nobody taken for dead", async () => {
      const others = (name: string): readonly string[] => everybody.filter((other) => other !== name);
      // In three seconds at best: memberlist probes one member each 100 ms, ours each of them every 50 ms.
      await Promise.all([
        ...[goOne, goTwo].map((theirs) => theirs.untilAnswered(others(theirs.name), 10)),
        ourOne.untilAnswered(others("our-1"), 60),
        ourTwo.untilAnswered(others("our-2"), 60),
      ]);
      const seen = [goOne, goTwo, ourOne, ourTwo].flatMap((each) => each.seen);
      assert.deepEqual(
        seen.filter((what) => /^(leave|dead|left) /.test(what)),
        [],
      );
      await ourOne.untilAlive(everybody);
      await ourTwo.untilAlive(everybody);
      for (const theirs of [goOne, goTwo]) assert.deepEqual((await theirs.elects([])).members, everybody);
    });

    it("learns it from themselves when one of them leaves", async () => {
      await goTwo.leave();
      await ourOne.untilSeen("left go-2");
      await ourOne.untilAlive(["go-1", "our-1", "our-2"]);
    });

    it("tells them when one of us leaves", async () => {
      await ourTwo.gossip.leave();
      await goOne.sees("leave", "our-2");
      await ourOne.untilSeen("left our-2");
    });

    it("finds out within half a second when one of them crashes, and tells the others", async (test) => {
      ourThree = await OurMember.start({ name: "our-3", bind: "127.0.7.13", ...framing });
      ourThree.gossip.discovered([endpoint("127.0.7.1")]);
      await ourThree.untilAlive(["go-1", "our-1", "our-3"]);
      const standstills = new Standstills(PROFILES.default.lagMs);
      const diedAt = performance.now();
      const gone = goOne.kill();
      await ourThree.untilDead("go-1");
      const tookMs = performance.now() - diedAt;
      const stoodStillMs = standstills.stop();
      await ourOne.untilDead("go-1");
      await gone;
      const allowedMs = stoodStillMs.reduce((sum, ms) => sum + ms + AFTER_STANDSTILL_MS, DEAD_WITHIN_MS);
      const words = `after ${tookMs} ms, in which this process stood still for ${stoodStillMs.join(" + ") || 0} ms`;
      test.diagnostic(words);
      assert.ok(tookMs < allowedMs, words);
    });
  });
}

describe("a member with another key", () => {
  it("is not let in, and what it says is refused as unauthenticated", async () => {
    const program = await buildPeer("0.7.0", console.log);
    const ours = await OurMember.start({ name: "ours", bind: "127.0.7.21", keys: [KEY] });
    const theirs = await Peer.start({
      program: [program],
      name: "theirs",
      bind: "127.0.7.22",
      keys: [OTHER_KEY],
    });
    try {
      assert.equal(await theirs.join(["127.0.7.21:7946"]), 0);
      assert.deepEqual(ours.alive(), ["ours"]);
      assert.match(ours.refused.join(), /unauthenticated/);
    } finally {
      await theirs.kill();
      await ours.gossip.leave();
    }
  });
});

function endpoint(address: string): { address: Uint8Array; port: number } {
  return { address: toOctets(address as IpAddress), port: 7946 };
}
