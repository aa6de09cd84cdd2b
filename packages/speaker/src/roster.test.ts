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
      onMembers: (nodes, changed) => log.push(`members ${[...nodes]}, for ${[...changed]}`),
      onPresence: ({ speakers }) => {
        const news = [...speakers].map(([name, where]) => `${name}${where === undefined ? " gone" : ""}`);
        log.push(`speakers ${news}`);
      },
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
    assert.deepEqual(log, [
      "speakers node-a,node-b,node-c",
      "state",
      "members node-a,node-b,node-c, for node-a,node-b,node-c",
    ]);
  });

  it("opens when all is known that the others claim", () => {
    for (const name of ["node-a", "node-b"]) roster.hear("alive", ours(name));
    roster.joined();
    assert.deepEqual(log, ["speakers node-a,node-b"]);
    known = new Set(["node-b"]);
    roster.hearClaims((claims) => claims.told(new Uint8Array()));
    assert.deepEqual(log.slice(1), ["told", "members node-a,node-b, for node-a,node-b"]);
  });

  it("does not open for what was known of somebody once, but is not by now", () => {
    for (const name of ["node-a", "node-b", "node-c"]) roster.hear("alive", ours(name));
    known = new Set(["node-b"]);
    roster.joined();
    known = new Set(["node-c"]);
    roster.hearClaims((claims) => claims.told(new Uint8Array()));
    known = new Set(["node-b", "node-c"]);
    log.splice(0);
    roster.hearClaims((claims) => claims.told(new Uint8Array()));
    assert.deepEqual(log, ["told", "members node-a,node-b,node-c, for node-a,node-b,node-c"]);
  });

  it("waits for nothing of one that is gone", () => {
    for (const name of ["node-a", "node-b", "node-c"]) roster.hear("alive", ours(name));
    known = new Set(["node-c"]);
    roster.joined();
    roster.hear("dead", ours("node-b"));
    log.splice(0);
    roster.hearClaims((claims) => claims.told(new Uint8Array()));
    const opened = "members node-a,node-c, for node-a,node-c";
    assert.deepEqual(log, ["speakers node-b gone", "told", opened]);
  });

  it("says who a newcomer is before it may own anything", () => {
    roster.hear("alive", ours("node-a"));
    roster.waited();
    log.splice(0);
    roster.hear("alive", ours("node-b"));
    clock.advance(0);
    assert.deepEqual(log, ["speakers node-b", "members node-a,node-b, for node-b"]);
  });

  it("tells once of many that are lost together, right after", () => {
    for (const name of ["node-a", "node-b", "node-c"]) roster.hear("alive", ours(name));
    roster.waited();
    log.splice(0);
    for (const name of ["node-b", "node-c"]) roster.hear("dead", ours(name));
    clock.advance(0);
    assert.deepEqual(log, ["speakers node-b gone,node-c gone", "members node-a, for node-b,node-c"]);
  });
});
