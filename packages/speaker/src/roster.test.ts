import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { Roster } from "./roster.ts";
import { encodeSpeakerMeta } from "./speaker-meta.ts";

const ours = (name: string) => ({ name, meta: encodeSpeakerMeta({ macs: [], interfaces: "all" }) });

describe("Roster", () => {
  let log: string[];
  let clock: VirtualClock;
  let roster: Roster;
  let known: Set<string>;
  beforeEach(() => {
    log = [];
    known = new Set();
    clock = new VirtualClock();
    roster = new Roster("node-a", {
      clock,
      onMembers: (nodes) => log.push(`members ${[...nodes]}`),
      onPresence: ({ speakers }) => log.push(`speakers ${[...speakers]}`),
      claims: () => ({
        told: () => log.push("told"),
        acked: () => {},
        state: () => log.push("state"),
        userState: () => new Uint8Array(),
        knows: (speakers) => [...speakers].every((name) => known.has(name)),
      }),
    });
    log.splice(0);
  });

  it("tells once of many that come with a table, before what they claim, and then who is alive", () => {
    for (const name of ["node-a", "node-b", "node-c"]) roster.hear("alive", ours(name));
    assert.deepEqual(log, []);
    known = new Set(["node-b", "node-c"]);
    roster.hearClaims((claims) => claims.state(new Uint8Array()));
    roster.joined();
    assert.deepEqual(log, ["speakers node-a,node-b,node-c", "state", "members node-a,node-b,node-c"]);
  });

  it("opens when all is known that the others claim", () => {
    for (const name of ["node-a", "node-b"]) roster.hear("alive", ours(name));
    roster.joined();
    assert.deepEqual(log, ["speakers node-a,node-b"]);
    known = new Set(["node-b"]);
    roster.hearClaims((claims) => claims.told(new Uint8Array()));
    assert.deepEqual(log.slice(1), ["told", "members node-a,node-b"]);
  });

  it("says who a newcomer is before it may own anything", () => {
    roster.hear("alive", ours("node-a"));
    roster.waited();
    log.splice(0);
    roster.hear("alive", ours("node-b"));
    clock.advance(0);
    assert.deepEqual(log, ["speakers node-a,node-b", "members node-a,node-b"]);
  });

  it("tells once of many that are lost together, right after", () => {
    for (const name of ["node-a", "node-b", "node-c"]) roster.hear("alive", ours(name));
    roster.waited();
    log.splice(0);
    for (const name of ["node-b", "node-c"]) roster.hear("dead", ours(name));
    clock.advance(0);
    assert.deepEqual(log, ["speakers node-a", "members node-a"]);
  });
});
