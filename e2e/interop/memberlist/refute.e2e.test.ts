import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { buildPeer, type MemberlistVersion } from "./build-peer.ts";
import { OUR_PROGRAM, Peer } from "./peer.ts";

/**
 * How long a suspicion lasts. memberlist's own 4 s leave too little to a busy machine: some go by until the accuser, who
 * probes one member a second, has told of it, and whatever is to end it may stand still meanwhile.
 */
const SUSPECTED_MS = 15_000;
const SUSPICION = `--suspicion=${SUSPECTED_MS / 1_000}`;

// Beside each other: nearly all of the time is waited.
describe("a member that stops for less than a suspicion", { concurrency: true }, () => {
  describeRefutation("0.5.1", "127.0.7.4");
  describeRefutation("0.7.0", "127.0.7.5");
});

/** memberlist as it comes, and ours as slow, but that they suspect for longer. */
function describeRefutation(version: MemberlistVersion, net: string): void {
  describe(`with memberlist ${version}`, { concurrency: 1 }, () => {
    const names = ["go-1", "go-2", "ours"];
    let all: readonly Peer[] = [];
    let theirs: Peer;
    let ours: Peer;

    before(async () => {
      const program = [await buildPeer(version, console.log)];
      const flags = [`${SUSPICION}s`];
      theirs = await Peer.start({ program, flags, name: "go-1", bind: `${net}1` });
      const second = await Peer.start({ program, flags, name: "go-2", bind: `${net}2` });
      ours = await Peer.start({
        program: OUR_PROGRAM,
        name: "ours",
        bind: `${net}3`,
        flags: ["--profile=lan", SUSPICION],
      });
      all = [theirs, second, ours];
      await Promise.all([second, ours].map((peer) => peer.join([`${net}1:7946`])));
      await Promise.all(all.map((peer) => peer.untilMembers(names)));
    });
    after(() => Promise.all(all.map((peer) => peer.kill())));

    it("contradicts them when it is ours", async () => {
      const suspected = theirs.logsAnew(/Suspect ours has failed/); // it says so after each probe that fails
      ours.signal("SIGSTOP");
      await suspected;
      ours.signal("SIGCONT");
      await ours.logs(/^refuted ours$/);
    });

    it("contradicts us when it is theirs", async () => {
      const [alive, suspect] = ["log alive go-1", "log suspect go-1"] as const;
      theirs.signal("SIGSTOP");
      await ours.untilLatest(suspect, alive);
      theirs.signal("SIGCONT");
      await theirs.logs(/Refuting a suspect message \(from: (ours|go-2)\)/);
      await ours.untilLatest(alive, suspect);
    });

    it("is taken for dead by nobody, when all suspicions would be over", async () => {
      // That time passes is what is tested.
      await new Promise((resolve) => setTimeout(resolve, SUSPECTED_MS));
      for (const peer of all) {
        assert.deepEqual((await peer.elects([])).members, names);
        assert.deepEqual(
          peer.seen.filter((what) => /^leave|suspect timeout|dead/.test(what)),
          [],
        );
      }
    });
  });
}
