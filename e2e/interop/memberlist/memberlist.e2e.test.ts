import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import { buildPeer, type MemberlistVersion } from "./build-peer.ts";
import { OurMember } from "./our-member.ts";
import { Peer } from "./peer.ts";

const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER_KEY = "ff0102030405060708090a0b0c0d0e0f";
const clusters: readonly { name: string; label?: string; keys?: readonly string[] }[] = [
  { name: "in the clear" },
  { name: "labelled and encrypted", label: "herald", keys: [KEY] },
];

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

    before(async () => {
      program = await buildPeer(version, console.log);
      goOne = await Peer.start({
        program: [program],
        name: "go-1",
        bind: "127.0.7.1",
        flags: ["--fast"],
        ...framing,
      });
      ourOne = await OurMember.start({ name: "our-1", bind: "127.0.7.11", ...framing });
    });
    after(async () => {
      for (const peer of [goOne, goTwo]) peer?.kill();
      await Promise.all([ourOne?.gossip.leave(), ourTwo?.gossip.leave()]);
    });
    afterEach(() => assert.deepEqual(ourOne.refused, []));

    it("lets us join them", async () => {
      ourOne.gossip.discovered([endpoint("127.0.7.1")]);
      await ourOne.untilAlive(["go-1", "our-1"], 5_000);
      await goOne.sees("join", "our-1", 5_000);
    });

    it("lets them join us", async () => {
      goTwo = await Peer.start({
        program: [program],
        name: "go-2",
        bind: "127.0.7.2",
        flags: ["--fast"],
        ...framing,
      });
      assert.equal(await goTwo.join(["127.0.7.11:7946"]), 1);
      await ourOne.untilAlive(["go-1", "go-2", "our-1"], 5_000);
      await goOne.sees("join", "go-2", 5_000);
    });

    it("passes on news of a member that joined through somebody else", async () => {
      ourTwo = await OurMember.start({ name: "our-2", bind: "127.0.7.12", ...framing });
      ourTwo.gossip.discovered([endpoint("127.0.7.2")]);
      await ourTwo.untilAlive(everybody, 5_000);
      await ourOne.untilAlive(everybody, 5_000);
      await goOne.sees("join", "our-2", 5_000);
    });

    it("has nobody suspected while all are well", async () => {
      const before = ourOne.seen.length + ourTwo.seen.length;
      // That time passes is what is tested: three seconds are sixty rounds of probes of ours and thirty of theirs.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      assert.equal(ourOne.seen.length + ourTwo.seen.length, before, ourOne.seen.join());
      assert.deepEqual(
        (await goOne.members()).map(({ name, state }) => [name, state]),
        everybody.map((member) => [member, "alive"]),
      );
    });

    it("learns at once when one of them leaves", async () => {
      await goTwo.leave();
      await ourOne.untilAlive(["go-1", "our-1", "our-2"], 2_000);
      assert.ok(ourOne.seen.includes("left go-2"), ourOne.seen.join());
    });

    it("tells them when one of us leaves", async () => {
      await ourTwo.gossip.leave();
      await goOne.sees("leave", "our-2", 2_000);
      await ourOne.untilAlive(["go-1", "our-1"], 2_000);
    });

    it("finds out within half a second when one of them crashes", async () => {
      goOne.kill("SIGKILL");
      const tookMs = await ourOne.untilAlive(["our-1"], 5_000);
      assert.ok(tookMs < 500, `${tookMs} ms`);
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
      theirs.kill();
      await ours.gossip.leave();
    }
  });
});

function endpoint(address: string): { address: Uint8Array; port: number } {
  return { address: toOctets(address as IpAddress), port: 7946 };
}
