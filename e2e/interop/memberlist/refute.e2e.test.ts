import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { buildPeer, type MemberlistVersion } from "./build-peer.ts";
import { OUR_PROGRAM, Peer } from "./peer.ts";

/** memberlist probes one member a second here; each has its turn. */
const SUSPECTED_WITHIN_MS = 10_000;
const REFUTED_WITHIN_MS = 4_000;

for (const version of ["0.5.1", "0.7.0"] as const) describeRefutation(version);

/** memberlist as it comes, and ours as slow: whoever is suspected has four seconds to be set going again. */
function describeRefutation(version: MemberlistVersion): void {
  describe(`a member that stops for less than a suspicion, with memberlist ${version}`, () => {
    const names = ["go-1", "go-2", "ours"];
    let all: readonly Peer[] = [];
    let theirs: Peer;
    let ours: Peer;

    before(async () => {
      const program = [await buildPeer(version, console.log)];
      theirs = await Peer.start({ program, name: "go-1", bind: "127.0.7.31" });
      const second = await Peer.start({ program, name: "go-2", bind: "127.0.7.32" });
      ours = await Peer.start({
        program: OUR_PROGRAM,
        name: "ours",
        bind: "127.0.7.33",
        flags: ["--profile=lan"],
      });
      all = [theirs, second, ours];
      await Promise.all([second, ours].map((peer) => peer.join(["127.0.7.31:7946"])));
      await Promise.all(all.map((peer) => peer.untilMembers(names, 5_000)));
    });
    after(() => {
      for (const peer of all) peer.kill();
    });

    it("contradicts them when it is ours, and nobody takes it for dead", async () => {
      const suspected = theirs.logs(/Suspect ours has failed/, SUSPECTED_WITHIN_MS);
      ours.kill("SIGSTOP");
      await suspected;
      const refuted = ours.logs(/^refuted ours$/, REFUTED_WITHIN_MS);
      ours.kill("SIGCONT");
      await refuted;
      await nobodyDied();
    });

    it("contradicts us when it is theirs, and nobody takes it for dead", async () => {
      const suspected = ours.logs(/^suspect go-1$/, SUSPECTED_WITHIN_MS);
      theirs.kill("SIGSTOP");
      await suspected;
      const refuted = theirs.logs(/Refuting a suspect message \(from: (ours|go-2)\)/, REFUTED_WITHIN_MS);
      const cleared = ours.logs(/^alive go-1$/, REFUTED_WITHIN_MS);
      theirs.kill("SIGCONT");
      await Promise.all([refuted, cleared]);
      await nobodyDied();
    });

    async function nobodyDied(): Promise<void> {
      for (const peer of all) {
        assert.deepEqual((await peer.elects([])).members, names);
        assert.deepEqual(
          peer.seen.filter((what) => /^leave|suspect timeout|dead/.test(what)),
          [],
        );
      }
    }
  });
}
